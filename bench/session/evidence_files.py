"""What a test leaves in the run's folder: its bytes, its timeline, logs, tables and plots of what it measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.at import Response
from bench.boards import Board
from bench.clock import NS_PER_S, now_ns
from bench.evidence import rows
from bench.report import (
    Evidence,
    KeptTest,
    Measured,
    PeerJournal,
    WrongEnd,
    keep_test,
    measured_page,
    samples_csv,
    stem_of,
    timeline_page,
)
from bench.report.links import link_between
from bench.report.steps import Step, steps_of
from bench.session.board_session import BoardSession

_MOST_EVENTS = 150
"""Nobody reads more lines beside a result. The board's own file has all of them."""
_MEDIA = {"txt": "text/plain", "csv": "text/csv", "html": "text/html"}


@dataclass(frozen=True)
class Attachment:
    """A text beside a test's result: its name, its path in the run's folder."""

    name: str
    path: str

    @property
    def media_type(self) -> str:
        """What kind of text it is."""
        return _MEDIA[self.path.rpartition(".")[2]]


@dataclass(frozen=True)
class KeptEvidence:
    """What was kept of a test.

    Attributes:
        transcript: path, in the run's folder, of the text that pages link: the bytes of a test that went wrong, else
            the timeline; empty when nothing happened.
        commands: that were sent.
        steps: the transactions, for a report.
        attachments: texts beside the result.
        headlines: of what was measured, a line each.
        timeline: path of the page with both sides' events, in the run's folder; only of what went wrong.
        excerpt: what board and peers did last, a line each, on one clock, without the bench's own housekeeping.
    """

    transcript: str = ""
    commands: Sequence[str] = ()
    steps: Sequence[Step] = ()
    attachments: list[Attachment] = field(default_factory=list)
    headlines: Sequence[str] = ()
    excerpt: Sequence[str] = ()
    timeline: str = ""


def keep_evidence(
    session: BoardSession,
    test: str,
    journals: Sequence[PeerJournal],
    measured: Sequence[Measured],
    pictures: Sequence[str],
    wrong: WrongEnd | None = None,
) -> KeptEvidence:
    """Write what a test leaves into the run's folder.

    Args:
        session: of the board.
        test: its id.
        journals: of its peers.
        measured: its measurements.
        pictures: SVG texts that stand behind them.
        wrong: how it went wrong, if it did.
    """
    board: Board | None = session.board or session.unfinished
    entries, transactions = board.transcript.cut() if board else ([], [])
    if board is not None and board.transcript.lost:
        session.stream.add(rows.LostRow(why=board.transcript.lost))
    attachments = _keep_measured(session, test, measured, pictures) if measured or pictures else []
    headlines = [one.headline for one in measured]
    if not entries and not journals:
        return KeptEvidence(attachments=attachments, headlines=headlines)
    stream = session.stream
    evidence = Evidence.gather(entries, transactions, journals, stream.anchor, session.concealer)
    keep_test(session.kept_file, KeptTest(test, stream.round, stream.attempt, evidence))
    transcript, page = session.attach(test, "timeline", evidence.timeline(_MOST_EVENTS)), ""
    attachments.insert(0, Attachment("timeline", transcript))
    if wrong is not None:  # for all other tests the command `transcript` shows the same
        transcript = session.attach(test, "transcript", evidence.transcript())
        attachments.append(Attachment("transcript", transcript))
        attachments.append(Attachment("timings", session.attach(test, "timings", evidence.timings(), "csv")))
        page = _keep_timeline(session, test, evidence, transcript, wrong) if evidence.events else ""
    return KeptEvidence(
        transcript,
        _commands(transactions),
        steps_of(_own(transactions, session), session.stream.anchor),
        attachments,
        headlines,
        evidence.excerpt(session.record.ready_ns, session.record.failed_ns),
        page,
    )


def _own(transactions: Sequence[Response], session: BoardSession) -> list[Response]:
    """Return a test's own commands: without those that make the board ready for it, and put it back where it failed."""
    since_ns, until_ns = session.record.ready_ns, session.record.failed_ns
    return [one for one in transactions if since_ns <= one.sent_ns <= (until_ns or one.sent_ns)]


def _keep_timeline(session: BoardSession, test: str, evidence: Evidence, transcript: str, wrong: WrongEnd) -> str:
    """Write the page of both sides' events; return its path in the run's folder."""
    page = session.evidence_folder("timelines") / f"{stem_of(test)}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    links = [
        ("verdict", link_between(page, session.folder / "verdict.html")),
        ("transcript", link_between(page, session.folder / transcript)),
    ]
    events = evidence.events
    text = timeline_page(events, wrong, session.origin_of(test, events[0].t_ns), links)
    page.write_text(text, encoding="utf-8")
    return str(page.relative_to(session.folder))


def _commands(transactions: Sequence[Response]) -> list[str]:
    return [one.command for one in transactions]


def _keep_measured(
    session: BoardSession, test: str, measured: Sequence[Measured], pictures: Sequence[str]
) -> list[Attachment]:
    """Write page and samples. The page has no links to other files: in a report of Allure they would lead nowhere.

    Values that a line tells whole have no page: the result's description has that line.
    """
    if not pictures and not any(one.needs_page for one in measured):
        return []
    origin = session.origin_of(test, now_ns())
    page = session.attach(test, "measured", measured_page(measured, origin, pictures), "html")
    attachments = [Attachment("measured", page)]
    if any(any(one.points) for one in measured):
        samples = samples_csv(measured, origin, session.stream.anchor)
        attachments.append(Attachment("samples", session.attach(test, "samples", samples, "csv")))
    return attachments


def keep_logs(session: BoardSession, test: str, since_ns: int) -> tuple[str, list[Attachment]]:
    """Write what the board's further ports said since a moment; return the first file's path and the attachments.

    The path is relative to the run's folder, and empty when they said nothing.
    """
    folder, written, attachments = session.evidence_folder("logs"), "", []
    for port in session.aux_ports:
        port.finish_speaking(NS_PER_S)  # its last lines say most of why the test failed, and come after the answer
        text = port.text(session.stream.anchor, session.concealer.conceal, since_ns)
        if text:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{stem_of(test)}.{port.name}.txt"
            path.write_text(text, encoding="utf-8")
            written = written or str(path.relative_to(session.folder))
            if session.config.logs.in_allure:
                name = f"{port.name} port"
                attachments.append(Attachment(name, session.attach(test, name, text)))
    return written, attachments
