"""JUnit XML: what a CI system shows of known issues, lab errors, boards."""

import xml.etree.ElementTree as ET
from datetime import date

import pytest

from bench.config.known_issues import KnownIssue, KnownIssueText
from bench.evidence import Outcome, Summary, TestResult
from bench.report.junit import junit

ISSUE = KnownIssue(
    test="*", reason="repeats the first (always)", reference="TICKET-7; part 2", owner="me", expires=date(2027, 12, 31)
)


def case_of(
    outcome: Outcome, message: str = "", *, known_issue: bool = False, unexpected_pass: bool = False
) -> ET.Element:
    """The test case of one result, beside one that failed: nothing is tolerated."""
    one = TestResult(
        "m.py::test_a",
        "dk-1",
        outcome,
        message=message,
        duration_ns=1_500_000_000,
        known_issue=known_issue,
        unexpected_pass=unexpected_pass,
        transcript="transcripts/dk-1/a.txt",
        place="m.py:3: assert x",
    )
    other = TestResult("m.py::test_b", "dk-1", Outcome.FAILED, message="no")
    return next(ET.fromstring("".join(junit(Summary("r", results=[one, other]))).partition("\n")[2]).iter("testcase"))


def properties(element: ET.Element) -> dict[str, str]:
    return {one.get("name", ""): one.get("value", "") for one in element.findall("properties/property")}


def test_a_known_issue_is_skipped_with_reason_and_reference() -> None:
    case = case_of(Outcome.PASSED, ISSUE.text, known_issue=True)
    skipped = case.find("skipped")
    assert skipped is not None
    assert (skipped.get("type"), skipped.get("message")) == ("known issue", ISSUE.text)
    assert properties(case) == {
        "board": "dk-1",
        "outcome": "known issue",
        "known_issue": "repeats the first (always)",
        "reference": "TICKET-7; part 2",
        "owner": "me",
        "expires": "2027-12-31",
    }


def test_an_expected_failure_that_no_row_names() -> None:
    case = case_of(Outcome.PASSED, "failed as expected (unittest.expectedFailure)", known_issue=True)
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "known issue: failed as expected (unittest.expectedFailure)"
    assert "reference" not in properties(case)


def test_an_unexpected_pass_is_a_failure() -> None:
    case = case_of(Outcome.FAILED, f"passed although: {ISSUE.text}", unexpected_pass=True)
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "unexpected pass"
    assert properties(case)["reference"] == "TICKET-7; part 2"


@pytest.mark.parametrize(
    ("outcome", "element", "kind"),
    [
        (Outcome.FAILED, "failure", "failed"),
        (Outcome.LAB_ERROR, "error", "lab error"),
        (Outcome.SCRIPT_ERROR, "error", "script error"),
        (Outcome.DIED, "error", "did not finish"),
        (Outcome.SKIPPED, "skipped", "skipped"),
    ],
)
def test_how_it_ended(outcome: Outcome, element: str, kind: str) -> None:
    case = case_of(outcome, "first line\nsecond line")
    found = case.find(element)
    assert found is not None
    assert (found.get("type"), found.get("message")) == (kind, "first line")
    assert len(case.findall("failure") + case.findall("error") + case.findall("skipped")) == 1
    assert case.get("time") == "1.500"
    output = case.findtext("system-out", "")
    assert ("transcript: transcripts/dk-1/a.txt" in output) == outcome.bad
    if outcome.bad:
        assert (found.text or "").splitlines() == ["first line", "second line", "at m.py:3: assert x"]


def test_counts_of_suites_and_of_the_run() -> None:
    results = [
        TestResult("m.py::test_a", "dk-1", Outcome.PASSED, message=ISSUE.text, known_issue=True, duration_ns=10**9),
        TestResult("m.py::test_a", "dk-2", Outcome.FAILED, message="x", duration_ns=10**9),
        TestResult("m.py::test_a", "dk-2", Outcome.LAB_ERROR, message="x", round=2),
    ]
    root = ET.fromstring("".join(junit(Summary("r", results=results, bench="1.0"))).partition("\n")[2])
    assert [suite.get("name") for suite in root] == ["dk-1", "dk-2", "dk-2 round 2"]
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped", "time")] == [
        "3",
        "1",
        "1",
        "1",
        "2.000",
    ]
    assert [suite.get("skipped") for suite in root] == ["1", "0", "0"]
    assert properties(root[1])["board"] == "dk-2"


def test_the_text_of_a_row_is_read_back() -> None:
    assert KnownIssueText.find(ISSUE.text) == KnownIssueText(
        "repeats the first (always)", "TICKET-7; part 2", "me", "2027-12-31"
    )
    assert KnownIssueText.find("failed as expected") is None
