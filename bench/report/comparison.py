"""A comparison for a reader: rows, one sentence, and the rate of false alarms."""

import math
from typing import Any

from bench.history import Comparison
from bench.history.comparison import IMPROVEMENT, NOT_COMPARED, REGRESSION, SAME, UNKNOWN

_VERDICTS = {0: "NO REGRESSION", 1: "REGRESSION", 5: "NOT ENOUGH EVIDENCE"}


def headline(found: Comparison) -> dict[str, Any]:
    """Return the verdict, the reason in one line, and the exit code."""
    counts = {name: len(found.select(name)) for name in (REGRESSION, IMPROVEMENT, SAME, UNKNOWN, NOT_COMPARED)}
    named = ", ".join(f"{one.key.text} {one.change:+.1%}" for one in found.select(REGRESSION)[:3])
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


def comparison_rows(found: Comparison) -> list[dict[str, Any]]:
    """Return a row for each measurement, the worst first; unknown numbers are None."""

    def number(value: float) -> float | None:
        return None if math.isnan(value) else value

    return [
        {
            "test": one.key.test,
            "measurement": one.key.name,
            "unit": one.key.unit,
            "model": one.key.model,
            "access": one.key.access,
            "operator": one.key.operator,
            "verdict": one.verdict,
            "why": one.why,
            "baseline": one.baseline,
            "candidate": one.candidate,
            "change": one.change,
            "low": number(one.low),
            "high": number(one.high),
            "detectable": number(one.detectable),
            "units": one.units,
            "effective_n": one.effective,
        }
        for one in found.judgements
    ]


def false_alarm_text(found: Comparison) -> str:
    """Return how often nights of this lab were called a regression of each other."""
    wanted = f"{1 - found.settings.confidence:.1%} wanted"
    if found.false_alarms is None:
        return f"this lab's own rate is not known: it takes 6 nights of one firmware ({wanted})"
    alarms, comparisons = found.false_alarms
    return f"{alarms} in {comparisons} nights of the baseline, each compared with the others ({wanted})"
