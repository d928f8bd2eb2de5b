"""Data mode: the host's input is data, collected and handed on, until the host ends it with ``+++``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bench.simulator.framing import DataFramer

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
    """

    buffer: int
    datagrams: bool
    time_limit_ms: int


class DataMode:
    """Data mode that collects, flushes and ends as Serial LTE Modem and its successor do."""

    def __init__(
        self,
        rules: DataModeRules,
        send: DataSender,
        *,
        flushed: Callable[[int], None],
        ended: Callable[[bool], None],
    ) -> None:
        """Args: flushed: called with the size of each flush. ended: called at the end, with whether data were lost."""
        self._rules = rules
        self._send = send
        self._flushed = flushed
        self._ended = ended
        self._framer = DataFramer()
        self._overflowed = False

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
            self._ended(self._overflowed)
        return ended, used

    async def _watch_the_buffer(self) -> None:
        buffer, limit = self._framer.buffer, self._rules.buffer
        if self._rules.datagrams:
            self._overflowed = self._overflowed or len(buffer) > limit
        else:
            while len(buffer) >= limit:
                piece = bytes(buffer[:limit])
                del buffer[:limit]
                await self._flush(piece)
        if self._overflowed:
            buffer.clear()

    async def _flush(self, data: bytes) -> None:
        if data and not self._overflowed:
            await self._send(data)
        if data:  # data that went nowhere are reported too
            self._flushed(len(data))
