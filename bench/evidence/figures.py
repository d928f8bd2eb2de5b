"""Measurements of a run for a person: one line each, those of one name together."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.evidence.stream import Row
from bench.measure import MARGINAL, OUTSIDE, UNTOLD, VALUE, format_value

_HEADLINE = ("p50", "p90", "p95", "p99")


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
    """

    name: str
    value: str
    count: int
    limit: str
    verdict: str
    beside: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The figure behind its name, in one line."""
        count = f"   n {self.count}" if self.count > 1 else ""
        verdict = self.verdict.upper() if self.verdict in (OUTSIDE, UNTOLD) else self.verdict
        limit = f"   limit {self.limit}   {verdict}" if self.limit else ""
        return f"{self.value}{count}{limit}"


def figures(rows: Iterable[Row]) -> list[Figure]:
    """The lines of measurement rows.

    A series, or a value that has parts, is a line of its own; other values of one name and limit share one.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    parts: dict[tuple[str, ...], list[str]] = {}
    boards = set()
    rows = list(rows)
    wholes = {(row["part_of"], row.get("slot", ""), row.get("test", "")) for row in rows if row.get("part_of")}
    for row in rows:
        slot, test = str(row.get("slot", "")), str(row.get("test", ""))
        boards.add(slot)
        if row.get("part_of") and not row.get("limit"):  # what has a limit of its own is a line of its own
            parts.setdefault((str(row["part_of"]), slot, test), []).append(_part(row))
            continue
        own = (slot, test) if _is_series(row) or (row["name"], slot, test) in wholes else ("", "")
        groups.setdefault((str(row["name"]), str(row["unit"]), str(row.get("limit") or ""), *own), []).append(row)
    return [
        _series(found, tuple(parts.get((key[0], *key[3:]), ())), many=len(boards) > 1)
        if _is_series(found[0])
        else _range(found, tuple(parts.get((key[0], *key[3:]), ())))
        for key, found in groups.items()
    ]


def of_last_attempts(rows: list[Row]) -> list[Row]:
    """What a test measured before it was tried again does not count."""

    def turn(row: Row) -> tuple[str, str, int]:
        return str(row.get("slot", "")), str(row.get("test", "")), int(row.get("round", 1))

    last: dict[tuple[str, str, int], int] = {}
    for row in rows:
        last[turn(row)] = max(last.get(turn(row), 1), int(row.get("attempt", 1)))
    return [row for row in rows if int(row.get("attempt", 1)) == last[turn(row)]]


def _part(row: Row) -> str:
    told, unit = row.get("figures") or {}, str(row["unit"])
    name = str(row["name"]).removeprefix(f"{row['part_of']}: ")
    value = next((told[key] for key in (VALUE, "p50", "min") if key in told), 0.0)
    bounds = (row.get("intervals") or {}).get(VALUE)
    interval = f" ({format_value(bounds[0], unit)} to {format_value(bounds[1], unit)})" if bounds else ""
    return f"{name} {format_value(value, unit)}{interval}"


def _is_series(row: Row) -> bool:
    return VALUE not in (row.get("figures") or {VALUE: row.get("value")})


def _series(rows: list[Row], parts: tuple[str, ...], *, many: bool) -> Figure:
    """One board's series: of several rounds the range."""
    rounds = list({int(row.get("round", 1)): row for row in rows}.values())
    row = rounds[-1]
    told = [one["figures"] for one in rounds]
    unit = str(row["unit"])
    named = [f"{name} {_span([one[name] for one in told], unit)}" for name in _HEADLINE if all(name in o for o in told)]
    named = named or [
        f"{format_value(min(o['min'] for o in told), unit)} to {format_value(max(o['max'] for o in told), unit)}"
    ]
    named += [f"in {len(rounds)} rounds"] * (len(rounds) > 1)
    slot = str(row.get("slot", "")) if many else ""
    return Figure(
        f"{row['name']}{f' ({slot})' if slot else ''}",
        "   ".join(named),
        sum(int(one["n"]) for one in rounds),
        str(row.get("limit") or ""),
        _worst(rounds),
        tuple(row.get("beside") or ()),
        parts,
    )


def _range(rows: list[Row], parts: tuple[str, ...]) -> Figure:
    unit = str(rows[0]["unit"])
    values = sorted(float(row["value"]) for row in rows)
    value = _span(values, unit)
    bounds = (rows[0].get("intervals") or {}).get(VALUE)
    if bounds and len(rows) == 1:
        value += f" ({format_value(bounds[0], unit)} to {format_value(bounds[1], unit)})"
    verdict = _worst(rows)
    count = sum(int(row.get("n", 1)) for row in rows)
    beside = tuple(dict.fromkeys(fact for row in rows for fact in row.get("beside") or ()))
    return Figure(str(rows[0]["name"]), value, count, str(rows[0].get("limit") or ""), verdict, beside, parts)


def _span(values: list[float], unit: str) -> str:
    low, high = format_value(min(values), unit), format_value(max(values), unit)
    return low if low == high else f"{low} to {high}"


def _worst(rows: list[Row]) -> str:
    verdicts = {str(row.get("verdict") or "ok") for row in rows}
    return next((verdict for verdict in (OUTSIDE, UNTOLD, MARGINAL) if verdict in verdicts), "ok")
