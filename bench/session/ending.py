"""The end of a test: who is to blame, what it leaves, what it has spent, its row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.boards import cost_of_commands
from bench.clock import now_ns
from bench.errors import LabError
from bench.evidence import Outcome, rows
from bench.report import Measured, PeerJournal, WrongEnd
from bench.session.account import TestSize
from bench.session.board_session import BoardSession
from bench.session.evidence_files import Attachment, KeptEvidence, keep_evidence, keep_logs
from bench.session.record import TestRecord


@dataclass(frozen=True)
class TestLeft:
    """A test whose phases are over, or that was interrupted, and what it leaves in memory.

    Attributes:
        size: its id, and what its cost depends on.
        stack: its expectation rests on a host's network stack.
        journals: of its peers.
        measured: its measurements.
        pictures: SVG texts that stand behind them.
        allure: uuid of its result in Allure.
    """

    __test__ = False

    size: TestSize
    stack: bool = False
    journals: Sequence[PeerJournal] = ()
    measured: Sequence[Measured] = ()
    pictures: Sequence[str] = ()
    allure: str = ""

    @property
    def test(self) -> str:
        """Its id."""
        return self.size.test


@dataclass(frozen=True)
class TestEnd:
    """How a test ended, for whoever shows it.

    Attributes:
        flaky: it ended otherwise in an earlier round.
        kept: its evidence.
        logs: what the board's further ports said, where that may be shown.
        place: the line of the scenario where something went wrong.
        left_out: the firmware does not have what it is about.
    """

    __test__ = False

    outcome: Outcome
    message: str
    known_issue: bool = False
    flaky: bool = False
    kept: KeptEvidence = field(default_factory=KeptEvidence)
    logs: Sequence[Attachment] = ()
    place: str = ""
    left_out: bool = False


class TestEndings:
    """Begins and ends the tests of a session, one after the other."""

    __test__ = False

    def __init__(self, session: BoardSession) -> None:
        self._session = session
        self._started_ns = 0
        self._interrupted: tuple[TestLeft, Sequence[str]] | None = None

    def begin(self, test: str) -> None:
        """Begin a test: from here on all evidence is its own."""
        session = self._session
        self._started_ns = now_ns()
        session.record, session.unfinished = TestRecord(), None
        if session.board is not None:
            session.board.transcript.cut()
            session.board.transcript.spool_to(session.spool)
        session.stream.add(rows.StartRow(test=test))

    def finish(self, left: TestLeft) -> TestEnd:
        """Judge a test, keep its evidence, count what it has spent, and write its row."""
        session, record = self._session, self._session.record
        judgement = record.judge(stack=left.stack, hardware=session.spec.hardware, control=session.spec.control_board)
        outcome = judgement.outcome
        if outcome is not Outcome.SKIPPED:
            errors = session.lab_errors_in_a_row
            session.lab_errors_in_a_row = errors + 1 if outcome is Outcome.LAB_ERROR else 0
        wrong = WrongEnd(outcome.word, record.message, record.place, record.ready_ns, record.failed_ns)
        kept = self._keep(left, wrong if outcome.bad else None)
        left_out = record.left_out and outcome is Outcome.SKIPPED
        log, logs = keep_logs(session, left.test, self._started_ns) if outcome.bad else ("", [])
        duration_ns = now_ns() - self._started_ns
        whole = outcome in (Outcome.PASSED, Outcome.FAILED)
        shows_place = outcome.bad or judgement.observation
        session.stream.add(
            rows.FinishRow(
                test=left.test,
                outcome=outcome,
                duration_ns=duration_ns,
                message=record.message,
                place=record.place if outcome.bad else "",
                excerpt=list(kept.excerpt) if outcome.bad else [],
                transcript=kept.transcript,
                timeline=kept.timeline,
                allure=left.allure,
                log=log,
                support=record.support,
                spent=self._settle(left, kept.commands, duration_ns, whole=whole),
                known_issue=judgement.known_issue,
                unexpected_pass=record.unexpected_pass,
                lab_lost=judgement.lab_lost,
                observation=judgement.observation,
                left_out=left_out,
                radio=session.radio.network if shows_place else rows.NOWHERE,
                **record.error_fields(judgement),
            )
        )
        flaky = {outcome, self._earlier(left.test)} == {Outcome.PASSED, Outcome.FAILED}
        return TestEnd(outcome, record.message, judgement.known_issue, flaky, kept, logs, record.place, left_out)

    def interrupt(self, left: TestLeft) -> KeptEvidence:
        """Keep the evidence of a test in which the run was interrupted; its fixtures are torn down later."""
        kept = self._keep(left)
        keep_logs(self._session, left.test, self._started_ns)
        self._interrupted = left, kept.commands
        return kept

    def leave(self) -> None:
        """Leave the board as it was found, and count what that takes."""
        session = self._session
        session.drop_board()
        board = session.unfinished
        sent = [one.command for one in board.transcript.cut()[1]] if board is not None else []
        if self._interrupted is not None:
            left, commands = self._interrupted
            self._settle(left, [*commands, *sent], 0, whole=False)
            return
        try:
            session.account.spend(cost_of_commands(sent))
        except LabError:  # a test has told of a ledger that cannot be written
            return

    def _keep(self, left: TestLeft, wrong: WrongEnd | None = None) -> KeptEvidence:
        return keep_evidence(self._session, left.test, left.journals, left.measured, left.pictures, wrong)

    def _settle(self, left: TestLeft, commands: Sequence[str], duration_ns: int, *, whole: bool) -> rows.Spent | None:
        session = self._session
        try:
            return session.account.settle(left.size, session.profile, commands, duration_ns, whole=whole)
        except LabError as error:  # the test has come to its end all the same; the run has not
            session.stream.add(rows.TroubleRow(why=str(error)))
            return None

    def _earlier(self, test: str) -> Outcome | None:
        """Return how a test ended in an earlier round on this board; None in the first."""
        return self._session.earlier.outcomes.get(test)
