"""The verdict on RAI: whether a socket's announcement ended connected mode sooner, and if not, who is to blame.

A round is one exchange from RRC idle until RRC idle again, with the option or without. Rounds without the option are
the baseline. The two kinds alternate, so that changes of the network over time affect both alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy

from bench.clock import duration_text
from bench.measure.statistics import Estimate, proportion, quantile

# A round counts as idle early below this part of the baseline's median: a network that grants RAI lets the board go
# idle within a few hundred ms, one that does not keeps its inactivity timer of seconds.
_EARLY = 0.5
FEWEST = 3
"""The smallest number of rounds of each kind that gives a verdict."""
_DEVIATING = 0.05  # the part of the rounds that may deviate before the verdict is AT_RANDOM


@dataclass(frozen=True, slots=True)
class Round:
    """One exchange.

    Attributes:
        with_rai: whether the option was set.
        idle_ns: time from the acceptance of the last packet to RRC idle; None when idle was not seen in time.
        cells: the serving cell before and after.
        delivered: whether the packet reached the peer.
        answered: whether the expected response came back; None when none was expected.
    """

    with_rai: bool
    idle_ns: int | None
    cells: tuple[str, str]
    delivered: bool
    answered: bool | None = None

    @property
    def whole(self) -> bool:
        """True when nothing of the exchange was lost."""
        return self.delivered and self.answered is not False


class Verdict(StrEnum):
    """The verdict of a set of rounds."""

    SHORTENED = "shortened"
    NOT_SHORTENED = "not shortened"
    AT_RANDOM = "granted at random"
    NOT_INDICATED = "not indicated"
    BROKE_DELIVERY = "broke delivery"
    CELL_CHANGED = "the cell changed"
    NO_RAI = "the cell knows no RAI"
    TOO_FEW = "not enough evidence"


@dataclass(frozen=True, slots=True)
class RaiFinding:
    """A verdict with its reason: a sentence, and the median times to idle in ns."""

    verdict: Verdict
    sentence: str
    without: Estimate | None
    with_rai: Estimate | None


def judge(rounds: Sequence[Round], *, cell_knows: bool | None, known_good: bool = False) -> RaiFinding:
    """Return the verdict of rounds.

    Args:
        rounds: rounds of both kinds.
        cell_knows: whether the cell says that it supports RAI; None when this is not known.
        known_good: whether the lab vouches for the cell: without a grant the modem has not indicated RAI.
    """
    base = [one for one in rounds if not one.with_rai]
    tried = [one for one in rounds if one.with_rai]
    cells = sorted({cell for one in rounds for cell in one.cells})
    without, with_rai = _median(base), _median(tried)
    if cell_knows is False:
        return RaiFinding(Verdict.NO_RAI, "the cell says that it does not support RAI", without, with_rai)
    if len(cells) > 1:
        text = f"the board was in {len(cells)} cells ({', '.join(cells)}): their timers cannot be compared"
        return RaiFinding(Verdict.CELL_CHANGED, text, without, with_rai)
    if _breaks(base, tried):
        lost = f"{_count_lost(tried)} of {len(tried)} exchanges with the option were not complete"
        text = f"{lost}, {_count_lost(base)} without"
        return RaiFinding(Verdict.BROKE_DELIVERY, text, without, with_rai)
    base, tried = ([one for one in kind if one.whole] for kind in (base, tried))
    usual = [one.idle_ns for one in base if one.idle_ns is not None]
    if min(len(usual), len(tried)) < FEWEST:
        text = f"{len(usual)} rounds without and {len(tried)} with the option are too few; it takes {FEWEST} of each"
        return RaiFinding(Verdict.TOO_FEW, text, without, with_rai)
    limit = _EARLY * float(numpy.median(usual))
    early = sum(one.idle_ns is not None and one.idle_ns < limit for one in tried)
    by_itself = sum(idle_ns < limit for idle_ns in usual)
    times = " to ".join(_format(median) for median in (without, with_rai))
    text = f"median time to idle from {times}: idle early in {early} of {len(tried)} rounds"
    if by_itself:
        text += f", and in {by_itself} of {len(usual)} without the option"
    plainly = proportion(early, len(tried)).low > proportion(by_itself, len(usual)).high
    if by_itself and not plainly:  # the network does so by itself: an early idle proves nothing about the option
        verdict = Verdict.TOO_FEW if early == len(tried) else Verdict.NOT_SHORTENED
    else:
        verdict = _weigh(early, len(tried), known_good=known_good)
    return RaiFinding(verdict, text, without, with_rai)


def _weigh(early: int, count: int, *, known_good: bool) -> Verdict:
    deviating = int(_DEVIATING * count)
    if early >= count - deviating:
        return Verdict.SHORTENED
    if early > deviating:
        return Verdict.AT_RANDOM
    return Verdict.NOT_INDICATED if known_good else Verdict.NOT_SHORTENED


def _format(median: Estimate | None) -> str:
    if median is None:
        return "no idle mode"
    bounds = f" ({duration_text(median.low)} to {duration_text(median.high)})" if median.low != median.high else ""
    return duration_text(median.value) + bounds


def _median(rounds: Sequence[Round]) -> Estimate | None:
    """Return the median time to idle, with an interval where there are enough rounds."""
    times = [one.idle_ns for one in rounds if one.idle_ns is not None]
    if not times:
        return None
    middle = float(numpy.median(times))
    return quantile(times, 0.5) or Estimate(middle, middle, middle)


def _count_lost(rounds: Sequence[Round]) -> int:
    return sum(not one.whole for one in rounds)


def _breaks(base: Sequence[Round], tried: Sequence[Round]) -> bool:
    """Return whether the option loses exchanges: all of them, or clearly more than without it."""
    if not base or not tried:
        return False
    if _count_lost(tried) == len(tried) and _count_lost(base) == 0:
        return True
    return proportion(_count_lost(tried), len(tried)).low > proportion(_count_lost(base), len(base)).high
