"""Declared measurements: a name, a value, a unit, a limit; judged when they are recorded."""

from dataclasses import dataclass, field
from typing import Protocol

from bench.clock import NS_PER_S, duration_text, now_ns
from bench.errors import DeviceError, UsageError


class LimitExceeded(DeviceError):
    """A measured value is outside its limit."""


class Limit(Protocol):
    """What a value must be."""

    def accepts(self, value: float) -> bool:
        """Whether the value is within the limit."""

    def text(self, unit: str) -> str:
        """The limit for a person, its numbers taken to be in ``unit``."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """No more than ``bound``."""

    bound: float

    def accepts(self, value: float) -> bool:
        """Whether the value is within the limit."""
        return value <= self.bound

    def text(self, unit: str) -> str:
        """The limit for a person."""
        return f"at most {shown(self.bound, unit)}"


@dataclass(frozen=True, slots=True)
class Within:
    """From ``low`` to ``high``, both included."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise UsageError(f"a limit from {self.low:g} to {self.high:g} holds no value")

    def accepts(self, value: float) -> bool:
        """Whether the value is within the limit."""
        return self.low <= value <= self.high

    def text(self, unit: str) -> str:
        """The limit for a person."""
        return f"{shown(self.low, unit)} to {shown(self.high, unit)}"


def at_most(bound: float | None = None, *, seconds: float | None = None) -> AtMost:
    """An upper limit in the measurement's unit, or in seconds for a measurement in ns."""
    return AtMost(_bound(bound, seconds))


def within(low_high: tuple[float, float] | None = None, *, seconds: tuple[float, float] | None = None) -> Within:
    """A range in the measurement's unit, or in seconds for a measurement in ns."""
    if low_high is not None and seconds is None:
        return Within(*low_high)
    if seconds is not None and low_high is None:
        return Within(*(bound * NS_PER_S for bound in seconds))
    raise UsageError("give the range in the measurement's unit, or seconds=(low, high), one of the two")


def _bound(value: float | None, in_seconds: float | None) -> float:
    if value is not None and in_seconds is None:
        return value
    if in_seconds is not None and value is None:
        return in_seconds * NS_PER_S
    raise UsageError("give the bound in the measurement's unit, or seconds=, one of the two")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A recorded value. ``limit`` None means that it is only kept."""

    name: str
    value: float
    unit: str
    limit: Limit | None = None
    t_ns: int = field(default_factory=now_ns)

    @property
    def ok(self) -> bool:
        """Whether the value is within its limit."""
        return self.limit is None or self.limit.accepts(self.value)

    def judge(self) -> None:
        """Raises LimitExceeded when the value is outside its limit."""
        if not self.ok:
            raise LimitExceeded(f"{self.name} was {shown(self.value, self.unit)}, expected {self.limit_text}")

    @property
    def limit_text(self) -> str:
        """The limit for a person, in the measurement's unit; empty without one."""
        return "" if self.limit is None else self.limit.text(self.unit)


def shown(value: float, unit: str) -> str:
    """A value for a person; nanoseconds in the unit that fits."""
    return duration_text(value) if unit == "ns" else f"{value:g} {unit}"
