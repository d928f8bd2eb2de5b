"""Judgements: the verdict on each measurement of a comparison, judged with the others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.history.designs import Evidence
from bench.history.observations import Key, Observation
from bench.history.shift import Shift, significant
from bench.history.values import is_compared, sign_of, typical_of
from bench.number_text import percent


class ComparisonVerdict(StrEnum):
    """The verdict on one measurement; the worst comes first."""

    REGRESSION = "regression"
    CHANGED = "changed"
    IMPROVEMENT = "improvement"
    SAME = "no regression"
    UNKNOWN = "not enough evidence"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True)
class CompareSettings:
    """The settings of a comparison.

    Attributes:
        confidence: probability that no measurement of a comparison is called a regression by chance.
        least_effect: relative change below which nothing is called a regression, however sure.
        blind: a comparison that could miss a change of this size proves nothing.
        nights: smallest number of nights of the baseline, where the firmwares ran in different nights.
        statistic: of a series: typical (the mean of the middle 80 %), p50, p90, p95, p99 or mean.
    """

    confidence: float = 0.997
    least_effect: float = 0.03
    blind: float = 0.25
    nights: int = 5
    statistic: str = "typical"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one measurement.

    Attributes:
        key: the measurement.
        verdict: regression, changed, improvement, no regression, not enough evidence, or not compared.
        baseline: typical value (geometric mean of the observations); None when it was not measured.
        candidate: the same for the candidate.
        change: relative change, such as 0.1; None when it was not measured on both sides.
        low, high: interval of the change; each of its ends misses it with the comparison's probability of a false
            regression, divided by the number of measurements.
        detectable: smallest relative change that would have been found 95 times in 100.
        systematic: part of the interval that no repetition makes smaller: the resolution of a clock or timer.
        units: number and kind of the units, such as "40 rounds of 4 boards".
        why: the reason that there is not enough evidence.
        effective: number of units.
        evidence: interleaved, controlled or window; None where nothing can be told.
    """

    key: Key
    verdict: ComparisonVerdict
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    low: float = math.nan
    high: float = math.nan
    detectable: float = math.nan
    systematic: float = 0.0
    units: str = ""
    why: str = ""
    effective: int = 0
    evidence: Evidence | None = None

    @property
    def is_worse(self) -> bool:
        """Whether the change is one for the worse: longer, or fewer bytes a second."""
        return self.change is not None and self.change * sign_of(self.key.unit) > 0


@dataclass(frozen=True)
class Found:
    """What is known of one measurement before it is judged with the others; a positive shift is worse."""

    shifts: tuple[Shift, ...] = ()
    units: str = ""
    why: str = ""
    effective: int = 0
    evidence: Evidence | None = None

    def chance(self, *, upward: bool) -> float:
        """Return the probability of a change of this size or larger, where nothing has changed.

        It must stand out from boards and from nights.
        """
        return max(shift.chance(upward=upward) for shift in self.shifts)


def find_standing(found: Mapping[Key, Found], settings: CompareSettings) -> set[Key]:
    """Return the measurements whose change stands: the probability of any false one is that of the comparison."""
    known = [key for key, one in found.items() if one.shifts]
    level = 1 - settings.confidence
    stands: set[Key] = set()
    for upward in (True, False):
        certain = significant([found[key].chance(upward=upward) for key in known], level)
        stands |= {key for key, sure in zip(known, certain, strict=True) if sure}
    least = math.log1p(settings.least_effect)
    return {key for key in stands if abs(found[key].shifts[0].value) >= least}


def judge_together(
    rows: Mapping[Key, Sequence[Sequence[Observation]]], found: Mapping[Key, Found], settings: CompareSettings
) -> list[Judgement]:
    """Return the verdicts, the worst first.

    Args:
        rows: the observations of each measurement: baseline, candidate, control boards.
        found: what is known of each.
        settings: of the comparison.
    """
    stand = find_standing(found, settings)
    share = (1 - settings.confidence) / max(1, sum(bool(one.shifts) for one in found.values()))
    judgements = []
    for key, (base, cand, _) in rows.items():
        typical = (typical_of(base, settings.statistic), typical_of(cand, settings.statistic))
        judgements.append(_judge(key, typical, found[key], settings, share, stands=key in stand))
    order = list(ComparisonVerdict)
    return sorted(judgements, key=lambda one: (order.index(one.verdict), -abs(one.change or 0.0), one.key.text))


def _judge(
    key: Key,
    typical: tuple[float | None, float | None],
    found: Found,
    settings: CompareSettings,
    level: float,
    *,
    stands: bool,
) -> Judgement:
    before, after = typical
    if not found.shifts:
        verdict = ComparisonVerdict.UNKNOWN if is_compared(key) else ComparisonVerdict.NOT_COMPARED
        seen = after / before - 1 if before and after else None  # what is seen, though nothing is proved
        return Judgement(key, verdict, before, after, seen, units=found.units, why=found.why)
    sign = sign_of(key.unit)
    value = found.shifts[0].value
    change = _expm1(sign * value)
    bounds = [bound for shift in found.shifts for bound in shift.interval(level)]
    low, high = sorted(_expm1(sign * bound) for bound in (min(bounds), max(bounds)))
    least = math.log1p(settings.least_effect)
    detectable = max(_expm1(max(shift.detectable(level), shift.surely_above(least))) for shift in found.shifts)
    verdict, why = _weigh(found, value, detectable, settings, stands=stands)
    return Judgement(
        key, verdict, before, after, change, low, high, detectable, _expm1(found.shifts[0].systematic),
        found.units, why, found.effective, found.evidence,
    )  # fmt: skip


def _expm1(value: float) -> float:
    return math.expm1(value) if value < 700 else math.inf


def _weigh(
    found: Found, value: float, detectable: float, settings: CompareSettings, *, stands: bool
) -> tuple[ComparisonVerdict, str]:
    """Return the verdict, and why there is not enough evidence."""
    if found.why:
        return ComparisonVerdict.UNKNOWN, found.why
    if found.evidence is Evidence.NIGHTS_ALONE:
        if stands:
            return ComparisonVerdict.CHANGED, "nights alone cannot tell the firmware from the network"
        return ComparisonVerdict.UNKNOWN, "no change is proved, and nothing ran beside it on a constant firmware"
    if stands:
        return (ComparisonVerdict.REGRESSION if value > 0 else ComparisonVerdict.IMPROVEMENT), ""
    if detectable > settings.blind:
        large = percent(detectable)
        return ComparisonVerdict.UNKNOWN, f"a change of {large} could have been missed: run more nights or boards"
    return ComparisonVerdict.SAME, ""
