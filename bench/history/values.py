"""The values of a measurement that are compared: logarithms, larger is worse."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy

from bench.history.layout import Layout, layout_of
from bench.history.observations import SIMULATED, UNKNOWN, Key, Observation
from bench.history.resolution import step_of
from bench.history.samples import Floats
from bench.history.shift import Shift

_FASTER_IS_MORE = ("B/s", "bit/s", "1/s")
_COMPARED = ("ns", "mC", *_FASTER_IS_MORE)
"""Units of what is compared; the others are counts and shares."""
_MOST = 0.9  # half a step as a part of a value: beyond that nothing is known, and a logarithm must stay finite


def is_compared(key: Key) -> bool:
    """Return whether a measurement is one of duration, charge or rate; counts and shares are for people."""
    return key.unit in _COMPARED


def sign_of(unit: str) -> int:
    """Return +1 where a larger value is worse, else -1."""
    return -1 if unit in _FASTER_IS_MORE else 1


def by_key(observations: Iterable[Observation]) -> dict[Key, list[Observation]]:
    """Return the observations of each measurement."""
    found: dict[Key, list[Observation]] = {}
    for observation in observations:
        found.setdefault(observation.key, []).append(observation)
    return found


def with_models(sides: Sequence[Sequence[Observation]]) -> list[list[Observation]]:
    """Return the sides, where a board of unknown model, named by its port, counts for the only model that is known.

    Boards have levels of their own, so nothing depends on it but which measurements belong together.
    """
    models: dict[Key, set[str]] = {}
    for side in sides:
        for key in {one.key for one in side}:
            models.setdefault(_unnamed(key), set()).add(key.model)
    named: dict[Key, Key] = {}
    for unnamed, had in models.items():
        known_ones = had - {unnamed.model}
        if len(known_ones) == 1 and unnamed.model in had:
            named[unnamed] = unnamed._replace(model=known_ones.pop())
    return [[replace(one, key=named[one.key]) if one.key in named else one for one in side] for side in sides]


def _unnamed(key: Key) -> Key:
    return key._replace(model=f"{SIMULATED}{UNKNOWN}" if key.model.startswith(SIMULATED) else UNKNOWN)


def value_of(observation: Observation, statistic: str) -> float | None:
    """Return the statistic of a series, or the value of a single measurement; None where it is not a finite number."""
    figures = observation.figures
    value = figures[statistic] if statistic in figures else figures.get("value")
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def known(side: Sequence[Observation], statistic: str) -> list[Observation]:
    """Return the observations that have the statistic."""
    return [one for one in side if value_of(one, statistic) is not None]


def positive(side: Sequence[Observation], statistic: str) -> list[Observation]:
    """Return the observations whose value has a logarithm."""
    return [one for one in side if (value_of(one, statistic) or 0.0) > 0]


def logs_of(key: Key, side: Sequence[Observation], statistic: str) -> list[float]:
    """Return the logarithms of values, which are above 0; a larger one is worse."""
    sign = sign_of(key.unit)
    return [sign * math.log(value_of(one, statistic) or 1.0) for one in side]


def table_of(members: Sequence[tuple[Key, Sequence[Observation]]], statistic: str) -> Floats:
    """Return the logarithms of several measurements: a row an observation, a column a measurement."""
    return numpy.asarray([logs_of(key, side, statistic) for key, side in members]).T


def tabulate(
    usable: Mapping[Key, Sequence[Sequence[Observation]]], statistic: str
) -> list[tuple[Layout, Floats, list[Key]]]:
    """Return the layouts of measurements, each with the table of its values and the measurements of its columns.

    Args:
        usable: the observations of each measurement: baseline, candidate, control boards.
        statistic: that is compared; all observations have it, above 0.
    """
    members: dict[Layout, list[tuple[Key, list[Observation]]]] = {}
    for key, parts in usable.items():
        layout, ordered = layout_of(parts)
        members.setdefault(layout, []).append((key, ordered))
    return [(layout, table_of(found, statistic), [key for key, _ in found]) for layout, found in members.items()]


def typical_of(side: Sequence[Observation], statistic: str) -> float | None:
    """Return the geometric mean; None where there is none."""
    values = [value for one in side if (value := value_of(one, statistic) or 0.0) > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def resolution_of(parts: Sequence[Sequence[Observation]], statistic: str) -> float:
    """Return how far a difference of logarithms may be off by the steps of a clock or timer: half of one on each side.

    Args:
        parts: baseline, candidate, control boards; control boards have both sides, too.
        statistic: that is compared.
    """
    step = max((one.step for part in parts for one in part), default=0.0)
    if not step:  # single values, or series in which all samples are equal
        step = step_of([value for part in parts for one in part if (value := value_of(one, statistic)) is not None])
    if not step:
        return 0.0
    sizes = [typical_of(part, statistic) for part in (*parts, *parts[2:])]
    return sum(-math.log1p(-min(step / 2 / size, _MOST)) for size in sizes if size)


def widened(shifts: Sequence[Shift], bound: float) -> tuple[Shift, ...]:
    """Return shifts with a systematic error."""
    return tuple(Shift(one.value, one.error, one.freedom, bound) for one in shifts)
