"""The verdict page: what a person finds on it, and that each of its links leads somewhere."""

import re
from datetime import date
from hashlib import md5
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bench.config.plan import Plan
from bench.evidence import Outcome, TestResult, reconcile
from bench.evidence.rows import AnyRow, MeasurementRow
from bench.evidence.summary import Summary
from bench.report import attachment_of, write_pages
from bench.report.measured_view import is_noisy
from bench.report.specification import Specification, Statement
from tests.support.rows import row
from tests.support.run_folders import board_row, broken_links, ended_test, links_of, summary_of

EXCERPT = ['0.675340 bench > board  AT#XSEND="hello"', "0.675660 tcp-echo received 5 bytes  hello"]
FAILED: dict[str, Any] = {
    "message": "assert b'hello' == b'hullo'\n  \n  At index 1 diff",
    "place": 'test_a.py:10: assert data == b"hullo"',
    "excerpt": EXCERPT,
    "transcript": "transcripts/dk-1/one.txt",
    "timeline": "timelines/dk-1/one.html",
    "allure": "4f7f",
}


def pages_of(folder: Path, summary: Summary, *statements: Statement) -> str:
    """The verdict page, written into a folder with the evidence that FAILED names."""
    for path in (FAILED["transcript"], FAILED["timeline"]):
        file = folder / str(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    write_pages(folder, summary, Specification(statements))
    return (folder / "verdict.html").read_text()


def text_of(page: str) -> str:
    """What a person reads, on one line."""
    body = page[page.index("</style>") :].replace("<wbr>", "")
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def series(name: str, **fields: object) -> AnyRow:
    told = {"min": 1e6, "p50": 2e6, "p90": 3e6, "max": 4e6}
    common: dict[str, object] = {"test": "test_a.py::t", "slot": "dk-1", "name": name, "unit": "ns", "n": 50}
    return row("measurement", **{**common, "figures": told, **fields})


def test_the_head_says_what_where_and_how_long(tmp_path: Path) -> None:
    summary = summary_of(board_row(simulated=True), *ended_test("test_a.py::one"))
    text = text_of(pages_of(tmp_path, summary))
    head = text[: text.index("Boards board")]
    for words in ("PASSED SIMULATED", "1 of 1 passed", "took 3 min 33 s", "mfw_nrf91x1_2.0.2, SLM 3.1.0", "night-7"):
        assert words in head, head
    assert "22:10:00 UTC" in head


class TestFailure:
    @pytest.fixture
    def summary(self) -> Summary:
        same = [one for number in (2, 3) for one in ended_test(f"test_a.py::one[{number}]", "failed", **FAILED)]
        return summary_of(board_row(), *ended_test("test_a.py::one[1]", "failed", **FAILED), *same)

    def test_one_cause_is_told_once_with_both_sides_and_the_command(self, tmp_path: Path, summary: Summary) -> None:
        page = pages_of(tmp_path, summary)
        text = text_of(page)
        assert "What went wrong: 3 results, 1 cause" in text
        assert text.count("assert b'hello' == b'hullo'") == 1
        said = ["test_a.py:10: assert data", "At index 1 diff", "The same in test_a.py::one[2]"]
        for words in (*said, *(" ".join(line.split()) for line in EXCERPT)):
            assert words in text, words
        assert "nrf91-bench run --board dk-1 --test 'test_a.py::one[1]'" in text
        assert page.index("What went wrong") < page.index('id="boards"')

    def test_its_evidence_is_linked(self, tmp_path: Path, summary: Summary) -> None:
        links = links_of(pages_of(tmp_path, summary))
        assert FAILED["transcript"] in links
        assert FAILED["timeline"] in links
        assert broken_links(tmp_path / "verdict.html") == []

    def test_evidence_that_is_gone_is_not_linked(self, tmp_path: Path, summary: Summary) -> None:
        pages_of(tmp_path, summary)
        (tmp_path / str(FAILED["transcript"])).unlink()
        write_pages(tmp_path, summary, Specification(()))
        assert FAILED["transcript"] not in links_of((tmp_path / "verdict.html").read_text())
        assert broken_links(tmp_path / "verdict.html") == []

    def test_allure_is_linked_when_its_report_is_there(self, tmp_path: Path, summary: Summary) -> None:
        assert not any("allure" in link for link in links_of(pages_of(tmp_path, summary)))
        report = tmp_path / "allure-report" / "index.html"
        report.parent.mkdir()
        report.touch()
        result = md5(b"4f7f", usedforsecurity=False).hexdigest()
        assert f"allure-report/index.html#{result}" in links_of(pages_of(tmp_path, summary))

    def test_names_that_no_address_holds_as_they_are(self, tmp_path: Path) -> None:
        path = "transcripts/dk #1/50 %[a].txt"
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
        summary = summary_of(board_row(), *ended_test("test_a.py::one", "failed", transcript=path, message="m"))
        assert "transcripts/dk%20%231/50%20%25%5Ba%5D.txt" in links_of(pages_of(tmp_path, summary))
        assert broken_links(tmp_path / "verdict.html") == []


class TestBadNight:
    def test_the_page_stays_readable_and_the_rest_is_beside_it(self, tmp_path: Path) -> None:
        def night(causes: int) -> Summary:
            summary = summary_of(board_row())
            summary.results = [
                TestResult(f"test_a.py::t{n}", "dk-1", Outcome.FAILED, message="x" * (n + 1) + "\n" + "y" * 9000)
                for n in range(causes)
            ]
            return summary

        page = pages_of(tmp_path, night(300))
        assert page.count("<article") == 40
        assert "260 more causes" in text_of(page)
        assert len(page) < 400_000
        rest = tmp_path / "more-failures.html"
        assert rest.read_text().count("<article") == 260
        assert broken_links(rest) == broken_links(tmp_path / "verdict.html") == []
        pages_of(tmp_path, night(3))
        assert not rest.exists(), "a page of another verdict"


class TestMeasured:
    def test_a_row_leads_to_its_plots(self, tmp_path: Path) -> None:
        pages = [attachment_of("measured", "test_a.py::t", "dk-1", round_number=n, extension="html") for n in (1, 2)]
        samples = attachment_of("samples", "test_a.py::t", "dk-1", extension="csv")
        (tmp_path / "allure-results").mkdir()
        for path in (*pages, samples):
            (tmp_path / path).touch()
        rows = [*ended_test("test_a.py::t"), series("echo"), series("echo", round=2), series("gone", test="t::x")]
        links = links_of(pages_of(tmp_path, summary_of(board_row(), *rows)))
        assert [link for link in links if link.startswith("allure-results/")] == [*pages, samples]
        assert broken_links(tmp_path / "verdict.html") == []

    def test_the_hosts_noise_is_told_once_and_marked_where_it_spoils_a_number(self, tmp_path: Path) -> None:
        beside = ["host noise p50/p99: pty 20 us/900 us"]
        calm, loud = {"p50": 2e4, "p99": 9e4}, {"p50": 3e4, "p99": 7.44e6}
        rows = [series("calm", noise=calm, beside=beside), series("loud", noise=loud, beside=beside)]
        page = pages_of(tmp_path, summary_of(board_row(), *ended_test("test_a.py::t"), *rows))
        text = text_of(page)
        assert text.count("Noise of this host") == 1
        assert "host noise" not in text
        assert "p50 20 to 30 µs, p99 90 µs to 7.44 ms" in text
        marked = re.findall(r'<tr class="noisy"><td>\s*([^<]*)', page)
        assert [name.strip() for name in marked] == ["loud"]

    @pytest.mark.parametrize(
        ("figures", "unit", "p99", "noisy"),
        [
            ({"p50": 2e6}, "ns", 0.99e6, False),
            ({"p50": 2e6}, "ns", 1e6, True),
            ({"min": 2e6, "max": 9e6}, "ns", 1e6, True),
            ({"p50": 2e6}, "B/s", 9e6, False),
            ({"p50": 2e6}, "ns", None, False),
            ({}, "ns", 9e6, False),
        ],
    )
    def test_from_half_of_the_median_on(
        self, figures: dict[str, float], unit: str, p99: float | None, noisy: bool
    ) -> None:
        noise = {} if p99 is None else {"p99": p99}
        assert is_noisy(MeasurementRow(test="t", name="n", unit=unit, figures=figures, noise=noise)) is noisy

    def test_what_is_outside_comes_first_and_parts_are_explained(self, tmp_path: Path) -> None:
        rows = [
            series("fine", limit="p50 at most 5 ms", verdict="ok"),
            series("free"),
            series("slow", limit="p50 at most 1 ms", verdict="outside"),
            series("slow: uplink", part_of="slow"),
        ]
        text = text_of(pages_of(tmp_path, summary_of(board_row(), *ended_test("test_a.py::t"), *rows)))
        assert text.index(" slow p50 of uplink 2 ms") < text.index(" fine ") < text.index(" free ")
        assert "unasked from there until the bench asked the board" in text


class TestPlan:
    @pytest.fixture
    def summary(self) -> Summary:
        known: dict[str, Any] = {"known_issue": True, "message": "known issue: seven, not eight"}
        rows = [*ended_test("test_a.py::known", **known), *ended_test("test_a.py::own", **known)]
        rows += [*ended_test("test_a.py::fine"), row("limit", title="'echo' (p90, ms)")]
        summary = summary_of(board_row(), *rows)
        plan = Plan.model_validate(
            {
                "name": "release 7",
                "arguments": ["--samples", "400"],
                "repetitions": 2,
                "boards": [{"model": "nrf9151dk", "count": 2}],
                "measurements": [
                    {"name": "echo", "statistic": "p90", "at_most": 300.0, "unit": "ms"},
                    {"name": "nothing such", "at_most": 3.0, "unit": "s"},
                ],
                "waivers": [
                    {
                        "test": "*known",
                        "kind": "known issue",
                        "reason": "fixed in 3.2",
                        "reference": "BUG-1",
                        "owner": "anna",
                        "expires": "2099-01-01",
                    }
                ],
            }
        )
        summary.judge(plan, date(2026, 11, 29))
        return summary

    def test_the_page_shows_what_was_asked_for(self, tmp_path: Path, summary: Summary) -> None:
        (tmp_path / "plan.toml").write_text("name = 'release 7'")
        text = text_of(pages_of(tmp_path, summary))
        for words in (
            "Plan release 7",
            "arguments --samples 400",
            "repetitions 2",
            "boards 2 nrf9151dk",
            "echo p90 at most 300 ms measured",
            "nothing such value at most 3 s nothing measured fits it",
            "digest of plan.toml sha256",
            "fixed in 3.2 BUG-1 anna 2099-01-01",
        ):
            assert words in text, words

    def test_a_known_issue_is_told_once(self, tmp_path: Path, summary: Summary) -> None:
        page = pages_of(tmp_path, summary)
        before_the_appendix = text_of(page[: page.index("<details>")])
        assert before_the_appendix.count("test_a.py::known") == 1
        assert "Known issues test board what is known test_a.py::own" in before_the_appendix, "it has no waiver"

    def test_there_is_a_place_to_sign(self, tmp_path: Path, summary: Summary) -> None:
        text = text_of(pages_of(tmp_path, summary))
        assert "not yet signed" in text
        assert "Released by, name Date Signature" in text
        summary.qualification = None
        assert "signed" not in text_of(pages_of(tmp_path, summary))


class TestBoards:
    def test_one_that_never_answered_is_there(self, tmp_path: Path) -> None:
        rows = ended_test("test_a.py::one", "lab_error", slot="dk-2", message="not registered")
        text = text_of(pages_of(tmp_path, summary_of(board_row("dk-1"), *ended_test("test_a.py::one"), *rows)))
        assert "dk-2 did not answer" in text

    def test_none_at_all(self, tmp_path: Path) -> None:
        assert "no board answered" in text_of(pages_of(tmp_path, summary_of()))


def test_statements_stand_with_their_text(tmp_path: Path) -> None:
    specification = Specification([Statement("XDNS.set", "resolves a name"), Statement("XDNS.read", "is not there")])
    rows = [board_row(), row("plan", test="t", slot="dk-1", spec=["XDNS.set"]), *ended_test("t")[1:]]
    specification.take(reconcile(rows))
    write_pages(tmp_path, summary_of(*rows), specification)
    text = text_of((tmp_path / "verdict.html").read_text())
    assert "1 statements were part of this run, 1 were not." in text
    assert "XDNS.set resolves a name 1 passed" in text


def test_a_green_run_of_606_tests_is_small(tmp_path: Path) -> None:
    names = (
        f"test_suite_{n % 30}.py::TestSomething::test_with_a_name_of_its_own_{n // 2}[{n % 2}]" for n in range(606)
    )
    tests = [one for name in names for one in ended_test(name, transcript=FAILED["transcript"])]
    measured = [series(f"measurement {n}") for n in range(100)]
    assert len(pages_of(tmp_path, summary_of(board_row(), *tests, *measured))) < 300_000
