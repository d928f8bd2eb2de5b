"""A run from its first line to its exit code: starts a pytest process a board, follows them, reconciles."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from bench import __version__
from bench.boards import BoardLeased, BoardSpec, Holder, Lease, reservation_of
from bench.children import when_parent_ends
from bench.cli.console import RunConsole, short_path
from bench.config.lab import MeasurementLimit
from bench.config.plan import load_plan
from bench.errors import BenchError, LabError
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, write_json
from bench.evidence.results import FAILED, LAB_ERROR
from bench.evidence.run_folder import too_little_room
from bench.evidence.stream import Row
from bench.evidence.summary import EXIT_EVIDENCE, EXIT_INCOMPLETE, EXIT_USAGE
from bench.evidence.summary import FILE as SUMMARY
from bench.history import CompareSettings, Store, compare
from bench.report.comparison import comparison_rows, headline
from bench.report.history import run_record
from bench.report.notification import change_since, notify
from bench.run.circuit_breaker import CircuitBreaker, missing_of, probes_of
from bench.run.control_board import ControlBoard, control_board
from bench.run.folder import chosen, rebuild, save
from bench.run.schedule import Schedule, Turn
from bench.run.suites import package_folder
from bench.run.worker import Worker, Workers

_LOOK_SECONDS = 0.2
# After an interruption a board is brought back to a known state; then the run ends whatever happens.
_RESTORE_SECONDS = 30.0
# pytest's own exit codes: tests ran (0, 1), interrupted, internal error, usage error, nothing collected.
_PYTEST_FAILED, _PYTEST_USAGE = 1, 4
_PYTEST_TROUBLE = {2: "was interrupted", 3: "had an internal error", 4: "could not start", 5: "collected no test"}


_Starter = Callable[[], tuple[Worker, float]]


class Run:
    """One run."""

    def __init__(
        self,
        launcher: Workers,
        *,
        measurements: Sequence[MeasurementLimit] = (),
        history: Path | None = None,
        until: datetime | None = None,
        wait: float = 0.0,
        needed: Collection[str] = (),
    ) -> None:
        """Args: needed: the slots without which nothing is run; of the others as many as are free."""
        self._launcher = launcher
        self._folder, self._lab, self._plan = launcher.folder, launcher.lab, launcher.plan
        self._measurements = measurements
        self._history = history
        self._until = until
        self._why_stopped = "the run was interrupted"
        self._wait = wait
        self._needed = needed
        self._leases: dict[str, Lease] = {}
        self._stop = threading.Event()
        self._stream = ResultStream(self._folder, self._folder.name)
        self._console = RunConsole()
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Run":
        """From here on an interruption ends the run in order, and its folder says INCOMPLETE."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._interrupt)
        with contextlib.suppress(OSError):  # run() finds out, and says so
            write_json(self._folder / SUMMARY, Summary(self._folder.name).to_json())
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def run(self, schedule: Schedule) -> int:
        """Runs the tests on every board, which are ours meanwhile; returns the exit code of the run.

        Raises:
            BoardLeased: somebody else uses all of them, or one that is needed.
        """
        when_parent_ends(self._stop.set)
        with contextlib.ExitStack() as leases:
            self._take(schedule.specs, leases)
            if self._stop.is_set():
                self._console.line("verdict", "INCOMPLETE   interrupted before the first test", "bold red")
                return EXIT_INCOMPLETE
            return self._run(schedule)

    def _take(self, specs: Sequence[BoardSpec], leases: contextlib.ExitStack) -> None:
        """Leases the boards. Of one that somebody else has each test tries anew; it is a lab error until it is free."""
        refused = []
        # One order for all who take several: nobody waits in a circle.
        for spec in sorted(specs, key=lambda spec: spec.key):
            lease = self._leases[spec.slot] = Lease(spec.key, spec.slot, job())
            try:
                leases.enter_context(self._waited_for(lease))
                kept = reservation_of(spec.key)
                if kept is not None and not kept.mine:  # while we waited
                    lease.release()
                    raise BoardLeased(f"{spec.slot} is {kept.text}")
            except BoardLeased as error:
                if self._stop.is_set():
                    return
                refused.append(str(error))
                if spec.slot in self._needed or len(refused) == len(specs):
                    raise
        for text in refused:
            self._console.line("in use", text, "yellow")

    def _waited_for(self, lease: Lease) -> Lease:
        def waiting(holder: Holder | None) -> None:
            self._console.line("waiting", f"for {lease.name}, which {holder.text if holder else 'somebody'} has")

        return lease.acquire(wait=self._wait, waiting=waiting, stopped=self._stop.is_set)

    def _run(self, schedule: Schedule) -> int:
        specs = schedule.specs
        simulated = any(not spec.hardware for spec in specs)
        try:
            write_json(self._folder / SUMMARY, Summary(self._folder.name, simulated=simulated).to_json())
            slots = [spec.slot for spec in specs]
            turns = [[turn.round, [spec.slot for spec in turn.specs]] for turn in schedule.turns]
            facts = {"simulated": simulated, "slots": slots, "groups": schedule.groups, "turns": turns}
            self._stream.add("run", **facts, bench=__version__)
            categories = package_folder("nrf91_bench_reports") / "categories.json"
            shutil.copy(categories, self._folder / "allure-results" / categories.name)
        except (OSError, EvidenceLost) as error:
            self._console.line("verdict", f"INCOMPLETE   evidence cannot be kept: {error}", "bold red")
            return EXIT_EVIDENCE
        crowded = too_little_room(self._folder.parent)
        if crowded:
            self._console.line("disk", crowded, "yellow")
        self._console.line(
            "run", f"{len(specs)} board{'' if len(specs) == 1 else 's'}, results in {short_path(self._folder)}"
        )
        reader = RowReader(self._folder)
        spec = control_board(self._lab, specs)
        control = ControlBoard(spec, self._lab, self._stream, self._stop.is_set) if spec else None
        breaker = CircuitBreaker(
            self._folder,
            self._stream,
            len(specs),
            self._lab.limits.incident_seconds,
            missing_of(self._lab, specs),
            probes_of(self._lab, control.probe if control else None),
            lambda text: self._console.line("incident", text, "yellow"),
            self._end_early,
        )
        with self._console, contextlib.closing(breaker), control or contextlib.nullcontext():
            ended = self._play(schedule, reader, breaker)
        summary = self._reconcile(ended)
        for entry in self._measurements:
            if entry.title not in summary.limits_used:
                self._console.line(
                    "unused", f"no measurement of this run fits [[measurements]] {entry.title}", "yellow"
                )
        self._console.finish(summary, self._folder)
        self._remember(summary)
        if ended and all(child.process.returncode == _PYTEST_USAGE for child in ended):
            return EXIT_USAGE
        return summary.exit_code

    def _remember(self, summary: Summary) -> None:
        """The history gets the run, and people are told, when all else is written: no verdict changes by it."""
        if self._history is None:
            return
        try:
            with Store(self._history) as store:
                record = run_record(self._folder, summary)
                change = change_since(store, record)
                store.add(record)
            if change.worth_telling:
                notify(self._lab.notify, change.text(summary))
        except (LabError, OSError, sqlite3.Error) as error:
            self._console.line("history", f"{error}; nrf91-bench history import adds a run that is missing", "yellow")

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _end_early(self, why: str) -> None:
        self._why_stopped = why
        self._stop.set()

    def _play(self, schedule: Schedule, reader: RowReader, breaker: CircuitBreaker) -> list[Worker]:
        """Every turn, each with its second attempts; returns the processes that were started."""
        ended: list[Worker] = []
        for turn in schedule.turns:
            if self._stop.is_set():
                break
            starters = [self._starter(spec, turn.round) for spec in turn.specs]
            ended += self._follow(starters, reader, breaker)
            again = [] if self._stop.is_set() else self._try_again(turn)
            ended += self._follow(again, reader, breaker)
        return ended

    def _starter(self, spec: BoardSpec, number: int, again: Sequence[str] = ()) -> _Starter:
        """Starts a board's process when it is called, and says how long the next one should wait."""

        def start() -> tuple[Worker, float]:
            started = self._launcher.start(spec, self._leases[spec.slot], number, again)
            return started, self._lab.limits.stagger_seconds * spec.hardware

        return start

    def _try_again(self, turn: Turn) -> list[_Starter]:
        """Lab errors are tried a second time, where they are not too many: then the lab is down, not unlucky."""
        started: list[_Starter] = []
        for spec in turn.specs:
            finished = self._rows("finish", spec.slot, turn.round)
            wrong = [
                row
                for row in finished
                if row.get("outcome") == LAB_ERROR
                and row.get("error") != "BudgetSpent"
                and not row.get("failed")  # nobody knows whether the device did wrong: a second try must not hide that
            ]
            tests = [str(row["test"]) for row in wrong]
            most = self._lab.limits.lab_error_retries
            if len(tests) > most > 0:
                self._console.line(
                    "again", f"no: {spec.slot} has {len(tests)} lab errors, more than {most}: its lab is down"
                )
            if 0 < len(tests) <= most:
                which = f"{len(tests)} test{'' if len(tests) == 1 else 's'}"
                self._console.line("again", f"{spec.slot}: {which} that ended in a lab error")
                started.append(self._starter(spec, turn.round, tests))
        return started

    def _follow(self, starters: Sequence[_Starter], reader: RowReader, breaker: CircuitBreaker) -> list[Worker]:
        """Starts processes one after the other, follows them to their ends, and returns them."""
        asked = False
        running: list[Worker] = []
        waiting, next_start = deque(starters), 0.0
        while waiting or any(child.process.poll() is None for child in running):
            if self._stop.is_set():
                waiting.clear()
            while waiting and time.monotonic() >= next_start:
                child, pause = waiting.popleft()()
                running.append(child)
                next_start = time.monotonic() + pause
            for row in reader.new_rows():
                self._console.follow(row)
                breaker.take(row)
            self._console.tick()
            breaker.act()
            if self._until is not None and datetime.now(UTC) >= self._until and not self._stop.is_set():
                self._end_early("the time for the run was over")
            if self._stop.wait(_LOOK_SECONDS) and not asked:
                asked = True
                breaker.close()
                self._console.line("stopping", "the boards are brought back to a known state; this takes a few seconds")
                self._end(running)
        for row in reader.new_rows():
            self._console.follow(row)
        for child in running:
            os.close(child.pipe)
        return running

    def _end(self, running: Sequence[Worker]) -> None:
        for child in running:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGINT)
        for child in running:
            try:
                child.process.wait(_RESTORE_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _reconcile(self, running: Sequence[Worker]) -> Summary:
        """Says what is missing, then reads the stream from its beginning and writes what it proves."""
        try:
            if self._stop.is_set():
                self._stream.add("trouble", why=self._why_stopped)
            for child in running:
                self._examine(child)
            self._look_back()
            self._compare()
            self._stream.add("closed")
        except EvidenceLost as error:
            return self._without_evidence(str(error))
        summary = rebuild(self._folder)
        try:
            save(self._folder, summary)
        except OSError as error:
            return self._without_evidence(str(error))
        return summary

    def _look_back(self) -> None:
        """Whether what fails now is new, as the history knows it."""
        failed: dict[tuple[str, bool], set[str]] = {}
        for result in rebuild(self._folder).results:
            if result.outcome == FAILED:
                failed.setdefault((result.test, self._simulated(result.slot)), set()).add(result.slot)
        if not failed or self._history is None or not self._history.is_file():
            return
        try:
            with Store(self._history) as store:
                told = {
                    test: store.earlier(test, sorted(slots), simulated=simulated)
                    for (test, simulated), slots in sorted(failed.items())
                }
        except (LabError, sqlite3.Error):
            return  # said when the run is added to it
        self._stream.add("earlier", tests={test: text for test, text in told.items() if text})

    def _simulated(self, slot: str) -> bool:
        return any(row.get("simulated") for row in self._rows("board", slot, None))

    def _compare(self) -> None:
        """With the plan's baseline, as the history knows it."""
        if self._plan is None or self._history is None:
            return
        baseline = load_plan(self._plan).baseline
        if not baseline:
            return
        try:
            mine = chosen(str(self._folder), self._history)
            found = compare(chosen(baseline, self._history), mine, CompareSettings(**self._lab.compare.model_dump()))
        except (BenchError, sqlite3.Error) as error:
            self._console.line("compare", f"nothing: {error}", "yellow")
            return
        rows = comparison_rows(found)
        self._stream.add("comparison", baseline=baseline, **headline(found), measurements=rows)

    def _examine(self, child: Worker) -> None:
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
        elif code > max(_PYTEST_TROUBLE) or (code == _PYTEST_FAILED and not self._went_wrong(child)):
            why = f"the process of {child.spec.slot} ended with {code}, which no test explains (see {child.log.name})"
            self._stream.add("trouble", why=why)

    def _rows(self, kind: str, slot: str, number: int | None) -> Iterator[Row]:
        """The rows of a kind of a board, of one round or of all."""
        rows = (row for row in RowReader(self._folder).new_rows() if (row["type"], row.get("slot")) == (kind, slot))
        return (row for row in rows if number is None or row.get("round", 1) == number)

    def _went_wrong(self, child: Worker) -> bool:
        finished = self._rows("finish", child.spec.slot, child.round)
        return any(row.get("outcome") in (FAILED, LAB_ERROR) or row.get("observation") for row in finished)

    def _without_evidence(self, why: str) -> Summary:
        """The summary of a run whose evidence could not be kept; it is written where an older one has left room."""
        summary = rebuild(self._folder)
        summary.lost.append(why)
        with contextlib.suppress(OSError):
            (self._folder / SUMMARY).write_text(json.dumps(summary.to_json()), encoding="utf-8")
        return summary


def job() -> str:
    """What this process does, for whoever is refused a board meanwhile."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]
