"""What samples say: quantiles, proportions and rates, each with a 95 % confidence interval, or nothing at all.

A quantile is told only where the samples bound it on both sides (order statistics, no distribution assumed): p50 from
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

Floats = NDArray[numpy.float64]

_TAIL = (1 - CONFIDENCE) / 2
_Z = NormalDist().inv_cdf(1 - _TAIL)
# Beyond so many samples the binomial distribution is a normal one for every quantile that is told.
_EXACT = 20_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % confidence interval."""

    value: float
    low: float
    high: float


def quantile(samples: ArrayLike, part: float) -> Estimate | None:
    """The ``part`` quantile (0 to 1) of independent samples; None when they are too few to bound it."""
    ordered = numpy.sort(_floats(samples))
    ranks = _ranks(len(ordered), part)
    if ranks is None:
        return None
    low, high = ranks
    return Estimate(float(numpy.quantile(ordered, part)), float(ordered[low - 1]), float(ordered[high - 1]))


@lru_cache(maxsize=256)
def _ranks(count: int, part: float) -> tuple[int, int] | None:
    """The ranks, from 1, between which the quantile lies; how many samples are below it is binomial."""
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
    """A proportion by Wilson's interval, which also holds for none and for all of them.

    Raises:
        ValueError: none were tried, or more hit than were tried.
    """
    if not 0 <= hits <= total or not total:
        raise ValueError(f"{hits} of {total} is no proportion")
    share = hits / total
    scale = 1 + _Z**2 / total
    centre = (share + _Z**2 / (2 * total)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return Estimate(share, max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def mean(samples: ArrayLike) -> Estimate | None:
    """The mean of independent samples by Student's t; None from fewer than five."""
    values = _floats(samples)
    if len(values) < 5:
        return None
    centre = float(values.mean())
    half = t_quantile(_TAIL, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return Estimate(centre, centre - half, centre + half)


def jitter(samples: ArrayLike) -> float | None:
    """The mean difference between a sample and the one before it (the delay variation of RFC 3393); None from one."""
    values = _floats(samples)
    return float(numpy.abs(numpy.diff(values)).mean()) if len(values) > 1 else None


def reordered(numbers: Sequence[int]) -> int:
    """How many arrived after one that was sent later (RFC 4737 section 3)."""
    highest = -1
    late = 0
    for number in numbers:
        late += number < highest
        highest = max(highest, number)
    return late


def describe(samples: ArrayLike) -> dict[str, Estimate]:
    """All that can be told of samples: min, p50, p90, p95, p99, max, mean, jitter. Without bounds low is high."""
    values = _floats(samples)
    if not len(values):
        return {}
    told = {"min": _exact(float(values.min()))}
    for name, part in QUANTILES.items():
        estimate = quantile(values, part)
        if estimate is not None:
            told[name] = estimate
    told["max"] = _exact(float(values.max()))
    average = mean(values)
    if average is not None:
        told["mean"] = average
    variation = jitter(values)
    if variation is not None:
        told["jitter"] = _exact(variation)
    return told


def drift(t_ns: ArrayLike, samples: ArrayLike, blocks: int = 20) -> Estimate | None:
    """How fast the median moves, per hour: the line through the medians of consecutive blocks; None from few.

    A line through medians follows a slow change and forgives outliers.
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
    """The mean of the middle 80 % of samples; None for fewer than 10.

    Outliers do not move it, as they do the mean; where two sets are compared it needs two thirds of the samples that
    the median needs to be as sure.
    """
    ordered = numpy.sort(_floats(samples))
    cut = len(ordered) // 10
    return float(numpy.mean(ordered[cut : len(ordered) - cut])) if cut else None


def quantiles(samples: ArrayLike) -> dict[str, float]:
    """Those quantiles of p50, p90, p95 and p99 that so many samples tell."""
    found = {name: quantile(samples, part) for name, part in QUANTILES.items()}
    return {name: estimate.value for name, estimate in found.items() if estimate is not None}
