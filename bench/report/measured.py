"""What one test measured: a static page with tables and plots, the samples as CSV, and the headline for a report."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bench.clock import NS_PER_S
from bench.measure import VALUE, Measurement, Series, shown
from bench.report import plots

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; color: #1f2328; margin: 1rem; max-width: 60rem; }
h2 { font-size: 1.05rem; margin: 1.4rem 0 .3rem; } p { margin: .2rem 0; color: #57606a; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .15rem .9rem .15rem 0; }
th { font-weight: 600; } .outside { color: #b42318; font-weight: 600; } .marginal { color: #9a6700; font-weight: 600; }
svg { margin: .3rem 1rem .3rem 0; max-width: 100%; height: auto; }
"""
# Plots of fewer samples show less than the table.
_PLOTTED = 10


@dataclass(frozen=True)
class Measured:
    """A measurement and, if it is one of a series, its samples."""

    measurement: Measurement
    series: Series | None = None

    @property
    def headline(self) -> str:
        """In one line, for a report."""
        found = self.measurement
        named = [name for name in (VALUE, "p50", "p90", "p99") if name in found.figures] or ["min", "max"]
        told = ", ".join(
            f"{'' if name == VALUE else name + ' '}{shown(found.figures[name], found.unit)}" for name in named
        )
        limit = f" (limit {found.limit_text}: {found.verdict})" if found.limits else ""
        return f"{found.name}: {told}{f', n {found.count}' if found.count > 1 else ''}{limit}"


def page(measured: Sequence[Measured], pictures: Sequence[str] = ()) -> str:
    """The page: self-contained, without scripts; pictures (SVG) stand behind the numbers."""
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>measured</title><style>{_STYLE}</style>"]
    for one in measured:
        parts += _section(one)
    parts += [f"<div>{picture}</div>" for picture in pictures]
    return "\n".join(parts) + "</html>\n"


def samples_csv(measured: Sequence[Measured]) -> str:
    """One row a sample: measurement, unit, its number, its moment (seconds since the first of all), its value."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("measurement", "unit", "sample", "t_s", "value"))
    series = [one.series for one in measured if one.series is not None]
    start = min((s.t_ns[0] for s in series if s.t_ns), default=0)
    for one in series:
        for number, (stamp, value) in enumerate(zip(one.t_ns, one.values, strict=True), 1):
            writer.writerow((one.name, one.unit, number, f"{(stamp - start) / NS_PER_S:.9f}", value))
    return table.getvalue()


def _section(one: Measured) -> list[str]:
    found = one.measurement
    parts = [f"<h2>{escape(found.name)}</h2>"]
    if found.doc:
        parts.append(f"<p>{escape(found.doc)}</p>")
    parts.append(_table(found))
    parts += [f"<p>{escape(fact)}</p>" for fact in found.beside]
    if one.series is not None and found.count >= _PLOTTED:
        values = one.series.values
        told = {name: found.figures[name] for name in ("p50", "p90", "p99") if name in found.figures}
        parts.append(plots.distribution(values, found.unit))
        parts.append(plots.ecdf(values, found.unit, told))
        parts.append(plots.time_line(one.series.t_ns, values, found.unit))
    return parts


def _table(found: Measurement) -> str:
    verdicts = found.verdicts()
    rows = []
    for name in dict.fromkeys([*found.figures, *found.limits]):
        value = shown(found.figures[name], found.unit) if name in found.figures else "too few samples"
        bounds = found.intervals.get(name)
        interval = f"{shown(bounds[0], found.unit)} to {shown(bounds[1], found.unit)}" if bounds else ""
        limit = found.limits[name].text(found.unit) if name in found.limits else ""
        verdict = verdicts.get(name, "")
        rows.append(
            f"<tr><td>{escape(name)}<td>{escape(value)}<td>{escape(interval)}<td>{escape(limit)}"
            f'<td class="{verdict}">{verdict}</tr>'
        )
    head = f"<tr><th>n {found.count}<th>value<th>95 % interval<th>limit<th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"
