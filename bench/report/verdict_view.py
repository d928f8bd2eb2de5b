"""The view of a run's verdict. Of the pages, only this module reads a ``Summary`` and its rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from bench import __version__
from bench.errors import headline
from bench.evidence import Cause, Outcome, RunVerdict, group_by_cause
from bench.evidence.figures import Figure
from bench.evidence.rows import BoardRow, FlashRow
from bench.evidence.summary import Moment, Summary
from bench.number_text import counted
from bench.report.comparison_view import comparison_view
from bench.report.failures import failure_of, group_by_test, place_of
from bench.report.lab_time import lab_clock, lab_time
from bench.report.matrix import MatrixCell, matrix
from bench.report.rerun import rerun_command
from bench.report.views import (
    BoardView,
    CellView,
    ComparisonView,
    Failure,
    MatrixView,
    Place,
    PlanView,
    WaivedTest,
)

# Even a bad night gives a page that can be read.
_MOST_FAILURES, _MOST_DEVIATING = 40, 8
_TONES = {
    RunVerdict.PASSED: "good",
    RunVerdict.QUALIFIED: "good",
    RunVerdict.FAILED: "bad",
    RunVerdict.NOT_QUALIFIED: "bad",
    RunVerdict.INCOMPLETE: "unsure",
}
_GAP = "   "


class VerdictView:
    """The verdict of a run, with all values that its pages show."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self.run = summary.run
        self.verdict = summary.verdict
        self.tone = _TONES[summary.verdict]
        self.simulated = summary.simulated
        self.reason = summary.reason
        self.counted = summary.counted
        self.day = summary.ended[:10]
        self.when = f"{lab_time(summary.started)} to {lab_clock(summary.ended)}, nrf91-bench {__version__}"
        self.recoveries = summary.recoveries
        self.surveys = [(slot, "; ".join(texts)) for slot, texts in summary.surveys.items()]
        self.incidents = [_moment(event) for event in summary.incidents]
        self.control = control_line(summary) if summary.control_probes or summary.control_results else ""
        self._excuses = _excuses(summary)

    @property
    def plan(self) -> PlanView | None:
        """The plan that the run was judged by."""
        judged = self._summary.qualification
        if judged is None:
            return None
        waivers = len({one.waiver for one in judged.waived})
        return PlanView(judged.plan.name, waivers, [*judged.against, *judged.missing])

    @cached_property
    def causes(self) -> Sequence[Failure]:
        """The failures, an entry for each cause."""
        return [self._failure(cause) for cause in self._groups[:_MOST_FAILURES]]

    def _failure(self, cause: Cause) -> Failure:
        rerun = rerun_command(self._summary.command, cause.results)
        return failure_of(cause, self._summary.earlier, self._excuses, rerun)

    @property
    def more_causes(self) -> int:
        """The number of causes that have no room on the page."""
        return max(0, len(self._groups) - _MOST_FAILURES)

    @cached_property
    def _groups(self) -> list[Cause]:
        return group_by_cause(self._summary.results)

    @property
    def comparison(self) -> ComparisonView | None:
        """The comparison with a baseline: regressions first, by size."""
        found = self._summary.comparison
        return None if found is None else comparison_view(found)

    @property
    def waived(self) -> Sequence[WaivedTest]:
        """The tests that a waiver excuses."""
        judged = self._summary.qualification
        waivers = {one.result.test: one.waiver for one in judged.waived} if judged else {}
        groups = group_by_test(one.result for one in judged.waived) if judged else []
        found = [(place_of(same), waivers[same[0].test]) for same in groups]
        return [WaivedTest(at, w.kind, w.reason, w.reference, w.owner, str(w.expires)) for at, w in found]

    @property
    def known_issues(self) -> Sequence[Place]:
        """The tests that failed because of a known issue."""
        groups = group_by_test(result for result in self._summary.results if result.known_issue)
        return [place_of(same, same[0].message.removeprefix("known issue: ")) for same in groups]

    @property
    def known_texts(self) -> Sequence[tuple[str, str]]:
        """(test, first line of what is known), each once."""
        known = {(one.test, headline(one.message)) for one in self._summary.results if one.known_issue}
        return sorted(known)[:_MOST_FAILURES]

    @property
    def flaky(self) -> Sequence[tuple[str, str]]:
        """The flaky tests: (test, slot) that failed in one round and passed in another."""
        return self._summary.flaky

    @property
    def retried(self) -> Sequence[Place]:
        """The tests that passed only when they were tried again."""
        return [place_of([one], one.earlier) for one in self._summary.results if one.retried]

    @property
    def skipped(self) -> Sequence[tuple[str, int]]:
        """(reason, number of tests), the most common first."""
        reasons = Counter(result.message for result in self._summary.results if result.outcome is Outcome.SKIPPED)
        return reasons.most_common(_MOST_FAILURES)

    @property
    def left_out(self) -> Sequence[tuple[str, int]]:
        """(what a firmware does not have, number of tests about it)."""
        return self._summary.left_out_by_reason

    @property
    def boards(self) -> Sequence[BoardView]:
        """The boards, with the facts that they report."""
        found = []
        for board in self._summary.boards:
            slot, *facts = board_line(board).split(_GAP)
            own = (_image_text(flash) for flash in self._summary.flashes if flash.slot == board.slot)
            facts += list(dict.fromkeys(own))
            found.append(BoardView(slot, facts, board.port))
        return found

    @property
    def board_lines(self) -> Sequence[str]:
        """The boards, a line for each."""
        return [board_line(board) for board in self._summary.boards]

    @property
    def peers(self) -> str:
        """Where the peers ran, and with which library."""
        facts = (self._summary.peers.where, self._summary.peers.security)
        return ", ".join(fact for fact in facts if fact)

    @property
    def findings(self) -> Sequence[tuple[str, str, str, str]]:
        """(name, slot, verdict, text) of what was found out."""
        return [(row.name, row.slot, row.verdict, row.text) for row in self._summary.findings]

    @property
    def figures(self) -> Sequence[Figure]:
        """The measurements."""
        return self._summary.figures() if self._summary.measurements else []

    @property
    def matrix(self) -> MatrixView:
        """Scenarios by kind of board, deviating boards named."""
        compared = self._summary.comparison.measurements if self._summary.comparison is not None else ()
        found = matrix(self._summary.results, self._summary.under_test, self._summary.measurements, compared)
        rows = [(name, [_cell(cells.get(kind)) for kind in found.kinds]) for name, cells in found.cells.items()]
        return MatrixView(found.kinds, rows)


def control_line(summary: Summary) -> str:
    """Return what control boards say of the network, and what they measured beside the boards under test."""
    bad, silent, probes = summary.control_failures, summary.control_untold, summary.control_probes
    parts = [f"the network was good in {probes - len(bad) - len(silent)} of {probes} probes"] if probes else []
    if bad:
        parts = [f"the network was bad in {len(bad)} of {probes} probes, first {_moment(bad[0])}"]
    if silent:
        parts.append(f"it could say nothing in {len(silent)}, first {_moment(silent[0])}")
    ran = summary.control_results
    if ran:
        wrong = sum(result.outcome.bad for result in ran)
        slots = ", ".join(sorted({result.slot for result in ran}))
        parts.append(f"{slots} ran {counted(len(ran), 'test')} beside the boards under test; {wrong} did not pass")
    return f"Control board: {'; '.join(parts)}"


def board_line(board: BoardRow) -> str:
    """Return a board in one line: slot, part, firmware, application, short ids."""
    parts = [board.part, board.modem_firmware, board.application_text, board.network.text, *board.ids.values()]
    parts += ["control board"] if board.control else []
    parts += ["SIMULATED"] if board.simulated else []
    return _GAP.join([board.slot, *(part for part in parts if part)])


def _image_text(flash: FlashRow) -> str:
    return f"{flash.kind} image {flash.image}, SHA-256 {flash.sha256}, {flash.outcome}"


def _excuses(summary: Summary) -> dict[int, str]:
    """Return the owner and the end of the waiver of each result, by the result's identity."""
    waived: Iterable[Any] = summary.qualification.waived if summary.qualification is not None else ()
    return {id(one.result): f"waived until {one.waiver.expires} ({one.waiver.owner})" for one in waived}


def _moment(event: Moment) -> str:
    return f"{lab_clock(event.utc)} {event.text}"


def _cell(cell: MatrixCell | None) -> CellView | None:
    if cell is None:
        return None
    deviating = [
        f"{one.slot}{f', round {one.round}' if one.round > 1 else ''}: {one.outcome.word}"
        for one in cell.deviating[:_MOST_DEVIATING]
    ]
    transcript = next((one.transcript for one in [*cell.deviating, *cell.results] if one.transcript), "")
    return CellView(cell.text, cell.worst, transcript, cell.measured, deviating)
