"""The way up of one board's socket: what it sends reaches the host's network when radio and path let it."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.datagrams import DatagramWay
from bench.simulator.radio import UNREACHED, Assistance

Address = tuple[str, int]
AGAIN_NS = 1_000_000
"""Time until the next try where the host took nothing."""


class Uplink:
    """The sending half of a socket.

    Attributes:
        pending: bytes of a stream, or datagrams, that have not left yet.
        last_ns: moment of the last datagram.
        closed: whether the board has closed the socket; a stream's bytes still leave.
    """

    def __init__(self, air: Air, host: socket.socket, assistance: Assistance, raise_error: Callable[[], None]) -> None:
        """Args: raise_error: raises the socket's error, if one has come."""
        self.pending = 0
        self.last_ns = 0
        self.closed = False
        self._air = air
        self._host = host
        self._assistance = assistance
        self._raise_error = raise_error
        self._way = DatagramWay(air, air.up, "up")
        self._due = bytearray()  # of a stream: what should have left, but the host has not taken

    # ---------------------------------------------------------------- streams

    @property
    def has_room(self) -> bool:
        """True when a stream would take more bytes now."""
        return self.pending < self._queue

    @property
    def _queue(self) -> int:
        return round(self._air.up.model.queue)

    def send_stream(self, data: bytes | bytearray) -> int:
        """Send bytes of a stream; return how many were taken, raise BlockingIOError for none."""
        if not self.has_room:
            raise BlockingIOError
        ready = self._air.passes(self._assistance, uplink=True)
        now = time.monotonic_ns()
        if ready is not None and self._air.up.instant and not self.pending and ready <= now:
            sent = self._host.send(data)
            self._air.journal.add("left", now, bytes=sent)
            return sent
        self._raise_error()
        piece = bytes(data[: self._queue - self.pending])
        self.pending += len(piece)
        self._start_piece(piece, ready)
        return len(piece)

    def _start_piece(self, data: bytes, ready: int | None) -> None:
        """Send a piece of a stream on its way, as soon as the radio lets it."""
        if ready is None:
            self._air.again(lambda: self._start_piece(data, self._ask_radio()), uplink=True)
        else:
            self._air.alarm.at(self._air.up.arrival(ready, len(data)), lambda: self._end_piece(data))

    def _ask_radio(self) -> int | None:
        return self._air.passes(self._assistance, uplink=True)

    def _end_piece(self, data: bytes) -> None:
        """Hand a piece to the host's network, behind the bytes that it has not taken yet."""
        if self._air.radio.state in UNREACHED:  # coverage was lost while the piece waited for the connection
            self._start_piece(data, None)
            return
        self._due += data
        if len(self._due) == len(data):
            self._send_due()

    def _send_due(self) -> None:
        stamp = time.monotonic_ns()
        try:
            sent = self._host.send(self._due)
        except BlockingIOError:
            sent = 0
        except OSError:  # the reader finds out
            sent = len(self._due)
        del self._due[:sent]
        self.pending -= sent
        self._air.journal.add("left", stamp, bytes=sent)
        if self._due:  # the peer does not read: the path is full up to here
            self._air.alarm.at(stamp + AGAIN_NS, self._send_due)

    async def writable(self) -> None:
        """Wait until a stream takes bytes again."""
        if self._air.up.instant and not self.pending:
            await self._host_writable()
        while not self.has_room:
            await self._air.until(time.monotonic_ns() + AGAIN_NS)

    async def _host_writable(self) -> None:
        loop = asyncio.get_running_loop()
        room = asyncio.Event()
        loop.add_writer(self._host.fileno(), room.set)
        try:
            await room.wait()
        finally:
            loop.remove_writer(self._host.fileno())

    # ---------------------------------------------------------------- datagrams

    def send_datagram(self, data: bytes, to: Address | None) -> None:
        """Send a datagram to the connected peer or to an address; raise OSError if the host refuses it at once."""
        self.last_ns = time.monotonic_ns()
        if self._air.carrier.restricts and self._way.is_dropped(len(data), (to or self._host.getpeername())[1]):
            return
        ready = self._air.passes(self._assistance, uplink=True)
        if ready is None:
            if not self._way.loses_without_coverage(len(data)):
                self._air.again(lambda: self._try_again(data, to), uplink=True)
            return
        if self._air.up.instant and not self.pending and ready <= time.monotonic_ns():
            self._hand_over(data, to)  # its errors (too large, no route) are the caller's
            return
        self.pending += 1
        self._way.send(ready, len(data), arrive=lambda: self._leave(data, to), lost=self._forget_one)

    def _try_again(self, data: bytes, to: Address | None) -> None:
        if not self.closed:
            self.send_datagram(data, to)

    def _leave(self, data: bytes, to: Address | None) -> None:
        self.pending -= 1
        if self._way.loses_without_coverage(len(data)):
            return
        with contextlib.suppress(OSError):  # nobody is there: the next call reports it
            self._hand_over(data, to)

    def _forget_one(self) -> None:
        self.pending -= 1

    def _hand_over(self, data: bytes, to: Address | None) -> None:
        stamp = time.monotonic_ns()
        if to is None:
            self._host.send(data)
        else:
            self._host.sendto(data, to)
        self._air.journal.add("left", stamp, bytes=len(data))
