"""Delay, jitter, loss, order and rate of a network. Pure: the caller gives the time."""

import random
from dataclasses import dataclass, fields

from bench.clock import NS_PER_MS, NS_PER_S
from bench.errors import UsageError
from bench.simulator.numbers import LONGEST_MS, check_range, parse_numbers

_SLOWEST, _FASTEST = 1.0, 1e12
_SHORTEST_QUEUE, _LONGEST_QUEUE = 1500, 1 << 30
# A datagram that is to be overtaken waits no longer than this for the next one.
HELD_NS = NS_PER_S


@dataclass(frozen=True)
class Direction:
    """One direction of the path.

    Attributes:
        delay: ms that everything takes.
        jitter: the most ms that are added, evenly spread; a stream stays in order.
        loss: probability that a datagram is lost. A stream loses nothing.
        reorder: probability that a datagram is overtaken by the next.
        rate: bits of payload a second; 0 for no limit. Faster traffic waits in line.
        queue: the most bytes that wait in line; a further datagram is lost, the sender of a stream waits.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0
    rate: float = 0.0
    queue: float = 65536.0

    def __post_init__(self) -> None:
        check_range(self, ("loss", "reorder"), "a probability", 0, 1)
        check_range(self, ("delay", "jitter"), "a number of ms", 0, LONGEST_MS)
        if self.rate and not _SLOWEST <= self.rate <= _FASTEST:
            raise UsageError(f"rate is {self.rate:g}; it is 0, or from {_SLOWEST:g} to {_FASTEST:g} bit/s")
        check_range(self, ("queue",), "a number of bytes", _SHORTEST_QUEUE, _LONGEST_QUEUE)

    @classmethod
    def parse(cls, text: str) -> "Direction":
        """Return the direction of a text such as ``delay=10,jitter=2,loss=0.01,rate=375000``; each may be left out.

        Raises:
            UsageError: an unknown name, or a value that is not a number or out of range.
        """
        return cls(**parse_numbers(text, [field.name for field in fields(cls)]))


class Lane:
    """A direction in use: computes when each message arrives, from one seed the same each time."""

    def __init__(self, model: Direction, seed: str) -> None:
        self.model = model
        self._random = random.Random(seed)
        self._busy_ns = 0
        self._latest_ns = 0

    @property
    def instant(self) -> bool:
        """True when everything arrives at once."""
        return self.model == _INSTANT

    def arrival(self, now_ns: int, size: int) -> int:
        """Return when ``size`` bytes of a stream that are sent now arrive; never before earlier ones."""
        self._latest_ns = max(self._latest_ns, self._transmitted(now_ns, size) + self._latency())
        return self._latest_ns

    def datagram(self, now_ns: int, size: int) -> int | None:
        """Return when a datagram arrives; None when it is lost."""
        backlog = (self._busy_ns - now_ns) * self.model.rate / 8 / NS_PER_S
        overflow = self.model.rate and backlog + size > self.model.queue
        lost = self._random.random() < self.model.loss  # drawn for each, so that one cause does not shift the others
        if overflow or lost:
            return None
        return self._transmitted(now_ns, size) + self._latency()

    def overtaken(self) -> bool:
        """Return whether the next datagram is to overtake this one."""
        return self._random.random() < self.model.reorder

    def _transmitted(self, now_ns: int, size: int) -> int:
        if self.model.rate:
            self._busy_ns = max(now_ns, self._busy_ns) + round(size * 8 * NS_PER_S / self.model.rate)
        return max(now_ns, self._busy_ns)

    def _latency(self) -> int:
        return round((self.model.delay + self._random.uniform(0, self.model.jitter)) * NS_PER_MS)


_INSTANT = Direction()
