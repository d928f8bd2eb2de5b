"""Change points: since which night a measurement has moved.

The method is E-divisive (Matteson and James, 2014): the night is sought where the values before and after it differ
most, by the energy distance between both; a permutation test says whether chance explains it; then both parts are
searched likewise. It assumes no distribution. It does assume independent nights, so that each change must also stand
out by Student's t, with the serial correlation of the nights within both parts.

A change point tells when. What caused it, the firmware, the cell, or the network, it does not tell; so it is no
verdict. Apache Otava and MongoDB's tool have the same method; they bring forty packages, or scipy, for these lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy

from bench.history.designs import between_nights
from bench.history.samples import Floats
from bench.history.serial_correlation import serial_correlation

FEWEST_NIGHTS = 12
"""Nights below which nothing is searched."""
_FEWEST = 3  # nights of a part
_PERMUTATIONS = 199
_CHANCE = 0.01
_LEAST = 0.02  # a smaller relative change is not reported


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A night since which the values are others.

    Attributes:
        at: index of the first night after the change.
        change: relative, against the part before.
    """

    at: int
    change: float


def change_points(logs: Sequence[float] | Floats) -> list[ChangePoint]:
    """Return the change points of a series of nights, in their order.

    Args:
        logs: the logarithm of each night's level.
    """
    values = numpy.asarray(logs, dtype=float)
    if len(values) < FEWEST_NIGHTS:
        return []
    borders = [0, *sorted(_divide(values, 0, len(values))), len(values)]
    found = []
    for (start, at), (_, end) in pairwise(pairwise(borders)):
        change = _confirmed(values[start:at], values[at:end])
        if change is not None:
            found.append(ChangePoint(at, change))
    return found


def _confirmed(before: Floats, after: Floats) -> float | None:
    """Return the relative change between two parts; None where serial correlation may explain it."""
    sides = [before[:, None], after[:, None]]
    (shift,) = between_nights(sides, serial_correlation(sides))
    change = float(numpy.expm1(shift.value))
    # The night was chosen among all: the more there were, the clearer it must be.
    nights = len(before) + len(after)
    chance = nights * min(shift.chance(upward=upward) for upward in (True, False))
    return change if chance <= _CHANCE and abs(change) >= _LEAST else None


def _divide(values: Floats, start: int, end: int) -> list[int]:
    """Return the indices where the values of a part are divided, and their parts likewise."""
    part = values[start:end]
    if len(part) < 2 * _FEWEST:
        return []
    distances = numpy.abs(part[:, None] - part[None, :])
    at, size = _best(distances)
    random = numpy.random.default_rng(len(part))  # the same answer for the same nights
    orders = (random.permutation(len(part)) for _ in range(_PERMUTATIONS))
    larger = sum(_best(distances[numpy.ix_(order, order)])[1] >= size for order in orders)
    if (larger + 1) / (_PERMUTATIONS + 1) > _CHANCE:
        return []
    middle = start + at
    return [*_divide(values, start, middle), middle, *_divide(values, middle, end)]


def _best(distances: Floats) -> tuple[int, float]:
    """Return where the energy distance between the values before and after is largest, and that distance."""
    count = len(distances)
    total = numpy.cumsum(numpy.cumsum(distances, axis=0), axis=1)
    cuts = numpy.arange(_FEWEST, count - _FEWEST + 1)
    within_before = total[cuts - 1, cuts - 1]
    rows = total[cuts - 1, -1]
    between = rows - within_before
    within_after = total[-1, -1] - within_before - 2 * between
    before, after = cuts.astype(float), (count - cuts).astype(float)
    energy = 2 * between / (before * after) - within_before / before**2 - within_after / after**2
    sizes = before * after / count * energy
    best = int(numpy.argmax(sizes))
    return int(cuts[best]), float(sizes[best])
