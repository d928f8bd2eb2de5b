"""A run from its first line to its exit code: starts a pytest process a board, follows them, reconciles."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from bench import children
from bench.boards import BoardSpec, Holder, Lease, inherited
from bench.children import when_parent_ends
from bench.cli.console import RunConsole, short_path
from bench.cli.suites import Selection, package_folder
from bench.config import Limits, MeasurementLimit
from bench.report import EvidenceLost, ResultStream, RowReader, Summary, reconcile, write_json, write_pages
from bench.report.allure_results import count_results
from bench.report.specification import FILE as SPECIFICATION
from bench.report.specification import Specification
from bench.report.stream import FILE as STREAM
from bench.report.stream import Row
from bench.report.summary import EXIT_EVIDENCE, EXIT_USAGE, FAILED, LAB_ERROR
from bench.report.summary import FILE as SUMMARY

_LOOK_SECONDS = 0.2
# A test that hangs beyond every command's own timeout is ended, shown as failed, and the run goes on.
_TEST_SECONDS = 600
# After an interruption a board is brought back to a known state; then the run ends whatever happens.
_RESTORE_SECONDS = 30.0
# pytest's own exit codes: tests ran (0, 1), interrupted, internal error, usage error, nothing collected.
_PYTEST_FAILED, _PYTEST_USAGE = 1, 4
_PYTEST_TROUBLE = {2: "was interrupted", 3: "had an internal error", 4: "could not start", 5: "collected no test"}


@dataclass
class _Child:
    spec: BoardSpec
    process: subprocess.Popen[bytes]
    pipe: int
    log: Path


class Campaign:
    """One run."""

    def __init__(
        self,
        folder: Path,
        selection: Selection,
        config: Path | None,
        pytest_arguments: tuple[str, ...],
        *,
        limits: Limits,
        measurements: Sequence[MeasurementLimit] = (),
        wait: float = 0.0,
    ) -> None:
        self._folder = folder
        self._selection = selection
        self._config = config
        self._arguments = pytest_arguments
        self._limits = limits
        self._measurements = measurements
        self._wait = wait
        self._leases: dict[str, Lease] = {}
        self._stop = threading.Event()
        self._stream = ResultStream(folder, folder.name)
        self._console = RunConsole()
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Campaign":
        """From here on an interruption ends the run in order, and its folder says INCOMPLETE."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._interrupt)
        with contextlib.suppress(OSError):  # run() finds out, and says so
            write_json(self._folder / SUMMARY, Summary(self._folder.name).to_json())
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def run(self, specs: Sequence[BoardSpec], *, peer_name: str | None) -> int:
        """Runs the tests on every board, which are ours meanwhile; returns the exit code of the run.

        Raises:
            BoardLeased: somebody else uses one of them.
        """
        when_parent_ends(self._stop.set)
        with contextlib.ExitStack() as leases:
            for spec in sorted(specs, key=lambda spec: spec.key):  # one order for all: nobody waits in a circle
                lease = self._leases[spec.slot] = Lease(spec.key, spec.slot, job())
                leases.enter_context(self._waited_for(lease))
            return self._run(specs, peer_name)

    def _waited_for(self, lease: Lease) -> Lease:
        def waiting(holder: Holder | None) -> None:
            self._console.line("waiting", f"for {lease.name}, which {holder.text if holder else 'somebody'} has")

        return lease.acquire(wait=self._wait, waiting=waiting, stopped=self._stop.is_set)

    def _run(self, specs: Sequence[BoardSpec], peer_name: str | None) -> int:
        simulated = any(not spec.hardware for spec in specs)
        try:
            write_json(self._folder / SUMMARY, Summary(self._folder.name, simulated=simulated).to_json())
            self._stream.add("run", simulated=simulated, slots=[spec.slot for spec in specs])
            categories = package_folder("nrf91_bench_reports") / "categories.json"
            shutil.copy(categories, self._folder / "allure-results" / categories.name)
        except (OSError, EvidenceLost) as error:
            self._console.line("verdict", f"INCOMPLETE   evidence cannot be kept: {error}", "bold red")
            return EXIT_EVIDENCE
        self._console.line(
            "run", f"{len(specs)} board{'' if len(specs) == 1 else 's'}, results in {short_path(self._folder)}"
        )
        running = [self._start(spec, peer_name) for spec in specs]
        reader = RowReader(self._folder)
        with self._console:
            self._follow(running, reader)
            again = [] if self._stop.is_set() else self._try_again(specs, peer_name)
            self._follow(again, reader)
        summary = self._reconcile([*running, *again])
        for entry in self._measurements:
            if entry.title not in summary.limits_used:
                self._console.line(
                    "unused", f"no measurement of this run fits [[measurements]] {entry.title}", "yellow"
                )
        self._console.finish(summary, self._folder)
        if all(child.process.returncode == _PYTEST_USAGE for child in running):
            return EXIT_USAGE
        return summary.exit_code

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _try_again(self, specs: Sequence[BoardSpec], peer_name: str | None) -> list[_Child]:
        """Lab errors are tried a second time, where they are not too many: then the lab is down, not unlucky."""
        started = []
        for spec in specs:
            tests = [str(row["test"]) for row in self._rows("finish", spec.slot) if row.get("outcome") == LAB_ERROR]
            most = self._limits.lab_error_retries
            if len(tests) > most > 0:
                self._console.line(
                    "again", f"no: {spec.slot} has {len(tests)} lab errors, more than {most}: its lab is down"
                )
            if 0 < len(tests) <= most:
                which = f"{len(tests)} test{'' if len(tests) == 1 else 's'}"
                self._console.line("again", f"{spec.slot}: {which} that ended in a lab error")
                started.append(self._start(spec, peer_name, again=tests))
        return started

    def _start(self, spec: BoardSpec, peer_name: str | None, *, again: Sequence[str] = ()) -> _Child:
        log = self._folder / f"console-{spec.slot}{'-again' if again else ''}.txt"
        root = self._selection.root
        what = [_joined(root, test) for test in again] or list(map(str, self._selection.paths))
        command = [
            *children.program("pytest", *what),
            *("-p", "nrf91_bench_fixtures", "-p", "no:cacheprovider"),
            f"--rootdir={self._selection.root}",
            *(("-c", os.devnull, "-W", "error", "--strict-markers") if self._selection.bundled else ()),
            *(f"--timeout={_TEST_SECONDS}", "-o", "timeout_method=signal"),
            f"--bench-slot={spec.to_json()}",
            f"--bench-out={self._folder}",
            *((f"--bench-config={self._config.resolve()}",) if self._config else ()),
            *((f"--bench-peer-name={peer_name}",) if peer_name else ()),
            *(("--bench-attempt=2",) if again else ()),
            *self._arguments,
        ]
        # pytest's own output may show a board's identity in an assertion: for its owner's eyes only.
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as output:
            lease = self._leases[spec.slot]
            process, pipe = children.spawn(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                environment=inherited([lease]),
                pass_fds=(lease.fd,) if lease.fd >= 0 else (),
            )
        return _Child(spec, process, pipe, log)

    def _follow(self, running: Sequence[_Child], reader: RowReader) -> None:
        asked = False
        while any(child.process.poll() is None for child in running):
            for row in reader.new_rows():
                self._console.follow(row)
            self._console.tick()
            if self._stop.wait(_LOOK_SECONDS) and not asked:
                asked = True
                self._console.line("stopping", "the boards are brought back to a known state; this takes a few seconds")
                self._end(running)
        for row in reader.new_rows():
            self._console.follow(row)
        for child in running:
            os.close(child.pipe)

    def _end(self, running: Sequence[_Child]) -> None:
        for child in running:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGINT)
        for child in running:
            try:
                child.process.wait(_RESTORE_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _reconcile(self, running: Sequence[_Child]) -> Summary:
        """Says what is missing, then reads the stream from its beginning and writes what it proves."""
        try:
            if self._stop.is_set():
                self._stream.add("trouble", why="the run was interrupted")
            for child in running:
                self._examine(child)
        except EvidenceLost as error:
            return self._without_evidence(str(error))
        summary = rebuild(self._folder)
        finished = sum(result.outcome != "died" for result in summary.results)
        shown = count_results(self._folder / "allure-results")
        if shown < finished:
            summary.lost.append(f"Allure holds {shown} results of {finished} finished tests")
        try:
            save(self._folder, summary)
        except OSError as error:
            return self._without_evidence(str(error))
        return summary

    def _examine(self, child: _Child) -> None:
        code = child.process.returncode
        if code < 0:
            name = signal.Signals(-code).name
            self._stream.add("trouble", why=f"the process of {child.spec.slot} was ended by {name}")
        elif code in _PYTEST_TROUBLE and not self._stop.is_set():
            said = child.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            telling = ("error: ", "E   ", "ERROR ")
            detail = next((line for word in telling for line in said if word in line and "usage:" not in line), "")
            detail = detail or (said[-1].strip("= ") if said else "")
            why = f"pytest {_PYTEST_TROUBLE[code]} on {child.spec.slot}: {detail.strip()} (see {child.log.name})"
            self._stream.add("trouble", why=why)
        elif code > max(_PYTEST_TROUBLE) or (code == _PYTEST_FAILED and not self._went_wrong(child.spec.slot)):
            why = f"the process of {child.spec.slot} ended with {code}, which no test explains (see {child.log.name})"
            self._stream.add("trouble", why=why)
        elif not self._stop.is_set() and not any(self._rows("ended", child.spec.slot)):
            why = f"the process of {child.spec.slot} did not come to its end (see {child.log.name})"
            self._stream.add("trouble", why=why)

    def _rows(self, kind: str, slot: str) -> Iterator[Row]:
        rows = RowReader(self._folder).new_rows()
        return (row for row in rows if row["type"] == kind and row.get("slot") == slot)

    def _went_wrong(self, slot: str) -> bool:
        finished = self._rows("finish", slot)
        return any(row.get("outcome") in (FAILED, LAB_ERROR) or row.get("observation") for row in finished)

    def _without_evidence(self, why: str) -> Summary:
        """The summary of a run whose evidence could not be kept; it is written where an older one has left room."""
        summary = rebuild(self._folder)
        summary.lost.append(why)
        with contextlib.suppress(OSError):
            (self._folder / SUMMARY).write_text(json.dumps(summary.to_json()), encoding="utf-8")
        return summary


def _joined(root: Path, test: str) -> str:
    """A test id below a folder; only its file is a path."""
    file, colons, name = test.partition("::")
    return f"{root / file}{colons}{name}"


def job() -> str:
    """What this process does, for whoever is refused a board meanwhile."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]


def rebuild(folder: Path) -> Summary:
    """The summary of a run's folder, from its stream alone."""
    reader = RowReader(folder)
    rows = list(reader.new_rows())
    summary = reconcile(rows, damaged=reader.damaged)
    if not (folder / STREAM).exists():
        summary.lost.append("there is no result stream")
    return summary


def save(folder: Path, summary: Summary) -> None:
    """Writes summary, pages and traceability matrix; OSError when they cannot be written."""
    write_json(folder / SUMMARY, summary.to_json())
    write_pages(folder, summary)
    specification = Specification.load(package_folder("nrf91_bench_suites") / SPECIFICATION)
    specification.take(RowReader(folder).new_rows())
    (folder / "matrix.md").write_text(specification.markdown(), encoding="utf-8")
