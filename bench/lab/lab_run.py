"""A run on boards of several hosts: each starts as soon as it is lent, all are one stream, one folder, one verdict."""

import contextlib
import os
import queue
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import __version__
from bench.config.known_issues import known_issue_files, load_known_issues
from bench.config.lab import Config, load
from bench.config.limits import with_limits
from bench.config.named_files import check_named
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import Plan, load_plan
from bench.errors import BenchError, LabError, UsageError
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, rows, write_json
from bench.evidence.run_folder import discard_run_folder, new_run_folder
from bench.evidence.summary import FILE as SUMMARY
from bench.exit_code import ExitCode
from bench.internal_error import internal_error
from bench.lab.board_run import BoardRefused, BoardRun, slot_of
from bench.lab.coordinator import Coordinator, NothingLent
from bench.lab.host_session import HostSession, HostSessions, HostUnfit, clock_text
from bench.lab.own_files import OwnFiles, own_files
from bench.lab.places import LabPlace, Owner, Wish, owner_text, wishes
from bench.lab.sweep import Sweep
from bench.lab.tunnel import way_to_coordinator
from bench.number_text import counted
from bench.packages import package_folder
from bench.run import suites
from bench.run.ending import Ending
from bench.run.folder import rebuild, save
from bench.run.interruption import Interruption
from bench.run.listing import select_suites
from bench.run.request import RunRequest, check_arguments
from bench.run.state import RunState
from bench.run.suites import SuiteSelection
from bench.run.watcher import Level, Watcher

_LOOK_S = 0.2
_LEAST_WAIT_S = 5.0
"""A board that is free is lent in milliseconds; a coordinator under load may take longer to say so."""
_PLAN_CLOCK_S = 60.0


@dataclass(frozen=True)
class Prepared:
    """A request with all that it names found and checked, but for the lab's boards; nothing has been opened."""

    request: RunRequest
    lab: Config
    plan: Plan | None
    selection: SuiteSelection
    rounds: int
    arguments: tuple[str, ...]


def prepare_in_lab(request: RunRequest) -> Prepared:
    """Find and check all that a request names, as far as this host knows it.

    Raises:
        UsageError: the request cannot be fulfilled.
    """
    request.check()
    lab = with_limits(load(request.config), request.limits)
    if not lab.lab.coordinator:
        raise UsageError(
            '--lab needs [lab] coordinator = "HOST:20408" in bench.toml: the address of labgrid\'s coordinator'
        )
    plan = load_plan(request.plan) if request.plan else None
    selection = suites.select(plan.suites) if plan else select_suites(request)
    for file in known_issue_files(selection.paths, Path.cwd()):
        load_known_issues(file)
    check_named(request.config, lab, [], request.history or lab.history)
    arguments = tuple(plan.arguments if plan else request.arguments)
    check_arguments(arguments)
    rounds = plan.repetitions if plan else request.repeat or 1
    return Prepared(request, lab, plan, selection, rounds, arguments)


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
        self._sweep = Sweep(self.coordinator, self.hosts, self.lab.lab, self._tell)
        self._playing: dict[str, BoardRun] = {}
        self._lock = threading.Lock()
        self._refusals: list[str] = []
        self._wrong: list[str] = []
        self._mistakes: list[BaseException] = []
        self._told: set[str] = set()
        self._lost_evidence = ""
        self._ran = 0
        host = socket.gethostname()
        self._workspace = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{_name(host)}-{os.getpid()}"

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
        threads = [threading.Thread(target=self._fulfil, args=(wish,), daemon=True) for wish in wanted]
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
        if self._mistakes:
            raise self._mistakes[0]

    def check_that_something_ran(self) -> None:
        """Check that a board began, or that the run was ended before any could.

        Raises:
            UsageError: no host could play the request as it is.
            LabError: no board was lent, or no host played.
        """
        if self._wrong and len(self._wrong) == self._ran:
            raise UsageError(self._wrong[0])
        if self._ran or self.interruption.requested or self._lost_evidence:
            return
        why = "; ".join(dict.fromkeys(self._refusals)) or "nothing was free"
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
        with self._lock:
            playing = list(self._playing.values())
        for board in playing:
            board.end()

    def _tell(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Have a line shown by the thread that shows everything else."""
        self._lines.put((word, text, level))

    def _tell_once(self, word: str, text: str) -> None:
        with self._lock:
            new = text not in self._told
            self._told.add(text)
        if new:
            self._tell(word, text, Level.WARNING)

    # ---------------------------------------------------------------- one wish

    def _fulfil(self, wish: Wish) -> None:
        """Lease a board and play it; where its host refuses, lease another one of the kind."""
        deadline = time.monotonic() + max(self.prepared.request.wait, _LEAST_WAIT_S)
        kept: list[str] = []  # labgrid would lend them again before others, and has no word for "not this one"
        try:
            while not self.interruption.requested:
                place = self._lease(wish, deadline, kept)
                if place is None:
                    return
                kept.append(place.name)
                if self._play(place, wish, deadline, kept):
                    return
        except LabError as error:
            self._refuse(wish, str(error))
        except EvidenceLost as error:  # the hosts go on: what they keep can be collected later
            self._lost_evidence = str(error)
            self._tell_once(
                "evidence", f"{error}; what the hosts keep is fetched by nrf91-bench lab collect {self.folder}"
            )
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that plays the run
            self._mistakes.append(error)
        finally:
            for name in kept:
                self._give_back(name)

    def _lease(self, wish: Wish, deadline: float, kept: Sequence[str]) -> LabPlace | None:
        """Return a board's place; None when none was lent in time."""
        own = self._own_reservation(wish)
        if own is not None and own.name not in kept:
            return own
        waited = False

        def waiting() -> None:
            nonlocal waited
            if not waited and self.prepared.request.wait:
                waited = True
                self._tell("waiting", f"for a board that is {wish.text}: {self._why_none(wish)}")
            self._sweep.want(wish.tags)

        fitting = [place.name for place in self.coordinator.places() if place.fits(wish.tags)]
        if kept and set(fitting) <= set(kept):
            return None
        try:
            return self.coordinator.lease(
                wish.tags,
                wait=max(0.0, deadline - time.monotonic()),
                waiting=waiting,
                stopped=lambda: self.interruption.requested,
            )
        except NothingLent:
            if not self.interruption.requested:
                self._refuse(wish, self._why_none(wish))
            return None

    def _own_reservation(self, wish: Wish) -> LabPlace | None:
        """Return the place that is wished for by its name and that this person keeps for themselves."""
        if not wish.name:
            return None
        found = next((place for place in self.coordinator.places() if place.name == wish.name), None)
        return found if found is not None and found.holder == Owner.here().person else None

    def _why_none(self, wish: Wish) -> str:
        """Return who has the boards that would fit."""
        fitting = [place for place in self.coordinator.places() if place.fits(wish.tags)]
        texts = [f"{place.name} is {place.holder_text or place.trouble or 'free'}" for place in fitting[:3]]
        more = f" and {len(fitting) - 3} more" if len(fitting) > 3 else ""
        return "; ".join(texts) + more

    def _play(self, place: LabPlace, wish: Wish, deadline: float, kept: list[str]) -> bool:
        """Play a board that was lent; return whether the wish is fulfilled."""
        if place.trouble:
            self._refuse(wish, place.trouble)
            return False
        lent = slot_of(place, self._workspace)
        board = BoardRun(lent, self.hosts, self.stream, self._tell)
        with self._registered(board):
            self._tell("lent", f"{place.name} at {place.host}")
            start = {
                "firmware": wish.firmware,
                "arguments": self._arguments(wish, deadline),
                "person": owner_text(self.coordinator.name),
                "files": self.files.archive,
            }
            try:
                board.play(start, self._check)
                if wish.firmware and board.ended is not None and board.ended.exit_code == ExitCode.USAGE:
                    raise BoardRefused(board.ended.said)  # another firmware than the one that is wanted
            except BoardRefused as error:
                self._refuse(wish, str(error))
                return False
            with self._lock:
                self._ran += 1
            if board.ended is not None:
                kept.remove(place.name)
                self._give_back(place.name)  # who waits has it while the folder is fetched
                if not board.ended.begun:
                    self._note_unbegun(board)
                    return True
            else:
                self._tell("lost", f"{place.name}: {board.lost}; it is tried again", Level.WARNING)
            why = board.gather(self.folder, self.lab.lab.fetch_seconds, lambda: self.interruption.requested)
            if why:
                text = f"{place.name} is not here: {why}; nrf91-bench lab collect {self.folder} fetches it later"
                self._tell("evidence", text, Level.WARNING)
        return True

    @contextlib.contextmanager
    def _registered(self, board: BoardRun) -> Iterator[None]:
        with self._lock:
            self._playing[board.lent.slot] = board
        if self.interruption.requested:
            board.end()
        try:
            yield
        finally:
            with self._lock:
                del self._playing[board.lent.slot]

    def _note_unbegun(self, board: BoardRun) -> None:
        """Write down a run that its host refused as it was requested, or where the bench itself made a mistake."""
        assert board.ended is not None
        self.stream.add(rows.GatheredRow(slot=board.lent.slot, exit_code=board.ended.exit_code, why=board.ended.said))
        if board.ended.exit_code == ExitCode.USAGE:
            self._wrong.append(f"{board.lent.where.name}, {board.lent.slot}: {board.ended.said}")

    def _check(self, session: HostSession) -> None:
        session.check(lambda text: self._tell_once("clock", text))
        if self.prepared.plan is not None and abs(session.clock_off_s) > _PLAN_CLOCK_S:
            raise HostUnfit(
                f"the clock of {session.where.name} is {clock_text(session.clock_off_s)}: nothing is qualified so"
            )

    def _arguments(self, wish: Wish, deadline: float) -> list[str]:
        """Return the options of a board's run on its host."""
        left = max(0.0, deadline - time.monotonic()) if wish.name and self.prepared.request.wait else 0.0
        repeat = self.prepared.request.repeat
        return [
            *self.files.arguments,
            *(("--repeat", str(repeat)) if repeat else ()),
            *(("--wait", f"{left:.0f}") if left else ()),
            *(("--", *self.prepared.arguments) if self.prepared.arguments and self.prepared.plan is None else ()),
        ]

    def _refuse(self, wish: Wish, why: str) -> None:
        self._refusals.append(why)
        self._tell_once("not lent", f"{wish.text}: {why}" if wish.text not in why else why)

    def _give_back(self, name: str) -> None:
        try:
            self.coordinator.release(name)
        except LabError as error:
            self._tell("lab", f"{name} could not be given back: {error}", Level.WARNING)


def _name(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)[:40] or "host"
