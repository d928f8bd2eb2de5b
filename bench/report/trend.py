"""Change points for a reader: which measurements have moved, since when, and what changed in the same night."""

from dataclasses import dataclass

from bench.history.trends import Move, Trend
from bench.measure import format_value
from bench.number_text import percent_change


@dataclass(frozen=True)
class MoveView:
    """A change, in words."""

    since: str
    change: str
    levels: str
    with_it: str
    kind: str


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
