"""The resolution of samples: the step of the clock or the timer that they were read from.

Rounding does not average out: the mean of a thousand values in steps of 10 ms may be off by up to half a step, every
night alike. So half a step is a systematic error on either side of a comparison.
"""

import math

import numpy
from numpy.typing import ArrayLike

from bench.history.samples import Floats

_FEWEST = 8
_SAME = 1e-9  # relative difference up to which two values are one, printed and read back
_CONCENTRATED = 0.9  # mean resultant length of the phases of values that stand on a grid with little jitter
_FEWEST_CLUSTERS, _LEAST_SHARE = 3, 0.05


def step_of(values: ArrayLike) -> float:
    """Return the step of the grid that the values stand on, in their unit; 0 where they stand on none.

    Values stand on a grid where most of them occur several times at equal distances, or where they form at least three
    narrow clusters at equal distances (a timer that another clock reads).
    """
    numbers = numpy.sort(numpy.asarray(values, dtype=float).ravel())
    if len(numbers) < _FEWEST or not numpy.all(numpy.isfinite(numbers)):
        return 0.0
    near = _SAME * max(abs(float(numbers[0])), abs(float(numbers[-1])))
    gaps = numpy.diff(numbers)
    distinct = gaps[gaps > near]
    if not len(distinct):
        return 0.0
    if 2 * (len(distinct) + 1) <= len(numbers):
        step = float(distinct.min())
        multiples = distinct / step
        return step if float(numpy.abs(multiples - numpy.round(multiples)).max()) < 0.05 else 0.0
    return _step_of_clusters(numbers, gaps)


def _step_of_clusters(numbers: Floats, gaps: Floats) -> float:
    borders = numpy.flatnonzero(gaps > gaps.max() / 2)
    clusters = numpy.split(numbers, borders + 1)
    large = [cluster for cluster in clusters if len(cluster) >= max(2, _LEAST_SHARE * len(numbers))]
    if len(large) < _FEWEST_CLUSTERS:
        return 0.0
    middles = numpy.asarray([float(numpy.median(cluster)) for cluster in large])
    step = float(numpy.diff(middles).min())
    turns = 2 * math.pi * (numbers - middles[0]) / step
    return step if abs(complex(numpy.mean(numpy.exp(1j * turns)))) >= _CONCENTRATED else 0.0
