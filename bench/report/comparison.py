"""A comparison for a reader: rows, one sentence, and the rate of false alarms."""

import math
from typing import Any

from bench.evidence import rows
from bench.exit_code import ExitCode
from bench.history import Comparison
from bench.history.comparison import ComparisonVerdict

_VERDICTS = {
    ExitCode.OK: "NO REGRESSION",
    ExitCode.FAILED: "REGRESSION",
    ExitCode.INCOMPLETE: "NOT ENOUGH EVIDENCE",
}


def headline(found: Comparison) -> dict[str, Any]:
    """Return the verdict, the reason in one line, and the exit code."""
    verdicts = ComparisonVerdict
    counts = {verdict: len(found.select(verdict)) for verdict in verdicts}
    compared = len(found.judgements) - counts[verdicts.NOT_COMPARED]
    slower = found.select(verdicts.REGRESSION)
    named = ", ".join(f"{one.key.text} {one.change:+.1%}" for one in slower[:3])
    reason = (
        f"{len(slower)} slower, {counts[verdicts.IMPROVEMENT]} faster, {counts[verdicts.SAME]} without a regression,"
        f" {counts[verdicts.UNKNOWN]} not judged, of {compared} measurements"
    )
    more = f": {named}{' and more' if len(slower) > 3 else ''}" if named else ""
    return {
        "verdict": _VERDICTS[found.exit_code],
        "reason": reason + more,
        "exit_code": found.exit_code,
        "false_alarms": false_alarm_text(found),
    }


def comparison_rows(found: Comparison) -> list[rows.MeasurementComparison]:
    """Return a row a measurement, the worst first; numbers that are not known are None."""
    return [
        rows.MeasurementComparison(
            test=one.key.test,
            measurement=one.key.name,
            unit=one.key.unit,
            model=one.key.model,
            access=one.key.access,
            operator=one.key.operator,
            verdict=one.verdict,
            why=one.why,
            baseline=one.baseline,
            candidate=one.candidate,
            change=one.change,
            low=_number(one.low),
            high=_number(one.high),
            detectable=_number(one.detectable),
            units=one.units,
            effective_n=one.effective,
        )
        for one in found.judgements
    ]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def false_alarm_text(found: Comparison) -> str:
    """Return how often nights of this lab were called a regression of each other."""
    wanted = f"{1 - found.settings.confidence:.1%} wanted"
    if found.false_alarms is None:
        return f"this lab's own rate is not known: it takes 6 nights of one firmware ({wanted})"
    alarms, comparisons = found.false_alarms
    return f"{alarms} in {comparisons} nights of the baseline, each compared with the others ({wanted})"
