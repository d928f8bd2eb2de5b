"""Pages of a run: everything that came from elsewhere is escaped, whatever field it stands in."""

import re
from datetime import date
from pathlib import Path

import pytest

from bench.config.plan import Plan, Waiver, WantedBoards
from bench.evidence import Summary, reconcile
from bench.evidence.qualification import Qualification, Waived
from bench.evidence.rows import AnyRow
from bench.measure import AtMost, Measurement, Series
from bench.report import Measured, Origin, WrongEnd, measured_page, timeline_page
from bench.report.evidence import Event
from bench.report.page import html_page, markdown_page
from bench.report.specification import Specification, Statement
from tests.support.elements import Elements
from tests.support.hostile import HTML_TRICK
from tests.support.rows import row as any_row

LAYOUT = {"wbr", "pre"}
"""Elements of the page's own, for names that may be broken and for texts of several lines."""
MARKDOWN_TRICKS = (
    "`</code>`<b>x</b>",
    "[a](javascript:alert(1))",
    "![a](http://example.invalid/x.png)",
    "one\n# two\n| three |\n* four",
    "**bold** _it_ ~~gone~~ \\`",
)


def rows_with(text: str) -> list[AnyRow]:
    """A run in which every text field that a page may show holds ``text``."""

    def row(kind: str, **fields: object) -> AnyRow:
        return any_row(kind, **{"schema": 1, "run": text, "slot": text, "utc": text, **fields})

    def finish(name: str, outcome: str, **fields: object) -> list[AnyRow]:
        test = f"{text}::{name}"
        planned = [row("plan", test=test, spec=["a.b"], round=n) for n in (1, 2)]
        finished = row("finish", test=test, outcome=outcome, message=f"{text} {name}", radio=network, **paths, **fields)
        return [*planned, row("start", test=test), finished]

    network = {"access": text, "operator": text, "band": 20, "rrc": text}
    paths = {"transcript": f"t/{text}", "log": f"l/{text}", "support": f"s/{text}"}
    facts = {"model": text, "part": text, "modem_firmware": text, "slm_version": text, "firmware": text, "port": text}
    series = {"p50": 1.0, "p99": 2.0, "min": 0.0, "max": 3.0}
    measured = {"test": f"{text}::passed", "name": text, "unit": text, "limit": text, "verdict": text, "beside": [text]}
    compared = {
        "test": f"{text}::passed",
        "measurement": text,
        "unit": text,
        "model": text,
        "access": text,
        "operator": text,
        "units": text,
        "why": text,
        "verdict": "not enough evidence",
        "baseline": 1.0,
        "candidate": 2.0,
        "change": 1.0,
        "low": 0.5,
        "high": 1.5,
        "detectable": 0.2,
    }
    return [
        row("board", **facts, network=network, ids={"imei": text}, simulated=True),
        row("peers", where=text, security=text),
        row("survey", text=[text]),
        row("recovery", text=text),
        row("finding", name=text, verdict=text, text=text),
        row("incident", what=text, text=text),
        row("control", ok=False, text=text),
        row("control", ok=None, text=text),
        row("earlier", tests={f"{text}::failed": text}),
        row("comparison", baseline=text, verdict=text, reason=text, false_alarms=text, measurements=[compared]),
        row("measurement", **measured, value=1.0, n=1, figures={"value": 1.0}),
        row("measurement", **{**measured, "name": f"{text}: part"}, value=1.0, part_of=text, figures={"value": 1.0}),
        row("measurement", **measured, value=1.0, n=9, figures=series),
        *finish("passed", "passed"),
        *finish("failed", "failed"),
        *finish("also failed", "lab_error"),
        *finish("skipped", "skipped"),
        *finish("known", "passed", known_issue=True),
        *finish("retried", "lab_error"),
        row("finish", test=f"{text}::retried", outcome="passed", attempt=2, message=""),
        row("finish", test=f"{text}::failed", outcome="passed", round=2),
        row("trouble", why=text),
    ]


def summary_with(text: str) -> Summary:
    summary = reconcile(rows_with(text))
    waiver = Waiver(
        test="*", kind="quarantine", reason=text, reference=text, owner=text, expires=date.fromisoformat("2099-01-01")
    )
    plan = Plan(name=text, boards=(WantedBoards(model="m"),), waivers=(waiver,))
    waived = Waived(next(result for result in summary.results if result.outcome == "failed"), waiver)
    summary.qualification = Qualification(plan, (text,), (text,), (waived,))
    return summary


def specification_with(text: str) -> Specification:
    specification = Specification([Statement("a.b", text), Statement("a.c", text)])
    specification.take(reconcile(rows_with(text)))
    return specification


def measured_with(text: str) -> list[Measured]:
    figures = {"p50": 1.0, "p90": 2.0}
    found = Measurement(text, text, figures, {"p50": AtMost(0.5)}, doc=text, count=20, beside=(text,))
    series = Series(text, text)
    for number in range(20):
        series.add(float(number), 1000 * number)
    return [Measured(found, series)]


def events_with(text: str) -> list[Event]:
    return [Event(number, text, text) for number in range(5)]


def html_pages(text: str, folder: Path) -> dict[str, str]:
    summary = summary_with(text)
    pages = {"with a plan": html_page(summary, specification_with(text), folder)}
    summary.qualification = None
    pages["without"] = html_page(summary, specification_with(text), folder)
    origin = Origin(text, text, text, text, text, simulated=True)
    pages["measured"] = measured_page(measured_with(text), origin, ["<svg></svg>"])
    pages["time line"] = timeline_page(events_with(text), WrongEnd(text, text, text), origin, [(text, "x")])
    return pages


@pytest.mark.parametrize("text", [HTML_TRICK, *MARKDOWN_TRICKS])
def test_no_text_becomes_an_element_or_leaves_its_attribute(text: str, tmp_path: Path) -> None:
    plain = html_pages("plain", tmp_path)
    for name, page in html_pages(text, tmp_path).items():
        found, expected = Elements(page), Elements(plain[name])
        assert found.tags - LAYOUT == expected.tags - LAYOUT, name
        assert {key for key, _ in found.attributes} == {key for key, _ in expected.attributes}, name
        assert " ".join(text.split())[:20] in " ".join(found.text.split()), name


def test_every_planted_text_is_on_the_page_escaped(tmp_path: Path) -> None:
    for name, page in html_pages(HTML_TRICK, tmp_path).items():
        assert "<script" not in page, name
        assert "onerror=alert(2)>" not in page, name
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;&lt;img" in page, name


@pytest.mark.parametrize(
    "elsewhere",
    [
        "javascript:alert(1)",
        "//example.invalid/javascript:x",
        "../../javascript:x",
        "/etc/javascript:",
        "//[javascript:",
    ],
)
def test_a_transcript_elsewhere_is_not_linked(elsewhere: str) -> None:
    summary = summary_with("x")
    for result in summary.results:
        result.transcript = result.log = result.support = result.timeline = elsewhere
    page = html_page(summary)
    assert "javascript:" not in page
    links = [value or "" for name, value in Elements(page).attributes if name == "href"]
    assert all(link.startswith(("#", "allure-results/")) for link in links), links


def test_markdown_holds_no_html_and_no_mark_of_a_device() -> None:
    page = markdown_page(summary_with(HTML_TRICK))
    assert "<" not in page
    for text in MARKDOWN_TRICKS:
        page = re.sub(r"(?<!\\)`[^`\n]+`", "", markdown_page(summary_with(text)))  # a code span marks nothing inside
        assert "<" not in page, text
        targets = re.findall(r"(?<!\\)\]\(([^)]*)\)", page)
        assert all(re.fullmatch(r"[\w.~/%-]+", target) for target in targets), (text, targets)
        assert not re.search(r"^(# two|\| three|\* four)", page, re.MULTILINE), text
        assert "**bold**" not in page
        assert "~~gone~~" not in page


def test_markdown_of_plain_names_reads_well() -> None:
    page = markdown_page(summary_with("test_dns.py"))
    assert "\\" not in page
    said = "expected 'OK' & \"more\" > 5, isn't it"
    assert said in markdown_page(summary_with(said))
    assert "\n\n\n" not in page
    failed = (
        "| **failed** (waived until 2099-01-01 (test_dns.py)): test_dns.py failed | `test_dns.py::failed` | test_dns.py"
    )
    assert f"{failed} | [transcript](" in page
    matrix = specification_with("SLM | <b>").markdown()
    assert "<b>" not in matrix
    rows = [line for line in matrix.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
