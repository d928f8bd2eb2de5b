"""False alarms: how often a lab's own nights would have been called changed, though nobody changed the firmware."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.history.designs import CANDIDATE_NIGHTS, analyse_all
from bench.history.judgement import CompareSettings, Found, find_standing
from bench.history.layout import Layout, Role
from bench.history.observations import Key, Observation
from bench.history.samples import Floats
from bench.history.values import by_key, is_compared, known, positive, resolution_of, tabulate, widened

_MOST_WINDOWS = 30  # neighbours share most of their nights, and say the same

_Table = tuple[Layout, Floats, list[tuple[Key, float]]]
"""A layout, its values, and its measurements with the resolution of each."""


@dataclass(frozen=True)
class FalseAlarms:
    """How often windows of the baseline's own nights would have been called changed.

    Attributes:
        alarms: windows in which some measurement was named.
        windows: how many were judged, 30 at most; those next to each other share nights.
        nights: of each window, in a row.
    """

    alarms: int
    windows: int
    nights: int


def count_false_alarms(
    baseline: Sequence[Observation], control: Sequence[Observation], length: int, settings: CompareSettings
) -> FalseAlarms | None:
    """Judge windows of the baseline's nights as if they were the candidate's: in a row, with all measurements.

    Args:
        baseline: the observations of one firmware.
        control: those of control boards beside it.
        length: nights of a window; three at least.
        settings: of the comparison.

    Returns:
        None where the nights are too few.
    """
    nights = sorted({one.night for one in baseline})
    length = max(CANDIDATE_NIGHTS, length)
    if len(nights) < settings.nights + length:
        return None
    tables = _tables(baseline, control, settings)
    firsts = range(len(nights) - length + 1)
    chosen = firsts[:: math.ceil(len(firsts) / _MOST_WINDOWS)]
    windows = [set(nights[first : first + length]) for first in chosen]
    return FalseAlarms(sum(_is_alarm(tables, window, settings) for window in windows), len(windows), length)


def _tables(baseline: Sequence[Observation], control: Sequence[Observation], settings: CompareSettings) -> list[_Table]:
    statistic = settings.statistic
    beside = by_key(control)
    usable: dict[Key, list[list[Observation]]] = {}
    for key, own in by_key(baseline).items():
        parts = [known(own, statistic), [], known(beside.get(key, []), statistic)]
        if is_compared(key) and parts[0] and all(len(positive(part, statistic)) == len(part) for part in parts):
            usable[key] = parts
    seen = {key: [*parts[0], *parts[2]] for key, parts in usable.items()}
    resolution = {key: resolution_of([all_of_it, all_of_it], statistic) for key, all_of_it in seen.items()}
    return [
        (layout, logs, [(key, resolution[key]) for key in members])
        for layout, logs, members in tabulate(usable, statistic)
    ]


def _is_alarm(tables: Sequence[_Table], window: set[str], settings: CompareSettings) -> bool:
    """Return whether any measurement would be called changed, if another firmware had run in the window."""
    found: dict[Key, Found] = {}
    changed = [(_with_candidate(layout, window), logs) for layout, logs, _ in tables]
    for analysis, (_, _, members) in zip(analyse_all(changed, settings.nights), tables, strict=True):
        if analysis.evidence is not None and not analysis.why:
            for shifts, (key, bound) in zip(analysis.shifts, members, strict=True):
                found[key] = Found(widened(shifts, bound))
    return bool(find_standing(found, settings))


def _with_candidate(layout: Layout, window: set[str]) -> Layout:
    """Return the layout as if the nights of a window were the candidate's."""
    return Layout(
        tuple(
            line._replace(role=Role.CANDIDATE) if line.night in window and line.role is Role.BASELINE else line
            for line in layout.lines
        )
    )
