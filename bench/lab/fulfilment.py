"""The fulfilment of wishes: each board is leased, played on its host, given back, and its folder fetched.

Each wish has a thread. Where a host refuses, another board of the kind is leased; the refused one is kept meanwhile,
for labgrid would lend it again before others, and has no word for "not this one".
"""

import contextlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

from bench.errors import LabError
from bench.evidence import EvidenceLost, ResultStream, rows
from bench.exit_code import ExitCode
from bench.lab.board_run import BoardRefused, BoardRun, slot_of
from bench.lab.coordinator import Coordinator, NothingLent
from bench.lab.host_session import HostSession, HostSessions, HostUnfit, clock_text
from bench.lab.own_files import OwnFiles
from bench.lab.places import LabPlace, Owner, owner_text
from bench.lab.sweep import Sweep
from bench.lab.wishes import Wish
from bench.run.asked import Asked
from bench.run.watcher import Level

_LEAST_WAIT_S = 5.0
"""A board that is free is lent in milliseconds; a coordinator under load may take longer to say so."""
_PLAN_CLOCK_S = 60.0


class Tell(Protocol):
    """Takes a line for whoever watches, from any thread."""

    def __call__(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Take a word, and a text."""


class Fulfilment:
    """Fulfils the wishes of one run.

    Args:
        asked: what the run is to be.
        files: its own files.
        stream: where the rows of all boards go.
        coordinator, hosts: of the lab.
        tell: takes lines.
        stopped: whether the run is to end.

    Attributes:
        ran: how many boards' runs began on their hosts, or were refused there for what the request says.
        refusals: why boards were not lent, or did not play.
        wrong: what hosts say is wrong with the request.
        lost_evidence: why rows could not be written here; empty while they can.
        mistakes: of the bench itself.
    """

    def __init__(
        self,
        asked: Asked,
        files: OwnFiles,
        stream: ResultStream,
        coordinator: Coordinator,
        hosts: HostSessions,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        self._asked = asked
        self._files = files
        self._stream = stream
        self._coordinator = coordinator
        self._hosts = hosts
        self._tell = tell
        self._stopped = stopped
        self._lab = asked.lab.lab
        self._sweep = Sweep(coordinator, hosts, self._lab, tell)
        # Not by name: a board that one wish has given back may be lent to another, whom its host then refuses.
        self._playing: list[BoardRun] = []
        self._lock = threading.Lock()
        self._told: set[str] = set()
        host = re.sub(r"[^A-Za-z0-9]", "-", socket.gethostname())[:40]
        self._workspace = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{host}-{os.getpid()}"
        self.ran = 0
        self.refusals: list[str] = []
        self.wrong: list[str] = []
        self.lost_evidence = ""
        self.mistakes: list[BaseException] = []

    def end(self) -> None:
        """Let every board's run end in order."""
        with self._lock:
            playing = list(self._playing)
        for board in playing:
            board.end()

    def fulfil(self, wish: Wish) -> None:
        """Lease a board and play it; where its host refuses, lease another one. Raises nothing: it is a thread."""
        deadline = time.monotonic() + self._asked.request.wait
        held: list[str] = []
        try:
            while not self._stopped():
                place = self._lease(wish, deadline, held)
                if place is None:
                    return
                held.append(place.name)
                if self._play(place, wish, deadline, held):
                    return
        except LabError as error:
            self._refuse(wish, str(error))
        except EvidenceLost as error:  # the hosts go on: what they keep can be collected later
            self.lost_evidence = str(error)
            cure = f"nrf91-bench lab collect {self._stream.folder} fetches what the hosts keep"
            self._tell_once("evidence", f"{error}; {cure}")
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that plays the run
            self.mistakes.append(error)
        finally:
            for name in held:
                self._give_back(name)

    # ---------------------------------------------------------------- lease

    def _lease(self, wish: Wish, deadline: float, held: Sequence[str]) -> LabPlace | None:
        """Return a board's place; None when none was lent in time."""
        own = self._own_reservation(wish)
        if own is not None and own.name not in held:
            return own
        fitting = {place.name for place in self._coordinator.places() if place.fits(wish.tags)}
        if held and fitting <= set(held):
            return None
        waited = False

        def waiting() -> None:
            nonlocal waited
            if not waited and self._asked.request.wait:
                waited = True
                self._tell("waiting", f"for a board that is {wish.text}: {self._why_none(wish)}")
            self._sweep.want(wish.tags)

        wait = max(_LEAST_WAIT_S, deadline - time.monotonic())
        try:
            return self._coordinator.lease(wish.tags, wait=wait, waiting=waiting, stopped=self._stopped)
        except NothingLent:
            if not self._stopped():
                self._refuse(wish, self._why_none(wish))
            return None

    def _own_reservation(self, wish: Wish) -> LabPlace | None:
        """Return the place that is wished for by its name and that this person keeps for themselves."""
        if not wish.name:
            return None
        found = next((place for place in self._coordinator.places() if place.name == wish.name), None)
        return found if found is not None and found.holder == Owner.here().person else None

    def _why_none(self, wish: Wish) -> str:
        """Return who has the boards that would fit."""
        fitting = [place for place in self._coordinator.places() if place.fits(wish.tags)]
        texts = [f"{place.name} is {place.holder_text or place.trouble or 'free'}" for place in fitting[:3]]
        more = f" and {len(fitting) - 3} more" if len(fitting) > 3 else ""
        return "; ".join(texts) + more

    def _refuse(self, wish: Wish, why: str) -> None:
        self.refusals.append(why)
        self._tell_once("not lent", why if wish.text in why else f"{wish.text}: {why}")

    def _give_back(self, name: str) -> None:
        """Give a board back; one that this person keeps stays theirs, for then the run is not its holder."""
        try:
            self._coordinator.release(name)
        except LabError as error:
            self._tell("lab", f"{name} could not be given back: {error}", Level.WARNING)

    # ---------------------------------------------------------------- play

    def _play(self, place: LabPlace, wish: Wish, deadline: float, held: list[str]) -> bool:
        """Play a board that was lent; return whether the wish is fulfilled."""
        if place.trouble:
            self._refuse(wish, place.trouble)
            return False
        board = BoardRun(slot_of(place, self._workspace), self._hosts, self._stream)
        with self._registered(board):
            self._tell("lent", f"{place.name} at {place.host}")
            start = {
                "firmware": wish.firmware,
                "arguments": self._arguments(wish, deadline),
                "person": owner_text(self._coordinator.name),
                "files": self._files.archive,
            }
            try:
                board.play(start, self._check)
            except BoardRefused as error:
                self._refuse(wish, str(error))
                return False
            with self._lock:
                self.ran += 1
            if board.ended is None:
                self._tell("lost", f"{place.name}: {board.lost}; it is tried again", Level.WARNING)
            else:
                held.remove(place.name)
                self._give_back(place.name)  # who waits has it while the folder is fetched
            self._gather(board)
        return True

    @contextlib.contextmanager
    def _registered(self, board: BoardRun) -> Iterator[None]:
        with self._lock:
            self._playing.append(board)
        if self._stopped():
            board.end()
        try:
            yield
        finally:
            with self._lock:
                self._playing.remove(board)

    def _gather(self, board: BoardRun) -> None:
        """Fetch what a board's run kept; of one that its host could not begin, keep why."""
        slot, ended = board.lent.slot, board.ended
        if ended is not None and not ended.begun:
            self._stream.add(rows.GatheredRow(slot=slot, exit_code=ended.exit_code, why=ended.said))
            if ended.exit_code == ExitCode.USAGE:
                self.wrong.append(f"{board.lent.where.name}, {slot}: {ended.said}")
            return
        why = board.gather(self._stream.folder, self._lab.fetch_seconds, self._stopped)
        if why:
            cure = f"nrf91-bench lab collect {self._stream.folder} fetches it later"
            self._tell("evidence", f"{slot} is not here: {why}; {cure}", Level.WARNING)

    def _check(self, session: HostSession) -> None:
        session.check(lambda text: self._tell_once("clock", text))
        if self._asked.plan is not None and abs(session.clock_off_s) > _PLAN_CLOCK_S:
            off = clock_text(session.clock_off_s)
            raise HostUnfit(f"the clock of {session.where.name} is {off}: nothing is qualified by it")

    def _arguments(self, wish: Wish, deadline: float) -> list[str]:
        """Return the options of a board's run on its host."""
        request, arguments = self._asked.request, self._asked.arguments
        left = max(0.0, deadline - time.monotonic()) if wish.name else 0.0
        return [
            *self._files.arguments,
            *(("--repeat", str(request.repeat)) if request.repeat else ()),
            *(("--wait", f"{left:.0f}") if left else ()),
            *(("--", *arguments) if arguments and self._asked.plan is None else ()),
        ]

    def _tell_once(self, word: str, text: str) -> None:
        with self._lock:
            new = text not in self._told
            self._told.add(text)
        if new:
            self._tell(word, text, Level.WARNING)
