"""Throughput: the ramp and the steady rate of a transfer, from stamps at one end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from bench.clock import NS_PER_S
from bench.errors import LabError
from bench.measure.statistics import Estimate, mean

# The transfer is cut into this number of equal times; with more, they are shorter than the gaps between messages.
_WINDOWS = 20
# A ramp ends with the first window that reaches this part of the rate in the second half of the transfer.
_RAMPED = 0.9


@dataclass(frozen=True, slots=True)
class OverTime:
    """A value that was averaged over consecutive times.

    Attributes:
        borders: stamps in ns, one more than values.
        values: the average between two borders.
    """

    borders: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate of a transfer at one end.

    Attributes:
        size: bytes that moved.
        duration_ns: time from the first event to the last.
        overall: bytes/s over that time.
        ramp_ns: time until full speed; 0 when the transfer began with it.
        steady: bytes/s after the ramp, with its interval; None for too few events.
        over_time: bytes/s in equal times; None for too few events.
    """

    size: int
    duration_ns: int
    overall: float
    ramp_ns: int
    steady: Estimate | None
    over_time: OverTime | None = None


def rate_of(events: Sequence[tuple[int, int]]) -> Rate:
    """Return the rate of ``(stamp in ns, bytes)`` in the order of their stamps.

    The first event only starts the clock, as it is not known when its bytes were sent.

    Raises:
        LabError: There are fewer than two events, or all are at one moment.
    """
    if len(events) < 2 or events[-1][0] <= events[0][0]:
        raise LabError(f"{len(events)} messages at one moment are not a transfer: too little data to know a rate")
    stamps = numpy.array([stamp for stamp, _ in events], dtype=numpy.float64) - events[0][0]
    moved = numpy.cumsum([0, *(size for _, size in events[1:])]).astype(numpy.float64)
    duration, total = float(stamps[-1]), float(moved[-1])
    overall = total / duration * NS_PER_S
    whole = sum(size for _, size in events)
    if len(events) < 2 * _WINDOWS:
        return Rate(whole, int(duration), overall, 0, None)
    edges = numpy.linspace(0, duration, _WINDOWS + 1)
    rates = numpy.diff(numpy.interp(edges, stamps, moved)) / (duration / _WINDOWS) * NS_PER_S
    usual = float(numpy.median(rates[_WINDOWS // 2 :]))
    first = int(numpy.argmax(rates >= _RAMPED * usual))
    steady = mean(rates[first:])
    if steady is not None:
        # At the border of a window, one message more or less makes this difference.
        grain = total / (len(events) - 1) / (duration - float(edges[first])) * NS_PER_S
        steady = Estimate(steady.value, min(steady.low, steady.value - grain), max(steady.high, steady.value + grain))
    over_time = OverTime([events[0][0] + round(edge) for edge in edges], rates.tolist())
    return Rate(whole, int(duration), overall, round(float(edges[first])), steady, over_time)


def uart_ceiling(baudrate: int, useful: int, overhead: int) -> float:
    """Return the bytes/s that a UART carries at most (8N1: ten bits a byte), ``overhead`` bytes for ``useful`` ones."""
    return baudrate / 10 * useful / (useful + overhead)
