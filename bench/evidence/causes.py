"""What went wrong, by cause: a person reads each cause once, however many tests it has spoilt."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.errors import headline
from bench.evidence.outcomes import Outcome, TestResult
from bench.evidence.rows import FinishRow

UNFINISHED = "the test did not finish: its process ended, or the run was interrupted"
"""What is said of a test that has no result."""
_MOST_NAMED = 12
_DIGITS = re.compile(r"(\d+)")
_NUMBER = re.compile(r"\d[\d.,]*(?: [nmµ]?s\b)?")
_GIVEN_UP = re.compile(r"^\S+ was given up(?: after \d+ attempts)?: ")


@dataclass(frozen=True)
class Cause:
    """The bad results that have one cause, in the order of the run; there is at least one.

    Attributes:
        results: of any tests, boards and rounds.
    """

    results: Sequence[TestResult]

    @property
    def first(self) -> TestResult:
        """The result that shows the cause."""
        return self.results[0]

    @property
    def outcome(self) -> Outcome:
        """How all of them ended."""
        return self.first.outcome

    @property
    def message(self) -> str:
        """Why, as the first one says."""
        return self.first.message or UNFINISHED

    @property
    def headline(self) -> str:
        """The first line of the message."""
        return headline(self.message)

    @property
    def tests(self) -> list[str]:
        """The ids of the tests, each once."""
        return list(dict.fromkeys(result.test for result in self.results))

    @property
    def boards(self) -> str:
        """The boards, with how many results each has: ``dk-1 (2), dk-2``."""
        return boards_text(self.results)


def group_by_cause(results: Iterable[TestResult]) -> list[Cause]:
    """Return the causes of all bad results, in the order in which they were first seen.

    A lab error is one cause wherever it happens. A failure is one where it has the same text, or the same assert of
    the same scenario. Numbers in a message do not count.
    """
    groups: dict[tuple[str, str], list[TestResult]] = {}
    for result in results:
        if result.outcome.bad:
            groups.setdefault((result.outcome, cause_key(result)), []).append(result)
    return [Cause(same) for same in groups.values()]


def cause_key(result: TestResult | FinishRow) -> str:
    """Return a text that is equal for bad results of one outcome that have one cause."""
    said = _NUMBER.sub("#", _GIVEN_UP.sub("", headline(result.message)))
    if result.outcome in (Outcome.LAB_ERROR, Outcome.DIED):
        return said
    line, _, source = result.place.partition(": ")
    if source.startswith("assert "):
        return line
    return said if line else f"{result.test.partition('[')[0]} {said}"


def boards_text(results: Iterable[TestResult]) -> str:
    """Return ``dk-1 (2), dk-2``: the boards of results, with how many each has; of very many the first."""
    counts = Counter(result.slot for result in results)
    return some_text(
        [f"{slot} ({counts[slot]})" if counts[slot] > 1 else slot for slot in sorted(counts, key=naturally)]
    )


def some_text(names: Sequence[str]) -> str:
    """Return names in one line, of very many the first: ``dk-1, dk-2 ... and 190 more``."""
    named = names if len(names) <= _MOST_NAMED + 1 else names[:_MOST_NAMED]
    left = len(names) - len(named)
    return ", ".join(named) + (f" and {left} more" if left else "")


def naturally(slot: str) -> list[tuple[int, str]]:
    """Return a key by which board-2 comes before board-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in _DIGITS.split(slot)]
