"""A run as JUnit XML, for job pages of CI systems."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.clock import NS_PER_S
from bench.evidence import Outcome, TestResult
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
_LETTERS = 5000


def junit(summary: Summary) -> str:
    """Return the XML: a suite for each board and round, with the verdict as a property.

    Where no test shows that the run failed, the verdict is a test of its own.
    """
    suites: dict[str, list[TestResult]] = {}
    for result in summary.results:
        suites.setdefault(result.slot + (f" round {result.round}" if result.round > 1 else ""), []).append(result)
    root = ET.Element("testsuites", name=_clean(f"nrf91-bench {summary.run}"))
    for name, results in suites.items():
        root.append(_suite(name, results, summary))
    if summary.exit_code and not any(result.outcome.bad for result in summary.results):
        suite = ET.SubElement(root, "testsuite", name="verdict", tests="1", failures="0", errors="1", skipped="0")
        case = ET.SubElement(suite, "testcase", classname="nrf91-bench", name="verdict")
        ET.SubElement(case, "error", message=_clean(f"{summary.verdict}: {summary.reason}"))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(name: str, results: Sequence[TestResult], summary: Summary) -> ET.Element:
    def count(*outcomes: Outcome) -> str:
        """Count results; of a run that its plan lets pass, what the plan tolerates counts as skipped."""
        tolerated = _TOLERABLE if not summary.exit_code else set()
        wanted = {*outcomes, *tolerated} if Outcome.SKIPPED in outcomes else {*outcomes} - tolerated
        return str(sum(result.outcome in wanted for result in results))

    suite = ET.Element(
        "testsuite",
        name=_clean(name),
        tests=str(len(results)),
        failures=count(Outcome.FAILED),
        errors=count(Outcome.LAB_ERROR, Outcome.SCRIPT_ERROR, Outcome.DIED),
        skipped=count(Outcome.SKIPPED),
        timestamp=summary.started[:19],
        time=f"{sum(result.duration_ns for result in results) / NS_PER_S:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=summary.verdict)
    ET.SubElement(properties, "property", name="simulated", value=str(summary.simulated).lower())
    for result in results:
        module, _, test = result.test.partition("::")
        case = ET.SubElement(
            suite, "testcase", classname=_clean(module), name=_clean(test), time=f"{result.duration_ns / NS_PER_S:.3f}"
        )
        tolerated = not summary.exit_code and result.outcome in _TOLERABLE
        if tolerated:  # by the plan: the job is as green as the verdict, and says why
            ET.SubElement(case, "skipped", message=_clean(f"tolerated by the plan: {result.message}"))
        elif result.outcome in _KINDS:
            message = result.message or "the test did not finish"
            message += "".join(f"\n{line}" for line in (result.place and f"at {result.place}", *result.excerpt) if line)
            element = ET.SubElement(case, _KINDS[result.outcome], message=_clean(message.partition("\n")[0]))
            element.text = _clean(message) if result.outcome is not Outcome.SKIPPED else None
    return suite


def _clean(text: str) -> str:
    """Return a text of a bearable length, without characters that XML does not allow."""
    return visible(text[:_LETTERS])
