"""Measurements of a run for a person: one line each, those of one name together."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.measure import MARGINAL, OUTSIDE, UNTOLD, VALUE, shown
from bench.report.stream import Row

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
        _series(found[-1], tuple(parts.get((key[0], *key[3:]), ())), many=len(boards) > 1)
        if _is_series(found[0])
        else _range(found, tuple(parts.get((key[0], *key[3:]), ())))
        for key, found in groups.items()
    ]


def _part(row: Row) -> str:
    told, unit = row.get("figures") or {}, str(row["unit"])
    name = str(row["name"]).removeprefix(f"{row['part_of']}: ")
    value = next((told[key] for key in (VALUE, "p50", "min") if key in told), 0.0)
    bounds = (row.get("intervals") or {}).get(VALUE)
    interval = f" ({shown(bounds[0], unit)} to {shown(bounds[1], unit)})" if bounds else ""
    return f"{name} {shown(value, unit)}{interval}"


def _is_series(row: Row) -> bool:
    return VALUE not in (row.get("figures") or {VALUE: row.get("value")})


def _series(row: Row, parts: tuple[str, ...], *, many: bool) -> Figure:
    told = row["figures"]
    unit = str(row["unit"])
    named = [f"{name} {shown(told[name], unit)}" for name in _HEADLINE if name in told]
    named = named or [f"{shown(told['min'], unit)} to {shown(told['max'], unit)}"]
    slot = str(row.get("slot", "")) if many else ""
    return Figure(
        f"{row['name']}{f' ({slot})' if slot else ''}",
        "   ".join(named),
        int(row["n"]),
        str(row.get("limit") or ""),
        str(row.get("verdict") or "ok"),
        tuple(row.get("beside") or ()),
        parts,
    )


def _range(rows: list[Row], parts: tuple[str, ...]) -> Figure:
    unit = str(rows[0]["unit"])
    values = sorted(float(row["value"]) for row in rows)
    low, high = shown(values[0], unit), shown(values[-1], unit)
    value = low if low == high else f"{low} to {high}"
    bounds = (rows[0].get("intervals") or {}).get(VALUE)
    if bounds and len(rows) == 1:
        value += f" ({shown(bounds[0], unit)} to {shown(bounds[1], unit)})"
    verdicts = {str(row.get("verdict") or "ok") for row in rows}
    verdict = OUTSIDE if OUTSIDE in verdicts else MARGINAL if MARGINAL in verdicts else "ok"
    count = sum(int(row.get("n", 1)) for row in rows)
    beside = tuple(dict.fromkeys(fact for row in rows for fact in row.get("beside") or ()))
    return Figure(str(rows[0]["name"]), value, count, str(rows[0].get("limit") or ""), verdict, beside, parts)
