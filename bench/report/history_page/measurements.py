"""Measurements on a history page: each night by firmware, with interval and change points, as table and as chart."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.history import Observation, Store, known_models, observations
from bench.history.levels import FirmwareLevel, Level, firmware_levels, levels_of
from bench.history.observations import SIMULATED, Key
from bench.history.overview import boards_under_test, series_of
from bench.history.trends import find_trends
from bench.history.values import by_key
from bench.measure import TIME_TO_REGISTER, format_value
from bench.number_text import percent_change
from bench.report.history_page.scope import SILENT, Board, Scope
from bench.report.trend import MoveView, move_view
from bench.visible import visible

Json = dict[str, Any]


@dataclass(frozen=True)
class FirmwareView:
    """A measurement on one firmware; ``number`` gives its colour."""

    number: int
    name: str
    level: str
    interval: str
    nights: int


@dataclass(frozen=True)
class NightView:
    """A measurement in one night on one firmware, with the value of each of the boards."""

    night: str
    firmware: str
    level: str
    interval: str
    values: Sequence[str]


@dataclass(frozen=True)
class MeasurementView:
    """A measurement.

    Attributes:
        anchor: of its place on the page.
        where: model, access and operator.
        boards: names of the columns of ``nights``.
        board_numbers: as the scope has them.
        chart: what the script draws.
    """

    anchor: str
    name: str
    where: str
    test: str
    simulated: bool
    firmware: Sequence[FirmwareView]
    moves: Sequence[MoveView]
    boards: Sequence[str]
    board_numbers: Sequence[int]
    nights: Sequence[NightView]
    chart: Json


def measurement_views(store: Store, scope: Scope) -> tuple[list[MeasurementView], list[MeasurementView]]:
    """Return all measurements but the time to register, and that; hardware first, then by name.

    One series after the other is read, so that a large history need not fit into memory.
    """
    boards, models = boards_under_test(store, scope.since), known_models(store)
    numbers: dict[str, list[int]] = {}
    for number, name in series_of(store):
        # Whichever test comes first after a board was opened has its time to register: they are one measurement.
        numbers.setdefault(name if name == TIME_TO_REGISTER else f"{name} {number}", []).append(number)
    views: list[MeasurementView] = []
    for several in numbers.values():
        seen = [one for number in several for one in observations(store, boards, models, number)]
        views += _views(seen, scope, len(views))
    views.sort(key=lambda view: (view.simulated, view.name, view.test, view.where))
    registering = [view for view in views if view.name == TIME_TO_REGISTER]
    return [view for view in views if view.name != TIME_TO_REGISTER], registering


def _views(seen: Sequence[Observation], scope: Scope, first: int) -> Iterator[MeasurementView]:
    dated = [_pooled(one) for one in seen if one.night in scope.night_numbers]
    for number, (key, own) in enumerate(by_key(dated).items(), first):
        levels = levels_of(key, own)
        if levels:
            yield _view(f"m{number}", key, own, levels, scope)


def _pooled(one: Observation) -> Observation:
    return replace(one, key=one.key._replace(test="")) if one.key.name == TIME_TO_REGISTER else one


def _view(anchor: str, key: Key, seen: Sequence[Observation], levels: Sequence[Level], scope: Scope) -> MeasurementView:
    simulated = key.model.startswith(SIMULATED)
    identities = sorted(
        {board for level in levels for board in level.boards}, key=lambda one: scope.name_of((one, simulated))
    )
    boards: list[Board] = [(identity, simulated) for identity in identities]
    moves = [(trend, move) for trend in find_trends(seen) for move in trend.moves]
    return MeasurementView(
        anchor=anchor,
        name=key.name,
        where=" ".join(part for part in (key.model.removeprefix(SIMULATED), key.access, key.operator) if part),
        test=key.test,
        simulated=simulated,
        firmware=[_firmware(one, key.unit, scope) for one in firmware_levels(key, levels)],
        moves=[replace(move_view(trend, move), since=scope.night_text(move.since)) for trend, move in moves],
        boards=[scope.name_of(board) for board in boards],
        board_numbers=[scope.board_numbers[board] for board in boards],
        nights=[_night(level, key.unit, identities, scope) for level in levels],
        chart=_chart(levels, key.unit, boards, {move.since: percent_change(move.change) for _, move in moves}, scope),
    )


def _firmware(one: FirmwareLevel, unit: str, scope: Scope) -> FirmwareView:
    number = scope.firmware_numbers[one.firmware]
    return FirmwareView(
        number, one.firmware or SILENT, _text(one.value, unit), _interval(one.interval, unit), one.nights
    )


def _night(level: Level, unit: str, boards: Sequence[str], scope: Scope) -> NightView:
    values = [_text(level.boards[board], unit) if board in level.boards else "" for board in boards]
    night, firmware = scope.night_text(level.night), level.firmware or SILENT
    return NightView(night, firmware, _text(level.value, unit), _interval(level.interval, unit), values)


def _text(value: float, unit: str) -> str:
    """Return a value with a digit more than elsewhere, so that an interval does not vanish in the last one."""
    size, name = _scale_of(abs(value), unit)
    return f"{value / size:.4g} {name}".rstrip()


def _interval(ends: tuple[float, float] | None, unit: str) -> str:
    """Return ``1.07 to 1.09 ms``."""
    if ends is None:
        return ""
    low, high = (_text(end, unit) for end in ends)
    (value, _, name), (_, _, other) = low.partition(" "), high.partition(" ")
    return f"{value if name == other else low} to {high}"


def _chart(levels: Sequence[Level], unit: str, boards: Sequence[Board], moves: Mapping[str, str], scope: Scope) -> Json:
    """Return what the script draws: a line for each firmware, and one for each board on it.

    ``n`` are numbers of nights, ``f`` and ``b`` those of firmware and board, ``v`` values, ``lo`` and ``hi`` the ends
    of their intervals.
    """
    size, name = _scale_of(max(abs(level.value) for level in levels), unit)

    def scaled(value: float | None) -> float | None:
        return None if value is None else float(f"{value / size:.5g}")

    lines = []
    by_board = []
    for firmware in dict.fromkeys(level.firmware for level in levels):
        own = [level for level in levels if level.firmware == firmware]
        number = scope.firmware_numbers[firmware]
        lines.append(
            {
                "f": number,
                "n": [scope.night_numbers[level.night] for level in own],
                "v": [scaled(level.value) for level in own],
                "lo": [scaled(level.interval[0] if level.interval else None) for level in own],
                "hi": [scaled(level.interval[1] if level.interval else None) for level in own],
            }
        )
        for board in boards:
            values = [(scope.night_numbers[one.night], one.boards[board[0]]) for one in own if board[0] in one.boards]
            if values:
                nights, measured = zip(*values, strict=True)
                by_board.append(
                    {
                        "f": number,
                        "b": scope.board_numbers[board],
                        "n": list(nights),
                        "v": [scaled(value) for value in measured],
                    }
                )
    marks = [[scope.night_numbers[night], text] for night, text in moves.items()]
    return {"unit": visible(name), "lines": lines, "boards": by_board, "moves": marks}


def _scale_of(largest: float, unit: str) -> tuple[float, str]:
    """Return the size and the name of the unit in which a value of that size is written.

    Console, tables and charts have the same units, because this asks :func:`format_value`; all are powers of ten apart.
    """
    number, _, name = format_value(largest, unit).partition(" ")
    if not largest or not float(number):
        return 1.0, name
    return 10.0 ** round(math.log10(largest / float(number))), name
