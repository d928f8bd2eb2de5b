"""The comparison of two firmwares: is the candidate slower? By nights, boards and rounds, never by samples.

Samples of one night share the conditions of that night. More samples tell more about the night, not about the
firmware. So the unit is a round where both firmwares ran in the same night and the level of each board is known from a
night of the same firmware (or from groups that were swapped); a board where at least three boards ran each firmware;
and a night where only one firmware ran in a night.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bench.errors import UsageError
from bench.exit_code import ExitCode
from bench.history.observations import Key, Observation
from bench.history.shift import Shift, between_units, night_levels, significant, within_nights

"""The verdict of counts and shares: a person reads them, no verdict depends on them."""

_FASTER_IS_MORE = ("B/s", "bit/s", "1/s")
_COMPARED = ("ns", "mC", *_FASTER_IS_MORE)
_BOARDS_A_GROUP = 3
_FALSE_ALARM_NIGHTS = 6


class ComparisonVerdict(StrEnum):
    """The verdict on one measurement; the worst comes first."""

    REGRESSION = "regression"
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
        nights: smallest number of nights of the baseline, where the night is the unit.
        statistic: of a series: typical (the mean of the middle 80 %), p50, p90, p95, p99 or mean.
    """

    confidence: float = 0.997
    least_effect: float = 0.03
    blind: float = 0.5
    nights: int = 5
    statistic: str = "typical"


@dataclass(frozen=True)
class Judgement:
    """The verdict on one measurement.

    Attributes:
        key: the measurement.
        verdict: regression, improvement, no regression, not enough evidence, or not compared.
        baseline: typical value (geometric mean of the units); None when it was not measured.
        candidate: the same for the candidate.
        change: relative change, such as 0.1; None when it is not known.
        low, high: interval of the change, at the confidence of the comparison.
        detectable: smallest relative change that would have been found 95 times in 100.
        units: number and kind of the units, such as "40 rounds of 4 boards".
        why: the reason that there is not enough evidence.
    """

    key: Key
    verdict: ComparisonVerdict
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    low: float = math.nan
    high: float = math.nan
    detectable: float = math.nan
    units: str = ""
    why: str = ""
    effective: int = 0


@dataclass(frozen=True)
class Comparison:
    """The verdicts on all measurements, the largest regression first.

    Attributes:
        false_alarms: (alarms, comparisons) where each night of the baseline is compared with the others; None when
            there are too few nights.
    """

    judgements: Sequence[Judgement]
    settings: CompareSettings = field(default_factory=CompareSettings)
    false_alarms: tuple[int, int] | None = None

    def select(self, verdict: ComparisonVerdict) -> list[Judgement]:
        """Return the measurements that have a verdict."""
        return [judgement for judgement in self.judgements if judgement.verdict == verdict]

    @property
    def exit_code(self) -> ExitCode:
        """OK without a regression, FAILED with one, INCOMPLETE when nothing could be judged."""
        if self.select(ComparisonVerdict.REGRESSION):
            return ExitCode.FAILED
        judged = self.select(ComparisonVerdict.SAME) or self.select(ComparisonVerdict.IMPROVEMENT)
        return ExitCode.OK if judged else ExitCode.INCOMPLETE


@dataclass(frozen=True)
class _Found:
    """The shift of one measurement before it is judged with the others; a positive shift is worse."""

    shift: Shift | None
    units: str
    why: str = ""
    effective: int = 0
    excess: float = 1.0
    nights: int = -1
    """Degrees of freedom of the excess; -1 where the unit is a board or a night."""


def compare(
    baseline: Sequence[Observation], candidate: Sequence[Observation], settings: CompareSettings | None = None
) -> Comparison:
    """Judge every measurement that both sides have, and name those that one side lacks.

    Raises:
        UsageError: The sides overlap.
    """
    settings = settings or CompareSettings()
    shared = {one.trial for one in baseline} & {one.trial for one in candidate} - {0}
    if shared:
        raise UsageError(f"{len(shared)} measurements are part of both sides: choose sides that do not overlap")
    found = _judge_all(baseline, candidate, settings)
    return Comparison(found, settings, _false_alarms(baseline, settings))


def _judge_all(
    baseline: Sequence[Observation], candidate: Sequence[Observation], settings: CompareSettings
) -> list[Judgement]:
    sides = (_by_key(baseline), _by_key(candidate))
    keys = sorted({*sides[0], *sides[1]}, key=lambda key: (key.name, key.test, key.model, key.access, key.operator))
    rows = [(key, sides[0].get(key, []), sides[1].get(key, [])) for key in keys]
    shifts = {key: _shift(key, base, cand, settings) for key, base, cand in rows}
    shifts = _with_excess(shifts)
    known = [key for key, found in shifts.items() if found.shift is not None]
    level = 1 - settings.confidence
    worse, better = (
        dict(zip(known, significant([_chance(shifts[key], upward=up) for key in known], level), strict=True))
        for up in (True, False)
    )
    judgements = [
        _judge(
            key,
            base,
            cand,
            shifts[key],
            settings,
            level / max(1, len(known)),
            worse=worse.get(key, False),
            better=better.get(key, False),
        )
        for key, base, cand in rows
    ]
    order = list(ComparisonVerdict)
    return sorted(judgements, key=lambda one: (order.index(one.verdict), -abs(one.change or 0.0), one.key.text))


def _with_excess(found: dict[Key, _Found]) -> dict[Key, _Found]:
    """Widen the errors of rounds where boards differ more from night to night than rounds explain.

    A board may be faster in one night than in another for its own reasons (antenna, temperature, cell). Then its rounds
    are not independent. One measurement of a few boards says little about that, so all measurements are used together.
    """
    by_rounds = {key: one for key, one in found.items() if one.shift is not None and one.nights >= 0}
    nights = sum(one.nights for one in by_rounds.values())
    excess = sum(one.nights * one.excess for one in by_rounds.values()) / nights if nights else 1.0
    widened = {}
    for key, one in by_rounds.items():
        assert one.shift is not None
        if nights == 0:
            why = "too few boards to know how boards differ from night to night: take at least two boards a group"
            widened[key] = _Found(None, one.units, why, one.effective)
            continue
        freedom = max(1, int(1 / (1 / one.shift.freedom + 1 / nights)))
        shift = Shift(one.shift.value, one.shift.error * math.sqrt(max(1.0, excess)), freedom)
        widened[key] = _Found(shift, one.units, one.why, one.effective)
    return {**found, **widened}


def _by_key(observations: Iterable[Observation]) -> dict[Key, list[Observation]]:
    found: dict[Key, list[Observation]] = {}
    for observation in observations:
        found.setdefault(observation.key, []).append(observation)
    return found


def _chance(found: _Found, *, upward: bool) -> float:
    assert found.shift is not None
    return found.shift.chance(upward=upward)


def _judge(
    key: Key,
    base: Sequence[Observation],
    cand: Sequence[Observation],
    found: _Found,
    settings: CompareSettings,
    level: float,
    *,
    worse: bool,
    better: bool,
) -> Judgement:
    before, after = (_typical(side, settings.statistic) for side in (base, cand))
    if found.shift is None:
        verdict = ComparisonVerdict.UNKNOWN if key.unit in _COMPARED else ComparisonVerdict.NOT_COMPARED
        return Judgement(key, verdict, before, after, units=found.units, why=found.why, effective=found.effective)
    sign = _sign(key)
    change = math.expm1(sign * found.shift.value)
    low, high = sorted(math.expm1(sign * bound) for bound in found.shift.interval(level))
    detectable = max(math.expm1(found.shift.detectable(level)), settings.least_effect)
    verdict, why = ComparisonVerdict.SAME, ""
    if worse and abs(change) >= settings.least_effect:
        verdict = ComparisonVerdict.REGRESSION
    elif better and abs(change) >= settings.least_effect:
        verdict = ComparisonVerdict.IMPROVEMENT
    elif detectable > settings.blind:
        verdict = ComparisonVerdict.UNKNOWN
        why = f"a change of {detectable:.0%} could have been missed: run more nights, rounds or boards"
    return Judgement(key, verdict, before, after, change, low, high, detectable, found.units, why, found.effective)


def _sign(key: Key) -> int:
    """Return +1 where a larger value is worse, else -1."""
    return -1 if key.unit in _FASTER_IS_MORE else 1


def _value(observation: Observation, statistic: str) -> float | None:
    """Return the statistic of a series, or the value of a single measurement; None where it is not known."""
    return observation.figures.get(statistic, observation.figures.get("value"))


def _typical(side: Sequence[Observation], statistic: str) -> float | None:
    values = [value for observation in side if (value := _value(observation, statistic) or 0.0) > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def _shift(key: Key, base: Sequence[Observation], cand: Sequence[Observation], settings: CompareSettings) -> _Found:
    """Return the shift of a measurement by the best design that its observations allow."""
    if key.unit not in _COMPARED:
        return _Found(None, "", f"its unit is {key.unit!r}: counts and shares are for people to compare")
    known = [[one for one in side if _value(one, settings.statistic) is not None] for side in (base, cand)]
    if not known[0] or not known[1]:
        which = "baseline" if not known[0] else "candidate"
        few = "has too few samples" if (base, cand)[which == "candidate"] else "was not measured"
        return _Found(None, "", f"{few} in the {which}")
    zeros = sum((_value(one, settings.statistic) or 0.0) <= 0 for side in known for one in side)
    if zeros:
        return _Found(None, "", f"{zeros} of its values are zero, which has no ratio: look at them")
    sign = _sign(key)

    def log(observation: Observation) -> float:
        return sign * math.log(_value(observation, settings.statistic) or 1.0)

    shared = {one.run for one in known[0]} & {one.run for one in known[1]}
    if shared:
        return _interleaved(known[0], known[1], log)
    return _windows(known[0], known[1], log, settings)


Log = Callable[[Observation], float]


def _interleaved(base: Sequence[Observation], cand: Sequence[Observation], log: Log) -> _Found:
    """Return the shift where both firmwares ran in one run."""
    both = [*base, *cand]
    boards = sorted({one.board for one in both})
    rounds, nights = len({(one.run, one.round) for one in both}), len({one.night for one in both})
    found = within_nights(
        [log(one) for one in both],
        [one.board for one in both],
        [one.run for one in both],
        [one.round for one in both],
        [False] * len(base) + [True] * len(cand),
    )
    if found is not None:
        units = f"{rounds} rounds of {len(boards)} boards in {nights} nights, {_cells(both)}"
        return _Found(found.shift, units, effective=rounds, excess=found.excess, nights=found.nights)
    groups = [_mean_by_unit(side, log, lambda one: one.board) for side in (base, cand)]
    units = f"{len(groups[0])} and {len(groups[1])} boards, {_cells(both)}"
    if min(map(len, groups)) >= _BOARDS_A_GROUP and not set(groups[0]) & set(groups[1]):
        apart = between_units(list(groups[0].values()), list(groups[1].values()))
        return _Found(apart, units, effective=sum(map(len, groups)))
    return _Found(
        None,
        units,
        "board and firmware cannot be told apart: add a night of the same groups on one firmware, swap the groups, or"
        f" take {_BOARDS_A_GROUP} boards a group",
    )


def _windows(base: Sequence[Observation], cand: Sequence[Observation], log: Log, settings: CompareSettings) -> _Found:
    """Return the shift between nights of one firmware and nights of the other, on boards that ran both."""
    common = {one.board for one in base} & {one.board for one in cand}
    if not common:
        return _Found(None, "", "no board ran with both, and no night had both: run both on one board, or in one night")
    sides = [[one for one in side if one.board in common] for side in (base, cand)]
    both = [*sides[0], *sides[1]]
    levels = night_levels([log(one) for one in both], [one.board for one in both], [_night_of(one) for one in both])
    if levels is None:
        return _Found(None, "", "no night joins the boards: run all boards together in at least one night")
    nights = [{_night_of(one): levels[_night_of(one)] for one in side} for side in sides]
    if set(nights[0]) & set(nights[1]):
        return _Found(None, "", "both ran in one night, but not in one run: conditions may have changed in between")
    boards = f"{len(common)} board{'' if len(common) == 1 else 's'}"
    units = f"{len(nights[0])} and {len(nights[1])} nights of {boards}, {_cells([*sides[0], *sides[1]])}"
    if len(nights[0]) < settings.nights:
        why = f"{len(nights[0])} nights of the baseline are too few: take at least {settings.nights} for their spread"
        return _Found(None, units, why)
    found = between_units(list(nights[0].values()), list(nights[1].values()))
    return _Found(found, units, effective=sum(map(len, nights)))


def _night_of(observation: Observation) -> str:
    return observation.night


def _cells(observations: Iterable[Observation]) -> str:
    count = len({one.cell for one in observations})
    return f"{count} cell{'' if count == 1 else 's'}"


def _mean_by_unit(side: Sequence[Observation], log: Log, unit: Callable[[Observation], str]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for one in side:
        values.setdefault(unit(one), []).append(log(one))
    return {name: _mean(found) for name, found in values.items()}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _false_alarms(baseline: Sequence[Observation], settings: CompareSettings) -> tuple[int, int] | None:
    """Return (alarms, comparisons) where each night of the baseline is compared with its other nights."""
    nights: dict[str, set[str]] = {}
    for one in baseline:
        nights.setdefault(one.firmware, set()).add(one.night)
    alarms = comparisons = 0
    for firmware, dates in nights.items():
        if len(dates) < max(_FALSE_ALARM_NIGHTS, settings.nights + 1):
            continue
        same = [one for one in baseline if one.firmware == firmware]
        for date in sorted(dates):
            found = _judge_all(
                [one for one in same if one.night != date], [one for one in same if one.night == date], settings
            )
            alarms += any(one.verdict is ComparisonVerdict.REGRESSION for one in found)
            comparisons += 1
    return (alarms, comparisons) if comparisons else None
