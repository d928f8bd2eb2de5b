"""One direction's way for the datagrams of one socket: each arrives late, overtaken, or not at all."""

import time
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.path import HELD_NS, Lane
from bench.simulator.radio import UNREACHED

Action = Callable[[], None]


class DatagramWay:
    """The way up or down for the datagrams of one socket. ``name`` is "up" or "down", for the journal."""

    def __init__(self, air: Air, lane: Lane, name: str) -> None:
        self._air = air
        self._lane = lane
        self._name = name
        self._held: Action | None = None

    def send(self, ready_ns: int, size: int, *, arrive: Action, lost: Action) -> None:
        """Send a datagram on its way at ``ready_ns``; call ``arrive`` when it arrives, or ``lost`` now."""
        due = self._lane.datagram(ready_ns, size)
        if due is None:
            self._air.journal.add(f"lost {self._name}", ready_ns, bytes=size)
            lost()
            return
        overtaken = self._lane.overtaken()
        held, self._held = self._held, None
        if overtaken and held is None:
            self._air.journal.add(f"held {self._name}", ready_ns, bytes=size)
            self._held = arrive
            self._air.alarm.at(ready_ns + HELD_NS, lambda: self._release(arrive))
            return
        self._air.alarm.at(due, arrive)
        if held is not None:
            self._air.alarm.at(due, held)

    def _release(self, arrive: Action) -> None:
        """Let a datagram that waits to be overtaken arrive, because no other has come."""
        if self._held is arrive:
            self._held = None
            arrive()

    def loses_without_coverage(self, size: int) -> bool:
        """Return whether a datagram that cannot pass now is lost: without coverage nobody keeps it."""
        lost = self._air.radio.state in UNREACHED
        if lost:
            self._air.journal.add(f"lost {self._name}", bytes=size)
        return lost

    def is_dropped(self, size: int, port: int) -> bool:
        """Return whether the carrier silently drops a datagram of this size or this port of a peer."""
        dropped = self._air.carrier.drops(size, port)
        if dropped:
            self._air.journal.add("dropped by the carrier", time.monotonic_ns(), bytes=size)
        return dropped
