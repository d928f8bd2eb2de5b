"""Designs: what two firmwares' nights, boards and rounds allow to say, and with which error.

*Interleaved*: both firmwares ran in one run. Levels of rounds cancel what the network did, levels of boards cancel what
boards are; boards that changed the firmware from night to night tell both apart.
*Controlled*: the firmwares ran in different nights, beside boards whose firmware stayed the same (control boards).
*Nights alone*: they ran in different nights, with nothing beside them. They may show that something has changed, but
not whether the firmware or the network did it.

The unit is a period of a board: nights in a row without a change of firmware. So what a board does by itself from night
to night, or once for many nights, is part of the error, with the degrees of freedom of boards and periods.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy

from bench.history.fit import Cells, fit_cells, fit_effect
from bench.history.layout import Layout, Role
from bench.history.samples import Floats
from bench.history.serial_correlation import inflation, serial_correlation
from bench.history.shift import GRAIN, Shift
from bench.number_text import counted

SWAPPED_NIGHTS = "six"
"""Nights in which groups of two boards that swap firmware find a change of 10 %: see benchmarks/false_alarms.py."""
_SWAP = f"swap the groups for {SWAPPED_NIGHTS} nights"
_BOARDS = 2
_NOTHING = 1e-9  # rounding
CANDIDATE_NIGHTS = 3
"""Nights of the candidate below which a comparison between nights is a hint at most."""


class Evidence(StrEnum):
    """The kind of evidence, the strongest first."""

    INTERLEAVED = "interleaved"
    CONTROLLED = "controlled"
    NIGHTS_ALONE = "nights alone"


@dataclass(frozen=True)
class Pool:
    """What measurements show together: of one of them it would be known badly.

    Attributes:
        boards: excess of the variance of boards over what their nights or rounds explain, as a ratio.
        nights: excess of the variance of nights over what boards explain.
        correlation: of a night with the next.
        measurements: how many there are.
    """

    boards: float | None
    nights: float | None
    correlation: float | None
    measurements: int

    @classmethod
    def of(cls, pools: Sequence["Pool"]) -> "Pool":
        """Return the mean of several, each weighed by its measurements."""

        def mean(name: str) -> float | None:
            known = [(getattr(one, name), one.measurements) for one in pools if getattr(one, name) is not None]
            total = sum(count for _, count in known)
            return sum(value * count for value, count in known) / total if total else None

        return cls(mean("boards"), mean("nights"), mean("correlation"), sum(one.measurements for one in pools))


@dataclass(frozen=True)
class Analysis:
    """What a layout allows to say of its measurements.

    Attributes:
        evidence: the design; None where nothing can be told.
        units: number and kind of the units, such as "14 and 3 nights of 4 boards beside 2 control boards".
        why: why nothing, or no more than a hint, can be told.
        effective: number of units.
        shifts: of each measurement, by boards and by nights: a change counts where it stands out from both.
        changed_cell: boards that are left out, because they changed cells.
        pool: what these measurements show together.
    """

    evidence: Evidence | None
    units: str
    why: str = ""
    effective: int = 0
    shifts: Sequence[tuple[Shift, ...]] = ()
    changed_cell: tuple[str, ...] = ()
    pool: Pool | None = None


def analyse(layout: Layout, logs: Floats, fewest_nights: int, pool: Pool | None = None) -> Analysis:
    """Analyse measurements by the best design that their layout allows.

    Args:
        layout: of all of them.
        logs: a row a line of the layout, a column a measurement; a larger value is worse.
        fewest_nights: of the baseline, where the firmwares ran in different nights.
        pool: what measurements of all layouts show together; None where this is the only layout.
    """
    table = _Nights(layout, _fit_nights(layout, logs), pool)
    found = _analyse(table, fewest_nights)
    own = Pool(table.excess.get("boards"), table.excess.get("nights"), table.correlation, logs.shape[1])
    return replace(found, changed_cell=tuple(layout.changed_cell), pool=own)


def analyse_all(tables: Sequence[tuple[Layout, Floats]], fewest_nights: int) -> list[Analysis]:
    """Analyse measurements of several layouts; what they show together is taken from all of them.

    Args:
        tables: layouts with their values, as :func:`analyse` takes them.
        fewest_nights: likewise.
    """
    found = [analyse(layout, logs, fewest_nights) for layout, logs in tables]
    if len(found) <= 1:
        return found
    pool = Pool.of([one.pool for one in found if one.pool is not None])
    return [analyse(layout, logs, fewest_nights, pool) for layout, logs in tables]


def _fit_nights(layout: Layout, logs: Floats) -> Cells:
    return fit_cells(
        logs,
        [(line.place, line.night, line.run) for line in layout.lines],
        [(line.night, line.run, line.round, line.place.cell, line.place.band) for line in layout.lines],
        [line.weight for line in layout.lines],
        robust=True,
    )


def _analyse(table: "_Nights", fewest_nights: int) -> Analysis:
    layout = table.layout
    if layout.is_interleaved:
        return _interleaved(table)
    if not layout.boards(Role.BASELINE) & layout.boards(Role.CANDIDATE):
        return Analysis(None, "", "no board ran both firmwares, and no night had both: run them interleaved")
    if layout.boards(Role.CONTROL):
        return _controlled(table, fewest_nights)
    return _nights_alone(table, fewest_nights)


class _Nights:
    """A layout, night by night: what each board measured, and with which firmware."""

    def __init__(self, layout: Layout, nights: Cells, pool: Pool | None) -> None:
        self.layout = layout
        self.pool = pool
        self.excess: dict[str, float] = {}
        self.correlation: float | None = None
        self.nights = nights
        self.places = [name[0] for name in nights.names]  # type: ignore[index]
        self.runs = [name[1:] for name in nights.names]  # type: ignore[index]
        roles = {(line.place, line.night, line.run): line.role for line in layout.lines}
        weights: dict[object, float] = {}
        for line in layout.lines:
            key = (line.place, line.night, line.run)
            weights[key] = weights.get(key, 0.0) + line.weight
        self.roles = [roles[name] for name in nights.names]  # type: ignore[index]
        rounds = [weights[name] for name in nights.names]
        middle = float(numpy.median(rounds))
        # Rounds add up within a night, but part of a night's variance is the night's own.
        self.weights = [2 * weight / (weight + middle) for weight in rounds]

    @cached_property
    def periods(self) -> Cells:
        """The level of each board in each period of the layout."""
        periods = self.layout.periods
        return fit_cells(
            self.nights.values,
            [(place, periods[run], role) for place, run, role in zip(self.places, self.runs, self.roles, strict=True)],
            list(zip(self.runs, self.nights.component, strict=True)),
            self.weights,
            robust=True,
        )

    def describe(self) -> str:
        """Return what was compared, in words."""
        layout = self.layout
        boards = counted(len(layout.boards(Role.BASELINE, Role.CANDIDATE)), "board")
        control = len(layout.boards(Role.CONTROL))
        beside = f" beside {counted(control, 'control board')}" if control else ""
        cells = counted(len({(line.place.cell, line.place.band) for line in layout.lines}), "cell")
        if layout.is_interleaved:
            rounds = len({(line.run, line.round) for line in layout.lines})
            return f"{counted(rounds, 'round')} of {boards} in {counted(len(layout.nights), 'night')}{beside}, {cells}"
        before, after = (len(layout.dates(role)) for role in (Role.BASELINE, Role.CANDIDATE))
        return f"{before} and {counted(after, 'night')} of {boards}{beside}, {cells}"


def _interleaved(table: _Nights) -> Analysis:
    units = table.describe()
    found = _by_boards(table)
    if found is None:
        if table.layout.boards(Role.BASELINE) & table.layout.boards(Role.CANDIDATE):
            return Analysis(None, units, "in no cell did both firmwares run in one night")
        why = (
            f"each board ran one firmware only, and may be slow by itself: swap the groups for {SWAPPED_NIGHTS} nights"
        )
        return Analysis(None, units, why)
    shifts, cells = found
    nights = _by_nights_in_turn(table)
    if not shifts or not nights:
        return Analysis(None, units, f"too few nights to know how groups of boards differ by themselves: {_SWAP}")
    return Analysis(Evidence.INTERLEAVED, units, _few_boards(table), cells, list(zip(shifts, nights, strict=True)))


def _controlled(table: _Nights, fewest_nights: int) -> Analysis:
    layout, units = table.layout, table.describe()
    found = _by_boards(table)
    if found is None:
        moved = f" ({', '.join(layout.changed_cell)} changed cells)" if layout.changed_cell else ""
        why = f"no control board was in the cell of a board under test in both firmwares' nights{moved}"
        return Analysis(None, units, why)
    shifts, cells = found
    if len(layout.dates(Role.BASELINE)) < fewest_nights:
        return Analysis(None, units, _few_nights(layout, fewest_nights))
    nights = _between_nights_of(table, beside=True)
    if nights is None or not shifts:
        why = _few_boards(table) or "too few nights in which boards and control boards ran together"
        return Analysis(None, units, why)
    why = _few_boards(table) or _hint(layout)
    return Analysis(Evidence.CONTROLLED, units, why, cells, list(zip(shifts, nights, strict=True)))


def _nights_alone(table: _Nights, fewest_nights: int) -> Analysis:
    layout, units = table.layout, table.describe()
    if set(layout.dates(Role.BASELINE)) & set(layout.dates(Role.CANDIDATE)):
        return Analysis(None, units, "both ran in one night, but not in one run: run them interleaved")
    if not layout.switched:
        return Analysis(None, units, f"{', '.join(layout.changed_cell)} changed cells between the firmwares")
    if len(layout.dates(Role.BASELINE)) < fewest_nights:
        return Analysis(None, units, _few_nights(layout, fewest_nights))
    shifts = _between_nights_of(table, beside=False)
    if shifts is None:
        return Analysis(None, units, "no night joins the boards: run all boards together in at least one night")
    shown = [(shift,) for shift in shifts]
    return Analysis(Evidence.NIGHTS_ALONE, units, _hint(layout), len(layout.nights), shown)


def _few_boards(table: _Nights) -> str:
    """Return why the boards are too few; empty where they are enough.

    One board that changes by itself must not look like a firmware. Where the groups swapped firmware, every board is
    its own control. Else it takes several boards on either side.
    """
    layout = table.layout
    stayed = len(layout.roles) - len(layout.switched)
    if layout.is_swapped or min(stayed, len(layout.switched)) >= _BOARDS:
        return ""
    return f"too few boards: take at least {_BOARDS} that change the firmware and {_BOARDS} that keep it"


def _hint(layout: Layout) -> str:
    """Return why the candidate's nights give no more than a hint; empty where they do."""
    count = len(layout.dates(Role.CANDIDATE))
    if count >= CANDIDATE_NIGHTS:
        return ""
    return f"the candidate has {counted(count, 'night')}, which is a hint at most; it takes {CANDIDATE_NIGHTS}"


def _few_nights(layout: Layout, fewest: int) -> str:
    count = len(layout.dates(Role.BASELINE))
    return f"the baseline has {counted(count, 'night')}; it takes at least {fewest}"


def _by_boards(table: _Nights) -> tuple[list[Shift], int] | None:
    """Return the shifts with the error that the spread of boards and periods shows, and the number of these units.

    The list is empty where no error can be known.
    """
    periods = table.periods
    names = [(name[0], name[1]) for name in periods.names]  # type: ignore[index]
    candidate = [name[2] is Role.CANDIDATE for name in periods.names]  # type: ignore[index]
    levels = [
        [place for place, _ in names],
        [(period, component) for (_, period), component in zip(names, periods.component, strict=True)],
    ]
    effect = fit_effect(periods.values, levels, candidate, [1.0] * len(names))
    if effect is None:
        return None
    if not effect.freedom:
        return [], 0
    variance = _moderate(table, "boards", effect.variance, _expected(table, periods))
    return _shifts(effect.value, variance / effect.weight, effect.freedom), len(names)


def _shifts(values: Floats, variances: Floats, freedom: int) -> list[Shift]:
    """Return the shifts of values whose variances are known with so many degrees of freedom."""
    errors = numpy.sqrt(numpy.maximum(variances, GRAIN**2 / 4))
    return [Shift(float(v), float(e), freedom) for v, e in zip(values, errors, strict=True)]


def _expected(table: _Nights, periods: Cells) -> Floats | None:
    """Return the variance of a period that its nights explain, or of a night that its rounds explain; None for none."""
    for level in (periods, table.nights):
        if level.freedom:
            return level.scatter * float(numpy.mean([1 / count for count in level.counts]))
    return None


def _moderate(table: _Nights, what: str, own: Floats, expected: Floats | None) -> Floats:
    """Return the variance of a unit: the mean of its measurement's own and of what all measurements show together.

    Of few boards or nights, one measurement's own spread is known badly, and may be small by chance. Its excess over
    what the level below explains is known better from all measurements. But no degrees of freedom are won by that,
    because a board that has a bad night has it in all measurements.
    """
    if expected is None or not numpy.all(expected > 0):
        return own
    table.excess[what] = float(numpy.mean(own / expected))
    pooled = None if table.pool is None else getattr(table.pool, what)
    excess = table.excess[what] if pooled is None else pooled
    return (own + max(1.0, excess) * expected) / 2


def _by_nights_in_turn(table: _Nights) -> list[Shift]:
    """Return the shifts with the error that the differences of both groups show from night to night.

    What the boards of a group share in a night, such as the moments of their turns or a shelf, is part of that error,
    and not of the error by boards. The nights are clusters of the fit; with swapped groups this is the regression of a
    night's difference on the firmware. Empty where no error can be known.
    """
    levels = [table.places, list(zip(table.runs, table.nights.component, strict=True))]
    candidate = [role is Role.CANDIDATE for role in table.roles]
    effect = fit_effect(table.nights.values, levels, candidate, table.weights)
    if effect is None or not effect.freedom:
        return []
    scores = effect.own[:, None] * effect.rest
    runs = sorted(set(table.runs))
    of_night = numpy.asarray([scores[[run == one for one in table.runs]].sum(axis=0) for run in runs])
    used = len({run for own, run in zip(effect.own, table.runs, strict=True) if abs(own) > _NOTHING})
    freedom = used - 2
    if freedom < 1:
        return []
    own = numpy.sum(of_night**2, axis=0) * used / freedom / effect.weight**2
    return _shifts(effect.value, _moderate(table, "nights", own, effect.variance / effect.weight), freedom)


def _between_nights_of(table: _Nights, *, beside: bool) -> list[Shift] | None:
    """Return the shifts between the nights of one firmware and those of the other.

    Args:
        table: the nights.
        beside: whether the level of a night is that of the boards under test minus that of the control boards.
    """
    cells = [(place.cell, place.band) for place in table.places]
    controls = [role is Role.CONTROL for role in table.roles]
    beside_cells = {cell for cell, control in zip(cells, controls, strict=True) if control}
    usable = [
        cell
        for cell, control in zip(cells, controls, strict=True)
        if not control and (not beside or cell in beside_cells)
    ]
    if not usable:
        return None
    cell = Counter(usable).most_common(1)[0][0]  # where most was measured
    there = [one == cell for one in cells]
    under_test = _night_levels(table, [here and not control for here, control in zip(there, controls, strict=True)])
    control = _night_levels(table, [here and control for here, control in zip(there, controls, strict=True)])
    if under_test is None or (beside and control is None):
        return None
    if not beside or control is None:
        control = {run: numpy.zeros_like(level) for run, level in under_test.items()}
    sides: list[Floats] = []
    for role in (Role.BASELINE, Role.CANDIDATE):
        runs = sorted({run for run, had in zip(table.runs, table.roles, strict=True) if had is role})
        levels = [under_test[run] - control[run] for run in runs if run in under_test and run in control]
        if not levels:
            return None
        sides.append(numpy.asarray(levels))
    if sum(map(len, sides)) < 3:
        return None
    table.correlation = serial_correlation(sides)
    pooled = None if table.pool is None else table.pool.correlation
    return between_nights(sides, table.correlation if pooled is None else pooled)


def _night_levels(table: _Nights, chosen: Sequence[bool]) -> dict[tuple[str, str], Floats] | None:
    """Return the level of each night, with levels for boards; None where some nights share no board."""
    rows = [number for number, one in enumerate(chosen) if one]
    if not rows:
        return None
    found = fit_cells(
        table.periods.rows[rows],
        [table.runs[row] for row in rows],
        [table.places[row] for row in rows],
        [table.weights[row] for row in rows],
        robust=False,
    )
    if len(set(found.component)) > 1:
        return None
    return dict(zip(found.names, found.values, strict=True))  # type: ignore[arg-type]


def between_nights(sides: Sequence[Floats], correlation: float) -> list[Shift]:
    """Return the shifts between two stretches of nights, whose errors know their serial correlation.

    Args:
        sides: two tables with a row a night, in their order, and a column a measurement.
        correlation: of a night with the next.
    """
    counts = [len(side) for side in sides]
    inflations = [inflation(count, correlation) for count in counts]
    squares = sum(numpy.sum((side - side.mean(axis=0)) ** 2, axis=0) for side in sides)
    # The squares of nights in a row are too small by what their mean has in common.
    free = sum(count - grown for count, grown in zip(counts, inflations, strict=True))
    variance = numpy.maximum(squares / max(free, 0.5), GRAIN**2)
    variance = variance * sum(grown / count for count, grown in zip(counts, inflations, strict=True))
    effective = sum(count / grown for count, grown in zip(counts, inflations, strict=True))
    freedom = max(1, math.floor(effective - 2))
    return _shifts(sides[1].mean(axis=0) - sides[0].mean(axis=0), variance, freedom)
