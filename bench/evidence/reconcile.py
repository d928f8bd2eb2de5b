"""Rows to a summary: planned tests against finished ones. Each kind of row has one function."""

from array import array
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bench.errors import headline
from bench.evidence import rows
from bench.evidence.causes import naturally
from bench.evidence.figures import of_last_attempts
from bench.evidence.lent import LentBoards
from bench.evidence.outcomes import Outcome, TestResult
from bench.evidence.summary import Moment, Recorded, Summary
from bench.number_text import counted

_REPEATED = ("test", "slot", "name", "unit", "limit", "verdict", "run", "doc", "part_of")
"""Texts of a measurement that many others have, too."""


def reconcile(found: Iterable[rows.Row], damaged: Callable[[], int] = int) -> Summary:
    """Return the summary of a stream, of a whole one or of one that a crash cut off. Each row is taken once.

    A planned test without a finish row has died; a finish row without a plan is evidence that something is wrong.

    Args:
        found: the rows.
        damaged: tells, after the last row, how many lines were not rows.
    """
    reconciliation = Reconciliation()
    for row in found:
        reconciliation.take(row)
    return reconciliation.summary(damaged=damaged())


class Reconciliation:
    """The state of a run as its rows tell it."""

    def __init__(self) -> None:
        self._summary = Summary()
        self._planned: list[TestResult] = []
        self._by_test: dict[tuple[str, int], dict[str, TestResult]] = {}  # of each slot and round
        self._controls: frozenset[str] = frozenset()
        self._programmed: set[str] = set()
        self._lent = LentBoards()
        self._samples: dict[tuple[str, str, int, str, int], array[float]] = {}
        self._texts: dict[str, str] = {}

    def take(self, row: rows.Row) -> None:
        """Take the next row."""
        summary = self._summary
        summary.row_count += 1
        summary.run = summary.run or row.run
        if not row.lent:  # another host's clock may be wrong
            summary.started = summary.started or row.utc
            summary.ended = row.utc or summary.ended
        take = _TAKES.get(type(row))
        if take is not None:
            take(self, row)

    def summary(self, *, damaged: int = 0) -> Summary:
        """Return what the rows so far prove."""
        summary = self._summary
        summary.control_results = [result for result in self._planned if result.slot in self._controls]
        planned = [result for result in self._planned if result.slot not in self._controls]
        summary.results = [result for result in planned if not result.left_out]
        summary.left_out = [result for result in planned if result.left_out]
        summary.troubles += _without_board(summary)
        own = [row for row, _ in summary.recorded if row.slot not in self._controls]
        summary.measurements = of_last_attempts(own)
        still_open = sorted(
            (turn for turn in summary.open_turns if turn[0] not in self._controls), key=lambda turn: (turn[1], turn[0])
        )
        away = self._lent.unfinished
        summary.troubles += [
            f"round {number} of {slot} did not come to its end" for slot, number in still_open if slot not in away
        ]
        summary.hosts, summary.not_here = self._lent.hosts, self._lent.missing
        summary.troubles += self._lent.troubles()
        summary.lost += self._lent.lost()
        summary.internal_errors += self._lent.internal_errors()
        if summary.has_parent and not summary.closed:
            summary.troubles.append("the run did not come to its end")
        summary.boards.sort(key=lambda board: naturally(board.slot))
        if damaged:
            summary.lost.append(f"{counted(damaged, 'damaged row')} in the result stream")
        return summary

    def _run(self, row: rows.RunRow) -> None:
        summary = self._summary
        if row.lent:  # the run of one board on its host: no parent of ours
            summary.simulated = summary.simulated or row.simulated
            self._controls |= frozenset(row.controls)
            self._lent.begin(row)
            return
        self._lent.expect(row)
        summary.simulated = row.simulated
        summary.groups = row.groups or {}
        summary.bench = row.bench
        summary.command = row.command
        summary.open_turns = {(slot, number) for number, slots in row.turns or () for slot in slots}
        summary.has_parent = row.turns is not None
        self._controls = frozenset(row.controls)

    def _ended(self, row: rows.EndedRow) -> None:
        self._summary.open_turns.discard((row.slot, row.round))

    def _closed(self, row: rows.ClosedRow) -> None:
        if row.lent:
            self._lent.close(row)
        else:
            self._summary.closed = True

    def _lend(self, row: rows.LentRow) -> None:
        self._lent.lend(row)
        self._summary.open_turns |= self._lent.turns_of(row.slot)

    def _away(self, row: rows.AwayRow) -> None:
        self._lent.lose(row)

    def _gathered(self, row: rows.GatheredRow) -> None:
        self._lent.gather(row)

    def _board(self, row: rows.BoardRow) -> None:
        summary = self._summary
        before = next((board for board in summary.boards if board.slot == row.slot), None)
        meant = row.slot in self._programmed
        self._programmed.discard(row.slot)
        if before is not None and not meant and _identity(before) != _identity(row):
            summary.troubles.append(f"{row.slot} is another board, or has another firmware, than when the run began")
        summary.boards = [board for board in summary.boards if board.slot != row.slot] + [row]
        summary.simulated = summary.simulated or row.simulated

    def _peers(self, row: rows.PeersRow) -> None:
        self._summary.peers = row

    def _survey(self, row: rows.SurveyRow) -> None:
        self._summary.surveys[row.slot] = row.text

    def _recovery(self, row: rows.RecoveryRow) -> None:
        self._summary.recoveries.append(row.text)

    def _flash(self, row: rows.FlashRow) -> None:
        self._summary.flashes.append(row)
        self._programmed.add(row.slot)  # from here on it may say something else
        if row.outcome == "failed":
            self._summary.troubles.append(headline(row.text))

    def _limit(self, row: rows.LimitRow) -> None:
        self._summary.limits_used.add(row.title)

    def _finding(self, row: rows.FindingRow) -> None:
        kept = [found for found in self._summary.findings if (found.slot, found.name) != (row.slot, row.name)]
        self._summary.findings = [*kept, row]  # of several attempts the last

    def _control(self, row: rows.ControlRow) -> None:
        self._summary.control_probes += 1
        if not row.ok:
            moments = self._summary.control_untold if row.ok is None else self._summary.control_failures
            moments.append(Moment(row.utc, f"{row.slot}: {row.text}"))

    def _incident(self, row: rows.IncidentRow) -> None:
        self._summary.incidents.append(Moment(row.utc, f"{row.what}: {row.text}"))

    def _earlier(self, row: rows.EarlierRow) -> None:
        self._summary.earlier = row.tests

    def _comparison(self, row: rows.ComparisonRow) -> None:
        self._summary.comparison = row

    def _sampled(self, row: rows.SamplesRow) -> None:
        self._samples.setdefault(_series_of(row), array("d")).extend(row.values)

    def _measurement(self, row: rows.MeasurementRow) -> None:
        for name in _REPEATED:  # by the hundred thousand: boards measure alike
            msgspec.structs.force_setattr(row, name, self._once(getattr(row, name)))
        self._summary.recorded.append(Recorded(row, self._samples.pop(_series_of(row), ())))

    def _lost(self, row: rows.LostRow) -> None:
        self._summary.lost.append(row.why)

    def _trouble(self, row: rows.TroubleRow) -> None:
        self._summary.troubles.append(row.why)

    def _internal_error(self, row: rows.InternalErrorRow) -> None:
        self._summary.internal_errors.append(row.why)

    def _script_error(self, row: rows.ScriptErrorRow) -> None:
        self._summary.script_errors[row.path] = row.message

    def _plan(self, row: rows.PlanRow) -> None:
        test, slot = self._once(row.test), self._once(row.slot)
        results = self._by_test.setdefault((slot, row.round), {})
        if test not in results:
            results[test] = TestResult(test, slot, round=row.round)
            self._planned.append(results[test])
        self._summary.statements.setdefault(test, row.spec)

    def _once(self, text: str) -> str:
        """Return one object for all equal texts: a test has the same id on hundreds of boards."""
        return self._texts.setdefault(text, text)

    def _start(self, row: rows.StartRow) -> None:
        result = self._result(row)
        if result is not None:
            result.started = True

    def _finish(self, row: rows.FinishRow) -> None:
        result = self._result(row)
        if result is not None:
            _finish(result, row)
            result.message = self._once(result.message)

    def _result(self, row: rows.StartRow | rows.FinishRow) -> TestResult | None:
        result = self._by_test.get((row.slot, row.round), {}).get(row.test)
        if result is None:
            self._summary.lost.append(f"{row.test} on {row.slot} was never planned")
        return result


_TAKES: dict[type[rows.Row], Callable[[Reconciliation, Any], None]] = {
    rows.RunRow: Reconciliation._run,
    rows.LentRow: Reconciliation._lend,
    rows.AwayRow: Reconciliation._away,
    rows.GatheredRow: Reconciliation._gathered,
    rows.EndedRow: Reconciliation._ended,
    rows.ClosedRow: Reconciliation._closed,
    rows.BoardRow: Reconciliation._board,
    rows.PeersRow: Reconciliation._peers,
    rows.SurveyRow: Reconciliation._survey,
    rows.RecoveryRow: Reconciliation._recovery,
    rows.FlashRow: Reconciliation._flash,
    rows.LimitRow: Reconciliation._limit,
    rows.FindingRow: Reconciliation._finding,
    rows.ControlRow: Reconciliation._control,
    rows.IncidentRow: Reconciliation._incident,
    rows.EarlierRow: Reconciliation._earlier,
    rows.ComparisonRow: Reconciliation._comparison,
    rows.SamplesRow: Reconciliation._sampled,
    rows.MeasurementRow: Reconciliation._measurement,
    rows.LostRow: Reconciliation._lost,
    rows.TroubleRow: Reconciliation._trouble,
    rows.InternalErrorRow: Reconciliation._internal_error,
    rows.ScriptErrorRow: Reconciliation._script_error,
    rows.PlanRow: Reconciliation._plan,
    rows.StartRow: Reconciliation._start,
    rows.FinishRow: Reconciliation._finish,
}
"""Kind of row -> what takes it; rows of other kinds say nothing of the verdict."""


def _series_of(row: rows.SamplesRow | rows.MeasurementRow) -> tuple[str, str, int, str, int]:
    return row.test, row.slot, row.round, row.name, row.attempt


def _finish(result: TestResult, row: rows.FinishRow) -> None:
    # A second result of one attempt comes from a forked process, or from a plugin that runs a test again.
    again = row.attempt == result.finished
    if row.attempt < result.finished or (again and result.outcome.is_worse_than(row.outcome)):
        return
    result.finished = row.attempt
    if row.attempt > 1 and result.outcome is row.outcome is Outcome.LAB_ERROR:
        result.attempts = row.attempt  # the first attempt's message says what happened, the next only that it lasts
        return
    if row.attempt > result.attempts:
        result.earlier = f"{result.outcome.word}: {headline(result.message)}"
    result.outcome = row.outcome
    result.message, result.place, result.excerpt = row.message, row.place, row.excerpt
    result.transcript, result.log, result.support = row.transcript, row.log, row.support
    result.timeline = row.timeline
    result.allure = row.allure if row.outcome.bad else ""  # no page leads from another result to Allure
    result.duration_ns = row.duration_ns
    result.attempts = row.attempt
    result.radio = row.radio.text
    result.known_issue = row.known_issue
    result.left_out = row.left_out
    result.unexpected_pass = row.unexpected_pass


def _without_board(summary: Summary) -> list[str]:
    """Return which places have tests that passed though no board ever answered there."""
    answered = {board.slot for board in summary.boards}
    passed = {result.slot for result in summary.results if result.outcome is Outcome.PASSED}
    return [f"no board answered as {slot}: its tests passed without one" for slot in sorted(passed - answered)]


def _identity(board: rows.BoardRow) -> tuple[object, ...]:
    """Return what must not change in a run."""
    ids = tuple(sorted(board.ids.items()))
    return board.model, board.part, board.modem_firmware, board.application, board.application_version, ids
