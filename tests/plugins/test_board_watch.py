"""``nrf91-bench boards --watch`` and ``--page`` as processes: at a terminal, in a pipe, for a wall."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.boards import BoardSpec, Lease
from tests.support.programs import line_with
from tests.support.responder import SLM_IDENTITY, device
from tests.support.terminal import CTRL_C, typed

WATCH = [sys.executable, "-m", "bench.cli", "boards", "--watch"]
_PATIENCE_S = 60.0


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoardSpec]:
    """A lab with one board, ``mine``, which this process may lease; its folder is ``tmp_path``."""
    monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path / "locks"))
    with device(SLM_IDENTITY) as board:
        (tmp_path / "bench.toml").write_text(f'[[boards]]\nname = "mine"\nport = "{board.path}"\n')
        yield BoardSpec("mine", board.path, hardware=False)


@contextlib.contextmanager
def watching(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    pipe = subprocess.PIPE
    with subprocess.Popen([*WATCH, *arguments], stdout=pipe, stderr=pipe, text=True, cwd=folder) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def add_rows(folder: Path, *rows: dict[str, str]) -> Path:
    """The folder of a run that goes on, with further rows in its stream."""
    folder.mkdir(exist_ok=True)
    head = {"schema": 2, "run": "r", "slot": "mine", "attempt": 1, "round": 1, "utc": "2026-11-29T19:19:48.000000Z"}
    with (folder / "results.jsonl").open("a") as stream:
        stream.write("".join(json.dumps(head | row) + "\n" for row in rows))
    return folder


def failed(number: int) -> tuple[dict[str, str], dict[str, str]]:
    """A test has failed, the next one begins."""
    return (
        {"type": "finish", "test": f"t.py::t{number}", "outcome": "failed"},
        {"type": "start", "test": f"t.py::t{number + 1}"},
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of four tests, of which one has failed."""
    return add_rows(
        tmp_path / "run", *({"type": "plan", "test": f"t.py::t{number}"} for number in range(4)), *failed(0)
    )


class TestLines:
    def test_used_tested_reserved_and_free(self, bench: BoardSpec, tmp_path: Path, run: Path) -> None:
        with watching(tmp_path) as watch:
            assert "SIMULATED" in line_with(watch, "free", "mine")
            with Lease(bench.key, "mine", "a night", folder=run):
                assert "a night" in line_with(watch, "in use", "mine", "SIMULATED")
                assert "1/4, 1 failed   t: t1" in line_with(watch, "progress", "mine")
                add_rows(run, *failed(1))  # one more has failed: that is told at once
                assert "2/4, 2 failed   t: t2" in line_with(watch, "progress", "mine")
            line_with(watch, "free", "mine")
            watch.send_signal(signal.SIGINT)
            assert watch.wait(_PATIENCE_S) == 0

    def test_json(self, bench: BoardSpec, tmp_path: Path, run: Path) -> None:
        with watching(tmp_path, "--json") as watch:
            first = json.loads(line_with(watch, "mine"))
            with Lease(bench.key, "mine", "a night", folder=run):
                used = json.loads(line_with(watch, "in use"))
        assert (first["event"], first["state"], first["simulated"], first["progress"]) == ("state", "free", True, None)
        assert (used["event"], used["name"], used["progress"]["planned"]) == ("state", "mine", 4)

    def test_a_run_that_is_gone(self, bench: BoardSpec, tmp_path: Path) -> None:
        with watching(tmp_path) as watch, Lease(bench.key, "mine", "a night", folder=tmp_path / "nowhere"):
            line_with(watch, "in use", "a night", "progress not known", "No such file or directory")

    def test_a_board_that_no_list_has(self, bench: BoardSpec, tmp_path: Path) -> None:
        with watching(tmp_path) as watch:
            line_with(watch, "mine")
            with Lease("port-dev-pts-4711-1", "simulated-9", "somebody's run"):
                line_with(watch, "in use", "simulated-9", "SIMULATED", "somebody's run")
            line_with(watch, "free", "simulated-9")

    def test_nobody_reads_any_more(self, bench: BoardSpec, tmp_path: Path) -> None:
        """As with ``| head -1``: it ends although no further line comes."""
        with watching(tmp_path) as watch:
            assert watch.stdout
            watch.stdout.readline()
            watch.stdout.close()
            assert watch.wait(_PATIENCE_S) == 0
            assert watch.stderr
            assert watch.stderr.read() == ""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_signals_end_it(self, bench: BoardSpec, tmp_path: Path, number: signal.Signals) -> None:
        with watching(tmp_path) as watch:
            line_with(watch, "mine")
            watch.send_signal(number)
            assert watch.wait(_PATIENCE_S) == 0


class TestTerminal:
    def test_shows_it_live_and_gives_the_window_back(self, bench: BoardSpec, tmp_path: Path, run: Path) -> None:
        with typed("boards", "--watch", folder=tmp_path) as terminal:
            terminal.until("1 board: 1 free")
            with Lease(bench.key, "mine", "a night", folder=run):
                terminal.until("1/4, 1 failed")
            terminal.until("1 board: 1 free")
            terminal.type(CTRL_C)
            assert terminal.end() == 0
        assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1
        assert terminal.raw.rstrip().endswith(b"\x1b[?1049l")

    def test_follows_the_size_of_the_window(self, bench: BoardSpec, tmp_path: Path) -> None:
        own_size = {"COLUMNS": "", "LINES": ""}  # as a shell leaves them
        with typed("boards", "--watch", folder=tmp_path, environment=own_size) as terminal:
            terminal.until("1 board: 1 free")
            for columns in (60, 100):
                termios.tcsetwinsize(terminal.master, (20, columns))
                terminal.until("1 board: 1 free")
            frames = terminal.raw.split(b"\x1b[H")[1:]
            assert terminal.process.poll() is None
        widths = [max(len(line) for line in _plain(frame).split("\n")) for frame in frames]
        assert 200 in widths
        assert 60 in widths
        assert widths[-1] <= 100

    def test_a_terminal_that_hangs_up(self, bench: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "--watch", folder=tmp_path) as terminal:
            terminal.until("1 board: 1 free")
            terminal.hang_up()
            assert terminal.process.wait(_PATIENCE_S) == 0

    def test_a_dumb_terminal_gets_lines(self, bench: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "--watch", folder=tmp_path, environment={"TERM": "dumb"}) as terminal:
            terminal.until("free         mine")
        assert b"\x1b" not in terminal.raw


def _plain(frame: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame.decode(errors="replace")).replace("\r", "")


class TestPage:
    def test_is_written_as_things_change(self, bench: BoardSpec, tmp_path: Path, run: Path) -> None:
        page = tmp_path / "wall" / "lab.html"
        page.parent.mkdir()
        with watching(tmp_path, "--page", str(page)) as watch:
            line_with(watch, "free")
            assert "1 board: 1 free" in page.read_text()
            assert page.stat().st_mode & 0o777 == 0o644
            with Lease(bench.key, "mine", "<b>a night</b>", folder=run):
                line_with(watch, "in use")
                until(lambda: "&lt;b&gt;a night&lt;/b&gt;" in page.read_text())
                assert "1/4" in page.read_text()
            until(lambda: "1 board: 1 free" in page.read_text())
            watch.send_signal(signal.SIGINT)
            assert watch.wait(_PATIENCE_S) == 0
        assert [path.name for path in page.parent.iterdir()] == ["lab.html"]

    def test_its_folder_vanishes(self, bench: BoardSpec, tmp_path: Path) -> None:
        page = tmp_path / "wall" / "lab.html"
        page.parent.mkdir()
        with watching(tmp_path, "--page", str(page)) as watch:
            line_with(watch, "free")
            page.unlink()
            page.parent.rmdir()
            with Lease(bench.key, "mine", "a night"):
                assert watch.wait(_PATIENCE_S) == 2
            assert watch.stderr
            errors = watch.stderr.read()
        assert f"--page: cannot write {page}: there is no folder {page.parent}" in errors
        assert "Traceback" not in errors

    def test_goes_on_when_nobody_reads_its_lines(self, bench: BoardSpec, tmp_path: Path) -> None:
        page = tmp_path / "lab.html"
        with watching(tmp_path, "--page", str(page)) as watch:
            assert watch.stdout
            watch.stdout.readline()
            watch.stdout.close()
            with Lease(bench.key, "mine", "a night"):
                until(lambda: "a night" in page.read_text())
            assert watch.poll() is None
