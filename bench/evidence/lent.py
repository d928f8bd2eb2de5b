"""The boards that other hosts lend to a run: which began, which came to their ends, and what is missing of each.

One host's end says nothing of another's. A board counts as finished when its own run on its own host has closed its
stream, and everything that run kept has arrived.
"""

from dataclasses import dataclass

from bench.evidence import rows
from bench.exit_code import ExitCode
from bench.number_text import counted

_TOLD_BY_ROWS = (ExitCode.OK, ExitCode.FAILED, ExitCode.LAB, ExitCode.INCOMPLETE, ExitCode.SCRIPT)
"""Exit codes of a host's run that its own rows explain."""


@dataclass
class LentBoard:
    """One board, as the rows tell of it.

    Attributes:
        host: where it hangs.
        began: its run on its host has written its first row.
        closed: that run has come to its end.
        away: why its host was lost; empty while it is there.
        gathered: what arrived from its host at last.
    """

    host: str
    began: bool = False
    closed: bool = False
    away: str = ""
    gathered: rows.GatheredRow | None = None


class LentBoards:
    """All boards that were lent to a run, by slot."""

    def __init__(self) -> None:
        self._boards: dict[str, LentBoard] = {}
        self._wanted = 0
        self._rounds = 1

    def expect(self, row: rows.RunRow) -> None:
        """Take how many boards the run is to have."""
        self._wanted, self._rounds = row.wanted, row.rounds

    def lend(self, row: rows.LentRow) -> None:
        """Take a board that was lent."""
        self._boards[row.slot] = LentBoard(row.host)

    def begin(self, row: rows.RunRow) -> None:
        """Take the first row of a board's run on its host."""
        self._of(row.lent).began = True

    def close(self, row: rows.ClosedRow) -> None:
        """Take the end of a board's run on its host."""
        self._of(row.lent).closed = True

    def lose(self, row: rows.AwayRow) -> None:
        """Take the loss of a board's host."""
        self._of(row.slot).away = row.why

    def gather(self, row: rows.GatheredRow) -> None:
        """Take the arrival of all that a board's run kept."""
        self._of(row.slot).gathered = row

    def turns_of(self, slot: str) -> set[tuple[str, int]]:
        """Return the rounds that a lent board must play, as slot and round."""
        return {(slot, number) for number in range(1, self._rounds + 1)}

    @property
    def hosts(self) -> dict[str, str]:
        """Slot -> host."""
        return {slot: board.host for slot, board in self._boards.items()}

    @property
    def missing(self) -> set[str]:
        """Slots of boards whose evidence has not arrived from their hosts."""
        return {slot for slot, board in self._boards.items() if board.gathered is None}

    @property
    def unfinished(self) -> set[str]:
        """Slots of boards of whose end :meth:`troubles` says more than an open round does."""
        return {slot for slot, board in self._boards.items() if _trouble(slot, board)}

    def troubles(self) -> list[str]:
        """Return why the run is not whole, as far as the lent boards go."""
        found = [_trouble(slot, board) for slot, board in self._boards.items()]
        ran = sum(board.began for board in self._boards.values())
        if ran < self._wanted:
            found.append(f"wanted {counted(self._wanted, 'board')}, {ran} ran")
        return [text for text in found if text]

    def lost(self) -> list[str]:
        """Return what evidence the hosts themselves say that they could not keep."""
        return [
            f"{board.host} kept no evidence of {slot}: {board.gathered.why or 'its run ended with exit code 4'}"
            for slot, board in self._boards.items()
            if board.gathered is not None and board.gathered.exit_code == ExitCode.EVIDENCE
        ]

    def internal_errors(self) -> list[str]:
        """Return the mistakes of the bench on the boards' hosts."""
        return [
            f"on {board.host}, {slot}: {board.gathered.why or 'internal error of the bench'}"
            for slot, board in self._boards.items()
            if board.gathered is not None and board.gathered.exit_code == ExitCode.INTERNAL
        ]

    def _of(self, slot: str) -> LentBoard:
        """Return a board; one that was never lent is kept too, so that its rows are not taken for another's."""
        return self._boards.setdefault(slot, LentBoard("an unknown host"))


def _trouble(slot: str, board: LentBoard) -> str:
    """Return why one board is not finished; empty when it is."""
    if board.gathered is None:
        return f"{slot}: {board.away}" if board.away else f"{slot}: its results were not fetched from {board.host}"
    code = board.gathered.exit_code
    if code not in (*_TOLD_BY_ROWS, ExitCode.EVIDENCE, ExitCode.INTERNAL):
        return f"{slot}: its run on {board.host} ended with exit code {code}: {board.gathered.why or 'no reason given'}"
    if not board.closed:
        return f"{slot}: its run on {board.host} did not come to its end"
    return ""
