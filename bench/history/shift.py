"""The shift of logarithms of measured values, with its error, by Student's t; the caller chooses the unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from bench.measure.student import t_quantile, t_tail

Floats = NDArray[numpy.float64]
_POWER = 0.95
# Units that agree to the last digit are rounded, not exact: nothing is known better than to a tenth of a per cent.
_GRAIN = 0.001


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of logarithms.

    Attributes:
        value: the difference, candidate minus baseline.
        error: its standard error.
        freedom: degrees of freedom of that error.
    """

    value: float
    error: float
    freedom: int

    def chance(self, *, upward: bool) -> float:
        """Return the probability of so large a difference where there is none (one-sided)."""
        if self.error <= 0:
            return 0.0 if (self.value > 0) == upward and self.value else 1.0
        return t_tail((self.value if upward else -self.value) / self.error, self.freedom)

    def interval(self, chance: float) -> tuple[float, float]:
        """Return the interval of the true difference; each side misses it with that probability."""
        half = t_quantile(chance, self.freedom) * self.error
        return self.value - half, self.value + half

    def detectable(self, chance: float) -> float:
        """Return the smallest true difference that is found 95 times in 100, at that probability of a false alarm."""
        return (t_quantile(chance, self.freedom) + t_quantile(1 - _POWER, self.freedom)) * self.error


@dataclass(frozen=True, slots=True)
class WithinNights:
    """A difference by rounds, and how much more boards differ from night to night than rounds explain.

    Attributes:
        shift: the difference, with the error that follows from the scatter of rounds.
        excess: variance of a board's nights about its level, as a multiple of the variance that rounds explain.
        nights: degrees of freedom of the excess; 0 where it is not known.
    """

    shift: Shift
    excess: float
    nights: int


def within_nights(
    logs: Sequence[float], boards: Sequence[str], runs: Sequence[str], rounds: Sequence[int], candidate: Sequence[bool]
) -> WithinNights | None:
    """Return the effect of the candidate, where each board and each turn (run and round) has its own level.

    The level of a turn cancels drift, the level of a board cancels differences of boards. None when board and firmware
    cannot be separated, or when no data are left to estimate the error.
    """
    turns = [f"{run} {number}" for run, number in zip(runs, rounds, strict=True)]
    values = numpy.asarray(logs, dtype=float)
    fine = _effect(values, boards, turns, candidate)
    if fine is None:
        return None
    cells = sorted(set(zip(boards, runs, candidate, strict=True)))
    members = [[k for k, key in enumerate(zip(boards, runs, candidate, strict=True)) if key == cell] for cell in cells]
    means = numpy.asarray([float(numpy.mean(values[rows])) for rows in members])
    coarse = _effect(means, [cell[0] for cell in cells], [cell[1] for cell in cells], [cell[2] for cell in cells])
    scatter = fine.error**2 * fine.weight  # of one round
    expected = scatter * sum(1 / len(rows) for rows in members) / len(members)
    if coarse is None or not expected:
        return WithinNights(fine.shift, 1.0, 0)
    return WithinNights(fine.shift, coarse.error**2 * coarse.weight / expected, coarse.freedom)


@dataclass(frozen=True, slots=True)
class _Effect:
    """An estimated effect; ``weight`` is the squared length of its column that boards and turns do not explain."""

    value: float
    error: float
    freedom: int
    weight: float

    @property
    def shift(self) -> Shift:
        return Shift(self.value, self.error, self.freedom)


def _effect(values: Floats, boards: Sequence[str], turns: Sequence[str], candidate: Sequence[bool]) -> _Effect | None:
    """Fit levels of boards and turns by least squares; None where they explain the effect, or no error is known."""
    levels = _levels(boards, turns)
    effect = numpy.asarray(candidate, dtype=float)
    # The part of the effect's column that no level explains (Frisch, Waugh and Lovell).
    own = effect - levels @ numpy.linalg.lstsq(levels, effect, rcond=None)[0]
    weight = float(own @ own)
    freedom = len(values) - int(numpy.linalg.matrix_rank(levels)) - 1
    if weight < 1e-9 or freedom < 1:
        return None
    rest = values - levels @ numpy.linalg.lstsq(levels, values, rcond=None)[0]
    value = float(own @ rest) / weight
    variance = max(float(numpy.sum((rest - own * value) ** 2)) / freedom, _GRAIN**2)
    return _Effect(value, math.sqrt(variance / weight), freedom, weight)


def _levels(boards: Sequence[str], turns: Sequence[str]) -> Floats:
    """Return the matrix with a column for each board and each turn."""
    names, moments = sorted(set(boards)), sorted(set(turns))
    columns = numpy.zeros((len(boards), len(names) + len(moments)))
    for row, (board, turn) in enumerate(zip(boards, turns, strict=True)):
        columns[row, names.index(board)] = 1
        columns[row, len(names) + moments.index(turn)] = 1
    return columns


def night_levels(logs: Sequence[float], boards: Sequence[str], nights: Sequence[str]) -> dict[str, float] | None:
    """Return each night's level, with levels for boards; None where some nights share no board, even indirectly."""
    levels = _levels(boards, nights)
    names, moments = sorted(set(boards)), sorted(set(nights))
    if int(numpy.linalg.matrix_rank(levels)) < len(names) + len(moments) - 1:
        return None
    found = numpy.linalg.lstsq(levels, numpy.asarray(logs, dtype=float), rcond=None)[0]
    return dict(zip(moments, map(float, found[len(names) :]), strict=True))


def between_units(baseline: Sequence[float], candidate: Sequence[float]) -> Shift | None:
    """Return the difference of means of independent units, such as nights or boards; one side may have one unit."""
    freedom = len(baseline) + len(candidate) - 2
    if not baseline or not candidate or freedom < 1:
        return None
    squares = sum(float(numpy.sum((numpy.asarray(side) - numpy.mean(side)) ** 2)) for side in (baseline, candidate))
    spread = math.sqrt(max(squares / freedom, _GRAIN**2) * (1 / len(baseline) + 1 / len(candidate)))
    return Shift(float(numpy.mean(candidate) - numpy.mean(baseline)), spread, freedom)


def significant(chances: Sequence[float], level: float) -> list[bool]:
    """Return which findings are significant; the probability of any false one is at most ``level`` (Holm)."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    stands = [False] * len(chances)
    for rank, index in enumerate(order):
        if chances[index] > level / (len(chances) - rank):
            break
        stands[index] = True
    return stands
