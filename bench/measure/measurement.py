"""Measurements and their limits: a name, a value, a unit, what the value must be; judged when recorded."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

from bench.clock import NS_PER_S, duration_text
from bench.config.lab import MeasurementLimit
from bench.errors import DeviceError, LabError, UsageError

OK, MARGINAL, OUTSIDE, UNTOLD = "ok", "marginal", "outside", "not told"
VALUE = "value"
"""The statistic of a measurement that is a single value."""

_TIMES = {"s": NS_PER_S, "ms": NS_PER_S // 1000, "us": 1000, "ns": 1}
_SIZES = ((1e6, "MB/s"), (1e3, "kB/s"))


class LimitExceeded(DeviceError):
    """A measured value is outside its limit."""


class TooFewSamples(LabError):
    """A limited statistic cannot be told from so few samples: the device has neither met nor broken its limit."""


class LimitUnfit(LabError):
    """A limit of bench.toml does not fit the measurement that it names."""


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


def configured_limits(
    entries: Iterable[MeasurementLimit],
    name: str,
    unit: str,
    *,
    series: bool,
    part_of: str = "",
    used: Callable[[MeasurementLimit], object] = lambda _: None,
) -> dict[str, Limit]:
    """The limits that bench.toml sets for a measurement, by statistic; a later entry counts more than an earlier one.

    An entry means a measurement by its exact name, or by a pattern, which means those of its measurements that have its
    unit and its statistic, parts only when it has a colon. ``used`` is told of each entry that counts.

    Raises:
        LimitUnfit: an entry names this measurement exactly, and has another unit, or a statistic that it has not.
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
    """Why an entry cannot limit a measurement; empty when it can."""
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
    """The limit, its bounds in the measurement's own unit; one of them is there, or the file would be refused."""
    if entry.at_most is None:
        assert entry.at_least is not None
        return AtLeast(entry.at_least * factor, entry.marginal)
    if entry.at_least is None:
        return AtMost(entry.at_most * factor, entry.marginal)
    return Within(entry.at_least * factor, entry.at_most * factor, entry.marginal)


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

    def verdicts(self) -> dict[str, str]:
        """OK, MARGINAL or OUTSIDE for each limit; UNTOLD for a statistic that too few samples give."""
        return {
            name: limit.verdict(self.figures[name]) if name in self.figures else UNTOLD
            for name, limit in self.limits.items()
        }

    @property
    def verdict(self) -> str:
        """The worst of them; OK without a limit."""
        found = self.verdicts().values()
        return next((worst for worst in (OUTSIDE, UNTOLD, MARGINAL) if worst in found), OK)

    @property
    def limit_text(self) -> str:
        """The limits for a person; empty without any."""
        return ", ".join(
            f"{'' if name == VALUE else name + ' '}{limit.text(self.unit)}" for name, limit in self.limits.items()
        )

    def judge(self) -> None:
        """Nothing when every limited value is within its limit.

        Raises:
            LimitExceeded: one is outside.
            TooFewSamples: one cannot be told.
        """
        found = self.verdicts()
        for name in (*(n for n in found if found[n] == OUTSIDE), *(n for n in found if found[n] == UNTOLD)):
            what = self.name if name == VALUE else f"{name} of {self.name}"
            limit = self.limits[name].text(self.unit)
            if found[name] == UNTOLD:
                raise TooFewSamples(f"{what} cannot be told from {self.count} samples, expected {limit}: take more")
            raise LimitExceeded(f"{what} was {shown(self.figures[name], self.unit)}, expected {limit}")

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
            "ok": self.verdict in (OK, MARGINAL),
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
