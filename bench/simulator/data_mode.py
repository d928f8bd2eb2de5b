"""Data mode: the host's input is data, collected and handed on, until ``+++`` or the end of an announced length."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bench.simulator.framing import DataFramer
from bench.simulator.refusal import Refused

DataSender = Callable[[bytes], Awaitable[None]]


class InputMode(Protocol):
    """A taker of the UART's input in place of the command line."""

    @property
    def patience_s(self) -> float | None:
        """Seconds of silence after which :meth:`take` wants to be called with nothing; None is for ever."""

    async def take(self, data: bytes) -> tuple[bool, int]:
        """Return whether the mode has ended, and how many bytes of ``data`` are used up. No data: a silence."""


@dataclass(frozen=True)
class DataModeRules:
    """The limits of a firmware's data mode.

    Attributes:
        buffer: bytes that are collected before they are sent.
        datagrams: whether one datagram holds all of the buffer or nothing is sent.
        time_limit_ms: silence after which what was collected is sent.
        length: bytes of data after which it ends by itself; 0 for none, a negative one never ends.
        keeps_length: whether a length still ends it when data were lost.
    """

    buffer: int
    datagrams: bool
    time_limit_ms: int
    length: int = 0
    keeps_length: bool = False


class DataMode:
    """Data mode that collects, flushes and ends as Serial LTE Modem and its successor do."""

    def __init__(
        self,
        rules: DataModeRules,
        send: DataSender,
        *,
        flushed: Callable[[int], None],
        ended: Callable[[bool], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a data mode.

        Args:
            rules: its limits.
            send: sends data; raises Refused where the firmware notices that they are lost.
            flushed: called with the size of each flush.
            ended: called at the end, with whether data were lost.
            lost: called when data are lost for the first time, and only ``+++`` ends it any more.
        """
        self._rules = rules
        self._send = send
        self._flushed = flushed
        self._ended = ended
        self._tell_lost = lost
        self._framer = DataFramer(rules.length)
        self._lost = False

    @property
    def patience_s(self) -> float | None:
        """Seconds of silence after which what was collected is sent; None when there is nothing to send."""
        return self._rules.time_limit_ms / 1000 if self._framer.buffer else None

    async def take(self, data: bytes) -> tuple[bool, int]:
        """Collect data and send what is due; return whether data mode has ended, and how many bytes are used up."""
        if not data:
            await self._flush(self._framer.expire())
            return False, 0
        ended, used = self._framer.take(data)
        await self._watch_the_buffer()
        if ended:
            await self._flush(self._framer.expire())
            self._ended(self._lost)
        return ended, used

    def fail(self) -> None:
        """Drop what was collected and what will come; only the end is still looked for."""
        if self._lost:
            return
        self._lost = True
        self._framer.buffer.clear()
        if not (self._rules.length and self._rules.keeps_length):
            self._framer.forget_length()
            self._tell_lost()

    async def _watch_the_buffer(self) -> None:
        buffer, limit = self._framer.buffer, self._rules.buffer
        if self._lost:
            buffer.clear()
        elif self._rules.datagrams and len(buffer) > limit:
            self.fail()
        while not self._rules.datagrams and len(buffer) >= limit:
            piece = bytes(buffer[:limit])
            del buffer[:limit]
            await self._flush(piece)

    async def _flush(self, data: bytes) -> None:
        if data and not self._lost:
            try:
                await self._send(data)
            except Refused:
                self.fail()
        if data:  # data that went nowhere are reported too
            self._flushed(len(data))
