"""Whether an image measures as the good one or as the bad one: both in turn on the same boards, in blocks A B B A.

A block plays the reference, the image twice, and the reference again, so that a drift of the lab meets both. Its
result is the difference of the logarithms: a network that is twice as slow in one block changes nothing. The change
that is sought is the one between the ends of the list. An image belongs to the end to which it is nearer, as soon as
its interval says so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from bench.bisect.search import Judgement
from bench.measure.student import t_quantile
from bench.number_text import counted, percent_change

LEAST_BLOCKS, MOST_BLOCKS = 3, 10
_TAIL = 0.025
_RESOLUTION = 0.01
"""A change that is smaller is not sought: flashing a board alone may change its level by so much."""


@dataclass(frozen=True)
class Change:
    """The change of a measurement against the reference, by blocks; a share, such as 0.15 for 15 % more.

    Attributes:
        blocks: how many there are.
        mean: the best guess.
        low, high: its interval of 95 %; without limits while there are too few blocks.
    """

    blocks: int
    mean: float
    low: float = -math.inf
    high: float = math.inf

    @property
    def text(self) -> str:
        """For a person: ``+15.2 % (+14.1 % to +16.3 %), 3 blocks``."""
        blocks = counted(self.blocks, "block")
        if not math.isfinite(self.low):
            return f"{percent_change(self.mean)}, {blocks}: too few"
        return f"{percent_change(self.mean)} ({percent_change(self.low)} to {percent_change(self.high)}), {blocks}"


def change_of(differences: Sequence[float]) -> Change:
    """Return the change that blocks show: differences of logarithms, image less reference."""
    mean = fmean(differences) if differences else 0.0
    count = len(differences)
    if count < LEAST_BLOCKS:
        return Change(count, math.expm1(mean))
    half = t_quantile(_TAIL, count - 1) * stdev(differences) / math.sqrt(count)
    return Change(count, math.expm1(mean), math.expm1(mean - half), math.expm1(mean + half))


def judge_end(change: Change) -> Judgement | None:
    """Judge the last image: BAD where it changed for certain; None while more blocks may tell."""
    if change.low > _RESOLUTION or change.high < -_RESOLUTION:
        return Judgement.BAD
    if change.low > -_RESOLUTION and change.high < _RESOLUTION:
        return Judgement.GOOD
    return None if change.blocks < MOST_BLOCKS else Judgement.UNKNOWN


def judge_between(change: Change, sought: float) -> Judgement | None:
    """Judge an image by the change between the ends: to which is it nearer? None while more blocks may tell."""
    middle = math.expm1(math.log1p(sought) / 2)
    above, below = (Judgement.BAD, Judgement.GOOD) if sought > 0 else (Judgement.GOOD, Judgement.BAD)
    if change.low > middle:
        return above
    if change.high < middle:
        return below
    return None if change.blocks < MOST_BLOCKS else Judgement.UNKNOWN
