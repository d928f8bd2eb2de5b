"""Blame: the decision tables row by row, and the documentation that shows them."""

from pathlib import Path

import pytest

from bench.at import CommandError, CommandTimeout, PortLost, Response
from bench.errors import DeviceError, LabError, UsageError
from bench.evidence import Outcome
from bench.evidence.blame import (
    PHASE_RULES,
    TEST_RULES,
    ErrorKind,
    Phase,
    PhaseFacts,
    PhaseJudgement,
    TestFacts,
    TestJudgement,
    decision_tables,
    judge_phase,
    judge_test,
    kind_of,
)

P, F, S = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED
CALL, TEARDOWN = Phase.CALL, Phase.TEARDOWN
NO_ANSWER = Response("AT", (), None, "ERROR", 0, 0, 0)

PHASES = {
    "a lab error": (PhaseFacts(CALL, F, ErrorKind.LAB), PhaseJudgement(Outcome.LAB_ERROR)),
    "a lab error where a failure is expected": (
        PhaseFacts(CALL, S, ErrorKind.LAB, expected=True),
        PhaseJudgement(Outcome.LAB_ERROR),
    ),
    "passed although a failure is expected": (
        PhaseFacts(CALL, P, expected=True),
        PhaseJudgement(F, unexpected_pass=True),
    ),
    "failed as expected, but in the teardown": (
        PhaseFacts(TEARDOWN, S, ErrorKind.DIFFERENCE, expected=True),
        PhaseJudgement(F),
    ),
    "an expected failure that was not tried": (
        PhaseFacts(CALL, S, ErrorKind.GIVEN_UP, expected=True),
        PhaseJudgement(S),
    ),
    "failed as expected": (
        PhaseFacts(CALL, S, ErrorKind.DIFFERENCE, expected=True),
        PhaseJudgement(P, known_issue=True),
    ),
    "passed": (PhaseFacts(CALL, P), PhaseJudgement(P)),
    "skipped": (PhaseFacts(Phase.SETUP, S), PhaseJudgement(S)),
    "an error of the script": (PhaseFacts(CALL, F, ErrorKind.SCRIPT), PhaseJudgement(Outcome.SCRIPT_ERROR)),
    "an answer other than expected": (PhaseFacts(CALL, F, ErrorKind.DIFFERENCE), PhaseJudgement(F)),
    "another fault of the device": (PhaseFacts(Phase.SETUP, F, ErrorKind.DEVICE), PhaseJudgement(F)),
    "a strict expected failure that passed": (PhaseFacts(CALL, F), PhaseJudgement(F)),
}
TESTS = {
    "a restart, whatever else was gone": (TestFacts(F, restarted=True, lost=True), TestJudgement(F)),
    "a restart in a test of the stack": (
        TestFacts(F, restarted=True, stack=True, hardware=True),
        TestJudgement(F),
    ),
    "passed while something was gone": (TestFacts(P, lost=True), TestJudgement(P)),
    "a script error while something was gone": (
        TestFacts(Outcome.SCRIPT_ERROR, lost=True),
        TestJudgement(Outcome.SCRIPT_ERROR),
    ),
    "failed while something was gone": (
        TestFacts(F, lost=True),
        TestJudgement(Outcome.LAB_ERROR, lab_lost=True),
    ),
    "failed as expected while something was gone": (
        TestFacts(P, known_issue=True, lost=True),
        TestJudgement(Outcome.LAB_ERROR, lab_lost=True),
    ),
    "a real board's stack differs": (
        TestFacts(F, stack=True, hardware=True),
        TestJudgement(S, observation=True),
    ),
    "a simulated board's stack differs": (TestFacts(F, stack=True), TestJudgement(F)),
    "a real board hangs in a test of the stack": (
        TestFacts(F, stack=True, hardware=True, only_differences=False),
        TestJudgement(F),
    ),
    "failed": (TestFacts(F, hardware=True), TestJudgement(F)),
    "failed on a control board": (TestFacts(F, hardware=True, control=True), TestJudgement(Outcome.LAB_ERROR)),
    "restarted on a control board": (TestFacts(F, restarted=True, control=True), TestJudgement(Outcome.LAB_ERROR)),
    "failed as expected on a control board": (
        TestFacts(P, known_issue=True, control=True),
        TestJudgement(P, known_issue=True),
    ),
    "failed as expected": (TestFacts(P, known_issue=True), TestJudgement(P, known_issue=True)),
}


@pytest.mark.parametrize("name", PHASES)
def test_a_phase_is_judged(name: str) -> None:
    facts, judgement = PHASES[name]

    assert judge_phase(facts) == judgement


@pytest.mark.parametrize("name", TESTS)
def test_a_test_is_judged(name: str) -> None:
    facts, judgement = TESTS[name]

    assert judge_test(facts) == judgement


def test_every_rule_decides_a_case() -> None:
    phases = {next(rule.when for rule in PHASE_RULES if rule.holds(facts)) for facts, _ in PHASES.values()}
    tests = {next(rule.when for rule in TEST_RULES if rule.holds(facts)) for facts, _ in TESTS.values()}

    assert phases == {rule.when for rule in PHASE_RULES}
    assert tests == {rule.when for rule in TEST_RULES}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, ErrorKind.NONE),
        (PortLost("gone"), ErrorKind.LAB),
        (AssertionError("1 == 2"), ErrorKind.DIFFERENCE),
        (CommandError("ERROR", NO_ANSWER), ErrorKind.DIFFERENCE),
        (CommandTimeout("silence"), ErrorKind.DEVICE),
        (DeviceError("anything"), ErrorKind.DEVICE),
        (AttributeError("no attribute"), ErrorKind.SCRIPT),
        (ImportError("no module"), ErrorKind.SCRIPT),
        (UsageError("not in data mode"), ErrorKind.SCRIPT),
        (LabError("a peer is down"), ErrorKind.LAB),
    ],
)
def test_the_kind_of_an_exception(error: BaseException | None, kind: ErrorKind) -> None:
    assert kind_of(error) is kind


def test_outcomes_have_an_order() -> None:
    assert Outcome.worst(Outcome) is Outcome.DIED
    assert Outcome.worst([P, S, Outcome.LAB_ERROR]) is Outcome.LAB_ERROR
    assert Outcome.worst([Outcome.LAB_ERROR, Outcome.SCRIPT_ERROR]) is Outcome.SCRIPT_ERROR
    assert Outcome.worst([Outcome.SCRIPT_ERROR, F]) is F
    assert Outcome.worst([]) is P


def test_the_documentation_shows_the_tables() -> None:
    page = (Path(__file__).parents[2] / "docs" / "blame.md").read_text(encoding="utf-8")

    for table in "\n".join(decision_tables()).split("\n\n"):
        assert table in page


def test_a_difference_of_a_modem_is_no_observation_while_the_peers_were_gone() -> None:
    facts = TestFacts(Outcome.FAILED, stack=True, hardware=True, only_differences=True, lost=True)
    assert judge_test(facts) == TestJudgement(Outcome.LAB_ERROR, lab_lost=True)
