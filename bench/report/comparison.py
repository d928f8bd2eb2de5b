"""A comparison for a person: rows, one sentence, and how far it can be trusted."""

import math
from typing import Any

from bench.evidence import rows
from bench.exit_code import ExitCode
from bench.history import Comparison
from bench.history.comparison import IMPROVEMENT, NOT_COMPARED, REGRESSION, SAME, UNKNOWN

_VERDICTS = {
    ExitCode.OK: "NO REGRESSION",
    ExitCode.FAILED: "REGRESSION",
    ExitCode.INCOMPLETE: "NOT ENOUGH EVIDENCE",
}


def headline(found: Comparison) -> dict[str, Any]:
    """Verdict, reason in one line, exit code."""
    counts = {name: len(found.having(name)) for name in (REGRESSION, IMPROVEMENT, SAME, UNKNOWN, NOT_COMPARED)}
    named = ", ".join(f"{one.key.text} {one.change:+.1%}" for one in found.having(REGRESSION)[:3])
    reason = (
        f"{counts[REGRESSION]} slower, {counts[IMPROVEMENT]} faster, {counts[SAME]} without a regression,"
        f" {counts[UNKNOWN]} not judged, of {len(found.judgements) - counts[NOT_COMPARED]} measurements"
    )
    more = f": {named}{' and more' if counts[REGRESSION] > 3 else ''}" if named else ""
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
    """How often this lab's own nights were called a regression of each other."""
    wanted = f"{1 - found.settings.confidence:.1%} wanted"
    if found.false_alarms is None:
        return f"this lab's own rate is not known: it takes 6 nights of one firmware ({wanted})"
    alarms, comparisons = found.false_alarms
    return f"{alarms} in {comparisons} nights of the baseline, each compared with the others ({wanted})"
