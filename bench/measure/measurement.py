"""Measurements and their limits: name, value, unit and limit, judged when they are recorded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Protocol

from bench.clock import NS_PER_S, duration_text
from bench.config.lab import MeasurementLimit
from bench.errors import DeviceError, LabError, UsageError


class LimitVerdict(StrEnum):
    """The verdict on a measured value."""

    OK = "ok"
    MARGINAL = "marginal"
    """Within the limit, but near it."""
    OUTSIDE = "outside"
    UNTOLD = "not told"
    """Too few samples tell the statistic."""


VALUE = "value"
"""The statistic of a measurement that is a single value."""
TIME_TO_REGISTER = "time to register"
"""The name of what is measured when a board is opened, in whatever test comes first after that."""

_TIMES = {"s": NS_PER_S, "ms": NS_PER_S // 1000, "us": 1000, "µs": 1000, "ns": 1}
_SIZES = ((1e6, "MB/s"), (1e3, "kB/s"))


class LimitExceeded(DeviceError):
    """An error for a measured value outside its limit."""


class TooFewSamples(LabError):
    """An error for too few samples to know a limited statistic: the device has neither met nor broken its limit."""


class LimitUnfit(LabError):
    """An error for a limit of bench.toml that does not fit the measurement that it names."""


class Limit(Protocol):
    """A limit of a value."""

    def verdict(self, value: float) -> LimitVerdict:
        """Return OK, MARGINAL (within the limit, but near it) or OUTSIDE."""

    def text(self, unit: str) -> str:
        """Return the limit as text; its numbers are in ``unit``."""


@dataclass(frozen=True, slots=True)
class AtMost:
    """An upper limit; marginal above ``(1 - marginal)`` of it."""

    bound: float
    marginal: float = 0.0

    def verdict(self, value: float) -> LimitVerdict:
        """Return OK, MARGINAL or OUTSIDE."""
        if not value <= self.bound:
            return LimitVerdict.OUTSIDE
        return LimitVerdict.MARGINAL if self.marginal and value > self.bound * (1 - self.marginal) else LimitVerdict.OK

    def text(self, unit: str) -> str:
        """Return the limit as text."""
        return f"at most {format_value(self.bound, unit)}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A lower limit; marginal below ``(1 + marginal)`` of it."""

    bound: float
    marginal: float = 0.0

    def verdict(self, value: float) -> LimitVerdict:
        """Return OK, MARGINAL or OUTSIDE."""
        if not value >= self.bound:
            return LimitVerdict.OUTSIDE
        return LimitVerdict.MARGINAL if self.marginal and value < self.bound * (1 + self.marginal) else LimitVerdict.OK

    def text(self, unit: str) -> str:
        """Return the limit as text."""
        return f"at least {format_value(self.bound, unit)}"


@dataclass(frozen=True, slots=True)
class Within:
    """A range from ``low`` to ``high``, both included; marginal in the outer ``marginal`` of that range."""

    low: float
    high: float
    marginal: float = 0.0

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise UsageError(f"a limit from {self.low:g} to {self.high:g} allows no value: give the lower bound first")

    def verdict(self, value: float) -> LimitVerdict:
        """Return OK, MARGINAL or OUTSIDE."""
        if not self.low <= value <= self.high:
            return LimitVerdict.OUTSIDE
        edge = self.marginal * (self.high - self.low)
        return LimitVerdict.MARGINAL if edge and not self.low + edge <= value <= self.high - edge else LimitVerdict.OK

    def text(self, unit: str) -> str:
        """Return the limit as text."""
        return f"{format_value(self.low, unit)} to {format_value(self.high, unit)}"


def at_most(bound: float | None = None, *, seconds: float | None = None, marginal: float = 0.0) -> AtMost:
    """Return an upper limit in the measurement's unit, or in seconds for a measurement in ns."""
    return AtMost(_to_bound(bound, seconds), marginal)


def at_least(bound: float | None = None, *, seconds: float | None = None, marginal: float = 0.0) -> AtLeast:
    """Return a lower limit in the measurement's unit, or in seconds for a measurement in ns."""
    return AtLeast(_to_bound(bound, seconds), marginal)


def within(
    low_high: tuple[float, float] | None = None,
    *,
    seconds: tuple[float, float] | None = None,
    marginal: float = 0.0,
) -> Within:
    """Return a range in the measurement's unit, or in seconds for a measurement in ns."""
    if low_high is not None and seconds is None:
        return Within(*low_high, marginal)
    if seconds is not None and low_high is None:
        return Within(seconds[0] * NS_PER_S, seconds[1] * NS_PER_S, marginal)
    raise UsageError("give the range in the measurement's unit, or seconds=(low, high), but not both")


def _to_bound(value: float | None, in_seconds: float | None) -> float:
    if value is not None and in_seconds is None:
        return value
    if in_seconds is not None and value is None:
        return in_seconds * NS_PER_S
    raise UsageError("give the bound in the measurement's unit, or seconds=, but not both")


def configured_limits(
    entries: Iterable[MeasurementLimit],
    name: str,
    unit: str,
    *,
    series: bool,
    part_of: str = "",
    used: Callable[[MeasurementLimit], object] = lambda _: None,
) -> dict[str, Limit]:
    """Return the limits that bench.toml sets for a measurement, by statistic; later entries replace earlier ones.

    An entry selects a measurement by its exact name, or by a pattern. A pattern selects only measurements with its unit
    and its statistic, and parts only when it has a colon. ``used`` is called with each entry that applies.

    Raises:
        LimitUnfit: An entry names this measurement exactly, but has another unit or a statistic that it does not have.
    """
    limits: dict[str, Limit] = {}
    for entry in entries:
        exact = entry.name == name
        if not exact and (not fnmatchcase(name, entry.name) or (part_of and ":" not in entry.name)):
            continue
        misfit = _misfit(entry, name, unit, series=series)
        if misfit and exact:
            raise LimitUnfit(misfit)
        if not misfit:
            used(entry)
            limits[entry.statistic] = _limit_of(entry, _TIMES[entry.unit] if unit == "ns" else 1)
    return limits


def _misfit(entry: MeasurementLimit, name: str, unit: str, *, series: bool) -> str:
    """Return why an entry cannot limit a measurement; empty when it can."""
    if entry.unit != unit and not (unit == "ns" and entry.unit in _TIMES):
        units = "s, ms, us or ns" if unit == "ns" else unit
        return f"bench.toml limits {name} in {entry.unit}, but it is measured in {units}"
    single = entry.statistic == VALUE
    if series and single:
        return f'bench.toml limits {VALUE} of {name}, which is a series: give statistic = "p50", "p90" ...'
    if not series and not single:
        return f"bench.toml limits {entry.statistic} of {name}, which is a single value: leave statistic out"
    return ""


def _limit_of(entry: MeasurementLimit, factor: int) -> Limit:
    """Return the limit with bounds in the unit of the measurement; the file always gives at least one bound."""
    if entry.at_most is None:
        assert entry.at_least is not None
        return AtLeast(entry.at_least * factor, entry.marginal)
    if entry.at_least is None:
        return AtMost(entry.at_most * factor, entry.marginal)
    return Within(entry.at_least * factor, entry.at_most * factor, entry.marginal)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement with its statistics, limits and notes.

    Attributes:
        name: its name.
        unit: unit of all its numbers; times are in ns.
        figures: its statistics by name; a single value has only ``value``.
        limits: limits of its statistics, by the same names.
        doc: the meaning of the number.
        count: number of samples.
        intervals: 95 % confidence intervals of its statistics, where they are known.
        part_of: name of the measurement that it is a part of; empty when it is not a part.
        beside: facts that help to read it: noise of the host, ceiling of the UART, uncertainty of the clock.
        noise: p50 and p99 of a round trip without a board on this host in that minute, in ns; empty where not measured.
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
    noise: Mapping[str, float] = field(default_factory=dict)

    def verdicts(self) -> dict[str, LimitVerdict]:
        """Return OK, MARGINAL or OUTSIDE for each limit; UNTOLD for a statistic with too few samples."""
        return {
            name: limit.verdict(self.figures[name]) if name in self.figures else LimitVerdict.UNTOLD
            for name, limit in self.limits.items()
        }

    @property
    def verdict(self) -> LimitVerdict:
        """The worst verdict of all limits; OK without a limit."""
        found = self.verdicts().values()
        worst_first = (LimitVerdict.OUTSIDE, LimitVerdict.UNTOLD, LimitVerdict.MARGINAL)
        return next((worst for worst in worst_first if worst in found), LimitVerdict.OK)

    @property
    def limit_text(self) -> str:
        """The limits as text; empty without any."""
        return ", ".join(
            f"{'' if name == VALUE else name + ' '}{limit.text(self.unit)}" for name, limit in self.limits.items()
        )

    def judge(self) -> None:
        """Check that every limited value is within its limit.

        Raises:
            LimitExceeded: A value is outside.
            TooFewSamples: There are too few samples to know a value.
        """
        found = self.verdicts()
        for name in (
            *(n for n in found if found[n] == LimitVerdict.OUTSIDE),
            *(n for n in found if found[n] == LimitVerdict.UNTOLD),
        ):
            what = self.name if name == VALUE else f"{name} of {self.name}"
            limit = self.limits[name].text(self.unit)
            if found[name] == LimitVerdict.UNTOLD:
                raise TooFewSamples(
                    f"{what} is not known from {self.count} samples, expected {limit}: take more samples"
                )
            raise LimitExceeded(f"{what} was {format_value(self.figures[name], self.unit)}, expected {limit}")

    def to_row(self) -> dict[str, Any]:
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
            "ok": self.verdict in (LimitVerdict.OK, LimitVerdict.MARGINAL),
            "doc": self.doc,
            "beside": list(self.beside),
            **({"part_of": self.part_of} if self.part_of else {}),
            **({"noise": dict(self.noise)} if self.noise else {}),
        }


def format_value(value: float, unit: str) -> str:
    """Return a value as text: nanoseconds and bytes a second in a suitable unit, fractions in per cent."""
    if unit == "ns":
        return duration_text(value)
    if unit == "fraction":
        return f"{100 * value:.3g} %"
    if unit == "B/s":
        for size, name in _SIZES:
            if abs(value) >= size:
                return f"{value / size:.3g} {name}"
    return f"{value:.4g} {unit}"


def format_range(values: Iterable[float], unit: str) -> str:
    """Return the least and the greatest value as text: ``415 to 427 ms``; one of them where they are the same.

    Raises:
        ValueError: There is no value.
    """
    known = list(values)
    low, high = format_value(min(known), unit), format_value(max(known), unit)
    if low == high:
        return low
    number, _, name = low.partition(" ")
    return f"{number if high.endswith(f' {name}') else low} to {high}"
