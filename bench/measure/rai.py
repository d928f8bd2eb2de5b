"""The verdict on RAI: whether a socket's announcement ended connected mode sooner, and if not, who is to blame.

A round is one exchange from RRC idle until RRC idle again, with the option or without. Rounds without the option are
the baseline. The two kinds alternate, so that changes of the network over time affect both alike: a round is compared
with the nearest rounds of the baseline in its own cell, because cells differ in their timers, and timers change.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy

from bench.clock import duration_text
from bench.measure.statistics import Estimate, proportion, quantile

# A round counts as idle early below this part of the median of the baseline's nearest rounds: a network that grants RAI
# lets the board go idle within a few hundred ms, one that does not keeps its inactivity timer of seconds.
_EARLY = 0.5
FEWEST = 3
"""The smallest number of rounds of each kind that gives a verdict."""
_DEVIATING = 0.05  # the part of the rounds that may deviate before the verdict is AT_RANDOM
_NEAREST = 4  # rounds of the baseline that a round is compared with
_BY_CHANCE = 0.01  # probability of so few changes among early and late rounds, where they are mixed at random


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
    AT_TIMES = "granted at times"
    CELLS_DIFFER = "the cells differ"
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
    """Return the verdict of rounds, cell by cell: cells have timers of their own.

    Args:
        rounds: rounds of both kinds, in the order in which they were played.
        cell_knows: whether the cell says that it supports RAI; None when this is not known.
        known_good: whether the lab vouches for the cell: without a grant the modem has not indicated RAI.
    """
    base = [one for one in rounds if not one.with_rai]
    tried = [one for one in rounds if one.with_rai]
    without, with_rai = _median(base), _median(tried)
    if cell_knows is False:
        return RaiFinding(Verdict.NO_RAI, "the cell says that it does not support RAI", without, with_rai)
    if _breaks(base, tried):
        lost = f"{_count_lost(tried)} of {len(tried)} exchanges with the option were not complete"
        text = f"{lost}, {_count_lost(base)} without"
        return RaiFinding(Verdict.BROKE_DELIVERY, text, without, with_rai)
    cells = sorted({cell for one in rounds for cell in one.cells})
    if len(cells) <= 1:
        return _judge_cell(rounds, known_good=known_good)
    found = {cell: _judge_cell(_stayed(rounds, cell), known_good=known_good) for cell in cells}
    told = {cell: finding for cell, finding in found.items() if finding.verdict is not Verdict.TOO_FEW}
    if not told:
        text = f"the board was in {len(cells)} cells ({', '.join(cells)}), in none of them for enough rounds"
        return RaiFinding(Verdict.CELL_CHANGED, text, without, with_rai)
    verdicts = {finding.verdict for finding in told.values()}
    text = "; ".join(f"in cell {cell} {finding.verdict}: {finding.sentence}" for cell, finding in told.items())
    return RaiFinding(verdicts.pop() if len(verdicts) == 1 else Verdict.CELLS_DIFFER, text, without, with_rai)


def _stayed(rounds: Iterable[Round], cell: str) -> list[Round]:
    """Return the rounds that began and ended in a cell."""
    return [one for one in rounds if set(one.cells) == {cell}]


def _judge_cell(rounds: Sequence[Round], *, known_good: bool) -> RaiFinding:
    """Return the verdict of rounds in one cell."""
    without, with_rai = (_median([one for one in rounds if one.with_rai is kind]) for kind in (False, True))
    usual = [(at, one.idle_ns) for at, one in enumerate(rounds) if one.whole and not one.with_rai and one.idle_ns]
    tried = [(at, one.idle_ns) for at, one in enumerate(rounds) if one.whole and one.with_rai]
    if min(len(usual), len(tried)) < FEWEST:
        text = f"{len(usual)} rounds without and {len(tried)} with the option are too few; it takes {FEWEST} of each"
        return RaiFinding(Verdict.TOO_FEW, text, without, with_rai)
    earlies = [_is_early(idle, at, usual) for at, idle in tried]
    early = sum(earlies)
    by_itself = sum(_is_early(idle, at, [one for one in usual if one[0] != at]) for at, idle in usual)
    times = " to ".join(_format(median) for median in (without, with_rai))
    text = f"median time to idle from {times}: idle early in {early} of {len(tried)} rounds"
    if by_itself:
        text += f", and in {by_itself} of {len(usual)} without the option"
    plainly = proportion(early, len(tried)).low > proportion(by_itself, len(usual)).high
    if by_itself and not plainly:  # the network does so by itself: an early idle proves nothing about the option
        verdict = Verdict.TOO_FEW if early == len(tried) else Verdict.NOT_SHORTENED
    else:
        verdict = _weigh(earlies, known_good=known_good)
    return RaiFinding(verdict, text, without, with_rai)


def _is_early(idle_ns: int | None, at: int, usual: Sequence[tuple[int, int]]) -> bool:
    """Return whether a round was idle early, by the rounds of the baseline that were played nearest to it."""
    if idle_ns is None:
        return False
    nearest = sorted(usual, key=lambda one: abs(one[0] - at))[:_NEAREST]
    return idle_ns < _EARLY * float(numpy.median([idle for _, idle in nearest]))


def _weigh(earlies: Sequence[bool], *, known_good: bool) -> Verdict:
    count, early = len(earlies), sum(earlies)
    deviating = int(_DEVIATING * count)
    if early >= count - deviating:
        return Verdict.SHORTENED
    if early > deviating:
        return Verdict.AT_TIMES if _in_stretches(earlies) else Verdict.AT_RANDOM
    return Verdict.NOT_INDICATED if known_good else Verdict.NOT_SHORTENED


def _in_stretches(earlies: Sequence[bool]) -> bool:
    """Return whether early and late rounds change so seldom that chance does not explain it (Wald and Wolfowitz)."""
    early = sum(earlies)
    late = len(earlies) - early
    runs = 1 + sum(one is not other for one, other in pairwise(earlies))
    ways = 0
    for count in range(2, runs + 1):
        half = count // 2
        if count % 2:
            ways += math.comb(early - 1, half) * math.comb(late - 1, half - 1)
            ways += math.comb(early - 1, half - 1) * math.comb(late - 1, half)
        else:
            ways += 2 * math.comb(early - 1, half - 1) * math.comb(late - 1, half - 1)
    return ways / math.comb(early + late, early) <= _BY_CHANCE


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
