"""A run as JUnit XML, for job pages of CI systems."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from bench.clock import NS_PER_S
from bench.evidence.results import DIED, FAILED, LAB_ERROR, SKIPPED, TestResult
from bench.evidence.summary import Summary

_KINDS = {FAILED: "failure", LAB_ERROR: "error", DIED: "error", SKIPPED: "skipped"}
# Characters that XML 1.0 does not allow: controls, surrogates, U+FFFE and U+FFFF.
_NO_CHARACTER = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_LETTERS = 5000


def junit(summary: Summary) -> str:
    """Return the XML: a suite for each board and round, with the verdict as a property.

    Where no test shows that the run failed, the verdict is a test of its own.
    """
    suites: dict[str, list[TestResult]] = {}
    for result in summary.results:
        suites.setdefault(result.slot + (f" round {result.round}" if result.round > 1 else ""), []).append(result)
    root = ET.Element("testsuites", name=f"nrf91-bench {summary.run}")
    for name, results in suites.items():
        root.append(_suite(name, results, summary))
    if summary.exit_code and not any(r.outcome in (FAILED, LAB_ERROR, DIED) for r in summary.results):
        suite = ET.SubElement(root, "testsuite", name="verdict", tests="1", failures="0", errors="1", skipped="0")
        case = ET.SubElement(suite, "testcase", classname="nrf91-bench", name="verdict")
        ET.SubElement(case, "error", message=_clean(f"{summary.verdict}: {summary.reason}"))
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(name: str, results: Sequence[TestResult], summary: Summary) -> ET.Element:
    def count(*outcomes: str) -> str:
        """Count outcomes; a run that its plan lets pass has no failures."""
        known = {SKIPPED: (SKIPPED, FAILED, LAB_ERROR)} if not summary.exit_code else {}
        wanted = {kind for outcome in outcomes for kind in known.get(outcome, (outcome,))}
        wanted -= {FAILED, LAB_ERROR} if not summary.exit_code and SKIPPED not in outcomes else set()
        return str(sum(result.outcome in wanted for result in results))

    suite = ET.Element(
        "testsuite",
        name=name,
        tests=str(len(results)),
        failures=count(FAILED),
        errors=count(LAB_ERROR, DIED),
        skipped=count(SKIPPED),
        timestamp=summary.started[:19],
        time=f"{sum(result.duration_ns for result in results) / NS_PER_S:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=summary.verdict)
    ET.SubElement(properties, "property", name="simulated", value=str(summary.simulated).lower())
    for result in results:
        module, _, test = result.test.partition("::")
        case = ET.SubElement(
            suite, "testcase", classname=module, name=_clean(test), time=f"{result.duration_ns / NS_PER_S:.3f}"
        )
        tolerated = not summary.exit_code and result.outcome in (FAILED, LAB_ERROR)
        if tolerated:  # the plan allows it: the job is green like the verdict
            ET.SubElement(case, "skipped", message=_clean(f"tolerated by the plan: {result.message}"))
        elif result.outcome in _KINDS:
            message = result.message or "the test did not finish"
            element = ET.SubElement(case, _KINDS[result.outcome], message=_clean(message.partition("\n")[0]))
            element.text = _clean(message) if result.outcome != SKIPPED else None
    return suite


def _clean(text: str) -> str:
    """Replace characters that XML does not allow with spaces."""
    return _NO_CHARACTER.sub(" ", text[:_LETTERS])
