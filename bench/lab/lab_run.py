"""A run on boards of several hosts: each starts as soon as it is lent, all are one stream, one folder, one verdict."""

import contextlib
import queue
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import __version__
from bench.config.lab import Config
from bench.errors import BenchError, LabError, UsageError, in_words
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, rows
from bench.evidence.run_folder import discard_run_folder, new_run_folder
from bench.lab.coordinator import Coordinator
from bench.lab.fulfilment import Fulfilment
from bench.lab.host_session import HostSessions
from bench.lab.own_files import OwnFiles, own_files
from bench.lab.preparation import prepare_in_lab
from bench.lab.tunnel import way_to_coordinator
from bench.lab.wishes import Wish, wishes
from bench.number_text import counted
from bench.run.asked import Asked
from bench.run.ending import Ending
from bench.run.folder import begin, keep_mistake
from bench.run.interruption import Interruption
from bench.run.request import RunRequest
from bench.run.state import RunState
from bench.run.time_limit import OVER, TimeLimit
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
    asked = prepare_in_lab(request)
    folder = new_run_folder(request.out)
    try:
        with (
            way_to_coordinator(asked.lab.lab) as address,
            Coordinator(address) as coordinator,
            HostSessions(asked.lab.lab) as hosts,
        ):
            return _execute(asked, folder, coordinator, hosts, watcher)
    except BenchError:
        discard_run_folder(folder, keep=request.out is not None, only_unbegun=True)
        raise
    except Exception as error:
        raise keep_mistake(error, folder) from error


def _execute(asked: Asked, folder: Path, coordinator: Coordinator, hosts: HostSessions, watcher: Watcher) -> Summary:
    request = asked.request
    wanted = wishes(request.boards, request.count, asked.plan, coordinator.places())
    asked, plan = asked.with_own_plan(folder)
    with tempfile.TemporaryDirectory() as scratch:
        files = own_files(request, asked.lab, plan, asked.selection, Path(scratch))
    with Interruption() as interruption:
        run = LabRun(asked, ResultStream(folder, folder.name), watcher, interruption, coordinator, hosts, files)
        ending = Ending(run, plan, asked.history)
        try:
            run.begin(wanted)
        except (OSError, EvidenceLost) as error:
            summary = Summary(folder.name, lost=[f"evidence cannot be kept: {in_words(error)}"])
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

    asked: Asked
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
        self._limit = TimeLimit(self.asked.request.until)
        self._lines: queue.Queue[tuple[str, str, Level]] = queue.Queue()
        self._fulfilment = Fulfilment(
            self.asked,
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
        return self.asked.lab

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
        begin(
            self.folder,
            self.stream,
            rows.RunRow(
                turns=[],
                bench=__version__,
                wanted=len(wanted),
                rounds=self.asked.rounds or 1,
                files=self.files.digests,
                command=self.asked.command,
            ),
        )
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
        if self._limit.over and not self.interruption.requested:
            self.interruption.end(OVER)

    def _end_boards(self) -> None:
        self.interruption.tell(self.watcher)
        self._fulfilment.end()

    def _tell(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Have a line shown by the thread that shows everything else."""
        self._lines.put((word, text, level))
