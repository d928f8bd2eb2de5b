"""Failures for a page: one entry for each cause, with the names of all its tests."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bench.errors import headline
from bench.evidence import Outcome, TestResult
from bench.report.views import Failure, Place

_MOST_LETTERS = 2500
_MOST_NAMED = 8
_ANY_NUMBER = re.compile(r"\d[\d.,]*(?: [num]?s\b)?")
_UNFINISHED = "the test did not finish: its process ended or the run was interrupted"


def is_failure(result: TestResult) -> bool:
    """Return whether a result belongs under what went wrong."""
    return result.outcome.bad


def group_by_cause(results: Iterable[TestResult]) -> list[list[TestResult]]:
    """Group failures of one test, and lab errors of one text, whatever numbers their messages hold."""
    groups: dict[tuple[str, str], list[TestResult]] = {}
    for result in filter(is_failure, results):
        groups.setdefault((result.outcome, _cause(result)), []).append(result)
    return list(groups.values())


def _cause(result: TestResult) -> str:
    if result.outcome in (Outcome.FAILED, Outcome.SCRIPT_ERROR):
        return f"{result.test} {_ANY_NUMBER.sub('#', headline(result.message))}"
    return _ANY_NUMBER.sub("#", result.message)


def group_by_test(results: Iterable[TestResult]) -> list[list[TestResult]]:
    """Group results of one test."""
    groups: dict[str, list[TestResult]] = {}
    for result in results:
        groups.setdefault(result.test, []).append(result)
    return list(groups.values())


def failure_of(same: Sequence[TestResult], earlier: Mapping[str, str], excuses: Mapping[int, str]) -> Failure:
    """Return the entry of results that have one cause; ``excuses`` are by the identity of a result."""
    first = same[0]
    others = sorted({result.test for result in same} - {first.test})
    kept = (("transcript", first.transcript), ("log", first.log), ("collected for support", first.support))
    return Failure(
        test=first.test,
        boards=boards_text(same),
        outcome=first.outcome,
        word=first.outcome.word,
        message=(first.message or _UNFINISHED)[:_MOST_LETTERS],
        first_attempt=first.earlier,
        history=earlier.get(first.test, ""),
        excuse=excuses.get(id(first), ""),
        others=others[:_MOST_NAMED],
        unnamed=max(0, len(others) - _MOST_NAMED),
        radio=first.radio,
        links=[(name, path) for name, path in kept if path],
    )


def place_of(same: Sequence[TestResult], text: str = "") -> Place:
    """Return a test with its boards, and a remark."""
    return Place(same[0].test, boards_text(same), text, same[0].transcript)


def boards_text(same: Iterable[TestResult]) -> str:
    """Return ``dk-1 (2), dk-2``: the boards of results, with how many each has."""
    counts = Counter(result.slot for result in same)
    return ", ".join(f"{slot} ({count})" if count > 1 else slot for slot, count in sorted(counts.items()))
