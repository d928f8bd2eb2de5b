"""The measurements of one test: a static page with tables and plots, the samples as CSV, and a headline."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.clock import NS_PER_S
from bench.measure import VALUE, Measurement, Series, format_value
from bench.report import plots
from bench.report.rendering import render_html
from bench.visible import cell

# Plots of fewer samples show less than the table.
_PLOTTED = 10


@dataclass(frozen=True)
class Measured:
    """A measurement and, if it is a series, its samples."""

    measurement: Measurement
    series: Series | None = None

    @property
    def headline(self) -> str:
        """The measurement in one line."""
        found = self.measurement
        named = [name for name in (VALUE, "p50", "p90", "p99") if name in found.figures] or ["min", "max"]
        values = ", ".join(
            f"{'' if name == VALUE else name + ' '}{format_value(found.figures[name], found.unit)}" for name in named
        )
        limit = f" (limit {found.limit_text}: {found.verdict})" if found.limits else ""
        return f"{found.name}: {values}{f', n {found.count}' if found.count > 1 else ''}{limit}"


@dataclass(frozen=True)
class FigureRow:
    """One statistic in the table of a measurement."""

    name: str
    value: str
    interval: str
    limit: str
    verdict: str


@dataclass(frozen=True)
class MeasuredView:
    """A measurement as its page shows it; plots are SVG."""

    name: str
    doc: str
    count: int
    rows: Sequence[FigureRow]
    beside: Sequence[str]
    plots: Sequence[Markup]


def page(measured: Sequence[Measured], pictures: Sequence[str] = ()) -> str:
    """Return the page: self-contained, without scripts; pictures (SVG) follow the numbers."""
    return render_html("measured.html", measured=[_view(one) for one in measured], pictures=map(Markup, pictures))


def samples_csv(measured: Sequence[Measured]) -> str:
    """Return CSV with a row for each sample: measurement, unit, number, seconds since the first sample, value."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("measurement", "unit", "sample", "t_s", "value"))
    series = [one.series for one in measured if one.series is not None]
    start = min((s.t_ns[0] for s in series if s.t_ns), default=0)
    for one in series:
        for number, (stamp, value) in enumerate(zip(one.t_ns, one.values, strict=True), 1):
            writer.writerow((cell(one.name), cell(one.unit), number, f"{(stamp - start) / NS_PER_S:.9f}", value))
    return table.getvalue()


def _view(one: Measured) -> MeasuredView:
    found = one.measurement
    return MeasuredView(found.name, found.doc, found.count, _rows(found), found.beside, _plots(one))


def _rows(found: Measurement) -> list[FigureRow]:
    verdicts = found.verdicts()
    rows = []
    for name in dict.fromkeys([*found.figures, *found.limits]):
        bounds = found.intervals.get(name)
        rows.append(
            FigureRow(
                name,
                format_value(found.figures[name], found.unit) if name in found.figures else "too few samples",
                f"{format_value(bounds[0], found.unit)} to {format_value(bounds[1], found.unit)}" if bounds else "",
                found.limits[name].text(found.unit) if name in found.limits else "",
                verdicts.get(name, ""),
            )
        )
    return rows


def _plots(one: Measured) -> list[Markup]:
    """Return the plots of a series; their texts are escaped already."""
    found, series = one.measurement, one.series
    if series is None or found.count < _PLOTTED:
        return []
    marked = {name: found.figures[name] for name in ("p50", "p90", "p99") if name in found.figures}
    drawn = (
        plots.distribution(series.values, found.unit),
        plots.ecdf(series.values, found.unit, marked),
        plots.time_line(series.t_ns, series.values, found.unit),
    )
    return [Markup(plot) for plot in drawn]
