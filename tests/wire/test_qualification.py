"""Qualification: what a plan asks for, and that nothing qualifies by accident."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.config.lab import MeasurementLimit
from bench.config.plan import Plan, Waiver, WantedBoards, load_plan
from bench.config.toml_file import ConfigError
from bench.evidence import Outcome, Summary, TestResult, reconcile
from bench.evidence.outcomes import OBSERVATION
from bench.evidence.qualification import Qualification, Ran, qualify
from bench.evidence.rows import AnyRow, BoardRow, ClosedRow, EndedRow, MeasurementComparison
from bench.report.junit import junit
from tests.support.rows import row

TODAY = date(2026, 11, 23)
BOARD = BoardRow(
    slot="dk-1",
    model="nrf9151dk",
    modem_firmware="mfw_nrf91x1_2.0.2",
    application="slm",
    application_version="3.1.0",
)
SLM_3_1 = WantedBoards(model="nrf9151dk", application="slm", version="==3.1.0")
PLAN = Plan(name="release", boards=(SLM_3_1,), baseline="")


def board(slot: str = "dk-1", **changes: Any) -> BoardRow:  # noqa: ANN401
    return msgspec.structs.replace(BOARD, slot=slot, **changes)


def waiver(kind: str, expires: date = date(2027, 1, 1)) -> Waiver:
    return Waiver.model_validate(
        {"test": "t::b*", "kind": kind, "reason": "r", "reference": "N-1", "owner": "anna", "expires": expires}
    )


def good() -> Ran:
    return Ran(
        [TestResult("t::a", "dk-1", Outcome.PASSED), TestResult("t::b", "dk-1", Outcome.PASSED)],
        [board()],
        [],
        [],
        None,
    )


def with_b(outcome: Outcome, message: str = "", *, known_issue: bool = False) -> Ran:
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
            (with_b(Outcome.FAILED), "failed: t::b"),
            (with_b(Outcome.PASSED, known_issue=True), "known issue without a waiver: t::b"),
            (replace(good(), flaky=[("t::b", "dk-1")]), "flaky: t::b"),
            (
                replace(
                    good(), comparison=[MeasurementComparison(measurement="echo", change=0.2, verdict="regression")]
                ),
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
            (
                lambda ran: replace(ran, boards=[board(application_version="3.0.0")]),
                "wanted 1 nrf9151dk with SLM ==3.1.0; 0",
            ),
            (lambda ran: replace(ran, boards=[board(model="thingy91x")]), "no board of the plan: dk-1"),
            (lambda ran: replace(ran, boards=[board("dk-9")]), "0 took part"),
            (lambda ran: replace(ran, boards=[]), "0 took part"),
            (lambda _: with_b(Outcome.DIED), "1 tests did not finish"),
            (lambda _: with_b(Outcome.SCRIPT_ERROR), "script errors: t::b"),
            (lambda _: with_b(Outcome.LAB_ERROR), "1 lab errors of 2 tests, more than the 0.0% that are tolerated"),
            (lambda ran: replace(ran, results=[TestResult("t::a", "dk-1", Outcome.SKIPPED)]), "no test passed"),
            (lambda ran: replace(ran, results=[]), "no test passed"),
        ],
    )
    def test_what_is_missing(self, change: Callable[[Ran], Ran], told: str) -> None:
        found = judged(change(good()))
        assert found.verdict == "INCOMPLETE"
        assert told in found.reason

    def test_a_tolerated_lab_error_must_not_be_all_that_is_known_of_a_test(self) -> None:
        ran = with_b(Outcome.LAB_ERROR)
        assert "lab errors only: t::b" in judged(ran, lab_error_rate=0.5).missing[0]
        again = replace(ran, results=[*ran.results, TestResult("t::b", "dk-1", Outcome.PASSED, round=2)])
        assert judged(again, lab_error_rate=0.5).verdict == "QUALIFIED"

    def test_waivers_excuse_what_they_name_until_they_expire(self) -> None:
        for ran, kind in (
            (with_b(Outcome.FAILED), "quarantine"),
            (with_b(Outcome.PASSED, known_issue=True), "known issue"),
        ):
            found = judged(ran, waivers=(waiver(kind),))
            assert (found.verdict, len(found.waived)) == ("QUALIFIED", 1)
            assert found.reason == "plan release, 1 waiver used"
            late = judged(ran, waivers=(waiver(kind, date(2026, 11, 22)),))
            assert late.verdict == "NOT QUALIFIED"
            assert "(the waivers of 1 have expired)" in late.reason
        assert judged(with_b(Outcome.FAILED), waivers=(waiver("known issue"),)).verdict == "NOT QUALIFIED"

    def test_flaky_tests_where_the_plan_allows_them(self) -> None:
        both = [*good().results, TestResult("t::b", "dk-1", Outcome.FAILED, round=2)]
        ran = replace(good(), results=both, flaky=[("t::b", "dk-1")])
        assert judged(ran).against == ("failed: t::b", "flaky: t::b")
        assert judged(ran, flaky="allow").verdict == "QUALIFIED"
        assert judged(
            replace(ran, results=[*both, TestResult("t::a", "dk-1", Outcome.FAILED, round=2)]), flaky="allow"
        ).against
        assert judged(ran, waivers=(waiver("quarantine"),)).verdict == "QUALIFIED"

    def test_skips_for_reasons_of_the_plan_only(self) -> None:
        ran = with_b(Outcome.SKIPPED, "no IPv6 on this network")
        assert judged(ran).verdict == "QUALIFIED"
        assert judged(ran, skips=("*IPv6*",)).verdict == "QUALIFIED"
        assert "skipped for no reason of the plan" in judged(ran, skips=("no attenuator",)).reason

    def test_an_observation_is_adopted_in_so_many_words(self) -> None:
        """A modem that did otherwise than a host's stack: whatever else may be skipped, somebody has looked at that."""
        ran = with_b(Outcome.SKIPPED, f"{OBSERVATION}: answered ERROR")
        assert "skipped for no reason of the plan: observation" in judged(ran).reason
        assert judged(ran, skips=("*", "observation*answered ERROR")).verdict == "QUALIFIED"

    def test_a_baseline_that_proves_nothing(self) -> None:
        assert "not compared with the baseline slm=3.0.0" in judged(good(), baseline="slm=3.0.0").reason
        untold = MeasurementComparison(measurement="echo", verdict="not enough evidence")
        unknown = replace(good(), comparison=[untold])
        assert "not enough evidence for a comparison" in judged(unknown, baseline="slm=3.0.0").reason
        judged_same = MeasurementComparison(measurement="echo", change=0.0, verdict="no regression")
        same = replace(good(), comparison=[judged_same])
        assert judged(same, baseline="slm=3.0.0").verdict == "QUALIFIED"


class TestPlanFile:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("name = 'x'", "boards: is missing"),
            ("name = 'x'\nboards = []", "boards: .*1 or more entries"),
            ("name = 'x'\nbords = 1\n[[boards]]\nmodel = 'm'", "line 2, bords: no such key"),
            (
                "name = 'x'\n[[boards]]\nmodel = 'm'\nslm = 'new'",
                "line 2, boards #1: slm: 'new' is not a version range",
            ),
            ("name = 'x'\n[[boards]]\nmodel = 'm'\n[[waivers]]\ntest = 't'", "waivers #1.owner: is missing"),
            ("name = 'x", "is not TOML"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "plan.toml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=told):
            load_plan(path)


class TestWhatNobodyProved:
    """Ways in which a run has been green that proved less than its plan asks."""

    def test_boards_are_told_apart(self) -> None:
        twice = (WantedBoards(model="nrf9151dk", modem="mfw*"), SLM_3_1)
        assert "took part and passed a test" in judged(good(), boards=twice).reason
        both = replace(
            good(),
            boards=[board(), board("dk-2")],
            results=[*good().results, TestResult("t::a", "dk-2", Outcome.PASSED)],
        )
        assert judged(both, boards=twice).verdict == "QUALIFIED"
        one_in_two_slots = replace(both, boards=[board(ids={"imei": "i"}), board("dk-2", ids={"imei": "i"})])
        assert judged(one_in_two_slots, boards=twice).verdict == "INCOMPLETE"

    def test_a_board_that_proved_nothing_does_not_count(self) -> None:
        two = (WantedBoards(model="nrf9151dk", count=2),)
        for outcome in (Outcome.SKIPPED, Outcome.LAB_ERROR):
            idle = replace(
                good(),
                boards=[board(), board("dk-2")],
                results=[*good().results, TestResult("t::a", "dk-2", outcome)],
            )
            assert judged(idle, boards=two, lab_error_rate=0.5).verdict == "INCOMPLETE"
        issue = replace(good(), results=[TestResult("t::b", "dk-1", Outcome.PASSED, known_issue=True)])
        assert "no test passed" in judged(issue, waivers=(waiver("known issue"),)).reason

    def test_a_specific_board_is_kept_for_the_entry_that_needs_it(self) -> None:
        wanted = (WantedBoards(model="nrf9151dk"), WantedBoards(model="nrf9151dk", modem="*2.0.2"))
        ran = replace(
            good(),
            boards=[board(), board("dk-2", modem_firmware="mfw_nrf91x1_2.0.1")],
            results=[*good().results, TestResult("t::a", "dk-2", Outcome.PASSED)],
        )
        assert judged(ran, boards=wanted).verdict == "QUALIFIED"

    def test_limits_and_repetitions_that_nothing_met(self) -> None:
        limit = MeasurementLimit(name="TCP ecoh", at_most=1, unit="ms")
        assert "no measurement fits the plan's limit of 'TCP ecoh'" in judged(good(), measurements=(limit,)).reason
        fitting = replace(good(), limits_used=frozenset([limit.title]))
        assert judged(fitting, measurements=(limit,)).verdict == "QUALIFIED"
        assert "1 of 2 repetitions ran" in judged(good(), repetitions=2).reason

    def test_measured_on_both_sides_and_not_judged(self) -> None:
        poll = MeasurementComparison(measurement="poll", baseline=1.0, candidate=1.0, verdict="no regression")
        echo = msgspec.structs.replace(poll, measurement="echo", verdict="not enough evidence")
        found = judged(replace(good(), comparison=[echo, poll]), baseline="slm=3.0.0")
        assert "not enough evidence to compare echo" in found.reason

    @pytest.mark.parametrize(
        ("wanted", "had", "strong"),
        [
            ("any", "", True),
            ("any", "controlled", True),
            ("controlled", "controlled", True),
            ("controlled", "interleaved", True),
            ("interleaved", "interleaved", True),
            ("interleaved", "controlled", False),
            ("controlled", "", False),
        ],
    )
    def test_a_plan_asks_for_a_kind_of_evidence(self, wanted: str, had: str, strong: bool) -> None:
        same = MeasurementComparison(measurement="echo", verdict="no regression", evidence=had)
        found = judged(replace(good(), comparison=[same]), baseline="slm=3.0.0", evidence=wanted)
        assert (found.verdict == "QUALIFIED") is strong
        assert (f"asks for {wanted} evidence, which is missing for echo" in found.reason) is not strong

    def test_what_changed_by_nobody_knows_what_qualifies_nothing(self) -> None:
        same = MeasurementComparison(measurement="poll", verdict="no regression")
        changed = MeasurementComparison(measurement="echo", baseline=1.0, candidate=2.0, verdict="changed")
        found = judged(replace(good(), comparison=[same, changed]), baseline="slm=3.0.0")
        assert found.verdict == "INCOMPLETE"
        assert "changed since the baseline, by the firmware or by the network: echo" in found.reason

    def test_a_board_that_changes_its_firmware_in_the_middle(self) -> None:
        rows: list[AnyRow] = [
            row("run", run="r", simulated=False, turns=[[1, ["dk-1"]]]),
            row("board", slot="dk-1", modem_firmware="a"),
            row("board", slot="dk-1", modem_firmware="b"),
            row("plan", slot="dk-1", test="t"),
            row("finish", slot="dk-1", test="t", outcome="passed"),
            row("ended", slot="dk-1"),
            row("closed"),
        ]
        assert reconcile(rows[:2] + rows[3:]).verdict == "PASSED"
        mixed = reconcile(rows)
        assert mixed.verdict == "INCOMPLETE"
        assert "dk-1 is another board, or has another firmware" in mixed.reason
        for missing in (EndedRow, ClosedRow):
            left = [one for one in rows[:2] + rows[3:] if not isinstance(one, missing)]
            assert reconcile(left).verdict == "INCOMPLETE"

    def test_junit_is_as_green_as_the_verdict_and_well_formed(self) -> None:
        results = [
            TestResult("m.py::test_a", "dk-1", Outcome.PASSED),
            TestResult(
                "m.py::test_b", "dk-1", Outcome.LAB_ERROR, message="x\ufffe\uffff\x00\ud800 ]]> <b>" + "y" * 10_000
            ),
        ]
        summary = Summary("r", results=results, boards=[board()])
        summary.judge(PLAN.model_copy(update={"lab_error_rate": 0.6, "repetitions": 1}), TODAY)
        red = ET.fromstring("".join(junit(summary)).partition("\n")[2])
        assert [suite.get("errors") for suite in red] == ["1"]
        summary.results.append(TestResult("m.py::test_b", "dk-1", Outcome.PASSED, round=2))
        summary.judge(PLAN.model_copy(update={"lab_error_rate": 0.6}), TODAY)
        assert summary.exit_code == 0
        green = ET.fromstring("".join(junit(summary)).partition("\n")[2])
        assert {(suite.get("errors"), suite.get("failures")) for suite in green} == {("0", "0")}
