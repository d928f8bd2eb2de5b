"""How far a run is, read from its stream while it goes on: by whoever may read the run's folder."""

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


class RunProgress:
    """Follows the stream of a run that others play. Constructed, it has read nothing."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._reader = RowReader(folder)
        self._planned: dict[str, set[tuple[int, str]]] = {}
        self._finished: dict[str, dict[tuple[int, str], Outcome]] = {}
        self._doing: dict[str, tuple[str, str]] = {}
        self._rounds: Counter[str] = Counter()

    def look(self) -> str:
        """Take what is new; return why nothing can be read there, empty when it can."""
        try:
            os.close(open_plain(self._file, os.O_RDONLY))
        except (OSError, ValueError) as error:  # a stranger's path may be none
            return in_words(error)
        for row in itertools.islice(self._reader.new_rows(), _ROWS_A_LOOK):
            self._take(row)
        return ""

    def of(self, slot: str) -> BoardProgress:
        """Return the progress of one of the run's boards, as of the last look."""
        planned = self._planned.get(slot, set())
        finished = self._finished.get(slot, {})
        first = min((number for number, _ in planned), default=1)
        a_round = sum(number == first for number, _ in planned)
        bad = Counter(outcome for outcome in finished.values() if outcome.bad)
        return BoardProgress(
            # Later rounds are planned when they begin; they have the same tests.
            max(len(planned), a_round * self._rounds[slot]),
            len(finished),
            {kind: bad[kind] for kind in Outcome if bad[kind]},
            *self._doing.get(slot, ("", "")),
        )

    def _take(self, row: rows.Row) -> None:
        match row:
            case rows.RunRow():
                self._rounds = Counter(slot for _, slots in row.turns or () for slot in slots)
            case rows.PlanRow():
                self._planned.setdefault(row.slot, set()).add((row.round, row.test))
            case rows.StartRow():
                self._doing[row.slot] = visible_line(row.test), row.utc
            case rows.ProgressRow() if row.done is None:
                self._doing[row.slot] = visible_line(row.text), row.utc
            case rows.FinishRow():
                self._finished.setdefault(row.slot, {})[row.round, row.test] = row.outcome  # of attempts the last
                self._doing.pop(row.slot, None)
