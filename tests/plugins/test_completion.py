"""What a shell completes: by name, quickly, in real shells, and never with a word on the screen that is none."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import completion
from bench.config.lab import Config
from bench.evidence.run_folder import DEFAULT
from bench.evidence.stream import FILE
from bench.history import DEFAULT as HISTORY
from bench.history import Store
from bench.packages import bundled_suites
from tests.support.inline import command_line
from tests.support.records import run_record
from tests.support.typed_shell import SHELLS, TypedShell, is_there, typed_shell

NAMES = ("UDP LAST, without", "UDP LAST, with", "TCP echo, 256", "a: 'quoted' $x `y` \"z\"", "=1+1")
BENCH_TOML = """
[[boards]]
name = "dk-1"
serial = "1051202135"
labels = ["roof"]
[[boards]]
name = "dk-2"
place = "1-1.4"
model = "thingy91x"
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an inventory, a history, a run and a plan."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NRF91_BENCH_HISTORY")
    (tmp_path / "bench.toml").write_text(BENCH_TOML)
    (tmp_path / "release.toml").write_text('name = "3.2"\n[[boards]]\nmodel = "nrf9151dk"\n')
    (tmp_path / "broken.toml").write_text("name = ")
    run = tmp_path / DEFAULT / "20261128T220000Z-1"
    run.mkdir(parents=True)
    planned = ("test_dns.py::test_a_literal[1.2.3.4]", "test_dns.py::TestNames::test_b")
    (run / FILE).write_text("".join(f'{{"type":"plan","test":"{test}"}}\n' for test in planned) + '{"type":"start"}\n')
    with Store(HISTORY) as store:
        record = run_record(1)
        series = tuple(replace(record.measurements[0], name=name) for name in NAMES)
        store.add(replace(record, measurements=series))
    return tmp_path


class TestWords:
    def test_suites_and_options(self) -> None:
        assert completion.suites("data") == ["data_mode", "data_mode_failures"]
        assert completion.suites("") == list(bundled_suites())
        assert completion.simulate("a") == ["auto"]
        assert completion.firmwares("slm") == ["slm-3.1", "slm-2.9"]
        assert "thingy91x" in completion.models("thingy")

    def test_boards(self, lab: Path) -> None:
        assert completion.boards("dk") == ["dk-1", "dk-2"]
        assert completion.boards("label=") == ["label=roof"]
        assert completion.boards("model=thingy91x,name=") == ["model=thingy91x,name=dk-1", "model=thingy91x,name=dk-2"]
        assert completion.boards("slm=") == ["slm=3.1.0"]
        assert "all" in completion.boards("")

    def test_runs_measurements_plans(self, lab: Path) -> None:
        assert completion.runs("") == [f"{DEFAULT}/20261128T220000Z-1"]
        assert completion.measurements("UDP") == ["UDP LAST, with", "UDP LAST, without"]
        assert completion.plans("") == ["release.toml"]
        assert completion.choices("modem=") == ["modem=mfw_nrf91x1_2.0.2"]
        assert completion.choices("2026") == ["2026-11-01"]

    def test_tests(self, lab: Path) -> None:
        """As the last run had them, and as they are written."""
        assert completion.complete_tests("test_dns.py::test_a_literal[") == ["test_dns.py::test_a_literal[1.2.3.4]"]
        assert completion.complete_tests("test_a_literal[") == ["test_a_literal[1.2.3.4]"]
        assert "test_dns.py::test_the_peers_name" in completion.complete_tests("test_dns.py::")

    def test_the_history_of_bench_toml(self, lab: Path) -> None:
        (lab / HISTORY).rename(lab / "kept.sqlite")
        assert completion.measurements("UDP") == []
        (lab / "bench.toml").write_text(f'history = "kept.sqlite"\n{BENCH_TOML}')
        assert len(completion.measurements("UDP")) == 2

    def test_places_are_those_of_the_bench(self) -> None:
        """They stand in two places, since what knows them takes longer to import than a shell should wait."""
        assert (completion._RUNS, completion._STREAM) == (DEFAULT, FILE)
        assert Config().history == completion._HISTORY == HISTORY


def as_bash_asks(words: str) -> dict[str, str]:
    """The environment in which bash asks for the last word of a line."""
    line = ["nrf91-bench", *words.split(" ")]
    return {
        "_NRF91_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(line),
        "COMP_CWORD": str(len(line) - 1),
    }


class TestTrouble:
    @pytest.mark.parametrize(
        "words", ["history show ", "run --board ", "compare ", "run --plan ", "run --test ", "report "]
    )
    @pytest.mark.parametrize("kind", ["garbage", "folder", "unreadable"])
    def test_what_cannot_be_read_is_silent(self, tmp_path: Path, words: str, kind: str) -> None:
        for name in ("bench.toml", str(HISTORY), f"{DEFAULT}/run/{FILE}"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "folder":
                path.mkdir()
            else:
                path.write_bytes(b"\xff\x00[[[ name =")
                path.chmod(0o000 if kind == "unreadable" else 0o644)
        finished = command_line(folder=tmp_path, environment=as_bash_asks(words))
        assert (finished.returncode, finished.stderr) == (0, "")

    @pytest.mark.parametrize("words", ["nope ", "run tcp ", "run --nope x --suite d", "history nope ", "run --suite"])
    def test_a_line_that_is_wrong_is_silent(self, tmp_path: Path, words: str) -> None:
        finished = command_line(folder=tmp_path, environment=as_bash_asks(words))
        assert (finished.returncode, finished.stderr) == (0, "")

    def test_a_locked_history_is_not_waited_for(self, lab: Path) -> None:
        with sqlite3.connect(lab / HISTORY, isolation_level=None) as base:
            base.execute("BEGIN EXCLUSIVE")
            assert len(completion.measurements("UDP")) == 2

    def test_names_that_are_no_line_are_left_out(self, lab: Path) -> None:
        with Store(HISTORY) as store:
            record = run_record(2)
            series = (replace(record.measurements[0], name="UDP\x1b[2J\nx"),)
            store.add(replace(record, measurements=series))
        assert len(completion.measurements("UDP")) == 2

    @pytest.mark.parametrize(
        "words", ["run --suite d", "run --test t", "history show U", "compare m", "run --simulate "]
    )
    def test_little_is_imported(self, lab: Path, words: str) -> None:
        """What takes long to import is not waited for at each press of Tab."""
        program = "import sys; sys.argv[0] = 'nrf91-bench'; from bench.cli import main; main(); print([*sys.modules])"
        asked = subprocess.run(
            [sys.executable, "-c", program],
            cwd=lab, env={**os.environ, **as_bash_asks(words)}, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        modules = asked.stdout.splitlines()[-1]
        assert "'bench.cli.completion'" in modules
        for slow in ("numpy", "pytest", "jinja2", "bench.boards", "bench.simulator"):
            assert f"'{slow}'" not in modules, slow


@pytest.fixture(params=SHELLS)
def shell(lab: Path, request: pytest.FixtureRequest) -> Iterator[TypedShell]:
    if not is_there(request.param):
        pytest.skip(f"not installed: {request.param}")
    with typed_shell(request.param, lab) as typed:
        yield typed


def test_words_are_quoted_as_the_shell_needs_it(shell: TypedShell) -> None:
    history = ["history", "show"]
    assert shell.words("history show TC") == [*history, "TCP echo, 256"]
    assert shell.words("history show UDP") == [*history, "UDP LAST, with"], "as far as both names go"
    assert shell.words("history show UDP\\ LAST,\\ witho") == [*history, "UDP LAST, without"]
    assert shell.words("history show 'TC") == [*history, "TCP echo, 256"]
    assert shell.words("history show a") == [*history, NAMES[3]]
    assert shell.words("run --board=dk-1 --suite udp") == ["run", "--board=dk-1", "--suite", "udp_client"]
    assert shell.words("run --board label") == ["run", "--board", "label=roof"]
    assert shell.words("run --board=lab") == ["run", "--board=label=roof"]
    assert shell.words("run --board label=r") == ["run", "--board", "label=roof"]
    assert shell.words("run --test test_dns.py::test_a_lit") == ["run", "--test", "test_dns.py::test_a_literal"]
    assert shell.words("comp") == ["compare"]
    assert shell.words("run --last") == ["run", "--last-failed"]
