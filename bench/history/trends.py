"""Moves: the measurements of a lab whose level has changed from some night on, and what else changed in that night."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from bench.history.change_points import FEWEST_NIGHTS, change_points
from bench.history.fit import fit_cells
from bench.history.observations import Key, Observation
from bench.history.values import by_key, positive, sign_of, value_of


@dataclass(frozen=True)
class Move:
    """A change of a measurement.

    Attributes:
        since: the first night with the new level.
        change: relative.
        before: level of the nights before, back to the change before this one.
        after: level of the nights since then.
        with_it: what changed in the same night: firmware, cell, version of the bench.
        worse: whether it is one for the worse.
    """

    since: str
    change: float
    before: float
    after: float
    with_it: tuple[str, ...]
    worse: bool


@dataclass(frozen=True)
class Trend:
    """A measurement, night by night.

    Attributes:
        nights: in their order.
        levels: of each night, with boards that took part in some nights only evened out.
        moves: its changes, in their order.
    """

    key: Key
    nights: list[str]
    levels: list[float]
    moves: list[Move]


def find_trends(observations: Sequence[Observation], statistic: str = "typical") -> list[Trend]:
    """Return the trend of every measurement that was taken in enough nights."""
    seen = by_key(positive(observations, statistic))
    keys = sorted(seen, key=lambda key: (key.name, key.test, key.text))
    return [trend for key in keys if (trend := _trend(key, seen[key], statistic)) is not None]


def _trend(key: Key, seen: Sequence[Observation], statistic: str) -> Trend | None:
    if len({one.night for one in seen}) < FEWEST_NIGHTS:
        return None
    logs = numpy.asarray([[math.log(value_of(one, statistic) or 1.0)] for one in seen])
    boards = [one.board for one in seen]
    fitted = fit_cells(logs, [one.night for one in seen], boards, [1.0] * len(seen), robust=True)
    # Nights that no board joins cannot be compared with each other: the largest group of joined nights counts.
    largest = max(set(fitted.component), key=fitted.component.count)
    chosen = [
        (str(night), float(level))
        for night, level, component in zip(fitted.names, fitted.values[:, 0], fitted.component, strict=True)
        if component == largest
    ]
    nights = [night for night, _ in chosen]
    levels = numpy.asarray([level for _, level in chosen])
    if len(nights) < FEWEST_NIGHTS:
        return None
    levels += float(numpy.mean(logs)) - float(numpy.mean(levels))
    points = change_points(levels)
    borders = [0, *(point.at for point in points), len(nights)]
    moves = []
    for number, point in enumerate(points):
        before, after = (
            math.exp(float(numpy.mean(levels[borders[number + side] : borders[number + side + 1]]))) for side in (0, 1)
        )
        with_it = _changed_with(seen, nights[point.at - 1], nights[point.at])
        moves.append(Move(nights[point.at], point.change, before, after, with_it, point.change * sign_of(key.unit) > 0))
    return Trend(key, nights, [math.exp(level) for level in levels], moves)


def _changed_with(seen: Sequence[Observation], before: str, after: str) -> tuple[str, ...]:
    """Return what changed between two nights, in words."""
    sides = [[one for one in seen if one.night == night] for night in (before, after)]
    found = []
    for what, values in (
        ("firmware", lambda one: one.firmware),
        ("cell", lambda one: f"{one.cell}{f' band {one.band}' if one.band else ''}"),
        ("bench", lambda one: one.bench),
    ):
        old, new = (sorted({values(one) for one in side if values(one)}) for side in sides)
        if old != new:
            found.append(f"{what} {', '.join(old) or 'unknown'} to {', '.join(new) or 'unknown'}")
    boards = [{one.board for one in side} for side in sides]
    if boards[0] != boards[1]:
        found.append(f"boards {', '.join(_names(sides[0]))} to {', '.join(_names(sides[1]))}")
    return tuple(found)


def _names(side: Sequence[Observation]) -> list[str]:
    return sorted({one.slot or one.board for one in side})
