"""What is known of the test at hand: its phases as they end, and what was lost or restarted meanwhile."""

import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.at import DeviceRestarted
from bench.errors import BenchError, LabError, Suspect
from bench.evidence import Outcome
from bench.evidence.blame import ErrorKind, Phase, PhaseFacts, TestFacts, TestJudgement, judge_phase, judge_test
from bench.evidence.outcomes import OBSERVATION

_PYTEST_HINT = "\n  Use -v to get more diff"
"""A hint of pytest's for a console of its own; here it would lead nowhere."""


@dataclass(frozen=True)
class Loss:
    """Something of the lab that was gone when a test had failed.

    Attributes:
        error: name of the class of error.
        suspect: what it speaks of.
        text: in one line.
    """

    error: str
    suspect: Suspect
    text: str


@dataclass
class TestRecord:
    """The record of one test; a fresh one for each.

    Attributes:
        message: why it ended as it did.
        place: the line of the scenario where it did: ``test_dns.py:31: modem.network.resolve(name)``.
        ready_ns: when its board was ready for it; 0 before that.
        failed_ns: when its body failed; 0 when it did not.
        lab_error: the lab error that it ended in; of one that only repeats another, that one.
        restarted: that the board restarted by itself, in the link's words; empty when it did not.
        loss: what of the lab was gone when it had failed.
        support: the folder, in the run's, of what was collected after a fault.
        left_out: the firmware does not have what it is about.
    """

    __test__ = False

    message: str = ""
    place: str = ""
    ready_ns: int = 0
    failed_ns: int = 0
    lab_error: LabError | None = None
    restarted: str = ""
    loss: Loss | None = None
    support: str = ""
    unexpected_pass: bool = False
    left_out: bool = False
    _known_issue: bool = False
    _outcomes: list[Outcome] = field(default_factory=list)
    _only_differences: bool = True

    @property
    def failing(self) -> bool:
        """Whether it has failed so far, as expected or not."""
        return Outcome.FAILED in self._outcomes or self._known_issue

    @property
    def worst(self) -> Outcome:
        """The worst outcome of the phases that are over."""
        return Outcome.worst(self._outcomes)

    def take_phase(self, facts: PhaseFacts, error: BaseException | None, message: str, place: str = "") -> Outcome:
        """Take a phase that is over; return its outcome.

        Args:
            facts: what is known of it.
            error: the exception that ended it.
            message: what a person should read of it; nothing that must not be shown.
            place: the line of the scenario.
        """
        judgement = judge_phase(facts)
        self._outcomes.append(judgement.outcome)
        self.left_out |= facts.left_out
        if isinstance(error, LabError):
            self.lab_error = _cause(error)
        if judgement.outcome is Outcome.FAILED:
            self._only_differences &= facts.phase is Phase.CALL and facts.kind is ErrorKind.DIFFERENCE
        if isinstance(error, DeviceRestarted):
            self.restarted = message.partition("\n")[0]
        if judgement.known_issue or judgement.unexpected_pass:
            self._known_issue, self.unexpected_pass = judgement.known_issue, judgement.unexpected_pass
            self.message, self.place = message, place
        elif judgement.outcome is not Outcome.PASSED and (not self.message or self._known_issue):
            self._known_issue = False  # also where the body failed as expected: what came after it is the news
            self.message, self.place = message, place
        return judgement.outcome

    def judge(self, *, stack: bool, hardware: bool, control: bool = False) -> TestJudgement:
        """Judge the test, all phases of which are over, and say in its message what decided.

        Args:
            stack: the expectation rests on a host's network stack.
            hardware: the board is real.
            control: it is a control board.
        """
        judgement = judge_test(
            TestFacts(
                self.worst,
                self._known_issue,
                bool(self.restarted),
                self.loss is not None,
                stack,
                hardware,
                self._only_differences,
                control,
            )
        )
        if self.restarted and self.restarted not in self.message:
            self.message = f"{self.restarted}\n{self.message}"  # what the body saw was the consequence
        if judgement.lab_lost and self.loss is not None:
            self.message = f"{self.loss.text}\n{self.message}"
        if control and judgement.outcome is Outcome.LAB_ERROR and not judgement.lab_lost and self.lab_error is None:
            self.message = f"the control board, whose firmware is known to be good, failed: {self.message}"
        if judgement.observation:
            self.message = f"{OBSERVATION}: {self.message}"
        return judgement

    def error_fields(self, judgement: TestJudgement) -> dict[str, Any]:
        """Return what the row of a lab error says of it."""
        if judgement.outcome is not Outcome.LAB_ERROR:
            return {}
        if judgement.lab_lost and self.loss is not None:
            return {"error": self.loss.error, "suspect": self.loss.suspect}
        error = self.lab_error
        if error is None:
            return {}
        return {
            "error": type(error).__name__,
            "suspect": error.suspect,
            "worth_retry": error.worth_retry and not error.permanent,
            "ends_by_itself": error.ends_by_itself and not error.permanent,
            "board_absent": error.board_absent,
        }


def _cause(error: LabError) -> LabError:
    cause = error.__cause__
    return cause if type(error) is LabError and isinstance(cause, LabError) else error


def text_of(error: BaseException) -> str:
    """Return what an exception says of itself; an exception of a suite may fail even at that."""
    try:
        return str(error)
    except Exception as other:  # noqa: BLE001 - whatever it raises, the test has ended and the next one begins
        return f"its text cannot be made: {type(other).__name__}"


def scenario_line(trace: TracebackType | None, file: Path) -> str:
    """Return where in its scenario a test ended, with the source: ``test_dns.py:31: modem.network.resolve(name)``.

    Args:
        trace: of the exception.
        file: of the test; frames of other test files count where it has none.
    """
    frames = [(Path(frame.filename), frame.lineno, frame.line) for frame in traceback.extract_tb(trace)]
    own = [frame for frame in frames if frame[0] == file]
    found = own or [frame for frame in frames if frame[0].name.startswith(("test_", "conftest"))]
    if not found:
        return ""
    path, number, source = found[-1]
    return f"{path.name}:{number}: {source or ''}".rstrip(": ")


def describe_error(error: BaseException) -> str:
    """Return what a person reads of an error: its own words, without the transcript, of which an excerpt is kept."""
    text = error.words if isinstance(error, BenchError) else text_of(error)
    spoken = isinstance(error, (AssertionError, BenchError)) or type(error).__name__ == "Failed"
    if not (spoken and text.strip()):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    return text.replace(_PYTEST_HINT, "").rstrip()
