"""The way down of one board's socket: what its peer sends reaches the board when radio and path let it.

The event loop reads the host's socket as soon as something arrives, also between commands of the board.
"""

import asyncio
import contextlib
import functools
import os
import socket
import time
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.datagrams import DatagramWay
from bench.simulator.radio import Assistance
from bench.simulator.uplink import Uplink

Address = tuple[str, int]
_NOWHERE: Address = ("", 0)
_READ = 65536
# More unread bytes than this stop the reading, and so, on a stream, the peer.
_BUFFERED = 131072

POLLIN, POLLOUT, POLLERR, POLLHUP = 0x0001, 0x0004, 0x0008, 0x0010


class Downlink:
    """The receiving half of a socket.

    Attributes:
        ended: whether a stream has ended.
        changed: called when what a poll reports may have changed.
    """

    def __init__(self, air: Air, host: socket.socket, assistance: Assistance) -> None:
        self.ended = False
        self._air = air
        self._host = host
        self._assistance = assistance
        self._stream = host.type == socket.SOCK_STREAM
        self._way = DatagramWay(air, air.down, "down")
        self._loop = asyncio.get_running_loop()
        self._notice = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inbox: list[tuple[bytes, Address]] = []
        self._under_way = 0  # bytes read from the host and not yet fetched
        self._arriving = 0  # what has a moment at which it arrives
        self._error: OSError | None = None
        self._reading = False
        self._finished = False  # the host's socket has nothing more to read
        self._uplink: Uplink | None = None
        self.changed: Callable[[], None] = lambda: None

    def fileno(self) -> int:
        """Return a descriptor that is readable when a read would not block."""
        return self._notice

    @property
    def closed(self) -> bool:
        """True when the board has closed the socket."""
        return self._notice < 0

    def close(self) -> None:
        """Read no more, and wake whoever waits."""
        self._stop_reading()
        os.eventfd_write(self._notice, 1)
        os.close(self._notice)
        self._notice = -1

    # ---------------------------------------------------------------- what the board fetches

    def fetch(self, limit: int, *, peek: bool) -> tuple[bytes, Address]:
        """Return data and their source, or nothing at the end; raise BlockingIOError without data."""
        if not self._inbox:
            self.raise_error()
            if self.ended:
                return b"", _NOWHERE
            raise BlockingIOError
        data, source = self._fetch_stream(limit, peek) if self._stream else self._fetch_datagram(limit, peek)
        self._signal()
        return data, source

    def _fetch_stream(self, limit: int, peek: bool) -> tuple[bytes, Address]:
        stored = b"".join(data for data, _ in self._inbox)
        data, rest = stored[:limit], stored[limit:]
        if not peek:
            self._inbox = [(rest, _NOWHERE)] if rest else []
            self._make_room(len(data))
        return data, _NOWHERE

    def _fetch_datagram(self, limit: int, peek: bool) -> tuple[bytes, Address]:
        whole, source = self._inbox[0]
        if not peek:
            self._inbox.pop(0)
            self._make_room(len(whole))
        return whole[:limit], source  # the rest of a datagram is lost, as always

    def events(self) -> int:
        """Return what a poll reports: POLLIN, POLLERR and POLLHUP."""
        failed = self._error is not None
        closed = self.ended or (failed and self._stream)
        readable = bool(self._inbox) or closed
        return (POLLIN if readable else 0) | (POLLERR if failed else 0) | (POLLHUP if closed else 0)

    def raise_error(self) -> None:
        """Raise the error that has come, once; a stream has ended with it."""
        error, self._error = self._error, None
        if error is not None:
            self.ended = self.ended or self._stream
            self._signal()
            raise error

    def _signal(self) -> None:
        if self.closed:
            return
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._notice)
        if self._inbox or self.ended or self._error is not None:
            os.eventfd_write(self._notice, 1)
        self.changed()

    # ---------------------------------------------------------------- what arrives at the host

    def start_reading(self, uplink: Uplink) -> None:
        """Begin to read. ``uplink`` is the sending half, whose last datagram opens the carrier's NAT."""
        self._uplink = uplink
        self._read_on()

    def _read_on(self) -> None:
        if not self._reading and not self.closed:
            self._reading = True
            self._loop.add_reader(self._host.fileno(), self._read)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._host.fileno())

    def _make_room(self, size: int) -> None:
        """Count bytes that are no longer under way, and read on when there is room."""
        self._under_way -= size
        if not self._finished and self._under_way < _BUFFERED:
            self._read_on()

    def _read(self) -> None:
        """Read what has arrived at the host; it begins its way down."""
        try:
            data, source = self._host.recvfrom(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._arrive_later(time.monotonic_ns(), 0, functools.partial(self._fail, error))
            if self._stream:
                self._finish()
            return
        self._air.journal.add("arrived", time.monotonic_ns(), bytes=len(data))
        if self._stream and not data:
            self._finish()
        self._under_way += len(data)
        if self._under_way >= _BUFFERED:
            self._stop_reading()
        self._come_down(data, (str(source[0]), int(source[1])) if source else _NOWHERE)

    def _finish(self) -> None:
        self._finished = True
        self._stop_reading()

    # ---------------------------------------------------------------- the way down

    def _come_down(self, data: bytes, origin: Address) -> None:
        """Let data, or the end of a stream, pass the radio; the network keeps what a sleeping board cannot take."""
        if not self._stream and self._is_stopped_by_carrier(data, origin):
            self._make_room(len(data))
            return
        ready = self._air.passes(self._assistance, uplink=False)
        if ready is None:
            if not self._stream and self._way.loses_without_coverage(len(data)):
                self._make_room(len(data))
            else:
                self._air.again(lambda: self._try_again(data, origin), uplink=False)
        elif self._stream and not data:
            self._arrive_later(ready, 0, self._end)
        elif self._stream or self._air.down.instant:
            self._arrive_later(ready, len(data), lambda: self._deliver(data, origin))
        else:
            arrive, lost = (lambda: self._deliver(data, origin)), (lambda: self._make_room(len(data)))
            self._way.send(ready, len(data), arrive=arrive, lost=lost)

    def _is_stopped_by_carrier(self, data: bytes, origin: Address) -> bool:
        last_ns = 0 if self._uplink is None else self._uplink.last_ns
        forgotten = self._air.carrier.forgot(last_ns, time.monotonic_ns())
        return forgotten or self._way.is_dropped(len(data), origin[1])

    def _try_again(self, data: bytes, origin: Address) -> None:
        if not self.closed:
            self._come_down(data, origin)

    def _arrive_later(self, ready: int, size: int, arrive: Callable[[], None]) -> None:
        due = self._air.down.arrival(ready, size)
        if due <= time.monotonic_ns() and not self._arriving:
            arrive()
            return

        def strike() -> None:
            self._arriving -= 1
            arrive()

        self._arriving += 1
        self._air.alarm.at(due, strike)

    def _deliver(self, data: bytes, source: Address) -> None:
        if not self.closed:
            self._inbox.append((data, source))
            self._signal()
            self._air.journal.add("delivered", bytes=len(data))

    def _end(self) -> None:
        self.ended = True
        self._signal()

    def _fail(self, error: OSError) -> None:
        self._error = error
        self._signal()
