"""The way between one board and the host's network: the two lanes of the path, the radio, and their alarms."""

import asyncio
import socket
import time
from collections.abc import Callable

from bench.simulator.alarm import Alarm
from bench.simulator.carrier import Carrier
from bench.simulator.journal import Journal
from bench.simulator.path import Direction, Lane
from bench.simulator.radio import LOST, Assistance, SimulatedRadio

# A connection is tried so long without coverage.
_PATIENCE_S = 60.0


class Air:
    """The way between one board and the host's network."""

    def __init__(
        self,
        journal: Journal,
        uplink: Direction,
        downlink: Direction,
        seed: str,
        radio: SimulatedRadio,
        carrier: Carrier | None = None,
    ) -> None:
        self.journal = journal
        self.carrier = carrier or Carrier()
        self.radio = radio
        self.alarm = Alarm()
        self._alarm_ns: int | None = None  # the moment for which the radio's alarm is set
        self._held: dict[bool, list[Callable[[], object]]] = {True: [], False: []}
        self.up = Lane(uplink, f"{seed} up")
        self.down = Lane(downlink, f"{seed} down")
        self.leaving: set[socket.socket] = set()

    async def round_trip(self) -> None:
        """Wait as long as a question and its answer take, such as a SYN or a DNS query and theirs.

        Raises:
            TimeoutError: there is no coverage.
        """
        await self.covered()
        now = time.monotonic_ns()
        while (ready := self.passes(Assistance(), uplink=True)) is None:
            await self._changed()
        due = self.down.arrival(self.up.arrival(ready, 0), 0)
        if due > now:
            await self.until(due)

    async def covered(self) -> None:
        """Wait for coverage.

        Raises:
            TimeoutError: it did not come in the time for which a connection is tried.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while self.radio.state == LOST:
                await self._changed()

    def passes(self, assistance: Assistance, *, uplink: bool) -> int | None:
        """Ask the radio to let a packet pass; return the moment when it can, None to ask again (:meth:`again`)."""
        if self._held[uplink]:  # behind those that wait already
            return None
        ready = self.radio.packet(time.monotonic_ns(), assistance, uplink=uplink)
        self.watch_radio()
        return ready

    def again(self, action: Callable[[], object], *, uplink: bool) -> None:
        """Call ``action`` when the radio's state has changed, in the order of the calls."""
        self._held[uplink].append(action)

    def radio_changed(self) -> None:
        """Let everything that waits for the radio ask again soon, because its state has changed."""
        if any(self._held.values()):
            self.alarm.at(time.monotonic_ns(), self._ask_again)

    def _ask_again(self) -> None:
        for uplink in (True, False):
            waiting, self._held[uplink] = self._held[uplink], []
            for action in waiting:
                action()

    async def _changed(self) -> None:
        changed = asyncio.Event()
        self.again(changed.set, uplink=True)
        await changed.wait()

    def watch_radio(self) -> None:
        """Set an alarm for the radio's next change, unless one strikes before."""
        due = self.radio.due_ns
        if due is not None and (self._alarm_ns is None or due < self._alarm_ns):
            self._alarm_ns = due
            self.alarm.at(due, self._radio_due)

    def _radio_due(self) -> None:
        self._alarm_ns = None
        self.radio.advance(time.monotonic_ns())
        self.watch_radio()

    async def until(self, due_ns: int) -> None:
        """Wait for a moment of CLOCK_MONOTONIC."""
        struck = asyncio.Event()
        self.alarm.at(due_ns, struck.set)
        await struck.wait()

    def close(self) -> None:
        """Drop everything that is under way."""
        self.alarm.close()
        for host in self.leaving:
            host.close()
        self.leaving.clear()
