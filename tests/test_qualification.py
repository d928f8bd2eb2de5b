"""Qualification: what a plan asks for, and that nothing qualifies by accident."""

import json
import os
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench.config.lab import MeasurementLimit
from bench.config.plan import Plan, Waiver, WantedBoards, load_plan
from bench.config.toml_file import ConfigError
from bench.evidence.qualification import Qualification, Ran, qualify
from bench.evidence.results import DIED, FAILED, LAB_ERROR, OBSERVATION, PASSED, SKIPPED, TestResult
from bench.evidence.summary import Summary, reconcile
from bench.report.junit import junit
from tests.support.lab import COMMAND, Lab

TODAY = date(2026, 11, 23)
BOARD = {"slot": "dk-1", "model": "nrf9151dk", "modem_firmware": "mfw_nrf91x1_2.0.2", "slm_version": "3.1.0"}
PLAN = Plan(name="release", boards=(WantedBoards(model="nrf9151dk", slm="==3.1.0"),), baseline="")


def board(slot: str = "dk-1", **changes: object) -> dict[str, Any]:
    return {**BOARD, "slot": slot, "simulated": False, **changes}


def waiver(kind: str, expires: date = date(2027, 1, 1)) -> Waiver:
    return Waiver.model_validate(
        {"test": "t::b*", "kind": kind, "reason": "r", "reference": "N-1", "owner": "anna", "expires": expires}
    )


def good() -> Ran:
    return Ran([TestResult("t::a", "dk-1", PASSED), TestResult("t::b", "dk-1", PASSED)], [board()], [], [], None)


def with_b(outcome: str, message: str = "", *, known_issue: bool = False) -> Ran:
    b = TestResult("t::b", "dk-1", outcome, message=message, known_issue=known_issue)
    return replace(good(), results=[good().results[0], b])


def judged(ran: Ran, **changes: object) -> Qualification:
    return qualify(PLAN.model_copy(update=changes), ran, TODAY)


class TestVerdict:
    def test_all_that_was_asked_for(self) -> None:
        found = judged(good())
        assert (found.verdict, found.reason) == ("QUALIFIED", "plan release, 0 waivers used")

    @pytest.mark.parametrize(
        ("ran", "told"),
        [
            (with_b(FAILED), "failed: t::b"),
            (with_b(PASSED, known_issue=True), "known issue without a waiver: t::b"),
            (replace(good(), flaky=[("t::b", "dk-1")]), "flaky: t::b"),
            (
                replace(good(), comparison=[{"measurement": "echo", "change": 0.2, "verdict": "regression"}]),
                "slower than the baseline: echo +20.0%",
            ),
        ],
    )
    def test_what_speaks_against_it(self, ran: Ran, told: str) -> None:
        found = judged(ran)
        assert found.verdict == "NOT QUALIFIED"
        assert told in found.reason
        assert judged(replace(ran, holes=["a board died"])).verdict == "NOT QUALIFIED"

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda ran: replace(ran, holes=["the run was interrupted"]), "the run was interrupted"),
            (lambda ran: replace(ran, boards=[board(simulated=True)]), "SIMULATED: no hardware, no qualification"),
            (lambda ran: replace(ran, boards=[board(slm_version="3.0.0")]), "wanted 1 nrf9151dk with SLM ==3.1.0; 0"),
            (lambda ran: replace(ran, boards=[board(model="thingy91x")]), "no board of the plan: dk-1"),
            (lambda ran: replace(ran, boards=[board("dk-9")]), "0 took part"),
            (lambda ran: replace(ran, boards=[]), "0 took part"),
            (lambda _: with_b(DIED), "1 tests did not finish"),
            (lambda _: with_b(LAB_ERROR), "1 lab errors of 2 tests, more than the 0.0% that are tolerated"),
            (lambda ran: replace(ran, results=[TestResult("t::a", "dk-1", SKIPPED)]), "no test passed"),
            (lambda ran: replace(ran, results=[]), "no test passed"),
        ],
    )
    def test_what_is_missing(self, change: Callable[[Ran], Ran], told: str) -> None:
        found = judged(change(good()))
        assert found.verdict == "INCOMPLETE"
        assert told in found.reason

    def test_a_tolerated_lab_error_must_not_be_all_that_is_known_of_a_test(self) -> None:
        ran = with_b(LAB_ERROR)
        assert "lab errors only: t::b" in judged(ran, lab_error_rate=0.5).missing[0]
        again = replace(ran, results=[*ran.results, TestResult("t::b", "dk-1", PASSED, round=2)])
        assert judged(again, lab_error_rate=0.5).verdict == "QUALIFIED"

    def test_waivers_excuse_what_they_name_until_they_expire(self) -> None:
        for ran, kind in ((with_b(FAILED), "quarantine"), (with_b(PASSED, known_issue=True), "known issue")):
            found = judged(ran, waivers=(waiver(kind),))
            assert (found.verdict, len(found.waived)) == ("QUALIFIED", 1)
            assert found.reason == "plan release, 1 waiver used"
            late = judged(ran, waivers=(waiver(kind, date(2026, 11, 22)),))
            assert late.verdict == "NOT QUALIFIED"
            assert "(the waivers of 1 have expired)" in late.reason
        assert judged(with_b(FAILED), waivers=(waiver("known issue"),)).verdict == "NOT QUALIFIED"

    def test_flaky_tests_where_the_plan_allows_them(self) -> None:
        both = [*good().results, TestResult("t::b", "dk-1", FAILED, round=2)]
        ran = replace(good(), results=both, flaky=[("t::b", "dk-1")])
        assert judged(ran).against == ("failed: t::b", "flaky: t::b")
        assert judged(ran, flaky="allow").verdict == "QUALIFIED"
        assert judged(replace(ran, results=[*both, TestResult("t::a", "dk-1", FAILED, round=2)]), flaky="allow").against
        assert judged(ran, waivers=(waiver("quarantine"),)).verdict == "QUALIFIED"

    def test_skips_for_reasons_of_the_plan_only(self) -> None:
        ran = with_b(SKIPPED, "no IPv6 on this network")
        assert judged(ran).verdict == "QUALIFIED"
        assert judged(ran, skips=("*IPv6*",)).verdict == "QUALIFIED"
        assert "skipped for no reason of the plan" in judged(ran, skips=("no attenuator",)).reason

    def test_an_observation_is_adopted_in_so_many_words(self) -> None:
        """A modem that did otherwise than a host's stack: whatever else may be skipped, somebody has looked at that."""
        ran = with_b(SKIPPED, f"{OBSERVATION}: answered ERROR")
        assert "skipped for no reason of the plan: observation" in judged(ran).reason
        assert judged(ran, skips=("*", "observation*answered ERROR")).verdict == "QUALIFIED"

    def test_a_baseline_that_proves_nothing(self) -> None:
        assert "not compared with the baseline slm=3.0.0" in judged(good(), baseline="slm=3.0.0").reason
        unknown = replace(
            good(), comparison=[{"measurement": "echo", "change": None, "verdict": "not enough evidence"}]
        )
        assert "not enough evidence for a comparison" in judged(unknown, baseline="slm=3.0.0").reason
        same = replace(good(), comparison=[{"measurement": "echo", "change": 0.0, "verdict": "no regression"}])
        assert judged(same, baseline="slm=3.0.0").verdict == "QUALIFIED"


class TestPlanFile:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("name = 'x'", "boards: is missing"),
            ("name = 'x'\nboards = []", "boards: .*at least 1 item"),
            ("name = 'x'\nbords = 1\n[[boards]]\nmodel = 'm'", "line 2, bords: no such key"),
            ("name = 'x'\n[[boards]]\nmodel = 'm'\nslm = 'new'", "line 4, boards #1.slm: 'new' is no version range"),
            ("name = 'x'\n[[boards]]\nmodel = 'm'\n[[waivers]]\ntest = 't'", "waivers #1.owner: is missing"),
            ("name = 'x", "is no TOML"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "plan.toml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_plan(path)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--simulate", "auto"), "--simulate auto with --plan"),
            (("--simulate", "1", "--suite", "tcp"), "--suite with --plan: the plan says what runs"),
            (("--simulate", "1", "--", "-k", "x"), "arguments behind -- with --plan"),
        ],
    )
    def test_nothing_on_the_command_line_takes_from_a_plan(
        self, tmp_path: Path, arguments: tuple[str, ...], told: str
    ) -> None:
        path = tmp_path / "plan.toml"
        path.write_text('name = "x"\n[[boards]]\nmodel = "nrf9151dk"\n')
        finished = subprocess.run(
            [*COMMAND, "run", "--plan", str(path), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert (finished.returncode, told in finished.stderr) == (2, True), finished.stderr


SUITE = """
import pytest
from bench.errors import LabError


@pytest.mark.parametrize("number", range(3))
def test_answers(modem, number):
    assert modem.link.command("AT").ok


def test_fails_in_the_second_round(modem, bench_session):
    if bench_session.stream.round == 2:
        pytest.fail("refused")


@pytest.mark.measures("echo")
def test_echo(modem, tcp_echo, measure):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client, measure.series("echo") as series:
        for _ in range(12):
            client.send(b"x")
            series.add(client.receive(5).response.duration_ns)
"""


class TestRuns:
    """Plans and rounds, played on simulated boards."""

    def plan(self, lab: Lab, *, more: str = "") -> tuple[str, ...]:
        (lab.folder / "test_lab.py").write_text(SUITE)
        path = lab.folder / "plan.toml"
        path.write_text(
            f'name = "release"\nsuites = ["{lab.folder / "test_lab.py"}"]\nrepetitions = 2\n{more}\n'
            '[[boards]]\nmodel = "nrf9151dk"\ncount = 2\n'
        )
        return ("--plan", str(path), "--simulate", "2")

    def run(self, lab: Lab, *arguments: str) -> tuple[int, str]:
        command = [*COMMAND, "run", "--out", str(lab.out), *arguments]
        environment = {**os.environ, "XDG_STATE_HOME": str(lab.folder / "state"), "COLUMNS": "300"}
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        assert "Traceback" not in finished.stdout + finished.stderr
        return finished.returncode, finished.stdout + finished.stderr

    def test_rounds_flaky_tests_and_every_page(self, lab: Lab) -> None:
        code, output = self.run(lab, *self.plan(lab))
        summary = json.loads((lab.out / "summary.json").read_text())
        assert (code, summary["verdict"], summary["exit_code"]) == (1, "NOT QUALIFIED", 1), output
        assert (summary["planned"], summary["passed"], summary["failed"]) == (20, 18, 2)
        assert (summary["flaky"], summary["rounds"], summary["simulated"]) == (2, 2, True)
        assert "flaky: test_lab.py::test_fails_in_the_second_round" in summary["reason"]
        assert "SIMULATED: no hardware, no qualification" in summary["plan"]["missing"]
        page = (lab.out / "verdict.html").read_text()
        assert "Plan release; waivers used: 0" in page
        assert "<script" not in page
        assert len(page) < 300_000
        assert "in 2 rounds" in page
        suites = ET.parse(lab.out / "junit.xml").getroot()
        assert {suite.get("name") for suite in suites} == {
            "simulated-1", "simulated-2", "simulated-1 round 2", "simulated-2 round 2"
        }  # fmt: skip
        assert sum(int(suite.get("failures", "")) for suite in suites) == 2
        results = [json.loads(path.read_text()) for path in (lab.out / "allure-results").glob("*-result.json")]
        statuses = sorted(result["status"] for result in results)
        assert statuses == ["failed"] * 2 + ["passed"] * 18
        assert sum(bool((result.get("statusDetails") or {}).get("flaky")) for result in results) == 2
        attached = json.loads(next((lab.out / "allure-results").glob("*-globals.json")).read_text())["attachments"][0]
        assert (lab.out / "allure-results" / attached["source"]).read_text() == page

    def test_the_verdict_is_rebuilt_with_its_plan(self, lab: Lab) -> None:
        self.run(lab, *self.plan(lab))
        before = (lab.out / "verdict.html").read_text()
        (lab.folder / "plan.toml").unlink()
        finished = subprocess.run(
            [*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 1
        assert (lab.out / "verdict.html").read_text() == before

    def test_two_groups_take_turns(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text(SUITE)
        history = str(lab.folder / "history.sqlite")
        code, output = self.run(
            lab, "--suite", str(lab.folder / "test_lab.py"), "--simulate", "2", "--repeat", "3", "--history", history,
            "--interleave", "simulated-1", "--interleave", "simulated-2",
        )  # fmt: skip
        rows = [json.loads(line) for line in (lab.out / "results.jsonl").read_text().splitlines()]
        order = [(row["slot"], row.get("round", 1)) for row in rows if row["type"] == "ended"]
        assert order == [
            ("simulated-1", 1), ("simulated-2", 1), ("simulated-2", 2), ("simulated-1", 2), ("simulated-1", 3),
            ("simulated-2", 3),
        ], output  # fmt: skip
        assert code == 1
        compared = subprocess.run(
            [*COMMAND, "compare", "group=simulated-1", "group=simulated-2", "--history", history, "--json"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        told = json.loads(compared.stdout)
        assert (compared.returncode, told["verdict"]) == (5, "NOT ENOUGH EVIDENCE")
        assert "cannot be told apart" in told["measurements"][0]["why"]

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--interleave", "simulated-1"), "--interleave is given twice"),
            (("--interleave", "simulated-1", "--interleave", "nobody"), "no board of this run is meant"),
            (("--interleave", "simulated-1", "--interleave", "nrf9151dk"), "would be in both groups"),
        ],
    )
    def test_groups_that_are_none(self, lab: Lab, arguments: tuple[str, ...], told: str) -> None:
        code, output = self.run(lab, "--simulate", "2", *arguments)
        assert (code, told in output) == (2, True), output


class TestWhatNobodyProved:
    """Ways in which a run has been green that proved less than its plan asks."""

    def killed_between_rounds(self, lab: Lab, arguments: tuple[str, ...]) -> None:
        """Ends the run, by force, as soon as its second round has begun."""
        process = subprocess.Popen(
            [*COMMAND, "run", "--out", str(lab.out), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not list(lab.out.glob("console-*-round-2.txt")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
        time.sleep(1.5)  # its children see that it is gone

    def test_a_run_that_was_killed_between_two_rounds(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        what = ("--suite", str(lab.folder / "test_lab.py"), "--simulate", "1", "--repeat", "2")
        self.killed_between_rounds(lab, what)
        finished = subprocess.run(
            [*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 5, finished.stdout
        assert "the run did not come to its end" in finished.stdout

    @pytest.mark.parametrize("variable", ["PYTEST_ADDOPTS", "PYTEST_PLUGINS"])
    def test_the_environment_takes_no_test_away(self, lab: Lab, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
        monkeypatch.setenv(variable, "-k nothing" if variable == "PYTEST_ADDOPTS" else "no.such.plugin")
        run = lab.run("def test_a(modem):\n    pass\n")
        assert (run.code, run.summary["planned"]) == (0, 1), run.output

    def test_evidence_that_is_missing_in_allure(self, lab: Lab) -> None:
        suite = (
            "import pathlib\n\n\ndef test_a(modem):\n    pass\n\n\ndef test_b(modem, bench_session):\n"
            "    for path in bench_session.allure_folder.glob('*-result.json'):\n"
            "        if '\"test_a\"' in path.read_text():\n            path.write_text('{')\n"
        )
        run = lab.run(suite)
        assert (run.code, run.summary["verdict"]) == (4, "INCOMPLETE")
        assert "Allure holds 1 results of 2 planned tests" in run.summary["reason"]
        again = subprocess.run([*COMMAND, "report", str(lab.out)], capture_output=True, timeout=60, check=False)
        assert again.returncode == 4

    def test_boards_are_told_apart(self) -> None:
        twice = (WantedBoards(model="nrf9151dk", modem="mfw*"), WantedBoards(model="nrf9151dk", slm="==3.1.0"))
        assert "took part and passed a test" in judged(good(), boards=twice).reason
        both = replace(
            good(),
            boards=[board(), board("dk-2")],
            results=[*good().results, TestResult("t::a", "dk-2", PASSED)],
        )
        assert judged(both, boards=twice).verdict == "QUALIFIED"
        one_in_two_slots = replace(both, boards=[board(ids={"imei": "i"}), board("dk-2", ids={"imei": "i"})])
        assert judged(one_in_two_slots, boards=twice).verdict == "INCOMPLETE"

    def test_a_board_that_proved_nothing_does_not_count(self) -> None:
        two = (WantedBoards(model="nrf9151dk", count=2),)
        for outcome in (SKIPPED, LAB_ERROR):
            idle = replace(
                good(),
                boards=[board(), board("dk-2")],
                results=[*good().results, TestResult("t::a", "dk-2", outcome)],
            )
            assert judged(idle, boards=two, lab_error_rate=0.5).verdict == "INCOMPLETE"
        issue = replace(good(), results=[TestResult("t::b", "dk-1", PASSED, known_issue=True)])
        assert "no test passed" in judged(issue, waivers=(waiver("known issue"),)).reason

    def test_a_specific_board_is_kept_for_the_entry_that_needs_it(self) -> None:
        wanted = (WantedBoards(model="nrf9151dk"), WantedBoards(model="nrf9151dk", modem="*2.0.2"))
        ran = replace(
            good(),
            boards=[board(), board("dk-2", modem_firmware="mfw_nrf91x1_2.0.1")],
            results=[*good().results, TestResult("t::a", "dk-2", PASSED)],
        )
        assert judged(ran, boards=wanted).verdict == "QUALIFIED"

    def test_limits_and_repetitions_that_nothing_met(self) -> None:
        limit = MeasurementLimit(name="TCP ecoh", at_most=1, unit="ms")
        assert "no measurement fits the plan's limit of 'TCP ecoh'" in judged(good(), measurements=(limit,)).reason
        fitting = replace(good(), limits_used=frozenset([limit.title]))
        assert judged(fitting, measurements=(limit,)).verdict == "QUALIFIED"
        assert "1 of 2 repetitions ran" in judged(good(), repetitions=2).reason

    def test_measured_on_both_sides_and_not_judged(self) -> None:
        row = {"measurement": "echo", "baseline": 1.0, "candidate": 1.0, "verdict": "not enough evidence"}
        same = {"measurement": "poll", "baseline": 1.0, "candidate": 1.0, "verdict": "no regression"}
        found = judged(replace(good(), comparison=[row, same]), baseline="slm=3.0.0")
        assert "not enough evidence to compare echo" in found.reason

    def test_a_board_that_changes_its_firmware_in_the_middle(self) -> None:
        rows: list[dict[str, Any]] = [
            {"type": "run", "run": "r", "simulated": False, "turns": [[1, ["dk-1"]]]},
            {"type": "board", "slot": "dk-1", "modem_firmware": "a", "simulated": False},
            {"type": "board", "slot": "dk-1", "modem_firmware": "b", "simulated": False},
            {"type": "plan", "slot": "dk-1", "test": "t"},
            {"type": "finish", "slot": "dk-1", "test": "t", "outcome": "passed"},
            {"type": "ended", "slot": "dk-1"},
            {"type": "closed"},
        ]
        assert reconcile(rows[:2] + rows[3:]).verdict == "PASSED"
        mixed = reconcile(rows)
        assert mixed.verdict == "INCOMPLETE"
        assert "dk-1 is another board, or has another firmware" in mixed.reason
        for missing in ("ended", "closed"):
            assert reconcile([row for row in rows[:2] + rows[3:] if row["type"] != missing]).verdict == "INCOMPLETE"

    def test_a_board_that_nobody_schedules(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        finished = subprocess.run(
            [*COMMAND, "run", "--suite", str(lab.folder / "test_lab.py"), "--out", str(lab.out), "--simulate", "3",
             "--interleave", "simulated-1", "--interleave", "simulated-2"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert finished.returncode == 2
        assert "simulated-3 would be in neither group" in finished.stderr

    def test_junit_is_as_green_as_the_verdict_and_well_formed(self) -> None:
        results = [
            TestResult("m.py::test_a", "dk-1", PASSED),
            TestResult("m.py::test_b", "dk-1", LAB_ERROR, message="x\ufffe\uffff\x00\ud800 ]]> <b>" + "y" * 10_000),
        ]
        summary = Summary("r", results=results, boards=[board()])
        summary.judge(PLAN.model_copy(update={"lab_error_rate": 0.6, "repetitions": 1}), TODAY)
        red = ET.fromstring(junit(summary).partition("\n")[2])
        assert [suite.get("errors") for suite in red] == ["1"]
        summary.results.append(TestResult("m.py::test_b", "dk-1", PASSED, round=2))
        summary.judge(PLAN.model_copy(update={"lab_error_rate": 0.6}), TODAY)
        assert summary.exit_code == 0
        green = ET.fromstring(junit(summary).partition("\n")[2])
        assert {(suite.get("errors"), suite.get("failures")) for suite in green} == {("0", "0")}
