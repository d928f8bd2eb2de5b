"""A series: samples of one quantity, in order, with their stamps."""

from collections.abc import Callable, Mapping

from bench.clock import now_ns
from bench.errors import UsageError
from bench.measure.measurement import Limit, Measurement
from bench.measure.statistics import describe

Keep = Callable[[list[int], list[float]], None]
"""A function that takes stamps and values in groups, as they come in."""

# Samples go to the stream in groups: each row costs a system call, which must not delay the next sample.
_GROUP = 100
_GROUP_NS = 1_000_000_000


class Series:
    """The samples of a declared measurement.

    Attributes:
        name: name of the measurement.
        unit: unit of each sample; times are in ns.
        t_ns: stamps of the samples.
        values: the samples.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        *,
        limits: Mapping[str, Limit] | None = None,
        doc: str = "",
        beside: tuple[str, ...] = (),
        part_of: str = "",
        noise: Mapping[str, float] | None = None,
        keep: Keep = lambda _stamps, _values: None,
    ) -> None:
        self.name = name
        self.unit = unit
        self.t_ns: list[int] = []
        self.values: list[float] = []
        self._limits = dict(limits or {})
        self._doc = doc
        self._beside = beside
        self._part_of = part_of
        self._noise = noise or {}
        self._keep = keep
        self._kept = 0

    def add(self, value: float, t_ns: int | None = None) -> None:
        """Add a sample, stamped now unless the moment is given."""
        stamp = now_ns() if t_ns is None else t_ns
        self.t_ns.append(stamp)
        self.values.append(value)
        if len(self.values) - self._kept >= _GROUP or stamp - self.t_ns[self._kept] > _GROUP_NS:
            self.flush()

    def flush(self) -> None:
        """Pass on the samples that were not passed on yet."""
        if self._kept < len(self.values):
            start, self._kept = self._kept, len(self.values)
            self._keep(self.t_ns[start:], self.values[start:])

    def measurement(self) -> Measurement:
        """Return the measurement that the samples make.

        Raises:
            UsageError: There are no samples.
        """
        if not self.values:
            raise UsageError(f"{self.name} was declared, but no sample was recorded")
        found = describe(self.values)
        bounds = {name: (e.low, e.high) for name, e in found.items() if e.low != e.high}
        return Measurement(
            self.name,
            self.unit,
            {name: estimate.value for name, estimate in found.items()},
            self._limits,
            self._doc,
            len(self.values),
            bounds,
            self._beside,
            self._part_of,
            self._noise,
        )
