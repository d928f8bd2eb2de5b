"""Who is to blame: pure functions over what is known of a test, as two tables of rules. The first rule that holds wins.

The first table judges a phase of a test (set-up, call, teardown). The worst outcome of the phases goes to the second,
which knows the state of board, peers and network. ``docs/blame.md`` shows both; a test keeps it true.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bench.at import CommandError
from bench.errors import DeviceError, LabError
from bench.evidence.outcomes import Outcome


class Phase(StrEnum):
    """A phase of a test, as pytest names it."""

    SETUP = "setup"
    CALL = "call"
    TEARDOWN = "teardown"


class ErrorKind(StrEnum):
    """What an exception says about the one who is to blame."""

    NONE = "none"
    LAB = "lab error"
    DIFFERENCE = "an answer other than expected"
    DEVICE = "another fault of the device"
    GIVEN_UP = "an expected failure that was not tried"
    SCRIPT = "an error of the script"


def kind_of(error: BaseException | None) -> ErrorKind:
    """Return the kind of an exception. Whatever neither the bench nor an assertion raised is the script's own error."""
    if error is None:
        return ErrorKind.NONE
    if isinstance(error, LabError):
        return ErrorKind.LAB
    if isinstance(error, AssertionError | CommandError):
        return ErrorKind.DIFFERENCE
    return ErrorKind.DEVICE if isinstance(error, DeviceError) else ErrorKind.SCRIPT


@dataclass(frozen=True)
class PhaseFacts:
    """What is known of a phase.

    Attributes:
        phase: which.
        ended: passed, failed or skipped, as pytest says; a failure as expected is skipped there.
        kind: of the exception.
        expected: a failure is expected: a known issue, or a test that is marked so.
        left_out: the firmware does not have what the test is about.
    """

    phase: Phase
    ended: Outcome
    kind: ErrorKind = ErrorKind.NONE
    expected: bool = False
    left_out: bool = False


@dataclass(frozen=True)
class PhaseRule:
    """A rule of the first table."""

    when: str
    holds: Callable[[PhaseFacts], bool]
    outcome: Outcome
    mark: str = ""


PHASE_RULES = (
    PhaseRule("a lab error, also where a failure is expected", lambda f: f.kind is ErrorKind.LAB, Outcome.LAB_ERROR),
    PhaseRule(
        "passed although a failure is expected",
        lambda f: f.expected and f.ended is Outcome.PASSED,
        Outcome.FAILED,
        "unexpected pass",
    ),
    PhaseRule(
        "failed as expected, but in the teardown", lambda f: f.expected and f.phase is Phase.TEARDOWN, Outcome.FAILED
    ),
    PhaseRule(
        "an expected failure that was not tried",
        lambda f: f.expected and f.kind is ErrorKind.GIVEN_UP,
        Outcome.SKIPPED,
    ),
    PhaseRule("failed as expected", lambda f: f.expected, Outcome.PASSED, "known issue"),
    PhaseRule("passed", lambda f: f.ended is Outcome.PASSED, Outcome.PASSED),
    PhaseRule("skipped", lambda f: f.ended is Outcome.SKIPPED, Outcome.SKIPPED),
    PhaseRule("failed by an error of the script", lambda f: f.kind is ErrorKind.SCRIPT, Outcome.SCRIPT_ERROR),
    PhaseRule("failed otherwise", lambda _: True, Outcome.FAILED),
)


@dataclass(frozen=True)
class PhaseJudgement:
    """What a phase shows."""

    outcome: Outcome
    known_issue: bool = False
    unexpected_pass: bool = False


def judge_phase(facts: PhaseFacts) -> PhaseJudgement:
    """Judge a phase by the first table."""
    rule = next(rule for rule in PHASE_RULES if rule.holds(facts))
    return PhaseJudgement(rule.outcome, rule.mark == "known issue", rule.mark == "unexpected pass")


@dataclass(frozen=True)
class TestFacts:
    """What is known of a test when all its phases are over.

    Attributes:
        outcome: the worst of its phases.
        known_issue: it failed as expected.
        restarted: the board restarted by itself meanwhile.
        lost: network or peers were gone at the end of a test that failed.
        stack: the expectation rests on a host's network stack.
        hardware: the board is real.
        only_differences: all that failed were answers other than expected.
        control: the board is a control board.
    """

    __test__ = False

    outcome: Outcome
    known_issue: bool = False
    restarted: bool = False
    lost: bool = False
    stack: bool = False
    hardware: bool = False
    only_differences: bool = True
    control: bool = False

    @property
    def failed(self) -> bool:
        """Whether it failed, as expected or not."""
        return self.outcome is Outcome.FAILED or self.known_issue


@dataclass(frozen=True)
class TestRule:
    """A rule of the second table; an outcome of None leaves the worst outcome of the phases."""

    __test__ = False

    when: str
    holds: Callable[[TestFacts], bool]
    outcome: Outcome | None = None
    mark: str = ""


TEST_RULES = (
    TestRule(
        "failed on a control board, whose firmware is known to be good",
        lambda f: f.outcome is Outcome.FAILED and f.control,
        Outcome.LAB_ERROR,
        "control board",
    ),
    TestRule("the board restarted by itself, whatever else was gone", lambda f: f.restarted),
    TestRule("not failed, neither as expected", lambda f: not f.failed),
    TestRule(
        "failed, or failed as expected, while network or peers were gone",
        lambda f: f.lost,
        Outcome.LAB_ERROR,
        "not tried again",
    ),
    TestRule(
        "failed on a real board in a test of the network stack, only by answers other than expected",
        lambda f: f.outcome is Outcome.FAILED and f.stack and f.hardware and f.only_differences,
        Outcome.SKIPPED,
        "observation",
    ),
    TestRule("failed, or failed as expected", lambda _: True),
)


@dataclass(frozen=True)
class TestJudgement:
    """What a test shows.

    Attributes:
        outcome: how it ended.
        known_issue: it passed because it failed as expected.
        lab_lost: it failed while something of the lab was gone, so nobody knows who is to blame.
        observation: a real modem behaved otherwise than a host's network stack; a person decides.
    """

    __test__ = False

    outcome: Outcome
    known_issue: bool = False
    lab_lost: bool = False
    observation: bool = False


def judge_test(facts: TestFacts) -> TestJudgement:
    """Judge a test by the second table."""
    rule = next(rule for rule in TEST_RULES if rule.holds(facts))
    judgement = TestJudgement(rule.outcome or facts.outcome, facts.known_issue)
    if rule.outcome is Outcome.LAB_ERROR:
        return replace(judgement, known_issue=False, lab_lost=rule.mark != "control board")
    return replace(judgement, observation=rule.mark == "observation")


def decision_tables() -> Iterator[str]:
    """Yield both tables as lines of Markdown, as the documentation shows them."""
    yield from _table("a phase", PHASE_RULES, "as pytest says")
    yield ""
    yield from _table("a test", TEST_RULES, "the worst of its phases")


def _table(what: str, rules: Sequence[PhaseRule | TestRule], otherwise: str) -> Iterator[str]:
    yield f"| {what} that | is | and marked |"
    yield "| --- | --- | --- |"
    for rule in rules:
        yield f"| {rule.when} | {rule.outcome.word if rule.outcome else otherwise} | {rule.mark} |"
