"""The pages that a run leaves: each leads to the others, and says where it comes from."""

import json
import shutil
from hashlib import md5

import pytest

from tests.support.inline import command_line
from tests.support.lab import Lab
from tests.support.run_folders import broken_links, links_of

SUITE = """
import pytest

@pytest.mark.parametrize("kind", ["a/b #1", "plain"])
def test_comes_back(modem, tcp_echo, kind):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"hello")
        data = client.receive(5).data
        assert data == b"hullo"

def test_measures(modem, measure, network):
    with measure.series("AT time") as series:
        for _ in range(50):
            response = modem.link.command("AT")
            series.add(response.duration_ns, response.sent_ns)

def test_draws_a_rate(modem, measure):
    from bench.measure import rate_of

    rate = rate_of([(number * 1_000_000, 1000) for number in range(100)])
    measure("rate", rate.overall, unit="B/s", over_time=rate.over_time)
"""

ATTACHED = (
    "timeline-attachment.txt",
    "transcript-attachment.txt",
    "measured-attachment.html",
    "samples-attachment.csv",
)


def test_every_link_leads_somewhere_and_every_page_says_where_it_comes_from(lab: Lab) -> None:
    run = lab.run(SUITE)
    assert run.code == 1, run.output
    pages = [path for path in run.folder.rglob("*.html") if "allure-results" not in path.parts]
    assert len(pages) == 1 + 2, "verdict, two time lines"
    attached = list((run.folder / "allure-results").glob("*measured-attachment.html"))
    assert len(attached) == 2
    for page in (*pages, *attached):
        text = page.read_text()
        assert broken_links(page) == [], page
        assert all(words in text for words in ("SIMULATED", "SLM 3.1.0", "simulated-1", run.folder.name)), page
    verdict = links_of((run.folder / "verdict.html").read_text())
    for folder, end in (("timelines/", ".html"), *(("allure-results/", end) for end in ATTACHED)):
        assert any(link.startswith(folder) and link.endswith(end) for link in verdict), end
    measured = [row for row in run.rows if row["type"] == "measurement"]
    assert [sorted(row.get("noise", ())) for row in measured] == [["p50", "p99"], []]


def test_a_time_line_holds_both_sides(lab: Lab) -> None:
    run = lab.run(SUITE)
    page = next((run.folder / "timelines" / "simulated-1").glob("*plain*.html")).read_text()
    shown = page[page.index("<table") :]
    assert "AT#XSEND=&#34;hello&#34;" in shown
    assert "tcp-echo" in shown
    assert "received #1" in shown
    assert "assert data == b&#34;hullo&#34;" in page


def test_a_failure_leads_to_its_result_in_allure(lab: Lab) -> None:
    run = lab.run(SUITE)
    failed = next(row for row in run.rows if row["type"] == "finish" and row["outcome"] == "failed")
    results = [json.loads(path.read_text()) for path in (run.folder / "allure-results").glob("*-result.json")]
    (result,) = (result for result in results if result["uuid"] == failed["allure"])
    assert (result["status"], result["fullName"]) == ("failed", "test_lab#test_comes_back")
    report = run.folder / "allure-report"
    report.mkdir()
    (report / "index.html").touch()
    command_line("report", str(run.folder))
    number = md5(result["uuid"].encode(), usedforsecurity=False).hexdigest()
    assert f"allure-report/index.html#{number}" in links_of((run.folder / "verdict.html").read_text())
    shutil.rmtree(report)


@pytest.mark.parametrize("gone", ["timelines", "allure-results"])
def test_a_folder_from_which_evidence_was_removed(lab: Lab, gone: str) -> None:
    run = lab.run(SUITE)
    shutil.rmtree(run.folder / gone)
    command_line("report", str(run.folder))
    assert broken_links(run.folder / "verdict.html") == []
