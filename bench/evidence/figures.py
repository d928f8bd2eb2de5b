"""Measurements of a run for a person: one line each, those of one name together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.evidence.causes import naturally, some_text
from bench.evidence.rows import MeasurementRow
from bench.measure import VALUE, LimitVerdict, format_range

MOST_BOARDS = 8
"""With more boards, a line for each would make a page that nobody reads."""
_HEADLINE = ("p50", "p90", "p95", "p99")
COLUMNS = ("min", "p50", "p90", "p99", "max")
"""The statistics of a series that a table shows."""


@dataclass(frozen=True)
class Figure:
    """One line.

    Attributes:
        name: what was measured.
        value: a range, or quantiles of a series.
        count: how many samples or values are behind it.
        limit: what it must be; empty without a limit.
        verdict: ok, marginal or outside.
        beside: facts to read it by.
        parts: what it is made of, a few words each.
        statistics: of a series, the texts of ``COLUMNS`` as far as they are known.
        rows: what was recorded.
    """

    name: str
    value: str
    count: int
    limit: str
    verdict: str
    beside: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    statistics: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[MeasurementRow, ...] = ()

    @property
    def text(self) -> str:
        """The figure behind its name, in one line."""
        count = f"   n {self.count}" if self.count > 1 else ""
        verdict = self.verdict.upper() if self.verdict in (LimitVerdict.OUTSIDE, LimitVerdict.UNTOLD) else self.verdict
        limit = f"   limit {self.limit}   {verdict}" if self.limit else ""
        return f"{self.value}{count}{limit}"


def figures(measurements: Iterable[MeasurementRow]) -> list[Figure]:
    """Return the lines of measurements.

    A series, or a value that has parts, is a line of its own; other values of one name and limit share one. With very
    many boards, one line stands for all of them, and names those that are outside of the limit.
    """
    groups: dict[tuple[str, ...], list[MeasurementRow]] = {}
    parts: dict[tuple[str, ...], dict[str, list[MeasurementRow]]] = {}
    measurements = list(measurements)
    boards = {one.slot for one in measurements}
    folded = len(boards) > MOST_BOARDS
    wholes = {(one.part_of, one.slot, one.test) for one in measurements if one.part_of}
    for one in measurements:
        slot = "" if folded else one.slot
        if one.part_of and not one.limit:  # what has a limit of its own is a line of its own
            parts.setdefault((one.part_of, slot, one.test), {}).setdefault(one.name, []).append(one)
            continue
        alone = _is_series(one) or (one.name, one.slot, one.test) in wholes
        own = (slot, one.test) if alone else ("", "")
        groups.setdefault((one.name, one.unit, one.limit, *own), []).append(one)
    texts = {key: tuple(_part(same) for same in named.values()) for key, named in parts.items()}
    return [
        _series(found, texts.get((key[0], *key[3:]), ()), many=len(boards) > 1)
        if _is_series(found[0])
        else _range(found, texts.get((key[0], *key[3:]), ()))
        for key, found in groups.items()
    ]


def _where(found: Sequence[MeasurementRow]) -> str:
    """Return the board of a line; of several boards, how many they are and which are outside of the limit."""
    slots = sorted({one.slot for one in found}, key=naturally)
    if len(slots) == 1:
        return slots[0]
    outside = sorted({one.slot for one in found if one.verdict == LimitVerdict.OUTSIDE}, key=naturally)
    return f"{len(slots)} boards{f', outside: {some_text(outside)}' if outside else ''}"


def of_last_attempts(measurements: list[MeasurementRow]) -> list[MeasurementRow]:
    """Return what counts: what a test measured before it was tried again does not."""
    last: dict[tuple[str, str, int], int] = {}
    for one in measurements:
        turn = (one.slot, one.test, one.round)
        last[turn] = max(last.get(turn, 1), one.attempt)
    return [one for one in measurements if one.attempt == last[one.slot, one.test, one.round]]


def _part(same: Sequence[MeasurementRow]) -> str:
    """Return a part in a few words; of several rounds the range."""
    first = same[0]
    name = first.name.removeprefix(f"{first.part_of}: ")
    values = [next((one.figures[key] for key in (VALUE, "p50", "min") if key in one.figures), 0.0) for one in same]
    bounds = first.intervals.get(VALUE) if len(same) == 1 else None
    interval = f" ({format_range(bounds, first.unit)})" if bounds else ""
    return f"{name} {_span(values, first.unit)}{interval}"


def _is_series(one: MeasurementRow) -> bool:
    return bool(one.figures) and VALUE not in one.figures


def _series(found: list[MeasurementRow], parts: tuple[str, ...], *, many: bool) -> Figure:
    """Return the line of a series, of one board or of very many; of several rounds it has the range."""
    rounds = list({(one.slot, one.round): one for one in found}.values())
    last = rounds[-1]
    all_figures = [one.figures for one in rounds]
    spans = [
        f"{name} {_span([figures[name] for figures in all_figures], last.unit)}"
        for name in _HEADLINE
        if all(name in figures for figures in all_figures)
    ]
    lowest, highest = min(f["min"] for f in all_figures), max(f["max"] for f in all_figures)
    spans = spans or [format_range((lowest, highest), last.unit)]
    turns = len({one.round for one in rounds})
    spans += [f"in {turns} rounds"] * (turns > 1)
    place = f" ({_where(rounds)})" if many and last.slot else ""
    count = sum(one.n for one in rounds)
    value = "   ".join(spans)
    statistics = {
        name: _span([figures[name] for figures in all_figures], last.unit)
        for name in COLUMNS
        if all(name in figures for figures in all_figures)
    }
    return Figure(
        f"{last.name}{place}",
        value,
        count,
        last.limit,
        _worst(rounds),
        tuple(last.beside),
        parts,
        statistics,
        tuple(rounds),
    )


def _range(found: list[MeasurementRow], parts: tuple[str, ...]) -> Figure:
    first = found[0]
    value = _span(sorted(one.value for one in found if one.value is not None), first.unit)
    bounds = first.intervals.get(VALUE)
    if bounds and len(found) == 1:
        value += f" ({format_range(bounds, first.unit)})"
    beside = tuple(dict.fromkeys(fact for one in found for fact in one.beside))
    count = sum(one.n for one in found)
    return Figure(first.name, value, count, first.limit, _worst(found), beside, parts, rows=tuple(found))


def _span(values: list[float], unit: str) -> str:
    return format_range(values, unit) if values else "no value"


def _worst(found: list[MeasurementRow]) -> str:
    verdicts = {one.verdict or "ok" for one in found}
    return next(
        (
            verdict
            for verdict in (LimitVerdict.OUTSIDE, LimitVerdict.UNTOLD, LimitVerdict.MARGINAL)
            if verdict in verdicts
        ),
        "ok",
    )
