"""What a run knows of itself while it goes on: each row is taken once."""

from collections import Counter

from bench.evidence import Outcome, rows
from bench.run.schedule import Turn
from bench.session.earlier import Earlier

Place = tuple[str, int]
"""Slot and round."""


class RunState:
    """The results so far, by board and round."""

    def __init__(self) -> None:
        self._finished: dict[Place, dict[str, rows.FinishRow]] = {}
        self._simulated: dict[str, bool] = {}
        self._unread: set[str] = set()
        self._went_wrong: set[tuple[str, int, int]] = set()
        self._identities: dict[str, str] = {}
        self._resets: Counter[str] = Counter()
        self._surveys: dict[str, rows.SurveyRow] = {}
        self.ended: set[Place] = set()
        """Boards and rounds whose process has come to its end."""

    def take(self, row: rows.Row) -> None:
        """Take the next row of the stream."""
        match row:
            case rows.FinishRow():
                self._take_finish(row)
                if row.outcome.bad or row.observation:  # by attempt too: the second one's row replaces the first's
                    self._went_wrong.add((row.slot, row.round, row.attempt))
            case rows.BoardRow():
                self._simulated[row.slot] = self._simulated.get(row.slot, False) or row.simulated
                self._identities[row.slot] = row.identity
            case rows.RecoveryRow():
                self._resets[row.slot] += row.reset
            case rows.SurveyRow():
                self._surveys[row.slot] = row
            case rows.EndedRow():
                self.ended.add((row.slot, row.round))
            case rows.ScriptErrorRow():
                self._unread.add(row.slot)

    def _take_finish(self, row: rows.FinishRow) -> None:
        finished = self._finished.setdefault((row.slot, row.round), {})
        before = finished.get(row.test)
        if before is None or before.attempt < row.attempt or not before.outcome.is_worse_than(row.outcome):
            finished[row.test] = row

    def to_retry(self, slot: str, number: int) -> list[str]:
        """Return the tests of a board and round that ended in a lab error and may be tried a second time."""
        finished = self._finished.get((slot, number), {}).values()
        # Where the lab was gone under a failure nobody knows who is to blame: a second try must not hide that.
        return [row.test for row in finished if _is_lab_error(row) and row.worth_retry and not row.lab_lost]

    def earlier(self, slot: str, number: int) -> Earlier:
        """Return what the process that plays a round of a board must know of earlier ones."""
        rounds = sorted(played for (board, played) in self._finished if board == slot and played < number)
        finished = [row for played in rounds for row in self._finished[slot, played].values()]
        outcomes = {row.test: row.outcome for row in finished}
        return Earlier(outcomes, self._resets[slot], self._surveys.get(slot))

    def went_wrong(self, slot: str, number: int, attempt: int) -> bool:
        """Return whether a row explains that a board's process of a round and attempt did not end with 0."""
        return slot in self._unread or (slot, number, attempt) in self._went_wrong

    def failed_tests(self) -> dict[tuple[str, bool], set[str]]:
        """Return the boards (identities) on which a test failed, by test and whether they are simulated."""
        failed: dict[tuple[str, bool], set[str]] = {}
        for (slot, _), finished in self._finished.items():
            for row in finished.values():
                if row.outcome is Outcome.FAILED:
                    board = self._identities.get(slot, slot)
                    failed.setdefault((row.test, self._simulated.get(slot, False)), set()).add(board)
        return failed


def _is_lab_error(row: rows.FinishRow) -> bool:
    return row.outcome is Outcome.LAB_ERROR


def retries(state: RunState, turn: Turn, most: int) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return the tests to be tried again by slot, and the slots that have too many: their lab is down, not unlucky.

    Args:
        state: of the run.
        turn: the boards and the round.
        most: tests of one board that are tried again; 0 tries none.
    """
    again: dict[str, list[str]] = {}
    too_many: dict[str, int] = {}
    for spec in turn.specs:
        tests = state.to_retry(spec.slot, turn.round)
        if 0 < len(tests) <= most:
            again[spec.slot] = tests
        elif len(tests) > most > 0:
            too_many[spec.slot] = len(tests)
    return again, too_many
