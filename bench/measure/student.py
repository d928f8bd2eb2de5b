"""Student's t distribution: its tail and its quantiles, as exact as doubles allow.

scipy would do the same, but its import takes longer than the rest of a small command.
"""

import math
from functools import lru_cache

_TINY = 1e-300
_MOST_TERMS = 2000


def t_tail(t: float, freedom: int) -> float:
    """Return P(T > t)."""
    half = 0.5 * _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5)
    return half if t >= 0 else 1 - half


@lru_cache(maxsize=4096)
def t_quantile(tail: float, freedom: int) -> float:
    """Return the t that is exceeded with probability ``tail``, which is above 0 and at most 0.5."""
    if not 0 < tail <= 0.5:
        raise ValueError(f"a tail must be above 0 and at most 0.5, not {tail}")
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if t_tail(middle, freedom) > tail else (low, middle)
    return high


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction (Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MOST_TERMS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _nonzero(1 + step * d)
            c = _nonzero(1 + step / c)
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * fraction / a


def _nonzero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
