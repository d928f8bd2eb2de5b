"""What lies between one board and the host's network: the path's two lanes, the radio, and the alarms of both."""

import asyncio
import socket
import time

from bench.simulator.alarm import Alarm
from bench.simulator.journal import Journal
from bench.simulator.path import Direction, Lane
from bench.simulator.radio import Assistance, Radio


class Air:
    """What lies between one board and the host's network."""

    def __init__(self, journal: Journal, uplink: Direction, downlink: Direction, seed: str, radio: Radio) -> None:
        self.journal = journal
        self.radio = radio
        self.alarm = Alarm()
        self._alarm_ns: int | None = None  # the moment for which the radio's alarm is set
        self.up = Lane(uplink, f"{seed} up")
        self.down = Lane(downlink, f"{seed} down")
        self.leaving: set[socket.socket] = set()

    async def round_trip(self) -> None:
        """Waits as long as a question and its answer take on their way, such as a SYN's or a DNS query's."""
        now = time.monotonic_ns()
        ready = self.passes(Assistance(), uplink=True)
        due = self.down.arrival(self.up.arrival(ready, 0), 0)
        if due > now:
            await self.until(due)

    def passes(self, assistance: Assistance, *, uplink: bool) -> int:
        """A packet wants to pass the radio; returns when it can."""
        ready = self.radio.packet(time.monotonic_ns(), assistance, uplink=uplink)
        self.watch_radio()
        return ready

    def watch_radio(self) -> None:
        """Sets an alarm for the radio's next change, unless one strikes before."""
        due = self.radio.due_ns
        if due is not None and (self._alarm_ns is None or due < self._alarm_ns):
            self._alarm_ns = due
            self.alarm.at(due, self._radio_due)

    def _radio_due(self) -> None:
        self._alarm_ns = None
        self.radio.advance(time.monotonic_ns())
        self.watch_radio()

    async def until(self, due_ns: int) -> None:
        """Waits for a moment."""
        struck = asyncio.Event()
        self.alarm.at(due_ns, struck.set)
        await struck.wait()

    def close(self) -> None:
        """Drops what is under way."""
        self.alarm.close()
        for host in self.leaving:
            host.close()
        self.leaving.clear()
