"""A run without its processes: pytest in this process, on a board that several tests share, and the real report.

What a run adds around it (the schedule, second attempts, signals, several boards) is not here: tests/whole has that.
The stream has the rows of the parent all the same, so that the report asks for as much as it does of a run.
"""

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest

from bench.boards import PEER_NAME, BoardSpec
from bench.cli import main
from tests.support.lab import GOOD, Finished, Lab

_USAGE, _PYTEST_USAGE = 2, 4
# What a suite of a lab does not need, and takes a second to import.
WITHOUT = ("-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:cacheprovider")


def command_line(
    *arguments: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs ``nrf91-bench`` in this process, as a process would: its exit code, what it printed, what it complained."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["nrf91-bench", *arguments]),
        mock.patch.dict("os.environ", {"COLUMNS": "200", **(environment or {})}),
        contextlib.chdir(folder or Path.cwd()),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        undisturbed(),
    ):
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
    finished = subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())
    assert "Traceback" not in finished.stdout + finished.stderr
    return finished


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Puts back what a program sets for its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    interval = sys.getswitchinterval()
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        for number, handler in handlers.items():
            signal.signal(number, handler)


class InlineLab(Lab):
    """A lab whose tests run here."""

    def __init__(self, pytester: pytest.Pytester, board: BoardSpec) -> None:
        super().__init__(pytester.path)
        self.board = board
        self._pytester = pytester

    def run(self, suite: str = GOOD, arguments: Sequence[str] = ("--simulate", "1")) -> Finished:
        """Plays a suite: ``--simulate 1`` is the shared board, ``--port`` another; -- starts what is pytest's."""
        own = list(arguments)
        behind = own[own.index("--") + 1 :] if "--" in own else []
        own = own[: own.index("--")] if "--" in own else own
        (self.folder / "test_lab.py").write_text(suite)
        self.out.mkdir(exist_ok=True)
        slot, options = self._options(dict(zip(own[::2], own[1::2], strict=True)))
        self._row("run", simulated=slot == self.board.slot, slots=[slot], groups={}, turns=[[1, [slot]]])
        command = ["-p", "nrf91_bench_fixtures", *WITHOUT, f"--rootdir={self.folder}", "test_lab.py"]
        with mock.patch.dict("os.environ", self.environment), undisturbed():
            command += [*options, f"--bench-out={self.out}", *behind]
            result = self._pytester.runpytest_inprocess(*command, no_reraise_ctrlc=True)
        self._row("closed")
        if result.ret == _PYTEST_USAGE:
            return Finished(_USAGE, f"{result.stdout}\n{result.stderr}", self.out)
        report = command_line("report", "--measured", str(self.out))
        return Finished(report.returncode, report.stdout + report.stderr, self.out)

    def _options(self, asked: dict[str, str]) -> tuple[str, list[str]]:
        """The slot, and pytest's own options for what ``nrf91-bench run`` was asked for."""
        config, port = asked.pop("--config", None), asked.pop("--port", None)
        options = [f"--bench-config={config}"] if config else []
        if port is None:
            assert asked.pop("--simulate", "") == "1", "name the board: --simulate 1, or --port"
            options += [f"--bench-slot={self.board.to_json()}", f"--bench-peer-name={PEER_NAME}"]
        else:
            options.append(f"--port={port}")
        assert not asked, f"only whole runs know {', '.join(asked)}"
        named = f'name = "dk-1"\nport = "{port}"' in Path(config).read_text() if config else False
        return self.board.slot if port is None else "dk-1" if named else "board-1", options

    def _row(self, kind: str, **fields: object) -> None:
        """A row of the parent, as it stands in a stream of any version."""
        row = {"schema": 1, "run": self.out.name, "type": kind, "slot": "", "t_ns": time.monotonic_ns()}
        row |= {"utc": datetime.now(UTC).isoformat(), **fields}
        with (self.out / "results.jsonl").open("a") as stream:
            stream.write(json.dumps(row) + "\n")
