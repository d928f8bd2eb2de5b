"""Throughput: what moved, told as a ramp and a steady rate, from the stamps at one end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from bench.clock import NS_PER_S
from bench.errors import LabError
from bench.measure.statistics import Estimate, mean

# The transfer is cut into so many equal times; fewer tell too little, more are shorter than the gaps between messages.
_WINDOWS = 20
# A ramp ends with the first window that reaches this part of what the second half of the transfer does.
_RAMPED = 0.9


@dataclass(frozen=True, slots=True)
class Rate:
    """A transfer as one end saw it.

    Attributes:
        size: bytes that moved.
        duration_ns: from the first event to the last.
        overall: bytes/s over all of that.
        ramp_ns: how long it took to come up to speed; 0 when it began there.
        steady: bytes/s after the ramp, with its interval; None from too few events.
    """

    size: int
    duration_ns: int
    overall: float
    ramp_ns: int
    steady: Estimate | None


def rate_of(events: Sequence[tuple[int, int]]) -> Rate:
    """The rate of ``(stamp in ns, bytes)`` in the order of their stamps.

    The first event only starts the clock: when its bytes set out is not known.

    Raises:
        LabError: fewer than two events, or all at one moment: too little moved to tell a rate.
    """
    if len(events) < 2 or events[-1][0] <= events[0][0]:
        raise LabError(f"{len(events)} messages at one moment are no transfer: too little moved to tell a rate")
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
        # Where the transfer was cut, one message more or less makes this difference.
        grain = total / (len(events) - 1) / (duration - float(edges[first])) * NS_PER_S
        steady = Estimate(steady.value, min(steady.low, steady.value - grain), max(steady.high, steady.value + grain))
    return Rate(whole, int(duration), overall, round(float(edges[first])), steady)


def uart_ceiling(baudrate: int, useful: int, overhead: int) -> float:
    """Bytes/s that a UART can carry at most (8N1: ten bits a byte), ``overhead`` bytes going with ``useful`` ones."""
    return baudrate / 10 * useful / (useful + overhead)
