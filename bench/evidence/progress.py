"""How far a run is, by its rows: while it is played here, or read from its stream by whoever may read its folder."""

import itertools
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import in_words
from bench.evidence import rows
from bench.evidence.outcomes import Outcome
from bench.evidence.stream import FILE, RowReader
from bench.shared_files import open_plain
from bench.visible import visible_line

# A look takes a bounded time, whatever the stream has become since the last one; the next look goes on there.
_ROWS_A_LOOK = 20_000


@dataclass(frozen=True)
class BoardProgress:
    """How far a run is on one of its boards.

    Attributes:
        planned: tests of all rounds; 0 before the first is planned.
        done: those that have a result.
        bad: those that did not end well, by outcome.
        doing: the test that runs, or what the board is waiting for; empty between two.
        since: when that began (UTC, ISO 8601).
    """

    planned: int = 0
    done: int = 0
    bad: Mapping[Outcome, int] = field(default_factory=dict)
    doing: str = ""
    since: str = ""

    @property
    def failed(self) -> int:
        """How many tests have failed so far."""
        return self.bad.get(Outcome.FAILED, 0)

    @property
    def text(self) -> str:
        """Return the numbers for a person: ``312/602, 3 failed, 1 lab error``; empty before a test is planned."""
        if not self.planned:
            return ""
        return ", ".join([f"{self.done}/{self.planned}", *(f"{n} {kind.word}" for kind, n in self.bad.items())])


@dataclass
class _Board:
    """What the rows of one board tell."""

    planned: dict[tuple[int, str], None] = field(default_factory=dict)
    rounds: int = 0
    finished: dict[tuple[int, str], Outcome] = field(default_factory=dict)
    bad: Counter[Outcome] = field(default_factory=Counter)
    doing: tuple[str, str] = ("", "")
    in_first_round: int = 0

    def plan(self, number: int, test: str) -> None:
        first = next(iter(self.planned), (number, test))[0]
        if (number, test) not in self.planned:
            self.planned[number, test] = None
            self.in_first_round += number == first

    def finish(self, number: int, test: str, outcome: Outcome) -> None:
        before = self.finished.get((number, test))
        if before is not None and before.bad:
            self.bad[before] -= 1  # of several attempts the last counts
        if outcome.bad:
            self.bad[outcome] += 1
        self.finished[number, test] = outcome


class RunProgress:
    """How far a run is, by its rows."""

    def __init__(self) -> None:
        self._boards: dict[str, _Board] = {}

    @property
    def slots(self) -> list[str]:
        """The boards that have planned a test, in the order in which they did."""
        return [slot for slot, board in self._boards.items() if board.planned]

    def of(self, slot: str) -> BoardProgress:
        """Return the progress of one of the run's boards."""
        board = self._boards.get(slot, _Board())
        return BoardProgress(
            # Later rounds are planned when they begin; they have the same tests.
            max(len(board.planned), board.in_first_round * board.rounds),
            len(board.finished),
            {kind: board.bad[kind] for kind in Outcome if board.bad[kind]},
            *board.doing,
        )

    def take(self, row: rows.Row) -> None:
        """Take the next row."""
        if isinstance(row, rows.RunRow):
            for slot, count in Counter(slot for _, slots in row.turns or () for slot in slots).items():
                self._boards.setdefault(slot, _Board()).rounds = count
            return
        board = self._boards.setdefault(row.slot, _Board())
        match row:
            case rows.PlanRow():
                board.plan(row.round, row.test)
            case rows.StartRow():
                board.doing = visible_line(row.test), row.utc
            case rows.ProgressRow() if row.done is None:
                board.doing = visible_line(row.text), row.utc
            case rows.FinishRow():
                board.finish(row.round, row.test, row.outcome)
                board.doing = "", ""


class FollowedRun:
    """Follows the stream of a run that others play. Constructed, it has read nothing."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._reader = RowReader(folder)
        self._progress = RunProgress()

    def look(self) -> str:
        """Take what is new; return why nothing can be read there, empty when it can."""
        try:
            os.close(open_plain(self._file, os.O_RDONLY))
        except (OSError, ValueError) as error:  # a stranger's path may be none
            return in_words(error)
        for row in itertools.islice(self._reader.new_rows(), _ROWS_A_LOOK):
            self._progress.take(row)
        return ""

    def of(self, slot: str) -> BoardProgress:
        """Return the progress of one of the run's boards, as of the last look."""
        return self._progress.of(slot)
