"""A comparison for a reader: the verdict in one line, what it rests on, what would settle it, a row a measurement."""

import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from bench.evidence.rows import ComparisonRow, MeasurementComparison
from bench.exit_code import ExitCode
from bench.history import Comparison, ComparisonVerdict, Evidence, Judgement, Observation
from bench.history.designs import CANDIDATE_NIGHTS
from bench.history.observations import SIMULATED
from bench.history.serial_correlation import inflation
from bench.number_text import counted, percent, percent_change
from bench.report.comparison_view import comparison_view
from bench.report.rendering import render_html

_VERDICTS = {
    ExitCode.OK: "NO REGRESSION",
    ExitCode.FAILED: "REGRESSION",
    ExitCode.INCOMPLETE: "NOT ENOUGH EVIDENCE",
}
_EVIDENCE = {
    Evidence.INTERLEAVED: "interleaved: both firmwares ran in turn in the same nights",
    Evidence.CONTROLLED: "controlled: the firmwares ran in different nights, beside control boards whose firmware"
    " stayed the same. Values are as measured; what the control boards measured too is subtracted from the difference",
    Evidence.NIGHTS_ALONE: "nights alone: the firmwares ran in different nights, and nothing ran beside them. Firmware"
    " and network cannot be told apart",
}
_STATISTICS = {
    "typical": "typical value, the mean of the middle 80 % of the samples (`nrf91-bench run` shows the median)"
}
_NAMED = 3
_NOTABLE = 0.2
"""Serial correlation below which nobody needs to know of it."""


def comparison_row(found: Comparison, baseline: str, candidate: str = "") -> ComparisonRow:
    """Return a comparison as it is kept and shown.

    Args:
        found: the comparison.
        baseline: the choice, as the user wrote it.
        candidate: the same.
    """
    statistic = found.settings.statistic
    return ComparisonRow(
        baseline=baseline,
        candidate=candidate,
        verdict=_verdict(found),
        reason=_reason(found),
        exit_code=found.exit_code,
        evidence="" if found.evidence is None else found.evidence.value,
        statistic=_STATISTICS.get(statistic, statistic),
        notes=list(_notes(found)),
        sides=list(_sides(found)),
        advice=_advice(found),
        settle=settling_command(found) if found.exit_code is ExitCode.INCOMPLETE else "",
        false_alarms=false_alarm_text(found),
        measurements=[_measurement(one) for one in found.judgements],
    )


def comparison_page(row: ComparisonRow, title: str) -> str:
    """Return a page of HTML with the comparison alone."""
    simulated = any(one.model.startswith(SIMULATED) for one in row.measurements)
    return render_html("compare.html", found=comparison_view(row), title=title, simulated=simulated)


def _verdict(found: Comparison) -> str:
    if found.exit_code is ExitCode.INCOMPLETE and found.select(ComparisonVerdict.CHANGED):
        return f"CHANGED SINCE {found.since}"
    return _VERDICTS[found.exit_code]


def _reason(found: Comparison) -> str:
    verdicts = ComparisonVerdict
    compared = [one for one in found.judgements if one.verdict is not verdicts.NOT_COMPARED]
    changed = found.select(verdicts.CHANGED)
    worse = sum(one.is_worse for one in changed)
    named = [*found.select(verdicts.REGRESSION), *sorted(changed, key=lambda one: not one.is_worse)]
    parts = [
        counted(len(found.select(verdicts.REGRESSION)), "regression"),
        *([f"{len(changed)} changed ({worse} worse, {len(changed) - worse} better)"] if changed else []),
        counted(len(found.select(verdicts.IMPROVEMENT)), "improvement"),
        f"{len(found.select(verdicts.SAME))} without a regression",
        f"{len(found.select(verdicts.UNKNOWN))} without enough evidence, of {counted(len(compared), 'measurement')}",
    ]
    largest = ", ".join(f"{one.key.name} {percent_change(one.change or 0.0)}" for one in named[:_NAMED])
    more = f": {largest}{' and more' if len(named) > _NAMED else ''}" if named else ""
    return ", ".join(parts) + more


def _advice(found: Comparison) -> str:
    """Return what the verdict means for a decision."""
    judged = len(found.select(ComparisonVerdict.SAME)) + len(found.select(ComparisonVerdict.IMPROVEMENT))
    open_ones = len(found.select(ComparisonVerdict.UNKNOWN)) + len(found.select(ComparisonVerdict.CHANGED))
    if found.exit_code is ExitCode.FAILED:
        worse = counted(len(found.select(ComparisonVerdict.REGRESSION)), "measurement")
        return f"Do not release without a decision on the {worse} with a regression."
    if found.exit_code is ExitCode.OK:
        rest = f"; for {open_ones} nothing is proved" if open_ones else ""
        return f"{judged} of {counted(judged + open_ones, 'measurement')} can be relied on{rest}."
    if found.select(ComparisonVerdict.CHANGED):
        return "Something has changed. Whether the firmware or the network did it is not known: run the nights below."
    return "This says neither yes nor no."


def _sides(found: Comparison) -> Iterable[str]:
    """Yield who was compared: firmware, nights, boards."""
    for name, side in zip(("baseline", "candidate", "control boards"), found.sides, strict=True):
        if side:
            nights = sorted({one.night for one in side})
            span = nights[0] if len(nights) == 1 else f"{nights[0]} to {nights[-1]}"
            firmware = "; ".join(sorted({one.firmware for one in side}))
            boards = ", ".join(sorted({one.slot or one.board for one in side}))
            yield f"{name}: {firmware}, {counted(len(nights), 'night')} ({span}), {boards}"


def _notes(found: Comparison) -> Iterable[str]:
    """Yield what the comparison rests on, and what was left out."""
    if found.evidence is not None:
        yield _EVIDENCE[found.evidence]
    if found.changed_cell:
        yield f"left out, because they changed cells between the firmwares: {', '.join(found.changed_cell)}"
    if found.changed_controls:
        yield f"not used as control boards, because their firmware changed: {', '.join(found.changed_controls)}"
    if found.correlation is not None and found.correlation >= _NOTABLE:
        nights = len({one.night for one in found.sides[0]})
        effective = nights / inflation(nights, found.correlation)
        yield (
            f"nights in a row resemble each other (serial correlation {found.correlation:.2f}): {nights} nights tell as"
            f" much as {effective:.0f} independent ones"
        )


def settling_command(found: Comparison) -> str:
    """Return the command of the interleaved nights that would settle a comparison; empty where it is not known."""
    firmware = [sorted({one.firmware for one in side}) for side in found.sides[:2]]
    if any(len(names) != 1 for names in firmware) or firmware[0] == firmware[1]:
        return ""
    old, new = _distinguish(firmware[0][0], firmware[1][0])
    if not old or not new or old in new or new in old:  # a selector takes parts of names: it would mean both
        return ""
    slots = _slots(found.sides[:2])
    tests = {one.key.test.partition("::")[0] for side in found.sides[:2] for one in side}
    suites = sorted({PurePosixPath(file).stem.removeprefix("test_") for file in tests if file.endswith(".py")})
    words = ["nrf91-bench", "run"]
    words += [word for slot in slots for word in ("--board", slot)]
    words += ["--interleave", f"firmware={old}", "--interleave", f"firmware={new}"]
    words += [word for suite in suites for word in ("--suite", suite)]
    return shlex.join(words)


def _slots(sides: Sequence[Sequence[Observation]]) -> list[str]:
    return sorted({one.slot for side in sides for one in side if one.slot})


def _distinguish(old: str, new: str) -> tuple[str, str]:
    """Return the part of each firmware's name in which they differ: the application's, else the modem's."""
    parts = [text.partition(", ")[::2] for text in (old, new)]
    return (parts[0][1], parts[1][1]) if parts[0][1] != parts[1][1] else (parts[0][0], parts[1][0])


def _measurement(one: Judgement) -> MeasurementComparison:
    return MeasurementComparison(
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
        systematic=one.systematic or None,
        units=one.units,
        effective_n=one.effective,
        evidence="" if one.evidence is None else one.evidence.value,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def false_alarm_text(found: Comparison) -> str:
    """Return how often this lab's own nights would have been called changed."""
    promised = percent(1 - found.settings.confidence, 1)
    if found.evidence is Evidence.INTERLEAVED:
        return "not needed: both firmwares ran in the same nights"
    rate = found.false_alarms
    if rate is None:
        least = found.settings.nights + CANDIDATE_NIGHTS
        return f"not known: it takes {least} nights of the baseline"
    text = (
        f"{rate.windows} stretches of {rate.nights} nights of the baseline were compared with its other nights, and"
        f" {rate.alarms} called changed (at most {promised} are promised)"
    )
    if rate.alarms > 2 * (1 - found.settings.confidence) * rate.windows:
        return f"WARNING: this lab's nights change by themselves: {text}; believe interleaved nights only"
    return text
