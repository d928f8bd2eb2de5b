"""A figure of the benchmarks: a value, its ratio to something measured in the same run, and a limit if there is one."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Bound(StrEnum):
    """The side on which a limit bounds."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True)
class Limit:
    """What a figure must keep: its ratio, or its value where ``of_ratio`` is false."""

    bound: Bound
    value: float
    of_ratio: bool = True

    @property
    def text(self) -> str:
        """The limit for a person: ``ratio <= 5``."""
        sign = "<=" if self.bound is Bound.AT_MOST else ">="
        return f"{'ratio' if self.of_ratio else 'value'} {sign} {self.value:g}"


def at_most(value: float, *, of_ratio: bool = True) -> Limit:
    """Return an upper limit."""
    return Limit(Bound.AT_MOST, value, of_ratio)


def at_least(value: float, *, of_ratio: bool = True) -> Limit:
    """Return a lower limit."""
    return Limit(Bound.AT_LEAST, value, of_ratio)


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        section, name: the same in every run, so that a trend can follow it.
        value: the median of the rounds, in ``unit``.
        reference: what was measured beside it in this run; empty for nothing.
        ratio: to the reference; the median of the rounds.
        spread: the lowest and highest ratio of a round: how much the host disturbed.
    """

    section: str
    name: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    limit: Limit | None = None

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None without one. A ratio that is missing keeps no limit."""
        if self.limit is None:
            return None
        found = self.ratio if self.limit.of_ratio else self.value
        if found is None:
            return False
        return found <= self.limit.value if self.limit.bound is Bound.AT_MOST else found >= self.limit.value


@dataclass(frozen=True)
class LeftOut:
    """What could not be measured, and why; ``name`` is empty where it is the whole section."""

    section: str
    name: str
    why: str


Row = Figure | LeftOut


class Unavailable(Exception):
    """A section, or a part of it, cannot run here."""


def paired(
    section: str,
    name: str,
    unit: str,
    values: Sequence[float],
    reference: str,
    others: Sequence[float],
    limit: Limit | None = None,
) -> Figure:
    """Return the figure of alternating rounds: each value is compared with the reference of its own round."""
    ratios = [mine / other for mine, other in zip(values, others, strict=False)]
    spread = (min(ratios), max(ratios)) if len(ratios) > 1 else None
    return Figure(section, name, statistics.median(values), unit, reference, statistics.median(ratios), spread, limit)


def broken(rows: Iterable[Row]) -> list[str]:
    """Return what ``--check`` finds wrong: limits that are not kept, and sections of which nobody knows."""
    found = []
    for row in rows:
        if isinstance(row, LeftOut):
            if not row.name:
                found.append(f"{row.section} was not measured: {row.why}")
        elif row.kept is False and row.limit is not None:
            was = row.ratio if row.limit.of_ratio else row.value
            found.append(f"{row.section}, {row.name}: {row.limit.text} is not kept, it is {was}")
    return found
