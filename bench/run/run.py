"""The running of a run: leases the boards, starts a pytest process a board, follows them to their ends."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bench import __version__
from bench.boards import BoardLeased, BoardSpec, Holder, Lease, reservation_of
from bench.boards.hotplug import ended_text, has_ended
from bench.boards.lease import FOR
from bench.config.lab import Config
from bench.evidence import EvidenceLost, ResultStream, RowReader, rows
from bench.evidence.run_folder import too_little_room
from bench.number_text import counted
from bench.run.circuit_breaker import CircuitBreaker, missing_of, probes_of
from bench.run.control_board import ControlBoard, control_boards
from bench.run.folder import begin
from bench.run.interruption import Interruption
from bench.run.schedule import Schedule, Turn
from bench.run.state import RunState, retries
from bench.run.time_limit import OVER, TimeLimit
from bench.run.watcher import Level, Watcher
from bench.run.worker import Worker, Workers
from bench.visible import visible_line

_LOOK_SECONDS = 0.2
# After an interruption a board is brought back to a known state; then the run ends whatever happens.
_RESTORE_SECONDS = 30.0

_Start = Callable[[], tuple[Worker, float]]
"""Starts a worker; returns it, and how many seconds the next start should wait."""


@dataclass
class Run:
    """One run on leased boards.

    Attributes:
        workers: starts the boards' processes.
        stream: of the run, where the parent adds its rows.
        watcher: gets lines and rows.
        interruption: ends the run early.
        until: when it ends in any case.
        wait: seconds to wait for a board that is in use.
        needed: slots without which nothing runs; of the others as many run as are free.
        specs: the boards, once the run has begun.
    """

    workers: Workers
    stream: ResultStream
    watcher: Watcher
    interruption: Interruption
    until: datetime | timedelta | None = None
    wait: float = 0.0
    needed: Collection[str] = ()
    state: RunState = field(default_factory=RunState)
    reader: RowReader = field(init=False)
    _leases: dict[str, Lease] = field(default_factory=dict)
    specs: Sequence[BoardSpec] = ()
    _controls: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.reader = RowReader(self.folder)
        self._limit = TimeLimit(self.until)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.workers.folder

    @property
    def lab(self) -> Config:
        """What the lab's file says."""
        return self.workers.lab

    @property
    def simulated(self) -> bool:
        """Whether one of its boards is not hardware."""
        return any(not spec.hardware for spec in self.specs)

    @contextlib.contextmanager
    def leased(self, specs: Sequence[BoardSpec]) -> Iterator[None]:
        """Lease the boards for a while. The tests of a board that is in use try anew, as lab errors, until it is free.

        Raises:
            BoardLeased: somebody else uses all of them, or one that is needed.
        """
        with contextlib.ExitStack() as stack:
            refused: list[str] = []
            # One order for all who take several: nobody waits in a circle.
            for spec in sorted(specs, key=lambda spec: spec.key):
                try:
                    self._lease(spec, stack)
                except BoardLeased as error:
                    if self.interruption.requested:
                        break
                    refused.append(str(error))
                    if spec.slot in self.needed or len(refused) == len(specs):
                        raise
            for text in refused:
                self.watcher.line("in use", text, Level.WARNING)
            yield

    @contextlib.contextmanager
    def leased_if_free(self, specs: Sequence[BoardSpec]) -> Iterator[list[BoardSpec]]:
        """Lease control boards for a while; yield those that nobody else uses. Without them the run goes on."""
        with contextlib.ExitStack() as stack:
            free = []
            for spec in sorted(specs, key=lambda spec: spec.key):
                try:
                    self._lease(spec, stack)
                    free.append(spec)
                except BoardLeased as error:
                    self.watcher.line("in use", f"{error}; it measures nothing in this run", Level.WARNING)
            yield free

    def lease_of(self, spec: BoardSpec) -> Lease:
        """Return the run's lease on a board, held or not."""
        return self._leases[spec.slot]

    def has(self, spec: BoardSpec) -> bool:
        """Return whether the board is leased by this run now."""
        return spec.slot in self._leases and self._leases[spec.slot].held

    def _lease(self, spec: BoardSpec, stack: contextlib.ExitStack) -> None:
        def waiting(holder: Holder | None) -> None:
            self.watcher.line("waiting", f"for {spec.slot}, which {holder.text if holder else 'somebody'} has")

        lease = self._leases[spec.slot] = Lease(spec.key, spec.slot, job(), folder=self.folder)
        lease.acquire(wait=self.wait, waiting=waiting, stopped=lambda: self.interruption.requested)
        stack.callback(lease.release)
        kept = reservation_of(spec.key)
        if kept is not None and not kept.mine:  # somebody reserved it while we waited
            lease.release()
            raise BoardLeased(f"{spec.slot} is {kept.text}")

    def begin(self, schedule: Schedule, command: Sequence[str] = ()) -> None:
        """Write what a reader of the folder must know before the first test.

        Args:
            schedule: of the boards.
            command: options of the command line that plays the tests again.

        Raises:
            OSError, EvidenceLost: evidence cannot be kept.
        """
        specs = self.specs = schedule.specs
        controls = [spec.slot for spec in schedule.controls]
        simulated = any(not spec.hardware for spec in (*specs, *schedule.controls))
        begin(
            self.folder,
            self.stream,
            rows.RunRow(
                simulated=simulated,
                slots=[spec.slot for spec in specs],
                groups=schedule.groups,
                turns=[(turn.round, [*(spec.slot for spec in turn.specs), *controls]) for turn in schedule.turns],
                controls=controls,
                bench=__version__,
                command=list(command),
            ),
        )
        crowded = too_little_room(self.folder.parent)
        if crowded:
            self.watcher.line("disk", crowded, Level.WARNING)
        beside = f" beside {counted(len(controls), 'control board')}" if controls else ""
        self.watcher.line("run", f"{counted(len(specs), 'board')}{beside}, results in {self.folder}")

    def play(self, schedule: Schedule) -> list[Worker]:
        """Play every turn, each with its second attempts; return the workers, which have ended."""
        specs, lab = schedule.specs, self.workers.lab
        control = self._control(schedule)
        self._controls = frozenset(spec.slot for spec in schedule.controls)
        breaker = CircuitBreaker(
            self.folder,
            self.stream,
            len(specs),
            lab.limits.incident_seconds,
            missing_of(lab, specs),
            probes_of(lab, control.probe if control else None),
            lambda text: self.watcher.line("incident" if len(specs) > 1 else "waiting", text, Level.WARNING),
            self.interruption.end,
        )
        ended: list[Worker] = []
        with self.watcher, contextlib.closing(breaker), control or contextlib.nullcontext():
            for turn in schedule.turns:
                if self.interruption.requested:
                    break
                specs = (*turn.specs, *schedule.controls)
                ended += self._follow([self._starter(spec, turn.round) for spec in specs], breaker)
                if not self.interruption.requested:
                    ended += self._follow(self._second_attempts(turn), breaker)
        return ended

    def _control(self, schedule: Schedule) -> ControlBoard | None:
        """Return the control board that is asked for the network: when it runs no tests, or has run them all."""
        lab = self.workers.lab
        spec = next(iter(schedule.controls or control_boards(lab, schedule.specs)), None)
        if spec is None:
            return None
        last = schedule.turns[-1].round
        return ControlBoard(
            spec,
            lab,
            self.stream,
            lambda: self.interruption.requested,
            self._leases.get(spec.slot),
            lambda: bool(schedule.controls) and (spec.slot, last) not in self.state.ended,
        )

    def _starter(self, spec: BoardSpec, number: int, again: Sequence[str] = ()) -> _Start:
        def start() -> tuple[Worker, float]:
            known = self.state.earlier(spec.slot, number) if number > 1 or again else None
            worker = self.workers.start(spec, self._leases[spec.slot], number, again, known)
            return worker, self.workers.lab.limits.stagger_seconds * spec.hardware

        return start

    def _second_attempts(self, turn: Turn) -> list[_Start]:
        most = self.workers.lab.limits.lab_error_retries
        again, too_many = retries(self.state, turn, most)
        for slot, count in too_many.items():
            self.watcher.line("again", f"no: {slot} has {count} lab errors, more than {most}: its lab is down")
        for slot, tests in again.items():
            self.watcher.line("again", f"{slot}: {counted(len(tests), 'test')} that ended in a lab error")
        return [self._starter(spec, turn.round, again[spec.slot]) for spec in turn.specs if spec.slot in again]

    def _follow(self, starters: Sequence[_Start], breaker: CircuitBreaker) -> list[Worker]:
        """Start workers one after the other and follow them to their ends."""
        running: list[Worker] = []
        try:
            self._follow_to_the_end(deque(starters), running, breaker)
        except BaseException:  # whatever it is: no board is left in a test that nobody follows
            _interrupt(running)
            raise
        finally:
            for worker in running:
                os.close(worker.pipe)
        return running

    def _follow_to_the_end(self, waiting: deque[_Start], running: list[Worker], breaker: CircuitBreaker) -> None:
        ending, next_start = False, 0.0
        while waiting or any(worker.process.poll() is None for worker in running):
            if self.interruption.requested:
                waiting.clear()
            while waiting and time.monotonic() >= next_start:
                worker, pause = waiting.popleft()()
                running.append(worker)
                next_start = time.monotonic() + pause
            self._look(breaker)
            if self._limit.over and not self.interruption.requested:
                self.interruption.end(OVER)
            if self.interruption.wait(_LOOK_SECONDS) and not ending:
                ending = True
                breaker.close()
                self.interruption.tell(self.watcher)
                _interrupt(running)
        self.take_rows()

    def _look(self, breaker: CircuitBreaker) -> None:
        """Take what is new, and end the run when its evidence is gone: nothing that follows could be believed."""
        try:
            self.take_rows(breaker)
            self.watcher.tick()
            breaker.act()
            lost = self.reader.missing()
            self._end_without_boards()
        except EvidenceLost as error:
            lost = str(error)
        if lost and not self.interruption.requested:
            self.interruption.end(f"evidence was lost: {lost}")

    def _end_without_boards(self) -> None:
        """End the run when all its boards were simulated and have ended: no pseudo-terminal comes back."""
        specs = self.specs
        if specs and not self.interruption.requested and all(has_ended(spec) for spec in specs):
            self.interruption.end(ended_text(specs[0]))

    def take_rows(self, breaker: CircuitBreaker | None = None) -> None:
        """Take the rows that are new in the stream, and show them to the watcher."""
        for row in self.reader.new_rows():
            self.watcher.follow(row)
            self.state.take(row)
            if breaker is not None and row.slot not in self._controls:
                breaker.take(row)


def _interrupt(running: Sequence[Worker]) -> None:
    for worker in running:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGINT)
    for worker in running:
        try:
            worker.process.wait(_RESTORE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def job() -> str:
    """Return what this process does, and for whom, for whoever is refused a board meanwhile."""
    person = visible_line(os.environ.get(FOR, ""))
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    return f"for {person}: {command}"[:200] if person else command[:200]
