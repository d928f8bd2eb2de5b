"""The AT transactions of a test as a few steps for a report, each with its real times."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.at import Response
from bench.clock import Anchor, duration_text

_MOST_STEPS = 48
_MOST_LETTERS = 80


@dataclass(frozen=True, slots=True)
class Step:
    """Consecutive transactions of one command.

    Attributes:
        name: the command, and the number of transactions.
        ok: whether OK answered each of them.
        start_ms, stop_ms: wall clock, ms since the epoch.
        took: the exact duration as text, as ms are too coarse for most.
    """

    name: str
    ok: bool
    start_ms: int
    stop_ms: int
    took: str


def steps_of(transactions: Sequence[Response], anchor: Anchor) -> list[Step]:
    """Return at most 48 steps: consecutive equal commands are one step, and the last step counts the rest."""
    groups: list[list[Response]] = []
    for transaction in transactions:
        same = groups and _name(groups[-1][0]) == _name(transaction) and groups[-1][0].ok == transaction.ok
        if same:
            groups[-1].append(transaction)
        else:
            groups.append([transaction])
    shown, rest = groups[:_MOST_STEPS], groups[_MOST_STEPS:]
    steps = [_step(group, anchor) for group in shown]
    left = [transaction for group in rest for transaction in group]
    if left:
        more = _step(left, anchor)
        steps[-1] = Step(f"{len(left)} more transactions: see the transcript", more.ok, more.start_ms, more.stop_ms, "")
    return steps


def _step(group: Sequence[Response], anchor: Anchor) -> Step:
    first, last = group[0], group[-1]
    name = _shorten(first.command) if len(group) == 1 else f"{_name(first)} ({len(group)} times)"
    ok = all(transaction.ok for transaction in group)
    final = "" if ok else f": {last.final}"
    took = duration_text(last.final_ns - first.sent_ns)
    return Step(f"{name}{final}", ok, _epoch_ms(anchor, first.sent_ns), _epoch_ms(anchor, last.final_ns), took)


def _epoch_ms(anchor: Anchor, stamp_ns: int) -> int:
    return round(anchor.utc(stamp_ns).timestamp() * 1000)


def _name(transaction: Response) -> str:
    """Return the command without its parameters."""
    return transaction.command.partition("=")[0].partition("?")[0]


def _shorten(command: str) -> str:
    return command if len(command) <= _MOST_LETTERS else f"{command[: _MOST_LETTERS - 4]} ..."
