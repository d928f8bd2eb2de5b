"""A run on boards of several hosts: each starts as soon as it is lent, all are one stream, one folder, one verdict."""

import contextlib
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import __version__
from bench.config.lab import Config
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import load_plan
from bench.errors import BenchError, LabError, UsageError
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, rows, write_json
from bench.evidence.run_folder import discard_run_folder, new_run_folder
from bench.evidence.summary import FILE as SUMMARY
from bench.internal_error import internal_error
from bench.lab.coordinator import Coordinator
from bench.lab.fulfilment import Fulfilment
from bench.lab.host_session import HostSessions
from bench.lab.own_files import OwnFiles, own_files
from bench.lab.preparation import Prepared, prepare_in_lab
from bench.lab.tunnel import way_to_coordinator
from bench.lab.wishes import Wish, wishes
from bench.number_text import counted
from bench.packages import package_folder
from bench.run.ending import Ending
from bench.run.folder import rebuild, save
from bench.run.interruption import Interruption
from bench.run.request import RunRequest
from bench.run.state import RunState
from bench.run.watcher import Level, Watcher

_LOOK_S = 0.2


def execute_in_lab(request: RunRequest, watcher: Watcher | None = None) -> Summary:
    """Run what was asked for on boards that the lab lends; return what it proves.

    Raises:
        UsageError: the request cannot be fulfilled, or no board of the lab fits it.
        LabError: the coordinator cannot be reached, or no board was lent.
        InternalError: the bench itself made a mistake; its details and the evidence are kept.
    """
    watcher = watcher or Watcher()
    prepared = prepare_in_lab(request)
    folder = new_run_folder(request.out)
    try:
        with (
            way_to_coordinator(prepared.lab.lab) as address,
            Coordinator(address) as coordinator,
            HostSessions(prepared.lab.lab) as hosts,
        ):
            return _execute(prepared, folder, coordinator, hosts, watcher)
    except BenchError:
        discard_run_folder(folder, keep=request.out is not None, only_unbegun=True)
        raise
    except Exception as error:
        told = internal_error(error, folder)
        with contextlib.suppress(Exception):  # whatever was broken may be so still: the exception is kept already
            ResultStream(folder, folder.name, begins=False).add(rows.InternalErrorRow(why=told.headline))
            save(folder, rebuild(folder))
        raise told from error


def _execute(
    prepared: Prepared, folder: Path, coordinator: Coordinator, hosts: HostSessions, watcher: Watcher
) -> Summary:
    request = prepared.request
    wanted = wishes(request.boards, request.count, prepared.plan, coordinator.places())
    plan = None
    if request.plan is not None:
        plan = folder / PLAN_FILE
        plan.write_bytes(request.plan.read_bytes())
        prepared = replace(prepared, plan=load_plan(plan))
    with tempfile.TemporaryDirectory() as scratch:
        files = own_files(request, prepared.lab, plan, prepared.selection, Path(scratch))
    with Interruption() as interruption:
        run = LabRun(prepared, ResultStream(folder, folder.name), watcher, interruption, coordinator, hosts, files)
        ending = Ending(run, plan, request.history or prepared.lab.history)
        try:
            run.begin(wanted)
        except (OSError, EvidenceLost) as error:
            summary = Summary(folder.name, lost=[f"evidence cannot be kept: {error}"])
        else:
            run.play(wanted)
            try:
                run.check_that_something_ran()
            except BenchError:
                discard_run_folder(folder, keep=request.out is not None, only_unbegun=False)
                raise
            summary = ending.reconcile()
        summary.folder = folder
        watcher.finish(summary)
        ending.remember(summary)
        return summary


@dataclass
class LabRun:
    """One run on lent boards; what its ending needs of it is in :class:`bench.run.played.PlayedRun`."""

    prepared: Prepared
    stream: ResultStream
    watcher: Watcher
    interruption: Interruption
    coordinator: Coordinator
    hosts: HostSessions
    files: OwnFiles
    state: RunState = field(default_factory=RunState)
    reader: RowReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = RowReader(self.folder)
        self._began = time.monotonic()
        self._lines: queue.Queue[tuple[str, str, Level]] = queue.Queue()
        self._fulfilment = Fulfilment(
            self.prepared,
            self.files,
            self.stream,
            self.coordinator,
            self.hosts,
            self._tell,
            lambda: self.interruption.requested,
        )

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.stream.folder

    @property
    def lab(self) -> Config:
        """What the lab's file says."""
        return self.prepared.lab

    @property
    def simulated(self) -> bool:
        """False: what the boards are is in the rows of their hosts, and they are elsewhere too."""
        return False

    # ---------------------------------------------------------------- the whole run

    def begin(self, wanted: Sequence[Wish]) -> None:
        """Write what a reader of the folder must know before the first board is lent.

        Raises:
            OSError, EvidenceLost: evidence cannot be kept.
        """
        write_json(self.folder / SUMMARY, Summary(self.folder.name).to_json())
        self.stream.add(
            rows.RunRow(
                turns=[],
                bench=__version__,
                wanted=len(wanted),
                rounds=self.prepared.rounds,
                files=self.files.digests,
                command=self.prepared.request.again(
                    self.prepared.plan.suites if self.prepared.plan else self.prepared.request.suites,
                    self.prepared.arguments,
                ),
            )
        )
        categories = package_folder("nrf91_bench_reports") / "categories.json"
        shutil.copy(categories, self.folder / "allure-results" / categories.name)
        self.watcher.line("run", f"{counted(len(wanted), 'board')} of the lab, results in {self.folder}")

    def play(self, wanted: Sequence[Wish]) -> None:
        """Play every wish, each as soon as its board is lent; return when all have come to their ends."""
        threads = [threading.Thread(target=self._fulfilment.fulfil, args=(wish,), daemon=True) for wish in wanted]
        with self.watcher:
            for thread in threads:
                thread.start()
            ending = False
            while any(thread.is_alive() for thread in threads):
                self._look()
                if self.interruption.wait(_LOOK_S) and not ending:
                    ending = True
                    self._end_boards()
                if ending:
                    time.sleep(_LOOK_S)
            self._look()
        if self._fulfilment.mistakes:
            raise self._fulfilment.mistakes[0]

    def check_that_something_ran(self) -> None:
        """Check that a board began, or that the run was ended before any could.

        Raises:
            UsageError: no host could play the request as it is.
            LabError: no board was lent, or no host played.
        """
        did = self._fulfilment
        if did.wrong and len(did.wrong) == did.ran:
            raise UsageError(did.wrong[0])
        if did.ran or self.interruption.requested or did.lost_evidence:
            return
        why = "; ".join(dict.fromkeys(did.refusals)) or "nothing was free"
        raise LabError(f"no board was lent: {why}")

    def _look(self) -> None:
        """Take what is new, and end the run when its time is over or its evidence gone."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.watcher.line(*self._lines.get_nowait())
        for row in self.reader.new_rows():
            self.watcher.follow(row)
            self.state.take(row)
        self.watcher.tick()
        lost = self.reader.missing()
        if lost and not self.interruption.requested:
            self.interruption.end(f"evidence was lost: {lost}")
        if self._is_over and not self.interruption.requested:
            self.interruption.end("the time for the run was over")

    @property
    def _is_over(self) -> bool:
        until = self.prepared.request.until
        if isinstance(until, timedelta):
            return time.monotonic() - self._began >= until.total_seconds()
        return until is not None and datetime.now(UTC) >= until

    def _end_boards(self) -> None:
        if self.interruption.has_reason:
            self.watcher.line("stopping", self.interruption.reason, Level.WARNING)
        self.watcher.line("stopping", "the boards are brought back to a known state; this takes a few seconds")
        self._fulfilment.end()

    def _tell(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Have a line shown by the thread that shows everything else."""
        self._lines.put((word, text, level))
