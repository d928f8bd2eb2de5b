"""Levels: one measurement by night and firmware, with what its boards leave uncertain; and by firmware, over nights."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy

from bench.history.fit import fit_cells
from bench.history.observations import Key, Observation
from bench.history.samples import Floats
from bench.history.serial_correlation import inflation, serial_correlation
from bench.history.shift import GRAIN
from bench.history.values import is_compared, known, value_of
from bench.measure.student import t_quantile

_TAIL = 0.025
_FEWEST_NIGHTS = 3
_MOST_LOG = 700.0  # beyond it exp has no number
_MOST = 1e150  # beyond it a square has none: no measurement of a board is as large


@dataclass(frozen=True, slots=True)
class Level:
    """A measurement in one night, on one firmware.

    Attributes:
        value: with boards that took part in some nights only evened out.
        interval: where it lies 19 times in 20, by how differently the boards moved from night to night; None where
            one board measured, or nobody can tell.
        boards: the value of each board as it was measured, by the board's identity.
    """

    night: str
    firmware: str
    value: float
    interval: tuple[float, float] | None
    boards: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class FirmwareLevel:
    """A measurement on one firmware, over all its nights.

    Attributes:
        value: the mean of its nights.
        interval: where it lies 19 times in 20. The unit is a night, and nights in a row resemble each other; None where
            there are fewer than three.
        nights: how many it has.
    """

    firmware: str
    value: float
    interval: tuple[float, float] | None
    nights: int


@dataclass(frozen=True, slots=True)
class _Scale:
    """What values are averaged as: logarithms for durations, charges and rates, as a comparison does; else as they are.

    A plain value that is not above 0 has no logarithm, so that one of them makes all of its measurement plain.
    """

    logs: bool

    def into(self, value: float) -> float:
        return math.log(value) if self.logs else value

    def back(self, value: float) -> float:
        return math.exp(min(value, _MOST_LOG)) if self.logs else float(value)

    def about(self, value: float, half: float) -> tuple[float, float]:
        return self.back(value - half), self.back(value + half)


def _scale_of(key: Key, values: Iterable[float]) -> _Scale:
    return _Scale(is_compared(key) and all(value > 0 for value in values))


def levels_of(key: Key, seen: Sequence[Observation], statistic: str = "typical") -> list[Level]:
    """Return the levels of a measurement, the earliest night first.

    Args:
        key: of the measurement.
        seen: its observations.
        statistic: of a series; single values count as they are.
    """
    found = ((one, float(value_of(one, statistic) or 0.0)) for one in known(seen, statistic))
    values = [(one, value) for one, value in found if abs(value) < _MOST]
    scale = _scale_of(key, (value for _, value in values))
    rounds: dict[tuple[str, str, str], list[float]] = {}
    for one, value in values:
        rounds.setdefault((one.night, one.firmware, one.board), []).append(scale.into(value))
    if not rounds:
        return []
    means = {place: sum(several) / len(several) for place, several in sorted(rounds.items())}
    cells = [place[:2] for place in means]
    own: dict[tuple[str, str], dict[str, float]] = {cell: {} for cell in cells}
    for (night, firmware, board), mean in means.items():
        own[night, firmware][board] = scale.back(mean)
    table = numpy.asarray([[mean] for mean in means.values()])
    fitted = fit_cells(table, cells, [board for *_, board in means], [1.0] * len(means), robust=True)
    level = dict(zip(fitted.names, fitted.values[:, 0], strict=True))
    # Of one board's value about the fit; without freedom nobody knows it.
    half = t_quantile(_TAIL, fitted.freedom) * math.sqrt(fitted.scatter[0]) if fitted.freedom else None
    levels = []
    for cell, boards in own.items():
        value, alone = float(level[cell]), len(boards) == 1
        interval = None if half is None or alone else scale.about(value, half / math.sqrt(len(boards)))
        levels.append(Level(*cell, scale.back(value), interval, boards))
    return levels


def firmware_levels(key: Key, levels: Sequence[Level]) -> list[FirmwareLevel]:
    """Return the level of each firmware, in the order in which they were first seen."""
    scale = _scale_of(key, (level.value for level in levels))
    nights: dict[str, list[float]] = {}
    for level in levels:
        nights.setdefault(level.firmware, []).append(scale.into(level.value))
    stretches = {firmware: numpy.asarray(values) for firmware, values in nights.items()}
    correlation = serial_correlation([values[:, None] for values in stretches.values()])
    return [_firmware_level(firmware, values, correlation, scale) for firmware, values in stretches.items()]


def _firmware_level(firmware: str, values: Floats, correlation: float, scale: _Scale) -> FirmwareLevel:
    count, mean = len(values), float(values.mean())
    if count < _FEWEST_NIGHTS:
        return FirmwareLevel(firmware, scale.back(mean), None, count)
    grown = inflation(count, correlation)
    # The squares of nights in a row are too small by what their mean has in common, as in designs.between_nights.
    variance = float(numpy.sum((values - mean) ** 2)) / max(count - grown, 0.5)
    variance = max(variance, GRAIN**2) if scale.logs else variance
    freedom = max(1, math.floor(count / grown - 1))
    half = t_quantile(_TAIL, freedom) * math.sqrt(variance * grown / count)
    return FirmwareLevel(firmware, scale.back(mean), scale.about(mean, half), count)
