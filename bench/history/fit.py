"""Least squares with levels: cells that share turns, and the effect of a firmware beside levels of boards and nights.

Values are tables with a row an observation and a column a measurement: measurements that were observed alike are fitted
together.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy

from bench.history.samples import Floats

_NONE = 1e-9  # squared length below which a column of a fit is nothing but rounding
_SPREADS = 3.0  # a row further from its fit than so many spreads is an outlier
_ROUNDS = 8
_MAD = 1.4826  # a median distance as a standard deviation


@dataclass(frozen=True)
class Cells:
    """Cells, each from the rows that it had in turns that it shared with other cells.

    Attributes:
        names: of the cells.
        values: a row a cell, a column a measurement. Within a component only their differences mean something.
        component: of each cell: cells of one component have shared turns, if only by way of others.
        counts: rows of each cell.
        scatter: variance of one row about the fit, by measurement; zero where it is not known.
        freedom: degrees of freedom of the scatter.
        rows: the rows as they were used, outliers pulled in.
    """

    names: list[Hashable]
    values: Floats
    component: list[int]
    counts: list[int]
    scatter: Floats
    freedom: int
    rows: Floats


@dataclass(frozen=True)
class Effect:
    """The effect of the candidate.

    Attributes:
        value: by measurement.
        variance: of one row about the fit, by measurement.
        weight: squared length of the effect's column as far as no level explains it: the variance of the effect is the
            variance of a row divided by that.
        freedom: degrees of freedom of the variance.
        own: the effect's column, by row, as far as no level explains it.
        rest: what neither levels nor the effect explain, by row and measurement.
    """

    value: Floats
    variance: Floats
    weight: float
    freedom: int
    own: Floats
    rest: Floats


def fit_cells(
    values: Floats, cells: Sequence[Hashable], turns: Sequence[Hashable], weights: Sequence[float], *, robust: bool
) -> Cells:
    """Fit a level to each cell and each turn.

    Args:
        values: a row an observation, a column a measurement.
        cells: of each row.
        turns: of each row: what the rows of one turn share drops out.
        weights: of each row.
        robust: pull outliers in to three spreads from the fit (Huber).
    """
    plan = _plan(tuple(cells), tuple(turns), tuple(weights))
    if plan.inverse is None or plan.columns is None:
        return Cells(
            plan.names, values[plan.order], plan.component, plan.counts, numpy.zeros(values.shape[1]), 0, values
        )
    columns, inverse, freedom, count = plan.columns, plan.inverse, plan.freedom, len(plan.names)
    rows = values
    if robust and freedom >= len(values) / 4:
        rows = _pull_outliers_in(values, columns @ inverse, freedom)
    found = inverse @ rows
    rest = plan.scale * (rows - columns @ found)
    scatter = numpy.sum(rest**2, axis=0) / freedom if freedom else numpy.zeros(values.shape[1])
    levels = found[:count] + _mean_turns(columns[:, count:] @ found[count:], cells, plan.names, plan.component)
    return Cells(plan.names, levels, plan.component, plan.counts, scatter, freedom, rows)


@dataclass(frozen=True)
class _Plan:
    """What a fit of cells and turns needs, whatever the values.

    Attributes:
        names: of the cells.
        component: of each cell.
        counts: rows of each cell.
        order: the row of each cell, where each has one only, so that there is nothing to fit.
        columns: of the fit; None where there is nothing to fit.
        inverse: what makes levels of values.
        scale: of each row.
        freedom: degrees of freedom.
    """

    names: list[Hashable]
    component: list[int]
    counts: list[int]
    order: list[int]
    columns: Floats | None
    inverse: Floats | None
    scale: Floats
    freedom: int


@lru_cache(maxsize=8)
def _plan(cells: tuple[Hashable, ...], turns: tuple[Hashable, ...], weights: tuple[float, ...]) -> _Plan:
    """Return the plan of a fit. Windows of the same nights are fitted again and again."""
    names = sorted(set(cells), key=str)
    rows_of = Counter(cells)
    counts = [rows_of[name] for name in names]
    component = _components(names, cells, turns)
    scale = numpy.sqrt(numpy.asarray(weights) / numpy.mean(weights))[:, None]
    if max(counts) == 1:
        row_of = {cell: row for row, cell in enumerate(cells)}
        return _Plan(names, component, counts, [row_of[name] for name in names], None, None, scale, 0)
    columns = numpy.hstack([_indicators(cells, names), _indicators(turns)])
    inverse = numpy.linalg.pinv(scale * columns) * scale.T
    freedom = len(cells) - int(numpy.linalg.matrix_rank(columns))
    return _Plan(names, component, counts, [], columns, inverse, scale, freedom)


def _mean_turns(
    turns: Floats, cells: Sequence[Hashable], names: Sequence[Hashable], component: Sequence[int]
) -> Floats:
    """Return for each cell the mean level of the turns in its component.

    The fit leaves open which part of a common level is the cells' and which the turns'; it shall be the cells'.
    """
    of_cell = dict(zip(names, component, strict=True))
    of_row = numpy.asarray([of_cell[cell] for cell in cells])
    means = {number: turns[of_row == number].mean(axis=0) for number in set(component)}
    return numpy.asarray([means[number] for number in component])


def _pull_outliers_in(values: Floats, hat: Floats, freedom: int) -> Floats:
    """Return the values with those far from their fit pulled in (Huber's method of modified residuals)."""
    rows = values
    share = numpy.sqrt(len(values) / freedom)
    for _ in range(_ROUNDS):
        fitted = hat @ rows
        rest = values - fitted
        limit = _SPREADS * _MAD * share * numpy.median(numpy.abs(rest), axis=0)
        rows = fitted + numpy.clip(rest, -limit, limit)
    return rows


def fit_effect(
    values: Floats, levels: Sequence[Sequence[Hashable]], candidate: Sequence[bool], weights: Sequence[float]
) -> Effect | None:
    """Fit the effect of the candidate beside levels, such as one of each board and one of each night.

    Returns:
        None where the levels explain all that the candidate could; freedom 0 where no error can be known.
    """
    scale = numpy.sqrt(numpy.asarray(weights) / numpy.mean(weights))
    columns = numpy.hstack([_indicators(labels) for labels in levels]) * scale[:, None]
    side = numpy.asarray(candidate, dtype=float) * scale
    rows = values * scale[:, None]
    projection = columns @ numpy.linalg.pinv(columns)
    own = side - projection @ side  # the part of the effect's column that no level explains (Frisch, Waugh and Lovell)
    weight = float(own @ own)
    if weight < _NONE:
        return None
    freedom = max(0, len(values) - int(numpy.linalg.matrix_rank(columns)) - 1)
    rest = rows - projection @ rows
    value = own @ rest / weight
    rest = rest - numpy.outer(own, value)
    return Effect(value, numpy.sum(rest**2, axis=0) / max(1, freedom), weight, freedom, own, rest)


def _indicators(labels: Sequence[Hashable], names: Sequence[Hashable] | None = None) -> Floats:
    """Return a table with a column a label: 1 where the row has it."""
    place = {name: number for number, name in enumerate(names or dict.fromkeys(labels))}
    table = numpy.zeros((len(labels), len(place)))
    table[numpy.arange(len(labels)), [place[label] for label in labels]] = 1
    return table


def _components(names: Sequence[Hashable], cells: Sequence[Hashable], turns: Sequence[Hashable]) -> list[int]:
    """Return the number of each cell's component: cells that share a turn are in the same one."""
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for cell, turn in zip(cells, turns, strict=True):
        parent[root(("cell", cell))] = root(("turn", turn))
    roots = [root(("cell", name)) for name in names]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(roots))}
    return [numbers[name] for name in roots]
