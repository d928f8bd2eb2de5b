"""Measurements and their limits: a name, a value, a unit, what the value must be; judged when recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from bench.clock import NS_PER_S, duration_text, now_ns
from bench.config import MeasurementLimit
from bench.errors import DeviceError, UsageError

OK, MARGINAL, OUTSIDE = "ok", "marginal", "outside"
VALUE = "value"
"""The statistic of a measurement that is a single value."""

_TIMES = {"s": NS_PER_S, "ms": NS_PER_S // 1000, "us": 1000, "ns": 1}
_SIZES = ((1e6, "MB/s"), (1e3, "kB/s"))


class LimitExceeded(DeviceError):
    """A measured value is outside its limit."""


class Limit(Protocol):
    """What a value must be."""

    def verdict(self, value: float) -> str:
        """OK, MARGINAL (within the limit, but so near that it is worth a look) or OUTSIDE."""

    def text(self, unit: str) -> str:
        """The limit for a person, its numbers taken to be in ``unit``."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than ``bound``; marginal above ``(1 - marginal)`` of it."""

    bound: float
    marginal: float = 0.0

    def verdict(self, value: float) -> str:
        """OK, MARGINAL or OUTSIDE."""
        if not value <= self.bound:
            return OUTSIDE
        return MARGINAL if self.marginal and value > self.bound * (1 - self.marginal) else OK

    def text(self, unit: str) -> str:
        """The limit for a person."""
        return f"at most {shown(self.bound, unit)}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """No less than ``bound``; marginal below ``(1 + marginal)`` of it."""

    bound: float
    marginal: float = 0.0

    def verdict(self, value: float) -> str:
        """OK, MARGINAL or OUTSIDE."""
        if not value >= self.bound:
            return OUTSIDE
        return MARGINAL if self.marginal and value < self.bound * (1 + self.marginal) else OK

    def text(self, unit: str) -> str:
        """The limit for a person."""
        return f"at least {shown(self.bound, unit)}"


@dataclass(frozen=True, slots=True)
class Within:
    """From ``low`` to ``high``, both included; marginal in the outer ``marginal`` of that range."""

    low: float
    high: float
    marginal: float = 0.0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise UsageError(f"a limit from {self.low:g} to {self.high:g} holds no value")

    def verdict(self, value: float) -> str:
        """OK, MARGINAL or OUTSIDE."""
        if not self.low <= value <= self.high:
            return OUTSIDE
        edge = self.marginal * (self.high - self.low)
        return MARGINAL if edge and not self.low + edge <= value <= self.high - edge else OK

    def text(self, unit: str) -> str:
        """The limit for a person."""
        return f"{shown(self.low, unit)} to {shown(self.high, unit)}"


def at_most(bound: float | None = None, *, seconds: float | None = None, marginal: float = 0.0) -> AtMost:
    """An upper limit in the measurement's unit, or in seconds for a measurement in ns."""
    return AtMost(_bound(bound, seconds), marginal)


def at_least(bound: float | None = None, *, seconds: float | None = None, marginal: float = 0.0) -> AtLeast:
    """A lower limit in the measurement's unit, or in seconds for a measurement in ns."""
    return AtLeast(_bound(bound, seconds), marginal)


def within(
    low_high: tuple[float, float] | None = None,
    *,
    seconds: tuple[float, float] | None = None,
    marginal: float = 0.0,
) -> Within:
    """A range in the measurement's unit, or in seconds for a measurement in ns."""
    if low_high is not None and seconds is None:
        return Within(*low_high, marginal)
    if seconds is not None and low_high is None:
        return Within(seconds[0] * NS_PER_S, seconds[1] * NS_PER_S, marginal)
    raise UsageError("give the range in the measurement's unit, or seconds=(low, high), one of the two")


def _bound(value: float | None, in_seconds: float | None) -> float:
    if value is not None and in_seconds is None:
        return value
    if in_seconds is not None and value is None:
        return in_seconds * NS_PER_S
    raise UsageError("give the bound in the measurement's unit, or seconds=, one of the two")


def configured_limits(entries: Iterable[MeasurementLimit], name: str, unit: str) -> dict[str, Limit]:
    """The limits that bench.toml sets for a measurement, by statistic; a later entry counts more than an earlier one.

    Raises:
        UsageError: an entry's unit is not one of the measurement's.
    """
    limits: dict[str, Limit] = {}
    for entry in entries:
        if not fnmatchcase(name, entry.name):
            continue
        if unit == "ns" and entry.unit in _TIMES:
            factor = _TIMES[entry.unit]
        elif entry.unit == unit:
            factor = 1
        else:
            fitting = "s, ms, us or ns" if unit == "ns" else unit
            raise UsageError(f"bench.toml limits {name} in {entry.unit}, but it is measured in {fitting}")
        low = None if entry.at_least is None else entry.at_least * factor
        high = None if entry.at_most is None else entry.at_most * factor
        if low is not None and high is not None:
            limits[entry.statistic] = Within(low, high, entry.marginal)
        elif low is not None:
            limits[entry.statistic] = AtLeast(low, entry.marginal)
        elif high is not None:
            limits[entry.statistic] = AtMost(high, entry.marginal)
    return limits


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement with all that was found.

    Attributes:
        name: what was measured.
        unit: of all its numbers; times are in ns.
        figures: its statistics by name; a single value has only ``value``.
        limits: what they must be, by the same names.
        doc: what the number means.
        count: how many samples are behind it.
        intervals: 95 % confidence intervals of its statistics, where they are known.
        part_of: the name of the measurement that it is a part of; empty when it stands for itself.
        beside: facts to read it by: the host's noise, the UART's ceiling, the clock's uncertainty.
        t_ns: when it was recorded.
    """

    name: str
    unit: str
    figures: Mapping[str, float]
    limits: Mapping[str, Limit] = field(default_factory=dict)
    doc: str = ""
    count: int = 1
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    part_of: str = ""
    t_ns: int = field(default_factory=now_ns)

    def verdicts(self) -> dict[str, str]:
        """OK, MARGINAL or OUTSIDE for each limit; a limited statistic that too few samples give is OUTSIDE."""
        return {
            name: limit.verdict(self.figures[name]) if name in self.figures else OUTSIDE
            for name, limit in self.limits.items()
        }

    @property
    def verdict(self) -> str:
        """The worst of them; OK without a limit."""
        found = self.verdicts().values()
        return OUTSIDE if OUTSIDE in found else MARGINAL if MARGINAL in found else OK

    @property
    def limit_text(self) -> str:
        """The limits for a person; empty without any."""
        return ", ".join(
            f"{'' if name == VALUE else name + ' '}{limit.text(self.unit)}" for name, limit in self.limits.items()
        )

    def judge(self) -> None:
        """Raises LimitExceeded when a value is outside its limit."""
        for name, verdict in self.verdicts().items():
            if verdict != OUTSIDE:
                continue
            what = self.name if name == VALUE else f"{name} of {self.name}"
            limit = self.limits[name].text(self.unit)
            if name not in self.figures:
                raise LimitExceeded(f"{what} cannot be told from {self.count} samples, expected {limit}: take more")
            raise LimitExceeded(f"{what} was {shown(self.figures[name], self.unit)}, expected {limit}")

    def to_row(self) -> dict[str, object]:
        """What the result stream keeps."""
        return {
            "name": self.name,
            "unit": self.unit,
            "value": self.figures.get(VALUE, self.figures.get("p50")),
            "figures": dict(self.figures),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "n": self.count,
            "limit": self.limit_text,
            "verdict": self.verdict,
            "ok": self.verdict != OUTSIDE,
            "doc": self.doc,
            "beside": list(self.beside),
            **({"part_of": self.part_of} if self.part_of else {}),
        }


def shown(value: float, unit: str) -> str:
    """A value for a person: nanoseconds and bytes a second in the unit that fits, fractions in per cent."""
    if unit == "ns":
        return duration_text(value)
    if unit == "fraction":
        return f"{100 * value:.3g} %"
    if unit == "B/s":
        for size, name in _SIZES:
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
    return f"{value:.4g} {unit}"
