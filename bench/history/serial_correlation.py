"""Serial correlation: nights in a row resemble each other, so that k nights tell less than k independent ones."""

from collections.abc import Sequence

import numpy

from bench.history.samples import Floats
from bench.history.shift import GRAIN

_MOST = 0.95
_FEWEST = 5


def serial_correlation(stretches: Sequence[Floats]) -> float:
    """Return the correlation of a night with the next, over all measurements together; 0 where it is not known.

    Args:
        stretches: tables of nights in their order (rows) by measurement (columns), each about its own mean.

    The estimate of so short a series is too small; this is corrected to first order (Marriott and Pope, 1954).
    """
    known = [stretch - stretch.mean(axis=0) for stretch in stretches if len(stretch) >= _FEWEST]
    if not known:
        return 0.0
    squares = sum(numpy.maximum(numpy.sum(stretch**2, axis=0), len(stretch) * GRAIN**2) for stretch in known)
    products = sum(numpy.sum(stretch[1:] * stretch[:-1], axis=0) for stretch in known)
    seen = float(numpy.mean(products / squares))
    nights = numpy.mean([len(stretch) for stretch in known])
    corrected = (seen + 1 / nights) / (1 - 4 / nights) if nights > 4 else seen
    return float(numpy.clip(corrected, 0.0, _MOST))


def inflation(nights: int, correlation: float) -> float:
    """Return how much larger the variance of a mean of so many nights in a row is than that of independent nights."""
    lags = numpy.arange(1, nights)
    return float(1 + 2 * numpy.sum((1 - lags / nights) * correlation**lags))
