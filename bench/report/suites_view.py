"""The suites of a run in a few numbers each: the table of a verdict that fits on a printed page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.clock import NS_PER_S, span_text
from bench.evidence import Outcome, TestResult
from bench.evidence.ids import suite_of
from bench.evidence.outcomes import KNOWN_ISSUE

_COLUMNS = (
    Outcome.PASSED.word,
    Outcome.FAILED.word,
    Outcome.LAB_ERROR.word,
    Outcome.SCRIPT_ERROR.word,
    Outcome.DIED.word,
    KNOWN_ISSUE,
    Outcome.SKIPPED.word,
)


@dataclass(frozen=True)
class SuiteRow:
    """A suite: how many of its results there are, how many of each outcome, and how long they took together."""

    name: str
    tests: int
    counts: Sequence[int]
    time: str
    worst: str


@dataclass(frozen=True)
class SuitesView:
    """All suites; ``columns`` are the outcomes that occurred."""

    columns: Sequence[str]
    rows: Sequence[SuiteRow]


def suites_view(results: Iterable[TestResult]) -> SuitesView:
    """Return the suites of a run, in its order."""
    suites: dict[str, list[TestResult]] = {}
    for result in results:
        suites.setdefault(suite_of(result.test), []).append(result)
    seen = {result.word for same in suites.values() for result in same}
    columns = [word for word in _COLUMNS if word in seen or word == Outcome.PASSED.word]
    return SuitesView(columns, [_row(name, same, columns) for name, same in suites.items()])


def _row(name: str, same: Sequence[TestResult], columns: Sequence[str]) -> SuiteRow:
    words = [result.word for result in same]
    took = sum(result.duration_ns for result in same) / NS_PER_S
    return SuiteRow(
        name,
        len(same),
        [words.count(word) for word in columns],
        span_text(round(took, 1)),
        Outcome.worst(result.outcome for result in same),
    )
