"""One lent board's part of a run: started on its host, its rows added to the run's stream, its folder fetched."""

import contextlib
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.errors import LabError
from bench.evidence import EvidenceLost, ResultStream, rows
from bench.evidence.stream import FILE as STREAM
from bench.exit_code import ExitCode
from bench.host import messages
from bench.host.archive import unpack
from bench.host.program import row_of
from bench.lab.host_session import HostLost, HostSession, HostSessions, Lost
from bench.lab.places import LabPlace, Where

_LOOK_S = 0.2
_PIECE_S = 60.0
_AGAIN_S = 5.0
_THERE = "this host"
"""Where peers run, in the words of the host where they do."""
_ENVIRONMENT = "allure-results/environment.properties"
_NO_REFUSAL = (ExitCode.USAGE, ExitCode.INTERNAL)
"""Exit codes of a run that proved nothing, and that would be the same on any other board."""
_OF_THE_RUN = ("allure-results/categories.json",)
"""What each host's run writes alike, and this one has written itself."""


class BoardRefused(LabError):
    """The board's host does not play the run: somebody uses the board there, or the host is not fit."""


@dataclass(frozen=True)
class LentSlot:
    """A board as a run has it.

    Attributes:
        slot: its name.
        where: its host.
        workspace: name of the run on that host.
    """

    slot: str
    where: Where
    workspace: str


class BoardRun:
    """The part of one lent board.

    Args:
        lent: the board and its host.
        hosts: sessions with hosts.
        stream: of the run.
        passed_on: how many of the host's rows the stream has already.
    """

    def __init__(self, lent: LentSlot, hosts: HostSessions, stream: ResultStream, passed_on: int = 0) -> None:
        self.lent = lent
        self._hosts = hosts
        self._stream = stream
        self._passed_on = passed_on
        self._began = bool(passed_on)
        self._session: HostSession | None = None
        self._no_refusal: tuple[ExitCode, ...] = _NO_REFUSAL
        self._ended = threading.Event()
        self.ended: messages.Ended | None = None
        self.lost = ""

    @property
    def began(self) -> bool:
        """Whether the run on the host has written a row."""
        return self._began

    def play(self, start: Mapping[str, Any], check: Callable[[HostSession], None]) -> None:
        """Start the board's run on its host and pass its rows on until it ends there, or the host is lost.

        Args:
            start: arguments, person and files of :class:`bench.host.messages.Start`.
            check: refuses a host that must not play.

        Raises:
            BoardRefused: the host does not play; nothing was proved.
            EvidenceLost: a row cannot be written here.
        """
        slot, workspace = self.lent.slot, self.lent.workspace
        if start.get("firmware"):
            self._no_refusal = (ExitCode.INTERNAL,)  # another firmware than the one that is wanted is told by USAGE
        try:
            session = self._session = self._hosts.at(self.lent.where)
            check(session)
            inbox = session.listen(workspace, slot)
            session.send(messages.Start(run=workspace, board=slot, **start))
        except LabError as error:
            raise BoardRefused(str(error)) from error
        if self._ended.is_set():
            self.end()
        try:
            self._follow(inbox, session)
        except EvidenceLost:
            _wait_for_end(inbox)  # the host goes on, and keeps what can be collected later
            raise

    def _follow(self, inbox: "queue.Queue[Any]", session: HostSession) -> None:
        """Pass on what the host says until its run has ended, or the host is lost."""
        while True:
            message = inbox.get()
            if isinstance(message, messages.Rows):
                self._pass_on(message.rows, session)
            elif isinstance(message, messages.Ended):
                self.ended = message
                if not message.begun and message.exit_code not in self._no_refusal:
                    raise BoardRefused(message.said or f"its run ended with {message.exit_code}")
                self._lend(session)
                return
            elif isinstance(message, messages.Failed):
                raise BoardRefused(f"{self.lent.where.name}: {message.why}")
            elif isinstance(message, Lost):
                self._lend(session)
                self.lost = message.why
                self._stream.add(rows.AwayRow(slot=self.lent.slot, why=message.why))
                return

    def end(self) -> None:
        """Let the run on the host end in order; it may be called from another thread, and before it has begun."""
        self._ended.set()
        if self._session is not None:
            with contextlib.suppress(HostLost):
                self._session.send(messages.End(run=self.lent.workspace, board=self.lent.slot))

    def _lend(self, session: HostSession) -> None:
        """Write, once, that the board was lent: before its first row, or before that its host was lost."""
        if self._began:
            return
        self._began = True
        where = self.lent.where
        self._stream.add(
            rows.LentRow(
                slot=self.lent.slot,
                host=where.name,
                address=where.target,
                port=where.port,
                workspace=self.lent.workspace,
                config=session.hello.config,
            )
        )

    def _pass_on(self, some: Sequence[Mapping[str, Any]], session: HostSession) -> None:
        self._lend(session)
        for row in some:
            here = row.get("type") == "peers" and row.get("where") == _THERE
            self._stream.pass_on({**row, "where": self.lent.where.name} if here else row, self.lent.slot)
            self._passed_on += 1

    # ---------------------------------------------------------------- its folder

    def gather(self, folder: Path, patience: float, stopped: Callable[[], bool]) -> str:
        """Fetch the folder of the board's run into the run's own; return why it did not come, empty when it came.

        A host that is lost is tried again. Rows that had not arrived are added first, so that the verdict is that of
        the host's own stream.

        Args:
            folder: of the run.
            patience: seconds to try a host that is lost.
            stopped: whether to try no longer.

        Raises:
            EvidenceLost: a row cannot be written here.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                self._gather(folder)
            except (LabError, OSError) as error:
                why = str(error)
                may_help = isinstance(error, HostLost | _StillRuns)
            else:
                return ""
            if not may_help or stopped() or time.monotonic() >= deadline:
                return why
            time.sleep(min(_AGAIN_S, max(_LOOK_S, deadline - time.monotonic())))

    def _gather(self, folder: Path) -> None:
        lent = self.lent
        session = self._hosts.at(lent.where)
        with tempfile.TemporaryFile() as packed, tempfile.TemporaryDirectory(dir=folder, prefix=".gather-") as scratch:
            last = self._fetch(session, packed)
            packed.seek(0)
            unpack(packed, Path(scratch))
            self._catch_up(Path(scratch) / STREAM, session)
            _merge(Path(scratch), folder)
        code = self.ended.exit_code if self.ended is not None else last.exit_code
        said = self.ended.said if self.ended is not None else last.said
        # A run that nobody saw the end of tells by its rows whether it came to one.
        self._stream.add(rows.GatheredRow(slot=lent.slot, exit_code=code or 0, why=_reason(said) if code else ""))
        with contextlib.suppress(HostLost):
            session.send(messages.Drop(run=lent.workspace, board=lent.slot))

    def _fetch(self, session: HostSession, packed: IO[bytes]) -> messages.Piece:
        lent = self.lent
        inbox = session.listen(lent.workspace, lent.slot)
        session.send(messages.Fetch(run=lent.workspace, board=lent.slot))
        for message in _messages(inbox, lent.where.name):
            if isinstance(message, messages.Piece):
                if not message.data:
                    return message
                packed.write(message.data)
        raise HostLost(f"{lent.where.name} was lost")

    def _catch_up(self, stream: Path, session: HostSession) -> None:
        """Add the rows that the host has written and that never arrived."""
        with stream.open("rb") as file:
            left = [row_of(line, self.lent.slot) for number, line in enumerate(file) if number >= self._passed_on]
        if left:
            self._pass_on(left, session)


def _wait_for_end(inbox: "queue.Queue[Any]") -> None:
    """Wait until a board's run has ended on its host, or the host is lost."""
    while not isinstance(inbox.get(), messages.Ended | Lost):
        pass


class _StillRuns(LabError):
    """The host still plays the run."""


def _messages(inbox: "queue.Queue[Any]", host: str) -> Iterator[Any]:
    """Yield what a host says of a board.

    Raises:
        HostLost: the line is lost, or silent.
        LabError: it refuses.
    """
    while True:
        try:
            message = inbox.get(timeout=_PIECE_S)
        except queue.Empty:
            raise HostLost(f"{host} did not answer within {_PIECE_S:g} s") from None
        if isinstance(message, Lost):
            raise HostLost(message.why)
        if isinstance(message, messages.Failed):
            raise (_StillRuns if message.running else LabError)(f"{host}: {message.why}")
        yield message


def _reason(said: str) -> str:
    """Return the line of a run's last words that says why it ended."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    verdict = next((line.removeprefix("verdict").strip() for line in lines if line.startswith("verdict")), "")
    return verdict or (lines[0] if lines else "")


def _merge(source: Path, folder: Path) -> None:
    """Move what a host kept into the run's folder, where each board has folders of its own."""
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if not path.is_file() or name == STREAM or name in _OF_THE_RUN:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name == _ENVIRONMENT:
            with target.open("a", encoding="utf-8") as file:
                file.write(path.read_text(encoding="utf-8"))
        else:
            shutil.move(path, target)


def slot_of(place: LabPlace, workspace: str) -> LentSlot:
    """Return the board of a place as a run has it."""
    return LentSlot(place.name, place.at, workspace)
