"""The lab now: each board of this host with its user, since when, for what, at which test, and what changed since."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.boards import AttachedBoard, BoardChange, BoardSpec, Catalog, Holder, Reservation
from bench.boards.board_state import BoardState, SeenState
from bench.boards.listing import ListedBoard, list_boards
from bench.clock import span_text
from bench.config.lab import Config
from bench.errors import BenchError
from bench.evidence.progress import BoardProgress, FollowedRun
from bench.number_text import counted
from bench.shared_files import user_name
from bench.visible import visible_line

_Run = tuple[str, int, str]
_GAP = "   "
PROGRESS = "progress"
_FIRST = (BoardState.IN_USE, BoardState.RESERVED, BoardState.FREE)


@dataclass(frozen=True)
class BoardNow:
    """A board as it is now.

    Attributes:
        row: its line in the list of boards.
        title: of its model.
        progress: of the run that uses it; None for another job, or where it cannot be read.
        unread: why that cannot be read.
    """

    row: ListedBoard
    title: str = ""
    progress: BoardProgress | None = None
    unread: str = ""

    @property
    def name(self) -> str:
        """Its name in the inventory, or of its model and rank; what else tells it from others, where it has none."""
        spec = self.row.spec
        return visible_line(spec.slot or spec.serial or spec.place)

    @property
    def simulated(self) -> bool:
        """Whether no hardware is behind it."""
        return not self.row.spec.hardware

    @property
    def state(self) -> BoardState:
        """Its state."""
        return self.row.seen.state

    @property
    def holder(self) -> Holder | None:
        """Who uses it."""
        return self.row.seen.holder

    @property
    def _kept(self) -> Reservation | None:
        """Its reservation, where that is its state."""
        return self.row.seen.reservation if self.state is BoardState.RESERVED else None

    @property
    def purpose(self) -> str:
        """What it is used or reserved for."""
        if self.holder is not None:
            return self.holder.job
        return visible_line(self._kept.why) if self._kept is not None else ""

    def use(self, now: datetime) -> str:
        """Return who uses it since when, or keeps it until when, or the details of another state."""
        if self.holder is not None:
            age = _age_text(self.holder.since, now)
            return f"{self.holder.user} since {_clock_text(self.holder.since, now)}{f' ({age})' if age else ''}"
        if self._kept is not None:
            return _kept_text(self._kept, now)
        return visible_line(self.row.seen.details).removeprefix("by ")

    def kept_beside(self, now: datetime) -> str:
        """Return its reservation while something else is its state; empty without one."""
        kept = self.row.seen.reservation
        if kept is None or self._kept is not None:
            return ""
        return f"reserved by {_kept_text(kept, now)}: {visible_line(kept.why)}"

    def doing(self, now: datetime) -> str:
        """Return the test that runs and for how long, or why that cannot be told; empty for nothing."""
        if self.unread:
            return f"progress not known, its run cannot be read: {self.unread}"
        if self.progress is None or not self.progress.doing:
            return ""
        age = _age_text(self.progress.since, now)
        return f"{_test_text(self.progress.doing)}{f', {age}' if age else ''}"


@dataclass(frozen=True)
class LabNow:
    """All boards of this host at one moment; ``problem`` says why they could not be listed anew."""

    moment: datetime
    boards: Sequence[BoardNow] = ()
    problem: str = ""

    @property
    def summary(self) -> str:
        """Return how many boards are in which state: ``8 boards: 3 in use, 5 free``."""
        counts = Counter(board.state for board in self.boards)
        states = ", ".join(
            f"{counts[state]} {state}" for state in (*_FIRST, *sorted({*counts} - {*_FIRST})) if counts[state]
        )
        return f"{counted(len(self.boards), 'board')}{f': {states}' if states else ''}"


@dataclass(frozen=True)
class Change:
    """One thing that changed: a board, a word (attached, unplugged, a state, progress), and the rest of a line."""

    board: BoardNow
    word: str
    text: str

    def line(self, moment: datetime) -> str:
        """Return it as a line that begins with the time, in the zone of the lab."""
        simulated = "SIMULATED   " if self.board.simulated else ""
        clock = moment.astimezone()
        return f"{clock:%H:%M:%S}  {self.word:<12} {self.board.name:<14} {simulated}{self.text}".rstrip()


@dataclass
class LabWatch:
    """Looks at the boards again and again. A look opens no port, and reads of a run what is new since the last look.

    Attributes:
        lab: its configuration.
        catalog: of its models.
    """

    lab: Config
    catalog: Catalog
    _now: LabNow = field(default_factory=lambda: LabNow(datetime.now(UTC)))
    _runs: dict[_Run, FollowedRun] = field(default_factory=dict)
    _seen: dict[tuple[str, str], BoardNow] = field(default_factory=dict)

    def look(self, attached: Sequence[AttachedBoard]) -> LabNow:
        """Return the lab as it is now."""
        moment = datetime.now(UTC)
        try:
            listed = list_boards(self.lab, attached, all_in_use=True)
        except BenchError as error:  # two boards with one serial number, say: until one of them is unplugged
            self._now = replace(self._now, moment=moment, problem=error.headline)
            return self._now
        holders = [row.seen.holder for row in listed if row.seen.holder is not None]
        self._runs = {
            run: self._runs.get(run) or FollowedRun(Path(holder.folder))
            for holder in holders
            if (run := _run_of(holder)) and holder.folder
        }
        unread = {run: progress.look() for run, progress in self._runs.items()}
        self._now = LabNow(moment, [self._board(row, unread) for row in listed])
        self._seen |= {(board.row.spec.serial, board.row.spec.place): board for board in self._now.boards}
        return self._now

    def _board(self, row: ListedBoard, unread: Mapping[_Run, str]) -> BoardNow:
        title, holder = self.catalog.title(row.spec.model), row.seen.holder
        if holder is None or _run_of(holder) not in self._runs:
            return BoardNow(row, title)
        run = _run_of(holder)
        return BoardNow(row, title, None if unread[run] else self._runs[run].of(holder.slot), unread[run])

    def plug_change(self, plug: BoardChange) -> Change:
        """Return the change that a board was plugged in, after a look at it, or unplugged."""
        one = plug.board
        board = self._seen.get((one.serial, one.place))
        if board is None:  # the lab could not be listed
            spec = BoardSpec("", "", one.model, one.serial, one.place)
            board = BoardNow(ListedBoard(spec, {}, SeenState(BoardState.MAYBE)), self.catalog.title(one.model))
        seen = board.row.seen if plug.attached else replace(board.row.seen, state=BoardState.NOT_ATTACHED, details="")
        board = replace(board, row=replace(board.row, ports=one.ports, seen=seen))
        return plugged(board, attached=plug.attached, moment=self._now.moment)


def _run_of(holder: Holder) -> _Run:
    """Return what tells one run from all others, also from a later one in the same folder."""
    return holder.folder, holder.pid, holder.since


def plugged(board: BoardNow, *, attached: bool, moment: datetime) -> Change:
    """Return the change that a board was plugged in or unplugged."""
    ports = _GAP.join(f"{kind} {node}" for kind, node in board.row.ports.items())
    state = f"{board.state} {_state_text(board, moment)}".strip() if attached else ""
    text = _GAP.join(filter(None, (board.title, board.row.spec.serial, ports, state)))
    return Change(board, "attached" if attached else "unplugged", text)


def changes(told: Mapping[str, BoardNow], now: LabNow) -> Iterator[Change]:
    """Yield what is other than was told: states, users, reservations, progress.

    What is plugged in and unplugged is told by udev: see :meth:`LabWatch.plug_change`.

    Args:
        told: the boards by their keys, as they were told last.
        now: as they are.
    """
    gone = dict(told)
    for board in now.boards:
        before = gone.pop(board.row.key, None)
        if board.state is BoardState.NOT_ATTACHED and board.row.spec.place and board.row.ports:
            continue  # it is being unplugged: udev still lists it, and tells in a moment
        if before is None or _use_of(before) != _use_of(board):
            yield Change(board, str(board.state), _state_text(board, now.moment))
        if board.progress is not None and (before is None or board.progress != before.progress):
            text = _GAP.join(filter(None, (board.progress.text, _test_text(board.progress.doing))))
            if text:
                yield Change(board, PROGRESS, text)
    for board in gone.values():
        if board.state is BoardState.IN_USE and not board.row.ports:  # it was known for its user alone
            yield Change(board, str(BoardState.FREE), "")


def _use_of(board: BoardNow) -> tuple[object, ...]:
    return board.row.seen, board.unread


def _state_text(board: BoardNow, now: datetime) -> str:
    use = board.use(now)
    named = f"by {use}" if board.purpose else use
    beside = board.doing(now) if board.unread else ""
    return _GAP.join(filter(None, (named, board.purpose, board.kept_beside(now), beside)))


def _test_text(doing: str) -> str:
    """Return a test as the console of a run shows it: ``latency: test_round_trip[TCP-256]``; another text as it is."""
    file, colons, name = doing.partition("::")
    return f"{Path(file).stem.removeprefix('test_')}: {name}" if colons and file.endswith(".py") else doing


def _kept_text(kept: Reservation, now: datetime) -> str:
    return f"{user_name(kept.uid)} until {_clock_text(kept.until, now)}"


def _clock_text(utc: str, now: datetime) -> str:
    """Return a moment (ISO 8601) in the zone of the lab, with its day where that is another: ``28 Nov 13:20``."""
    moment = _moment(utc)
    if moment is None:
        return visible_line(utc)
    local = moment.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%-d %b %H:%M}"


def _age_text(utc: str, now: datetime) -> str:
    moment = _moment(utc)
    return "" if moment is None else span_text(max(0, round((now - moment).total_seconds())))


def _moment(utc: str) -> datetime | None:
    """Return the moment of a stranger's text; None for nonsense."""
    try:
        return datetime.fromisoformat(utc).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
