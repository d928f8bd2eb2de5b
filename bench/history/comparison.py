"""The comparison of two firmwares: is the candidate slower? By boards, nights and rounds, never by samples.

Samples of one night share the conditions of that night. More samples tell more about the night, not about the firmware.
And nights of one firmware differ from nights of another by all that happened in between: the network, the season, a
cell. So a regression is named only where something else ran at the same time: the other firmware in turn, or control
boards whose firmware stayed the same. See :mod:`bench.history.designs`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bench.errors import UsageError
from bench.exit_code import ExitCode
from bench.history.designs import Analysis, Evidence, Pool, analyse_all
from bench.history.false_alarms import FalseAlarms, count_false_alarms
from bench.history.judgement import CompareSettings, ComparisonVerdict, Found, Judgement, judge_together
from bench.history.observations import Key, Observation
from bench.history.values import by_key, is_compared, known, resolution_of, tabulate, value_of, widened, with_models


@dataclass(frozen=True)
class Comparison:
    """The verdicts on all measurements, the largest regression first.

    Attributes:
        correlation: of a night with the next one; None where nights are not the unit.
        changed_cell: boards that are left out, for they changed the cell between the firmwares.
        since: first night of the candidate.
        changed_controls: control boards that are left out, for their firmware changed.
        sides: the observations: baseline, candidate, control boards.
    """

    judgements: Sequence[Judgement]
    settings: CompareSettings = field(default_factory=CompareSettings)
    correlation: float | None = None
    changed_cell: tuple[str, ...] = ()
    since: str = ""
    changed_controls: tuple[str, ...] = ()
    sides: tuple[Sequence[Observation], Sequence[Observation], Sequence[Observation]] = ((), (), ())

    def select(self, verdict: ComparisonVerdict) -> list[Judgement]:
        """Return the measurements that have a verdict."""
        return [judgement for judgement in self.judgements if judgement.verdict == verdict]

    @property
    def evidence(self) -> Evidence | None:
        """The weakest kind of evidence of what was judged; None where nothing could be judged."""
        kinds = [one.evidence for one in self.judgements if one.evidence is not None]
        return max(kinds, key=list(Evidence).index, default=None)

    @property
    def exit_code(self) -> ExitCode:
        """OK without a regression, FAILED with one, INCOMPLETE when nothing could be judged."""
        if self.select(ComparisonVerdict.REGRESSION):
            return ExitCode.FAILED
        if any(one.is_worse for one in self.select(ComparisonVerdict.CHANGED)):
            return ExitCode.INCOMPLETE
        judged = self.select(ComparisonVerdict.SAME) or self.select(ComparisonVerdict.IMPROVEMENT)
        return ExitCode.OK if judged else ExitCode.INCOMPLETE

    @cached_property
    def false_alarms(self) -> FalseAlarms | None:
        """This lab's own rate; None where both firmwares ran in turn, or the baseline has too few nights."""
        baseline, candidate, control = self.sides
        if {one.run for one in baseline} & {one.run for one in candidate}:
            return None
        return count_false_alarms(baseline, control, len({one.night for one in candidate}), self.settings)


def compare(
    baseline: Sequence[Observation],
    candidate: Sequence[Observation],
    settings: CompareSettings | None = None,
    beside: Sequence[Observation] = (),
) -> Comparison:
    """Judge every measurement that both sides have, and name those that one side lacks.

    Args:
        baseline: observations of the known firmware.
        candidate: observations of the other.
        settings: when something is a regression.
        beside: observations of control boards in the same runs.

    Raises:
        UsageError: The sides overlap.
    """
    settings = settings or CompareSettings()
    shared = {one.trial for one in baseline} & {one.trial for one in candidate} - {0}
    if shared:
        raise UsageError(f"{len(shared)} measurements are part of both sides: choose sides that do not overlap")
    baseline, candidate, beside = with_models((baseline, candidate, beside))
    taken = {one.trial for one in (*baseline, *candidate)} - {0}
    beside = [one for one in _without_repeats(beside) if one.trial not in taken]
    control, changed = _constant(beside, (*baseline, *candidate))
    judgements, analyses = _judge_all((baseline, candidate, control), settings)
    together = Pool.of([one.pool for one in analyses if one.pool is not None])
    return Comparison(
        judgements,
        settings,
        together.correlation,
        tuple(sorted({board for one in analyses for board in one.changed_cell})),
        min((one.night for one in candidate), default=""),
        changed,
        (baseline, candidate, control),
    )


def _without_repeats(observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations, each once: both sides may name the same run's control boards."""
    seen: set[int] = set()
    found = []
    for one in observations:
        if one.trial not in seen:
            found.append(one)
        if one.trial:
            seen.add(one.trial)
    return found


def _constant(
    control: Sequence[Observation], under_test: Sequence[Observation]
) -> tuple[list[Observation], tuple[str, ...]]:
    """Return the observations of control boards whose firmware stayed the same, and the names of the others.

    A control board may have been under test in other nights.
    """
    firmware: dict[str, set[str]] = {one.board: set() for one in control}
    for one in (*control, *under_test):
        if one.board in firmware:
            firmware[one.board].add(one.firmware)
    changed = {board for board, had in firmware.items() if len(had) > 1}
    names = {one.slot or one.board for one in control if one.board in changed}
    return [one for one in control if one.board not in changed], tuple(sorted(names))


_Sides = tuple[Sequence[Observation], Sequence[Observation], Sequence[Observation]]


def _judge_all(sides: _Sides, settings: CompareSettings) -> tuple[list[Judgement], list[Analysis]]:
    statistic = settings.statistic
    parts_of = [by_key(side) for side in sides]
    keys = sorted({*parts_of[0], *parts_of[1]}, key=lambda key: (key.name, key.test, key.model, key.access))
    rows = {key: [side.get(key, []) for side in parts_of] for key in keys}
    found: dict[Key, Found] = {}
    usable = {key: [known(part, statistic) for part in parts] for key, parts in rows.items()}
    reasons = {key: _why_not(key, rows[key], parts, settings) for key, parts in usable.items()}
    found |= {key: Found(why=why) for key, why in reasons.items() if why}
    tables = tabulate({key: parts for key, parts in usable.items() if not reasons[key]}, statistic)
    analyses = analyse_all([(layout, logs) for layout, logs, _ in tables], settings.nights)
    for (_, _, members), analysis in zip(tables, analyses, strict=True):
        for number, key in enumerate(members):
            shifts = analysis.shifts[number] if analysis.shifts else ()
            shifts = widened(shifts, resolution_of(rows[key], statistic))
            found[key] = Found(shifts, analysis.units, analysis.why, analysis.effective, analysis.evidence)
    return judge_together(rows, found, settings), analyses


def _why_not(
    key: Key,
    parts: Sequence[Sequence[Observation]],
    usable: Sequence[Sequence[Observation]],
    settings: CompareSettings,
) -> str:
    """Return why a measurement cannot be compared at all; empty where it can.

    Args:
        key: the measurement.
        parts: what was observed: baseline, candidate, control boards.
        usable: of these, where the statistic is known.
        settings: of the comparison.
    """
    if not is_compared(key):
        return f"its unit is {key.unit!r}: counts and shares are for people to compare"
    if not usable[0] or not usable[1]:
        which = "baseline" if not usable[0] else "candidate"
        few = "has too few samples" if parts[which == "candidate"] else "was not measured"
        return f"{few} in the {which}"
    zeros = sum((value_of(one, settings.statistic) or 0.0) <= 0 for part in usable for one in part)
    return f"{zeros} of its values are zero, so there is no ratio: compare them by hand" if zeros else ""
