"""Whatever is changed in a modem is undone: also by the next process, when the one that changed it was killed."""

from pathlib import Path

import pytest

from tests.support.lab import Lab
from tests.support.programs import simulator


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "nrf91-bench" / "undo"


def test_coverage_that_a_killed_run_had_taken_is_given_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every board behind that attenuator has no network, for ever."""
    monkeypatch.setenv("XDG_STATE_HOME", lab.environment["XDG_STATE_HOME"])
    suite = """
import os, signal
from bench.boards import coverage_of

def test_dies(modem, bench_session):
    with coverage_of(bench_session.spec, bench_session.config.coverage).lost():
        os.kill(os.getpid(), signal.SIGKILL)
"""
    flag = lab.folder / "attenuator"
    (lab.folder / "bench.toml").write_text(
        f'[coverage]\nlose = ["touch", "{flag}"]\nrestore = ["rm", "-f", "{flag}"]\n[limits]\nlab_error_retries = 0\n'
    )
    with simulator() as boards:
        arguments = ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml"))
        assert lab.run(suite, arguments).code == 5
        assert flag.exists()
        lab.out = lab.folder / "second"
        run = lab.run("def test_a(modem): pass\n", arguments)
    assert run.code == 0, run.output
    assert not flag.exists()
    assert any("left it without coverage; it is given back" in text for text in run.summary["recoveries"])
