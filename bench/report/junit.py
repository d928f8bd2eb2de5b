"""A run as JUnit XML, for job pages of CI systems.

A test that failed as a known issue says is ``skipped`` with the reason, as pytest writes expected failures: job pages
show that and no property of a passed test. An unexpected pass is a failure.
"""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.clock import NS_PER_S
from bench.config.known_issues import KnownIssueText
from bench.evidence import Outcome, TestResult
from bench.evidence.outcomes import KNOWN_ISSUE
from bench.evidence.summary import Summary
from bench.visible import visible

_KINDS = {
    Outcome.FAILED: "failure",
    Outcome.LAB_ERROR: "error",
    Outcome.SCRIPT_ERROR: "error",
    Outcome.DIED: "error",
    Outcome.SKIPPED: "skipped",
}
_TOLERABLE = {Outcome.FAILED, Outcome.LAB_ERROR}
_COUNTS = {"failure": "failures", "error": "errors", "skipped": "skipped"}
_LETTERS = 5000


def junit(summary: Summary) -> Iterator[str]:
    """Yield the XML in parts: a suite for each board and round, with board, firmware and verdict as properties.

    Where no test shows that the run failed, the verdict is a test of its own.
    """
    tolerant = not summary.exit_code
    places: dict[tuple[str, int], list[TestResult]] = {}
    for result in summary.results:
        places.setdefault((result.slot, result.round), []).append(result)
    unexplained = not tolerant and not any(result.outcome.bad for result in summary.results)
    root = ET.Element("testsuites", name=_clean(f"nrf91-bench {summary.run}"))
    _set_counts(root, summary.results, tolerant=tolerant, more_errors=int(unexplained))
    root.set("time", _seconds(sum(result.duration_ns for result in summary.results)))
    head = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    yield '<?xml version="1.0" encoding="utf-8"?>\n' + head.removesuffix("</testsuites>") + "\n"
    verdict = summary.verdict  # once: it looks at every result
    for (slot, number), results in places.items():
        yield _text(_suite(slot, number, results, summary, verdict, tolerant=tolerant))
    if unexplained:
        suite = ET.Element("testsuite", name="verdict", tests="1", failures="0", errors="1", skipped="0", time="0")
        case = ET.SubElement(suite, "testcase", classname="nrf91-bench", name="verdict", time="0")
        ET.SubElement(case, "error", type="verdict", message=_clean(f"{summary.verdict}: {summary.reason}"))
        yield _text(suite)
    yield "</testsuites>\n"


def _text(suite: ET.Element) -> str:
    ET.indent(suite, level=1)
    return f"  {ET.tostring(suite, encoding='unicode')}\n"


def _set_counts(element: ET.Element, results: Sequence[TestResult], *, tolerant: bool, more_errors: int = 0) -> None:
    """Set how many tests there are, and how many ended in which element."""
    counts = Counter(_ending(result, tolerant=tolerant)[0] for result in results)
    counts["error"] += more_errors
    element.set("tests", str(len(results) + more_errors))
    for kind, name in _COUNTS.items():
        element.set(name, str(counts[kind]))


def _suite(
    slot: str, number: int, results: Sequence[TestResult], summary: Summary, verdict: str, *, tolerant: bool
) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(slot + (f" round {number}" if number > 1 else "")))
    board = next((board for board in summary.boards if board.slot == slot), None)
    facts = {
        "verdict": verdict,
        "simulated": str(summary.simulated).lower(),
        "board": slot,
        "model": board.model if board is not None else "",
        "firmware": board.firmware if board is not None else "",
        "bench": summary.bench,
    }
    _add_properties(suite, [(name, value) for name, value in facts.items() if value])
    for result in results:
        _add_case(suite, result, tolerant=tolerant)
    _set_counts(suite, results, tolerant=tolerant)
    suite.set("timestamp", summary.started[:19])
    suite.set("time", _seconds(sum(result.duration_ns for result in results)))
    return suite


def _add_case(suite: ET.Element, result: TestResult, *, tolerant: bool) -> None:
    """Add a test."""
    module, _, test = result.test.partition("::")
    case = ET.SubElement(
        suite, "testcase", classname=_clean(module), name=_clean(test), time=_seconds(result.duration_ns)
    )
    _add_properties(case, _facts(result))
    kind, message = _ending(result, tolerant=tolerant)
    if kind:
        word = "unexpected pass" if result.unexpected_pass else result.word
        element = ET.SubElement(case, kind, type=word, message=_clean(message.partition("\n")[0]))
        element.text = _clean("\n".join([message, *_evidence(result)])) if kind != "skipped" else None
    files = [("transcript", result.transcript), ("log", result.log), ("support", result.support)]
    lines = [f"{name}: {path}" for name, path in files if path] if result.outcome.bad else []
    if lines:
        ET.SubElement(case, "system-out").text = _clean("\n".join([*lines, *([result.radio] if result.radio else [])]))


def _ending(result: TestResult, *, tolerant: bool) -> tuple[str, str]:
    """Return element and message of a result. What a plan tolerates is skipped: the job is as green as the verdict."""
    if result.outcome is Outcome.PASSED:
        return ("skipped", _known_text(result)) if result.known_issue else ("", "")
    if tolerant and result.outcome in _TOLERABLE:
        return "skipped", f"tolerated by the plan: {result.message}"
    return _KINDS[result.outcome], result.message or "the test did not finish"


def _evidence(result: TestResult) -> Iterator[str]:
    if result.place:
        yield f"at {result.place}"
    yield from result.excerpt


def _known_text(result: TestResult) -> str:
    return result.message if result.message.startswith(KNOWN_ISSUE) else f"{KNOWN_ISSUE}: {result.message}"


def _facts(result: TestResult) -> Iterator[tuple[str, str]]:
    yield "board", result.slot
    yield "outcome", "unexpected pass" if result.unexpected_pass else result.word
    if result.attempts > 1:
        yield "attempts", str(result.attempts)
    if result.known_issue or result.unexpected_pass:
        known = KnownIssueText.find(result.message)
        yield "known_issue", known.reason if known is not None else result.message
        if known is not None:
            yield from (("reference", known.reference), ("owner", known.owner), ("expires", known.expires))


def _add_properties(element: ET.Element, facts: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> None:
    properties = ET.SubElement(element, "properties")
    for name, value in facts:
        ET.SubElement(properties, "property", name=name, value=_clean(value))


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS_PER_S:.3f}"


def _clean(text: str) -> str:
    """Return a text of a bearable length, without characters that XML does not allow."""
    return visible(text[:_LETTERS])
