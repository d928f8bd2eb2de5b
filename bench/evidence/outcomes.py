"""Outcomes of tests and verdicts of runs, and one result a test, board and round."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

OBSERVATION = "observation, for a person to adopt"
"""How a skip's reason begins when a modem behaves otherwise than a host's TCP/IP stack."""
KNOWN_ISSUE = "known issue"
"""The word for a result that counts as passed because it failed as is known."""
LEFT_OUT = "left out"
"""The word for a result that does not count: the firmware does not have what the test is about."""


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    LAB_ERROR = "lab_error"
    SCRIPT_ERROR = "script_error"
    SKIPPED = "skipped"
    DIED = "died"

    @property
    def word(self) -> str:
        """The outcome as a person reads it."""
        return "did not finish" if self is Outcome.DIED else self.value.replace("_", " ")

    @property
    def bad(self) -> bool:
        """Whether a person must look at it."""
        return self not in (Outcome.PASSED, Outcome.SKIPPED)

    def is_worse_than(self, other: "Outcome") -> bool:
        """Return whether it outweighs another outcome of the same test."""
        return _WORST_FIRST.index(self) < _WORST_FIRST.index(other)

    @classmethod
    def worst(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        """Return the worst outcome of a test's phases or rounds; PASSED when there are none."""
        return min(outcomes, key=_WORST_FIRST.index, default=cls.PASSED)


_WORST_FIRST = (
    Outcome.DIED,
    Outcome.FAILED,
    Outcome.SCRIPT_ERROR,
    Outcome.LAB_ERROR,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


class RunVerdict(StrEnum):
    """The verdict on a run; the last two belong to a qualification plan."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"
    QUALIFIED = "QUALIFIED"
    NOT_QUALIFIED = "NOT QUALIFIED"


@dataclass(slots=True)
class TestResult:
    """The result of one planned test on one slot, in one round.

    Attributes:
        test: the test's id.
        slot: the board's place in the run.
        outcome: how the last attempt ended; of two results of one attempt the worse.
        finished: the last attempt that has a result; 0 for none.
        message: why; its first line is enough for a table.
        place: the line of the scenario where something went wrong.
        excerpt: what board and peers did last, a line each, on one clock.
        transcript: path in the run's folder.
        timeline: path of the page with both sides' events, where something went wrong.
        allure: uuid of the result in Allure, where something went wrong.
        log: path of what the board's log port said, where something went wrong.
        support: folder of what was collected after a fault.
        attempts: how often the test was tried.
        radio: where the board was, in a few words; only for what went wrong.
        earlier: how an earlier attempt ended, in one line; empty when there was none.
        left_out: the firmware does not have what the test is about.
    """

    __test__ = False  # not a test class of pytest's

    test: str
    slot: str
    outcome: Outcome = Outcome.DIED
    started: bool = False
    finished: int = 0
    message: str = ""
    place: str = ""
    excerpt: Sequence[str] = ()
    transcript: str = ""
    timeline: str = ""
    allure: str = ""
    log: str = ""
    support: str = ""
    duration_ns: int = 0
    attempts: int = 1
    round: int = 1
    known_issue: bool = False
    unexpected_pass: bool = False
    radio: str = ""
    earlier: str = ""
    left_out: bool = False

    @property
    def proved(self) -> bool:
        """Whether it shows that the device does as it should: one that fails as is known does not."""
        return self.outcome is Outcome.PASSED and not self.known_issue

    @property
    def word(self) -> str:
        """How it ended, for a person."""
        return KNOWN_ISSUE if self.known_issue and self.outcome is Outcome.PASSED else self.outcome.word

    @property
    def retried(self) -> bool:
        """Whether it passed only when it was tried again: its first attempt had ended in a lab error."""
        return self.attempts > 1 and self.outcome is Outcome.PASSED
