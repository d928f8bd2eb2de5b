"""Lab errors on a history page: those of one cause together, by how often they came."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import headline
from bench.evidence import Outcome, TestResult
from bench.evidence.causes import cause_key
from bench.history import Store
from bench.history.overview import LabErrorSeen, lab_errors
from bench.report.history_page.scope import Scope

_MOST_CAUSES = 100
_MOST_LETTERS = 300


@dataclass(frozen=True)
class CauseView:
    """A cause of lab errors, on hardware or on simulated boards.

    Attributes:
        text: the message that came last.
        board_names: of all boards that it hit.
        by_night: number of a night, of a board and of a firmware -> how many tests it hit.
    """

    text: str
    simulated: bool
    count: int
    tests: int
    first: str
    last: str
    board_names: Sequence[str]
    board_numbers: Sequence[int]
    firmware: Sequence[int]
    by_night: Sequence[tuple[int, int, int, int]]


class _Cause:
    def __init__(self) -> None:
        self.last: LabErrorSeen | None = None
        self.first = ""
        self.tests: set[str] = set()
        self.places: Counter[tuple[int, int, int]] = Counter()

    def take(self, one: LabErrorSeen, scope: Scope) -> None:
        self.first = self.first or one.night
        self.last = one
        self.tests.add(one.test)
        place = scope.night_numbers[one.night], scope.board_numbers[one.board], scope.firmware_numbers[one.firmware]
        self.places[place] += 1


def cause_views(store: Store, scope: Scope) -> tuple[list[CauseView], int]:
    """Return the causes of the scope's lab errors, the most frequent first, and how many more there are."""
    found: dict[tuple[bool, str], _Cause] = {}
    for one in lab_errors(store, scope.since):
        if one.night in scope.night_numbers:
            key = one.board[1], cause_key(TestResult(one.test, one.board[0], Outcome.LAB_ERROR, message=one.message))
            found.setdefault(key, _Cause()).take(one, scope)
    views = [_view(simulated, cause, scope) for (simulated, _), cause in found.items()]
    views.sort(key=lambda view: (view.simulated, -view.count, view.text))
    return views[:_MOST_CAUSES], max(0, len(views) - _MOST_CAUSES)


def _view(simulated: bool, cause: _Cause, scope: Scope) -> CauseView:
    assert cause.last is not None, "a cause has an error"
    boards = sorted({board for _, board, _ in cause.places})
    return CauseView(
        text=headline(cause.last.message)[:_MOST_LETTERS] or "no message",
        simulated=simulated,
        count=cause.places.total(),
        tests=len(cause.tests),
        first=cause.first,
        last=cause.last.night,
        board_names=[scope.boards[number].slot for number in boards],
        board_numbers=boards,
        firmware=sorted({firmware for *_, firmware in cause.places}),
        by_night=[(*place, count) for place, count in sorted(cause.places.items())],
    )
