"""Failures for a page: one entry for each cause, with the names of all its tests."""

from collections.abc import Iterable, Mapping, Sequence

from bench.evidence import Cause, TestResult, boards_text
from bench.report.links import NO_FOLDER, RunLinks
from bench.report.views import Failure, Place

_MOST_LETTERS = 2500
_MOST_NAMED = 8


def group_by_test(results: Iterable[TestResult]) -> list[list[TestResult]]:
    """Group results of one test."""
    groups: dict[str, list[TestResult]] = {}
    for result in results:
        groups.setdefault(result.test, []).append(result)
    return list(groups.values())


def failure_of(
    cause: Cause,
    earlier: Mapping[str, str],
    excuses: Mapping[int, str],
    rerun: str = "",
    links: RunLinks = NO_FOLDER,
) -> Failure:
    """Return the entry of a cause.

    Args:
        cause: of bad results.
        earlier: what the history says, by test.
        excuses: the waivers that excuse them, by the identity of a result.
        rerun: the command that plays the tests again.
        links: of the page.
    """
    first = cause.first
    others = [test for test in cause.tests if test != first.test]
    return Failure(
        test=first.test,
        boards=cause.boards,
        outcome=first.outcome,
        word=first.outcome.word,
        message=cause.message[:_MOST_LETTERS],
        place=first.place,
        excerpt=first.excerpt,
        rerun=rerun,
        first_attempt=first.earlier,
        history=earlier.get(first.test, ""),
        excuse=excuses.get(id(first), ""),
        others=others[:_MOST_NAMED],
        unnamed=max(0, len(others) - _MOST_NAMED),
        radio=first.radio,
        links=list(links.to_evidence(first).items()),
    )


def place_of(same: Sequence[TestResult], text: str = "", links: RunLinks = NO_FOLDER) -> Place:
    """Return a test with its boards, a remark, and the link to a transcript."""
    return Place(same[0].test, boards_text(same), text, links.to(same[0].transcript))
