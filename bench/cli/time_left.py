"""How long a run may still take: by its pace so far, and by what its tests took before."""

from dataclasses import dataclass, field

from bench.clock import NS_PER_MS
from bench.evidence import rows


@dataclass
class _Turn:
    """The tests of a board in one round: expected time in ms of all and of those that are left; 0 is not known."""

    left: dict[str, int] = field(default_factory=dict)
    all: dict[str, int] = field(default_factory=dict)
    ended: bool = False


class TimeLeft:
    """Takes the rows of a run that say how long it takes."""

    def __init__(self) -> None:
        self._turns: list[tuple[int, list[str]]] = []
        self._plans: dict[tuple[str, int], _Turn] = {}
        self._took_ms, self._finished = 0.0, 0

    def take(self, row: rows.Row) -> None:
        """Take the next row."""
        match row:
            case rows.RunRow():
                self._turns = list(row.turns or ())
            case rows.PlanRow():
                plan = self._plan(row)
                plan.left[row.test] = plan.all[row.test] = row.expected_ms
            case rows.FinishRow():
                if self._plan(row).left.pop(row.test, None) is not None:  # a second attempt is not a further test
                    self._took_ms += row.duration_ns / NS_PER_MS
                    self._finished += 1
            case rows.EndedRow():
                self._plan(row).ended = True

    def _plan(self, row: rows.Row) -> _Turn:
        return self._plans.setdefault((row.slot, row.round), _Turn())

    def seconds(self, elapsed: float) -> float | None:
        """Return how long the run may still take after ``elapsed`` seconds; None before a test has ended."""
        mean = self._took_ms / max(1, self._finished)
        done = left = 0.0
        for number, slots in self._turns or [(number, [slot]) for slot, number in self._plans]:
            works = [self._work(slot, number, mean) for slot in slots]
            done += max((one for one, _ in works), default=0.0)  # the boards of a turn run at the same time
            left += max((one for _, one in works), default=0.0)
        return elapsed * left / done if done else None

    def _work(self, slot: str, number: int, mean: float) -> tuple[float, float]:
        """Return what a board has done of a turn and what is left of it, in ms that its tests are expected to take."""
        plan = self._plans.get((slot, number))
        if plan is None:
            earlier = next((one for (name, _), one in self._plans.items() if name == slot), _Turn())
            return 0.0, sum(expected or mean for expected in earlier.all.values())
        left = 0.0 if plan.ended else sum(expected or mean for expected in plan.left.values())
        return sum(expected or mean for test, expected in plan.all.items() if test not in plan.left), left
