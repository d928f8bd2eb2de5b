"""What the documents tell a newcomer to type, typed: on boards of a virtual rack, and as a program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import commands_of, in_language
from tests.support.rack import DK, WITH_NAMESPACES, running_rack

_LAB = f'[[boards]]\nname = "dk-1"\nserial = "{DK}"\nflow_control = true\n'


@WITH_NAMESPACES
def test_the_six_steps_on_a_real_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of README's chapter, on a board that udev finds; the last one, of minutes, only by its estimate."""
    steps = [
        words[1:]
        for block in in_language("sh")
        if block.page == "README.md"
        for words in commands_of(block.text)
        if words[0] == "nrf91-bench" and ("dk-1" in words or words[1] in ("boards", "doctor"))
    ]
    assert [words[0] for words in steps] == ["doctor", "boards", "doctor", "run", "run", "run"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench.toml").write_text(_LAB)
    with running_rack(tmp_path) as rack:
        said = [rack.bench(*words) for words in steps if words != ["run", "--board", "dk-1"]]
    rules, boards, doctor, run, estimate = said
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in rules.stdout
    assert "mfw_nrf91x1_2.0.2, SLM 3.1.0" in boards.stdout
    assert "dk-1" in doctor.stdout
    assert (run.returncode, "SIMULATED" in run.stdout) == (0, True), run.stdout + run.stderr
    assert estimate.returncode == 0, estimate.stdout + estimate.stderr
    assert [done.stderr for done in said] == [""] * len(said)


def test_a_run_from_a_python_program(tmp_path: Path) -> None:
    (block,) = (one for one in in_language("python") if "execute(RunRequest" in one.text)
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ,
    )  # fmt: skip
    verdict, *others, last = done.stdout.splitlines()
    assert (verdict.split()[0], others, last.split()[-1]) == ("PASSED", [], "0"), done.stdout + done.stderr
