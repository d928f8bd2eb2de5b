"""The view of a comparison: what console and pages show of its row."""

import re
from collections.abc import Iterable, Sequence

from bench.evidence.rows import ComparisonRow, MeasurementComparison
from bench.exit_code import ExitCode
from bench.history.designs import SWAPPED_NIGHTS
from bench.history.values import sign_of
from bench.measure import format_value
from bench.number_text import percent, percent_change
from bench.report.views import ComparedMeasurement, ComparisonView

_KINDS = {"regression": "failed", "improvement": "passed", "changed": "marginal"}
_TONES = {ExitCode.OK: "good", ExitCode.FAILED: "bad"}
_PERCENT = re.compile(r"\d+ %")
_KNOWN = 10.0
"""A bound of an interval beyond ten times the value says that nothing is known."""
_HOW = (
    "flash half of the boards with each firmware, swap the halves after each night, and run this in"
    f" {SWAPPED_NIGHTS} nights:"
)


def comparison_view(row: ComparisonRow) -> ComparisonView:
    """Return a comparison as pages show it."""
    seen = [one for one in row.measurements if one.change is not None]
    places = {_place(one) for one in seen}
    units = {one.units for one in seen if one.units}
    return ComparisonView(
        baseline=row.baseline,
        candidate=row.candidate,
        verdict=row.verdict,
        reason=row.reason,
        tone=_TONES.get(ExitCode(row.exit_code), "unsure"),
        advice=row.advice,
        statistic=row.statistic,
        notes=row.notes,
        sides=row.sides,
        place=places.pop() if len(places) == 1 else "",
        units=units.pop() if len(units) == 1 else "",
        how=_HOW,
        settle=row.settle,
        false_alarms=row.false_alarms,
        rows=[_compare(one, several_places=len({_place(other) for other in seen}) > 1) for one in seen],
        reasons=_grouped_reasons(row.measurements),
    )


def _place(row: MeasurementComparison) -> str:
    return " ".join(part for part in (row.model, row.access, row.operator) if part)


def _compare(row: MeasurementComparison, *, several_places: bool) -> ComparedMeasurement:
    change = row.change or 0.0
    worse = change * sign_of(row.unit) > 0
    return ComparedMeasurement(
        name=row.measurement,
        where=_place(row) if several_places else "",
        baseline=format_value(row.baseline, row.unit) if row.baseline is not None else "",
        candidate=format_value(row.candidate, row.unit) if row.candidate is not None else "",
        change=percent_change(change),
        network=_network(row),
        interval=_interval(row),
        detectable="" if row.detectable is None else percent(row.detectable),
        resolution=percent(row.systematic) if row.systematic else "",
        units=row.units,
        verdict=f"changed, {'worse' if worse else 'better'}" if row.verdict == "changed" else row.verdict,
        why=row.why,
        kind=_KINDS.get(row.verdict, "unproved"),
    )


def _network(row: MeasurementComparison) -> str:
    """Return the change that control boards measured too; empty where there were none."""
    if row.evidence != "controlled" or not row.baseline or not row.candidate or row.change in (None, -1.0):
        return ""
    return percent_change(row.candidate / row.baseline / (1 + (row.change or 0.0)) - 1)


def _interval(row: MeasurementComparison) -> str:
    if row.low is None or row.high is None:
        return ""
    if row.high > _KNOWN:
        return "not known"
    return f"{percent_change(row.low)} to {percent_change(row.high)}"


def _grouped_reasons(found: Iterable[MeasurementComparison]) -> list[tuple[str, int]]:
    """Return the reasons why nothing is proved, equal ones together, the most frequent first."""
    texts: dict[str, list[str]] = {}
    for row in found:
        if row.why and row.verdict != "changed":
            texts.setdefault(_PERCENT.sub("{}", row.why), []).append(row.why)
    groups = [(_joined(pattern, same), len(same)) for pattern, same in texts.items()]
    return sorted(groups, key=lambda group: -group[1])


def _joined(pattern: str, texts: Sequence[str]) -> str:
    """Return one text for several that differ in their percentages only."""
    spans = []
    for column in zip(*(_PERCENT.findall(text) for text in texts), strict=True):
        values = sorted({int(number[:-2]) for number in column})
        spans.append(f"{values[0]} %" if len(values) == 1 else f"{values[0]} % to {values[-1]} %")
    return pattern.format(*spans) if spans else texts[0]
