"""Power: what a shift needs to be found, by how this lab's own boards and nights have differed so far."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from bench.history.fit import fit_cells, fit_effect
from bench.history.judgement import CompareSettings
from bench.history.observations import Key, Observation
from bench.history.samples import Floats
from bench.history.shift import Shift
from bench.history.values import by_key, is_compared, positive, table_of

NIGHTS = (4, 6, 8, 10, 14)
_INFINITE = 700.0  # beyond it exp has no number
_FEWEST = 3  # degrees of freedom below which nothing is said of a measurement


@dataclass(frozen=True, slots=True)
class Scatter:
    """How a measurement scatters in this lab, as variances of logarithms.

    Attributes:
        night: of a board's nights about its level and the night's.
        round: of a board's rounds about its night and the round's; None where no night had several.
    """

    night: float
    round: float | None

    def of_unit(self, rounds: int) -> float:
        """Return the variance of a board's night of so many rounds."""
        return self.night + (self.round or 0.0) / rounds


@dataclass(frozen=True)
class Power:
    """What a design would find.

    Attributes:
        nights: in which both groups run, swapped from night to night.
        groups: boards of each group.
        rounds: of each night.
        detectable: smallest relative change that is found 95 times in 100, by measurement.
    """

    nights: int
    groups: tuple[int, int]
    rounds: int
    detectable: dict[Key, float]

    def finding(self, change: float) -> list[Key]:
        """Return the measurements in which a change of that size would be found."""
        return [key for key, least in self.detectable.items() if least <= change]


def scatter_of(seen: Sequence[Observation], settings: CompareSettings) -> dict[Key, Scatter]:
    """Return how each measurement scatters, as far as boards ran together in enough nights."""
    found = {}
    for key, all_of_it in by_key(seen).items():
        rows = positive(all_of_it, settings.statistic) if is_compared(key) else []
        scatter = _scatter(table_of([(key, rows)], settings.statistic), rows) if rows else None
        if scatter is not None:
            found[key] = scatter
    return found


def _scatter(logs: Floats, rows: Sequence[Observation]) -> Scatter | None:
    units = [(one.board, one.firmware, one.cell, one.band) for one in rows]
    nights = fit_cells(
        logs,
        [(unit, one.run) for unit, one in zip(units, rows, strict=True)],
        [(one.run, one.round, one.cell, one.band) for one in rows],
        [1.0] * len(rows),
        robust=True,
    )
    names = [(name[0], name[1]) for name in nights.names]  # type: ignore[index]
    levels = fit_cells(
        nights.values,
        [unit for unit, _ in names],
        [(run, component) for (_, run), component in zip(names, nights.component, strict=True)],
        [1.0] * len(names),
        robust=True,
    )
    if levels.freedom < _FEWEST:
        return None
    per_round = float(nights.scatter[0]) if nights.freedom >= _FEWEST else None
    rounds = float(numpy.mean([1 / count for count in nights.counts]))
    own = float(levels.scatter[0]) - (per_round or 0.0) * rounds
    return Scatter(max(0.0, own), per_round)


def power_of(
    scatter: dict[Key, Scatter], groups: tuple[int, int], nights: int, rounds: int, settings: CompareSettings
) -> Power:
    """Return what interleaved nights would find, the groups' firmwares swapped from night to night."""
    boards = range(sum(groups))
    cells = [(board, night) for night in range(nights) for board in boards]
    candidate = [(board < groups[0]) == bool(night % 2) for board, night in cells]
    levels = [[board for board, _ in cells], [night for _, night in cells]]
    effect = fit_effect(numpy.zeros((len(cells), 1)), levels, candidate, [1.0] * len(cells))
    share = (1 - settings.confidence) / max(1, len(scatter))
    detectable = {}
    for key, one in scatter.items():
        if effect is None or not effect.freedom or nights < _FEWEST:
            detectable[key] = math.inf
            continue
        error = math.sqrt(one.of_unit(rounds) / effect.weight)
        least = math.log1p(settings.least_effect)
        by_nights = Shift(0.0, error, nights - 2)
        shifts = (Shift(0.0, error, effect.freedom), by_nights)
        found = max(max(shift.detectable(share), shift.surely_above(least)) for shift in shifts)
        detectable[key] = math.expm1(found) if found < _INFINITE else math.inf
    return Power(nights, groups, rounds, detectable)
