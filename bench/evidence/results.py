"""One outcome a test, board and round."""

from collections.abc import Iterable
from dataclasses import dataclass

PASSED, FAILED, LAB_ERROR, SKIPPED, DIED = "passed", "failed", "lab_error", "skipped", "died"
WORST_FIRST = (FAILED, LAB_ERROR, SKIPPED, PASSED)
WORDS = {PASSED: "passed", FAILED: "failed", LAB_ERROR: "lab error", SKIPPED: "skipped", DIED: "did not finish"}
"""Outcomes as a person reads them."""
KNOWN_ISSUE = "known issue"
"""What a result is called that counts as passed because it failed as is known."""


def worst(outcomes: Iterable[str]) -> str:
    """The worst outcome of a test's phases."""
    return min(outcomes, key=WORST_FIRST.index, default=PASSED)


OBSERVATION = "observation, for a person to adopt"
"""How a skip's reason begins when a modem did otherwise than a host's TCP/IP does."""


@dataclass
class TestResult:
    """One planned test on one slot, in one round."""

    __test__ = False  # not a test class of pytest's

    test: str
    slot: str
    outcome: str = DIED
    started: bool = False
    message: str = ""
    transcript: str = ""
    log: str = ""
    """What the board's log port said, where something went wrong."""
    support: str = ""
    """The folder of what was collected after a fault."""
    duration_ns: int = 0
    attempts: int = 1
    round: int = 1
    known_issue: bool = False
    unexpected_pass: bool = False
    radio: str = ""
    """Where its board was, in a few words; for what went wrong only."""
    earlier: str = ""
    """What an earlier attempt ended in, in one line; empty when there was none."""

    @property
    def proved(self) -> bool:
        """Whether it shows that the device does as it should: one that fails as is known does not."""
        return self.outcome == PASSED and not self.known_issue

    @property
    def word(self) -> str:
        """How it ended, for a person."""
        return KNOWN_ISSUE if self.known_issue and self.outcome == PASSED else WORDS[self.outcome]

    @property
    def retried(self) -> bool:
        """Whether it passed only when it was tried again: its first attempt had ended in an error of the lab."""
        return self.attempts > 1 and self.outcome == PASSED
