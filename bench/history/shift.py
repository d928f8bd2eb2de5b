"""The shift of logarithms of measured values, with its errors, by Student's t; the caller chooses the unit."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.measure.student import t_quantile, t_tail

GRAIN = 0.001
"""Units that agree to the last digit are rounded, not exact: nothing is known better than to a tenth of a per cent."""
_POWER = 0.95


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of logarithms.

    Attributes:
        value: the difference, candidate minus baseline.
        error: its standard error.
        freedom: degrees of freedom of that error.
        systematic: bound of the error that no repetition makes smaller, such as that of a clock's resolution.
    """

    value: float
    error: float
    freedom: int
    systematic: float = 0.0

    def chance(self, *, upward: bool) -> float:
        """Return the probability of so large a difference where there is none (one-sided)."""
        value = (self.value if upward else -self.value) - self.systematic
        if self.error <= 0:
            return 0.0 if value > 0 else 1.0
        return t_tail(value / self.error, self.freedom)

    def interval(self, chance: float) -> tuple[float, float]:
        """Return the interval of the true difference; each side misses it with that probability."""
        half = t_quantile(chance, self.freedom) * self.error + self.systematic
        return self.value - half, self.value + half

    def detectable(self, chance: float) -> float:
        """Return the smallest true difference that is found 95 times in 100, at that probability of a false alarm."""
        times = t_quantile(chance, self.freedom) + t_quantile(1 - _POWER, self.freedom)
        return times * self.error + self.systematic

    def surely_above(self, least: float) -> float:
        """Return the true difference at which 95 estimates of 100 exceed a least one."""
        return least + t_quantile(1 - _POWER, self.freedom) * self.error


def significant(chances: Sequence[float], level: float) -> list[bool]:
    """Return which findings are significant; the probability of any false one is at most ``level`` (Holm)."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    stands = [False] * len(chances)
    for rank, index in enumerate(order):
        if chances[index] > level / (len(chances) - rank):
            break
        stands[index] = True
    return stands
