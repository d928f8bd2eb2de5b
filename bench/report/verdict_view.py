"""The view of a run's verdict. Of the pages, only this module reads a ``Summary`` and its rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain

from bench import __version__
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import digest
from bench.errors import headline
from bench.evidence import Cause, Outcome, group_by_cause
from bench.evidence.causes import some_text
from bench.evidence.figures import MOST_BOARDS
from bench.evidence.ids import suite_of
from bench.evidence.qualification import Waived
from bench.evidence.rows import BoardRow, FindingRow, FlashRow
from bench.evidence.summary import Moment, Summary
from bench.number_text import counted
from bench.report.comparison_view import comparison_view
from bench.report.failures import failure_of, group_by_test, place_of
from bench.report.lab_time import both_times, lab_clock, time_between
from bench.report.links import NO_FOLDER, RunLinks
from bench.report.matrix import MatrixCell, matrix
from bench.report.measured_view import MeasuredView, measured_view
from bench.report.plan_view import PlanView, plan_view
from bench.report.rerun import rerun_command
from bench.report.specification import NO_ANSWER
from bench.report.suites_view import SuitesView, suites_view
from bench.report.tone import TONES
from bench.report.views import BoardView, CellView, ComparisonView, Failure, MatrixView, Place

MOST_CAUSES = 40
"""Even a bad night gives a page that can be read: the other causes are in a file beside it."""
_MOST_DETAILED, _MOST_CELLS = 6, 800
_MOST_LINES, _MOST_DEVIATING = 40, 2
_GAP = "   "


class VerdictView:
    """The verdict of a run, with all values that its pages show."""

    def __init__(self, summary: Summary, links: RunLinks = NO_FOLDER) -> None:
        self._summary = summary
        self._links = links
        self.run = summary.run
        self.verdict = summary.verdict
        self.tone = TONES[summary.verdict]
        self.simulated = summary.simulated
        self.reason = summary.reason
        self.counted = summary.counted
        self.started = both_times(summary.started)
        self.duration = time_between(summary.started, summary.ended)
        self.bench = f"nrf91-bench {__version__}"
        self.recoveries = _first(summary.recoveries)
        self.surveys = [(slot, "; ".join(texts)) for slot, texts in summary.surveys.items()][:_MOST_LINES]
        self.incidents = _first([_moment(event) for event in summary.incidents])
        self.control = control_line(summary) if summary.control_probes or summary.control_results else ""
        self._excuses = _excuses(summary)

    # -------------------------------------------------------------------- what went wrong

    @cached_property
    def _groups(self) -> list[Cause]:
        return group_by_cause(self._summary.results)

    @cached_property
    def causes(self) -> Sequence[Failure]:
        """The causes that have room on the page."""
        shown = [self._failure(cause) for cause in self._groups[:MOST_CAUSES]]
        return [*shown[:_MOST_DETAILED], *(one.shortened for one in shown[_MOST_DETAILED:])]

    @cached_property
    def other_causes(self) -> Sequence[Failure]:
        """The causes beyond those."""
        return [self._failure(cause) for cause in self._groups[MOST_CAUSES:]]

    @property
    def wrong(self) -> str:
        """How many results have how many causes."""
        results = sum(len(cause.results) for cause in self._groups)
        return f"{counted(results, 'result')}, {counted(len(self._groups), 'cause')}"

    @property
    def rerun(self) -> str:
        """The command that plays all of them again."""
        return rerun_command(self._summary.command, [one for cause in self._groups for one in cause.results])

    def _failure(self, cause: Cause) -> Failure:
        rerun = rerun_command(self._summary.command, cause.results)
        return failure_of(cause, self._summary.earlier, self._excuses, rerun, self._links)

    # -------------------------------------------------------------------- what is excused

    @property
    def plan(self) -> PlanView | None:
        """The plan that the run was judged by."""
        judged = self._summary.qualification
        if judged is None:
            return None
        folder = self._links.folder
        sha256 = "" if folder is None else digest(folder / PLAN_FILE)
        return plan_view(judged, self._summary.limits_used, self._links, sha256)

    @property
    def known_issues(self) -> Sequence[Place]:
        """The tests that failed because of a known issue, without those that a waiver of the plan names."""
        known = (one for one in self._summary.results if one.known_issue and id(one) not in self._excuses)
        return [
            place_of(same, same[0].message.removeprefix("known issue: "), self._links) for same in group_by_test(known)
        ]

    @property
    def known_texts(self) -> Sequence[tuple[str, str]]:
        """(test, first line of what is known), each once."""
        known = {(one.test, headline(one.message)) for one in self._summary.results if one.known_issue}
        return sorted(known)[:_MOST_LINES]

    @property
    def flaky(self) -> Sequence[tuple[str, str]]:
        """The flaky tests: (test, slot) that failed in one round and passed in another."""
        return self._summary.flaky

    @property
    def retried(self) -> Sequence[Place]:
        """The tests that passed only when they were tried again."""
        return [place_of([one], one.earlier, self._links) for one in self._summary.results if one.retried]

    @property
    def skipped(self) -> Sequence[tuple[str, int]]:
        """(reason, number of tests), the most common first."""
        reasons = Counter(result.message for result in self._summary.results if result.outcome is Outcome.SKIPPED)
        return reasons.most_common(_MOST_LINES)

    @property
    def left_out(self) -> Sequence[tuple[str, int]]:
        """(what a firmware does not have, number of tests about it)."""
        return self._summary.left_out_by_reason

    # -------------------------------------------------------------------- what took part

    @cached_property
    def boards(self) -> Sequence[BoardView]:
        """The boards, also those that did not answer."""
        answered = [
            _board(board, self._summary.hosts.get(board.slot, ""), self._summary.flashes)
            for board in self._summary.boards
        ]
        known = {board.slot for board in answered}
        planned = {result.slot for result in chain(self._summary.results, self._summary.left_out)}
        silent = [BoardView(slot, remarks=["did not answer"]) for slot in sorted(planned - known)]
        return _fold([*answered, *silent]) or [BoardView("", remarks=[NO_ANSWER])]

    @property
    def firmwares(self) -> Sequence[str]:
        """What the boards under test run, each once."""
        return list(dict.fromkeys(_firmware(board) for board in self._summary.under_test if _firmware(board)))

    @property
    def peers(self) -> str:
        """Where the peers ran, and with which library."""
        facts = (self._summary.peers.where, self._summary.peers.security)
        return ", ".join(fact for fact in facts if fact)

    # -------------------------------------------------------------------- what it showed

    @property
    def comparison(self) -> ComparisonView | None:
        """The comparison with a baseline: regressions first, by size."""
        found = self._summary.comparison
        return None if found is None else comparison_view(found)

    @property
    def findings(self) -> Sequence[tuple[str, str, str, str]]:
        """(name, boards, verdict, text) of what was found out; of very many boards one text stands for all."""
        found = self._summary.findings
        if len({row.slot for row in found}) <= MOST_BOARDS:
            return [(row.name, row.slot, row.verdict, row.text) for row in found]
        same: dict[tuple[str, str], list[FindingRow]] = {}
        for row in found:
            same.setdefault((row.name, row.verdict), []).append(row)
        return [
            (name, some_text([row.slot for row in of_all]), verdict, of_all[0].text)
            for (name, verdict), of_all in same.items()
        ]

    @cached_property
    def measured(self) -> MeasuredView | None:
        """The measurements."""
        return measured_view(self._summary.figures(), self._links) if self._summary.measurements else None

    @cached_property
    def suites(self) -> SuitesView:
        """The suites, in numbers."""
        return suites_view(self._summary.results)

    @cached_property
    def matrix(self) -> MatrixView:
        """Scenarios by kind of board, deviating boards named."""
        summary = self._summary
        compared = summary.comparison.measurements if summary.comparison is not None else ()
        found = matrix(summary.results, summary.under_test, summary.measurements, compared)
        suites: dict[str, list[tuple[str, Sequence[CellView | None]]]] = {}
        for scenario, cells in found.cells.items():
            row = (scenario.partition("::")[2] or scenario, [self._cell(cells.get(kind)) for kind in found.kinds])
            suites.setdefault(suite_of(scenario), []).append(row)
        return MatrixView(found.kinds, list(suites.items()))

    @property
    def shows_all_scenarios(self) -> bool:
        """Whether all scenarios have room on the page."""
        return sum(len(scenarios) for _, scenarios in self.matrix.suites) * len(self.matrix.kinds) <= _MOST_CELLS

    @property
    def shown_matrix(self) -> MatrixView:
        """The scenarios that have room on the page: all, or the first of those in which something went wrong."""
        if self.shows_all_scenarios:
            return self.matrix
        wrong = [(suite, row) for suite, scenarios in self.matrix.suites for row in scenarios if _went_wrong(row[1])]
        suites: dict[str, list[tuple[str, Sequence[CellView | None]]]] = {}
        for suite, row in wrong[:_MOST_LINES]:
            suites.setdefault(suite, []).append(row)
        return MatrixView(self.matrix.kinds, list(suites.items()))

    def _cell(self, cell: MatrixCell | None) -> CellView | None:
        if cell is None:
            return None
        deviating = [
            f"{one.slot}{f', round {one.round}' if one.round > 1 else ''}: {one.outcome.word}"
            for one in cell.deviating[:_MOST_DEVIATING]
        ]
        more = len(cell.deviating) - len(deviating)
        deviating += [f"and {more} more"] * (more > 0)
        transcript = next((one.transcript for one in [*cell.deviating, *cell.results] if one.transcript), "")
        return CellView(cell.text, cell.worst, self._links.to(transcript), cell.measured, deviating)


def _went_wrong(cells: Iterable[CellView | None]) -> bool:
    return any(cell is not None and Outcome(cell.outcome).bad for cell in cells)


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
    return _GAP.join([board.slot, *(part for part in (*parts, *_remarks(board)) if part)])


def _image_text(flash: FlashRow) -> str:
    return f"{flash.image} {flash.outcome}, SHA-256 {flash.sha256}"


def _board(board: BoardRow, host: str, flashes: Iterable[FlashRow]) -> BoardView:
    return BoardView(
        board.slot,
        " ".join(part for part in (board.model, board.part) if part),
        _firmware(board),
        board.network.text,
        ", ".join(board.ids.values()),
        f"{board.port} at {host}" if host else board.port,
        _remarks(board),
        list(dict.fromkeys(_image_text(flash) for flash in flashes if flash.slot == board.slot)),
    )


def _fold(boards: list[BoardView]) -> list[BoardView]:
    """Return the boards as they are; of very many, one line for all that are alike, without what differs."""
    if len(boards) <= _MOST_LINES:
        return boards
    alike: dict[BoardView, list[str]] = {}
    for board in boards:
        kind = replace(board, slot="", network="", identities="", port="", remarks=tuple(board.remarks))
        alike.setdefault(replace(kind, images=tuple(board.images)), []).append(board.slot)
    return [
        replace(kind, slot=some_text(slots), remarks=[*kind.remarks, counted(len(slots), "board")])
        for kind, slots in alike.items()
    ]


def _firmware(board: BoardRow) -> str:
    return ", ".join(part for part in (board.modem_firmware, board.application_text) if part)


def _remarks(board: BoardRow) -> list[str]:
    return ["control board"] * board.control + ["SIMULATED"] * board.simulated


def _first(lines: list[str]) -> list[str]:
    """Return the lines that a page has room for; the last says how many more there are."""
    more = len(lines) - _MOST_LINES
    return lines if more <= 0 else [*lines[:_MOST_LINES], f"and {more} more, in summary.json"]


def _excuses(summary: Summary) -> Mapping[int, str]:
    """Return the owner and the end of the waiver of each result, by the result's identity."""
    waived: Iterable[Waived] = summary.qualification.waived if summary.qualification is not None else ()
    return {id(one.result): f"waived until {one.waiver.expires} ({one.waiver.owner})" for one in waived}


def _moment(event: Moment) -> str:
    return f"{lab_clock(event.utc)} {event.text}"
