"""Statistics of samples: quantiles, proportions and means, each with a 95 % confidence interval, or none.

A quantile is given only where the samples bound it on both sides (order statistics, no distribution assumed): p50 from
6 samples, p90 from 36, p95 from 72, p99 from 368.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy
from numpy.typing import ArrayLike, NDArray

from bench.measure.student import t_quantile

CONFIDENCE = 0.95
QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
STATISTIC_MEANINGS = {
    "p50": "half of the samples are not larger (median)",
    "p90": "90 % of the samples are not larger",
    "p95": "95 % of the samples are not larger",
    "p99": "99 % of the samples are not larger",
    "mean": "the sum of the samples by their count",
    "jitter": "the mean difference between one sample and the next (RFC 3393)",
}
"""Statistics whose names do not say it, with what each is for a person."""

Floats = NDArray[numpy.float64]

_TAIL = (1 - CONFIDENCE) / 2
_Z = NormalDist().inv_cdf(1 - _TAIL)
# Above this number of samples the binomial distribution is normal for every quantile that is used.
_EXACT = 20_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def quantile(samples: ArrayLike, part: float) -> Estimate | None:
    """Return the ``part`` quantile (0 to 1) of independent samples; None when they are too few to bound it."""
    ordered = numpy.sort(_floats(samples))
    ranks = _ranks(len(ordered), part)
    if ranks is None:
        return None
    low, high = ranks
    return Estimate(float(numpy.quantile(ordered, part)), float(ordered[low - 1]), float(ordered[high - 1]))


@lru_cache(maxsize=256)
def _ranks(count: int, part: float) -> tuple[int, int] | None:
    """Return the ranks, from 1, between which the quantile lies; the number of samples below it is binomial."""
    if count < 2:
        return None
    if count > _EXACT:
        spread = _Z * math.sqrt(count * part * (1 - part))
        low, high = math.floor(count * part - spread), math.ceil(count * part + spread) + 1
    else:
        logs = numpy.concatenate(([0.0], numpy.cumsum(numpy.log(numpy.arange(1, count + 1)))))
        below = numpy.arange(count + 1)
        chance = logs[count] - logs[below] - logs[count - below]
        chance = chance + below * math.log(part) + (count - below) * math.log1p(-part)
        reached = numpy.cumsum(numpy.exp(chance))
        low = int(numpy.searchsorted(reached, _TAIL, side="right"))  # P(fewer than low below) <= tail
        high = int(numpy.searchsorted(reached, 1 - _TAIL, side="left")) + 1
    return (low, high) if low >= 1 and high <= count else None


def proportion(hits: int, total: int) -> Estimate:
    """Return a proportion with Wilson's interval, which also holds for 0 % and 100 %.

    Raises:
        ValueError: ``total`` is 0, or ``hits`` is not between 0 and ``total``.
    """
    if not 0 <= hits <= total or not total:
        raise ValueError(f"{hits} of {total} is not a proportion")
    share = hits / total
    scale = 1 + _Z**2 / total
    centre = (share + _Z**2 / (2 * total)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return Estimate(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def mean(samples: ArrayLike) -> Estimate | None:
    """Return the mean of independent samples by Student's t; None for fewer than five."""
    values = _floats(samples)
    if len(values) < 5:
        return None
    centre = float(values.mean())
    half = t_quantile(_TAIL, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Estimate(centre, centre - half, centre + half)


def jitter(samples: ArrayLike) -> float | None:
    """Return the mean difference between consecutive samples (delay variation of RFC 3393); None for fewer than two."""
    values = _floats(samples)
    return float(numpy.abs(numpy.diff(values)).mean()) if len(values) > 1 else None


def reordered(numbers: Sequence[int]) -> int:
    """Return how many packets arrived after one that was sent later (RFC 4737 section 3)."""
    highest = -1
    late = 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    return late


def describe(samples: ArrayLike) -> dict[str, Estimate]:
    """Return min, p50, p90, p95, p99, max, mean and jitter, where known. Without an interval low is high."""
    values = _floats(samples)
    if not len(values):
        return {}
    found = {"min": _exact(float(values.min()))}
    for name, part in QUANTILES.items():
        estimate = quantile(values, part)
        if estimate is not None:
            found[name] = estimate
    found["max"] = _exact(float(values.max()))
    average = mean(values)
    if average is not None:
        found["mean"] = average
    variation = jitter(values)
    if variation is not None:
        found["jitter"] = _exact(variation)
    return found


def drift(t_ns: ArrayLike, samples: ArrayLike, blocks: int = 20) -> Estimate | None:
    """Return the change of the median per hour: a line through medians of consecutive blocks; None for few samples.

    A line through medians follows a slow change and tolerates outliers.
    """
    moments, values = _floats(t_ns), _floats(samples)
    if len(values) < 10 * blocks:
        return None
    middles = numpy.array([numpy.median(part) for part in numpy.array_split(values, blocks)])
    hours = numpy.array([part.mean() for part in numpy.array_split(moments, blocks)]) / 3.6e12
    hours = hours - hours.mean()
    slope = float((hours * middles).sum() / (hours**2).sum())
    rest = middles - middles.mean() - slope * hours
    half = t_quantile(_TAIL, blocks - 2) * math.sqrt(float((rest**2).sum()) / (blocks - 2) / float((hours**2).sum()))
    return Estimate(slope, slope - half, slope + half)


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value)


def _floats(samples: ArrayLike) -> Floats:
    return numpy.asarray(samples, dtype=numpy.float64)


def typical(samples: ArrayLike) -> float | None:
    """Return the mean of the middle 80 % of samples; None for fewer than 10.

    Unlike the mean it is not moved by outliers. In a comparison it needs two thirds of the samples that the median
    needs for the same certainty.
    """
    ordered = numpy.sort(_floats(samples))
    cut = len(ordered) // 10
    return float(numpy.mean(ordered[cut : len(ordered) - cut])) if cut else None


def quantiles(samples: ArrayLike) -> dict[str, float]:
    """Return those quantiles of p50, p90, p95 and p99 that the number of samples allows."""
    found = {name: quantile(samples, part) for name, part in QUANTILES.items()}
    return {name: estimate.value for name, estimate in found.items() if estimate is not None}
