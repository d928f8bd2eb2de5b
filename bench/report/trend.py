"""Trends for a reader: which measurements have moved, since when, and what changed in the same night."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.history.observations import SIMULATED
from bench.history.trends import Move, Trend
from bench.measure import format_value
from bench.number_text import counted, percent_change
from bench.report.plots import nights
from bench.report.rendering import render_html


@dataclass(frozen=True)
class MoveView:
    """A change, in words."""

    since: str
    change: str
    levels: str
    with_it: str
    kind: str


@dataclass(frozen=True)
class TrendView:
    """A measurement that has moved, with a plot of its nights."""

    name: str
    test: str
    span: str
    moves: Sequence[MoveView]
    plot: Markup


def move_view(trend: Trend, move: Move) -> MoveView:
    """Return a change as console and page show it."""
    unit = trend.key.unit
    return MoveView(
        since=move.since,
        change=percent_change(move.change),
        levels=f"{format_value(move.before, unit)} to {format_value(move.after, unit)}",
        with_it="; ".join(move.with_it) or "nothing else is known to have changed",
        kind="failed" if move.worse else "passed",
    )


def trend_page(found: Sequence[Trend], title: str) -> str:
    """Return a page with every measurement in which a change was found, the latest change first."""
    moved = sorted((one for one in found if one.moves), key=lambda one: one.moves[-1].since, reverse=True)
    nights: dict[tuple[str, str], int] = {}
    for trend in moved:
        for move in trend.moves:
            key = (move.since, move_view(trend, move).with_it)
            nights[key] = nights.get(key, 0) + 1
    simulated = any(one.key.model.startswith(SIMULATED) for one in found)
    return render_html(
        "trend.html",
        views=[_view(one) for one in moved],
        nights=[(*key, counted(count, "measurement")) for key, count in sorted(nights.items(), reverse=True)],
        moved=counted(len(moved), "measurement"),
        still=len(found) - len(moved),
        title=title,
        simulated=simulated,
    )


def _view(trend: Trend) -> TrendView:
    changes = [move.since for move in trend.moves]
    return TrendView(
        trend.key.text,
        trend.key.test,
        f"{len(trend.nights)} nights, {trend.nights[0]} to {trend.nights[-1]}",
        [move_view(trend, move) for move in trend.moves],
        Markup(nights(trend.nights, trend.levels, trend.key.unit, changes)),
    )
