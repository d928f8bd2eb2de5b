"""Results on a history page: each test night by night, how often it passed, and how often it changed its mind."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from bench.evidence import Outcome
from bench.evidence.outcomes import KNOWN_ISSUE
from bench.history import Store
from bench.history.listing import OUTCOMES
from bench.history.overview import ResultCount, result_counts
from bench.number_text import percent
from bench.report.history_page.scope import Board, Scope

_PASSED, _FAILED, _LAB_ERROR = (OUTCOMES.index(outcome) for outcome in ("passed", "failed", "lab_error"))
_KNOWN = len(OUTCOMES)
Column = tuple[int, int, int]
"""Numbers of a night, a board and a firmware."""


@dataclass(frozen=True)
class TestView:
    """A test, on hardware or on simulated boards.

    Attributes:
        rate: passed of passed and failed; None where it did neither.
        flaky: nights in which it passed and failed on one board and firmware.
        changes: how often it failed in one night and passed in the next that it ran, or the other way round, on one
            board and firmware.
        last_failed: the last night in which it failed; empty for none.
        board_numbers: of those that it ran on.
        firmware: likewise.
        cells: by column, the number of what :attr:`ResultGrid.counts` has.
    """

    __test__ = False  # not a test class of pytest's

    name: str
    simulated: bool
    passed: int
    failed: int
    lab_errors: int
    known_issues: int
    rate: float | None
    flaky: int
    changes: int
    last_failed: str
    board_numbers: Sequence[int]
    firmware: Sequence[int]
    cells: "array[int]"

    @property
    def rate_text(self) -> str:
        """The pass rate for a person."""
        return "" if self.rate is None else percent(self.rate, 0 if self.rate in (0, 1) else 1)

    @property
    def steady(self) -> bool:
        """Whether it always passed."""
        return self.rate == 1 and not self.lab_errors


@dataclass
class ResultGrid:
    """Tests by night, board and firmware.

    Attributes:
        columns: night, board and firmware of each column.
        counts: as :class:`ResultCount` has them, each combination once; the first is none at all.
        tests: what needs a look first.
    """

    columns: list[Column] = field(default_factory=list)
    counts: list[tuple[int, ...]] = field(default_factory=lambda: [(0,) * (_KNOWN + 1)])
    tests: list[TestView] = field(default_factory=list)

    @property
    def outcomes(self) -> Sequence[str]:
        """The words of the counts, in their order."""
        return [*(Outcome(outcome).word for outcome in OUTCOMES), KNOWN_ISSUE]


def result_grid(store: Store, scope: Scope) -> ResultGrid:
    """Return the results of the scope's nights, test by test."""
    grid = ResultGrid()
    columns: dict[Column, int] = {}
    counts = {grid.counts[0]: 0}
    dated = (one for one in result_counts(store, scope.since) if one.night in scope.night_numbers)
    for (name, simulated), found in groupby(_apart(dated), key=lambda one: (one.test, one.board[1])):
        grid.tests.append(_test_view(name, simulated, list(found), scope, columns, counts))
    grid.columns, grid.counts = list(columns), list(counts)
    grid.tests.sort(key=lambda test: (test.simulated, test.steady, 1.0 if test.rate is None else test.rate, test.name))
    return grid


def _apart(counts: Iterable[ResultCount]) -> Iterable[ResultCount]:
    """Yield the counts of each test, those on hardware first: what no hardware produced is never mixed with them."""
    for _, found in groupby(counts, key=lambda one: one.test):
        yield from sorted(found, key=lambda one: (one.board[1], one.night))


def _test_view(
    name: str,
    simulated: bool,
    found: Sequence[ResultCount],
    scope: Scope,
    columns: dict[Column, int],
    counts: dict[tuple[int, ...], int],
) -> TestView:
    cells: dict[int, int] = {}
    passed, failed, lab_errors = (
        sum(one.counts[outcome] for one in found) for outcome in (_PASSED, _FAILED, _LAB_ERROR)
    )
    for one in found:
        place = (
            scope.night_numbers[one.night],
            scope.board_numbers[one.board],
            scope.firmware_numbers[one.firmware],
        )
        column = columns.setdefault(place, len(columns))
        cells[column] = counts.setdefault(one.counts, len(counts))
    return TestView(
        name=name,
        simulated=simulated,
        passed=passed,
        failed=failed,
        lab_errors=lab_errors,
        known_issues=sum(one.counts[_KNOWN] for one in found),
        rate=passed / (passed + failed) if passed + failed else None,
        flaky=len({one.night for one in found if one.counts[_PASSED] and one.counts[_FAILED]}),
        changes=_changes(found),
        last_failed=max((one.night for one in found if one.counts[_FAILED]), default=""),
        board_numbers=sorted({scope.board_numbers[one.board] for one in found}),
        firmware=sorted({scope.firmware_numbers[one.firmware] for one in found}),
        cells=array("L", (cells.get(column, 0) for column in range(max(cells) + 1))),
    )


def _changes(found: Sequence[ResultCount]) -> int:
    """Return how often a test's result changed from one night to the next, on one board and one firmware."""
    last: dict[tuple[Board, str], bool] = {}
    changes = 0
    for one in found:  # in the order of their nights
        passed, failed = one.counts[_PASSED], one.counts[_FAILED]
        if bool(passed) is bool(failed):
            continue
        place = one.board, one.firmware
        changes += last.get(place, bool(passed)) is not bool(passed)
        last[place] = bool(passed)
    return changes
