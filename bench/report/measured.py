"""The measurements of one test: a static page with tables and plots, the samples as CSV, and a headline."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from markupsafe import Markup

from bench.clock import NS_PER_S, Anchor
from bench.measure import (
    PART_MEANINGS,
    STATISTIC_MEANINGS,
    VALUE,
    Measurement,
    OverTime,
    Series,
    format_range,
    format_value,
)
from bench.report import plots
from bench.report.origin import Origin
from bench.report.rendering import render_html
from bench.visible import cell

# Plots of fewer samples show less than the table.
_PLOTTED = 10
_COLUMNS = (VALUE, "min", "p50", "p90", "p95", "p99", "max", "mean", "jitter")


@dataclass(frozen=True)
class Measured:
    """A measurement and, if it is a series, its samples; of an average over time, what it was in parts of that time."""

    measurement: Measurement
    series: Series | None = None
    over_time: OverTime | None = None

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

    @property
    def needs_page(self) -> bool:
        """Whether there is more to show than its line: samples, an interval, or words that explain it."""
        found = self.measurement
        explained = bool(found.doc or found.beside or found.intervals)
        return explained or self.series is not None or self.over_time is not None

    @property
    def points(self) -> Iterator[tuple[int, float]]:
        """(stamp in ns, value) of each sample, or of the beginning of each part of the time."""
        if self.series is not None:
            yield from zip(self.series.t_ns, self.series.values, strict=True)
        elif self.over_time is not None:
            yield from zip(self.over_time.borders[:-1], self.over_time.values, strict=True)


@dataclass(frozen=True)
class Statistic:
    """A statistic of a measurement, with its 95 % interval where one is known."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class JudgedLimit:
    """A limit of a statistic, and whether it was kept."""

    text: str
    verdict: str


@dataclass(frozen=True)
class MeasuredView:
    """A measurement as its page shows it; plots are SVG.

    Attributes:
        statistics: by their names.
        beside: facts to read it by, without those of all measurements of the page.
    """

    name: str
    doc: str
    count: int
    statistics: Mapping[str, Statistic]
    limits: Sequence[JudgedLimit]
    beside: Sequence[str]
    plots: Sequence[Markup]


def page(
    measured: Sequence[Measured],
    origin: Origin,
    pictures: Sequence[str] = (),
) -> str:
    """Return the page: self-contained, without scripts.

    Args:
        measured: what was measured.
        origin: of it.
        pictures: SVG texts that follow the numbers.
    """
    beside = [one.measurement.beside for one in measured if one.measurement.beside]
    common = [fact for fact in dict.fromkeys(chain(*beside)) if all(fact in facts for facts in beside)]
    views = [_view(one, common) for one in measured]
    return render_html(
        "measured.html",
        origin=origin,
        measured=views,
        columns=[name for name in _COLUMNS if any(name in view.statistics for view in views)],
        limited=any(view.limits for view in views),
        common=common,
        parts=_meanings(PART_MEANINGS, (_last_word(one.measurement) for one in measured)),
        statistics=_meanings(STATISTIC_MEANINGS, (name for one in measured for name in one.measurement.figures)),
        pictures=list(map(Markup, pictures)),
    )


def samples_csv(measured: Sequence[Measured], origin: Origin, anchor: Anchor) -> str:
    """Return CSV with a row for each sample.

    Columns: measurement, unit, sample (a number), t_s (seconds since the first sample), value, then where it comes
    from: board, firmware, test, run, utc (of the sample), simulated (true or false).
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(
        ("measurement", "unit", "sample", "t_s", "value", "board", "firmware", "test", "run", "utc", "simulated")
    )
    start = min((stamp for one in measured for stamp, _ in one.points), default=0)
    fixed = [cell(text) for text in (origin.board, origin.firmware, origin.test, origin.run)]
    simulated = str(origin.simulated).lower()
    for one in measured:
        name, unit = cell(one.measurement.name), cell(one.measurement.unit)
        for number, (stamp, value) in enumerate(one.points, 1):
            passed = f"{(stamp - start) / NS_PER_S:.9f}"
            writer.writerow((name, unit, number, passed, value, *fixed, anchor.text(stamp), simulated))
    return table.getvalue()


def _view(one: Measured, common: Sequence[str]) -> MeasuredView:
    found = one.measurement
    statistics = {name: _statistic(found, name) for name in found.figures}
    beside = [fact for fact in found.beside if fact not in common]
    return MeasuredView(found.name, found.doc, found.count, statistics, _limits(found), beside, _plots(one))


def _statistic(found: Measurement, name: str) -> Statistic:
    bounds = found.intervals.get(name)
    return Statistic(format_value(found.figures[name], found.unit), format_range(bounds, found.unit) if bounds else "")


def _limits(found: Measurement) -> list[JudgedLimit]:
    verdicts = found.verdicts()
    return [
        JudgedLimit(f"{'' if name == VALUE else name + ' '}{limit.text(found.unit)}", verdicts[name])
        for name, limit in found.limits.items()
    ]


def _meanings(all_meanings: Mapping[str, str], names: Iterable[str]) -> list[tuple[str, str]]:
    """Return what words mean, of those that are on the page."""
    shown = set(names)
    return [(name, text) for name, text in all_meanings.items() if name in shown]


def _last_word(found: Measurement) -> str:
    """Return the name of a part without that of its whole."""
    return found.name.removeprefix(f"{found.part_of}: ")


def _plots(one: Measured) -> list[Markup]:
    """Return the plots of a series; their texts are escaped already."""
    found, series = one.measurement, one.series
    if one.over_time is not None:
        return [Markup(plots.averages(one.over_time, found.unit))]
    if series is None or found.count < _PLOTTED:
        return []
    marked = {name: found.figures[name] for name in ("p50", "p90", "p99") if name in found.figures}
    drawn = (
        plots.time_line(series.t_ns, series.values, found.unit),
        plots.distribution(series.values, found.unit),
        plots.ecdf(series.values, found.unit, marked),
    )
    return [Markup(plot) for plot in drawn]
