"""A board's socket behind the simulated network: what the host's socket sends and receives takes the path's time.

An :class:`AirSocket` behaves as a non-blocking socket of the host does, so that TLS and the firmware's commands stand
on it alike. It is read by the event loop as soon as something arrives, also between commands.
"""

import asyncio
import contextlib
import errno
import functools
import os
import select
import socket
import time
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.carrier import drop_everything
from bench.simulator.path import HELD_NS
from bench.simulator.radio import UNREACHED, Assistance

Address = tuple[str, int]
_NOWHERE: Address = ("", 0)
_READ = 65536
# What nobody fetches stops the reading, and so, on a stream, the peer.
_BUFFERED = 131072
# How soon it is tried again where the host took nothing.
_AGAIN_NS = 1_000_000

POLLIN, POLLOUT, POLLERR, POLLHUP = 0x0001, 0x0004, 0x0008, 0x0010


class AirSocket:
    """One socket. Readable (:meth:`fileno`) when a read would not block."""

    def __init__(self, air: Air, host: socket.socket) -> None:
        host.setblocking(False)
        self._air = air
        self._host = host
        self.family = host.family
        self.type = host.type
        self._loop = asyncio.get_running_loop()
        self._notice = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inbox: list[tuple[bytes, Address]] = []
        self._under_way = 0  # bytes read from the host and not yet fetched
        self._ended = False
        self._error: OSError | None = None
        self._listening = False
        self._reading = False
        self._finished = False  # the host's socket has nothing more to read
        self._outgoing = 0  # bytes of a stream, or datagrams, that have not left yet
        self._due = bytearray()  # of a stream: what should have left, but the host has not taken
        self.assistance = Assistance()
        self._connected = False
        self._held: dict[bool, Callable[[], None]] = {}
        self._last_up_ns = 0
        self._arriving = 0  # what has been given a moment at which it arrives
        if host.type == socket.SOCK_DGRAM:
            self._read_on()

    def fileno(self) -> int:
        """A descriptor that is readable when a read, or an accept, would not block."""
        return self._host.fileno() if self._listening else self._notice

    def close(self) -> None:
        """Closes it; what is under way to the peer still arrives."""
        if self._notice < 0:
            return
        self._read_off()
        os.eventfd_write(self._notice, 1)  # for who still waits for it
        os.close(self._notice)
        self._notice = -1
        self._air.leaving.add(self._host)
        if self._connected and not self._ended:
            self._finish()
        else:
            self._close_host()

    def _finish(self) -> None:
        """Its FIN is a packet too."""
        if self._air.passes(Assistance(), uplink=True) is None:
            self._air.again(self._finish, uplink=True)
        else:
            self._close_host()

    def _close_host(self) -> None:
        if self._outgoing:
            self._air.alarm.at(time.monotonic_ns() + _AGAIN_NS, self._close_host)
        else:
            self._air.leaving.discard(self._host)
            if self._listening:  # also for who still waits for a client
                with contextlib.suppress(OSError):
                    self._host.shutdown(socket.SHUT_RDWR)
            self._host.close()

    def renew(self) -> "AirSocket":
        """Close this socket and return a fresh one of the same kind."""
        self.close()
        return AirSocket(self._air, socket.socket(self.family, self.type))

    # ---------------------------------------------------------------- as a socket does

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """As the host's."""
        self._host.setsockopt(level, name, value)

    def bind(self, address: Address) -> None:
        """As the host's."""
        self._host.bind(address)

    def listen(self, backlog: int) -> None:
        """As the host's."""
        if not self._air.carrier.inbound:
            drop_everything(self._host)
        self._host.listen(backlog)
        self._listening = True

    def getpeername(self) -> Address:
        """As the host's."""
        host, port, *_ = self._host.getpeername()
        return str(host), int(port)

    def accept(self) -> tuple["AirSocket", Address]:
        """As the host's."""
        if self._air.radio.state in UNREACHED:  # the host's network has let the peer in, the radio has not
            raise BlockingIOError
        host, peer = self._host.accept()
        accepted = AirSocket(self._air, host)
        accepted._connected = True
        accepted._read_on()
        return accepted, (str(peer[0]), int(peer[1]))

    async def connect(self, address: Address) -> None:
        """Connects; OSError as the host's, after the path's round trip."""
        self._refuse_what_the_carrier_blocks(address)
        if self.type != socket.SOCK_STREAM:
            await self._connect(address)
            return
        await self._air.covered()
        try:
            await self._connect(address)
        finally:
            await self._air.round_trip()
        self._connected = True
        self._read_on()

    def _refuse_what_the_carrier_blocks(self, address: Address) -> None:
        carrier = self._air.carrier
        if self.family == socket.AF_INET6 and not carrier.ipv6:
            raise OSError(errno.ENETUNREACH, "no IPv6 on this network")
        if self.type == socket.SOCK_STREAM and carrier.drops(0, address[1]):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "a firewall refuses this port")

    async def _connect(self, address: Address) -> None:
        try:
            await self._loop.sock_connect(self._host, address)
        except ConnectionAbortedError:  # Linux reports once more that the attempt before this one had failed
            await self._loop.sock_connect(self._host, address)

    def shutdown(self, how: int) -> None:
        """As the host's."""
        self._host.shutdown(how)

    # ---------------------------------------------------------------- uplink

    def send(self, data: bytes | bytearray) -> int:
        """Sends; a stream may take less. BlockingIOError when it takes nothing, OSError as the host's."""
        if self.type == socket.SOCK_STREAM:
            return self._send_stream(data)
        self._raise_error()
        self._datagram_up(bytes(data), None)
        return len(data)

    def sendto(self, data: bytes, address: Address) -> int:
        """Sends a datagram."""
        self._raise_error()
        self._refuse_what_the_carrier_blocks(address)
        self._datagram_up(data, address)
        return len(data)

    def _send_stream(self, data: bytes | bytearray) -> int:
        lane = self._air.up
        room = round(lane.model.queue) - self._outgoing
        if room <= 0:
            raise BlockingIOError
        ready = self._air.passes(self.assistance, uplink=True)
        now = time.monotonic_ns()
        if ready is not None and lane.instant and not self._outgoing and ready <= now:
            sent = self._host.send(data)
            self._air.journal.add("left", now, bytes=sent)
            return sent
        self._raise_error()
        piece = bytes(data[:room])
        self._outgoing += len(piece)
        self._stream_up(piece, ready)
        return len(piece)

    def _stream_up(self, data: bytes, ready: int | None) -> None:
        """Sends a piece of a stream on its way, when the radio lets it."""
        if ready is None:
            self._air.again(lambda: self._stream_up(data, self._air.passes(self.assistance, uplink=True)), uplink=True)
        else:
            self._air.alarm.at(self._air.up.arrival(ready, len(data)), lambda: self._stream_left(data))

    def _stream_left(self, data: bytes) -> None:
        """The moment at which bytes of a stream reach the host's network, behind those that it has not taken yet."""
        if self._air.radio.state in UNREACHED:  # coverage was lost while they waited for the connection
            self._stream_up(data, None)
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
        self._outgoing -= sent
        self._air.journal.add("left", stamp, bytes=sent)
        if self._due:  # the peer does not read: the path is full up to here
            self._air.alarm.at(stamp + _AGAIN_NS, self._send_due)

    @property
    def has_room(self) -> bool:
        """Whether a stream would take more bytes now."""
        return self._outgoing < round(self._air.up.model.queue)

    async def writable(self) -> None:
        """Waits until a stream takes bytes again."""
        if self._air.up.instant and not self._outgoing:
            room = asyncio.Event()
            self._loop.add_writer(self._host.fileno(), room.set)
            try:
                await room.wait()
            finally:
                self._loop.remove_writer(self._host.fileno())
        else:
            while self._outgoing >= round(self._air.up.model.queue):
                await self._air.until(time.monotonic_ns() + _AGAIN_NS)

    def _datagram_up(self, data: bytes, to: Address | None) -> None:
        self._last_up_ns = time.monotonic_ns()
        if self._air.carrier.restricts and self._dropped(data, (to or self.getpeername())[1]):
            return
        ready = self._air.passes(self.assistance, uplink=True)
        if ready is None:
            if self._lost_for_good(up=True, size=len(data)):
                return
            self._again(lambda: self._datagram_up(data, to), uplink=True)
            return
        if self._air.up.instant and not self._outgoing and ready <= time.monotonic_ns():
            self._datagram_left(data, to)  # its errors (too large, no route) are the caller's
            return

        def leave() -> None:
            self._outgoing -= 1
            if self._lost_for_good(up=True, size=len(data)):
                return
            with contextlib.suppress(OSError):  # nobody is there: the next call tells
                self._datagram_left(data, to)

        def lost() -> None:
            self._outgoing -= 1

        self._outgoing += 1
        self._pass(ready, up=True, size=len(data), arrive=leave, lost=lost)

    def _dropped(self, data: bytes, port: int) -> bool:
        """Whether the carrier loses a datagram, and nobody hears of it."""
        dropped = self._air.carrier.drops(len(data), port)
        if dropped:
            self._air.journal.add("dropped by the carrier", bytes=len(data))
        return dropped

    def _datagram_left(self, data: bytes, to: Address | None) -> None:
        stamp = time.monotonic_ns()
        if to is None:
            self._host.send(data)
        else:
            self._host.sendto(data, to)
        self._air.journal.add("left", stamp, bytes=len(data))

    def _again(self, action: Callable[[], None], *, uplink: bool) -> None:
        """Does it when the radio's state has changed, unless the socket is closed by then."""

        def try_again() -> None:
            if self._notice >= 0:
                action()

        self._air.again(try_again, uplink=uplink)

    def _lost_for_good(self, *, up: bool, size: int) -> bool:
        """Whether a datagram that cannot pass now is lost: without coverage nobody keeps it."""
        lost = self._air.radio.state in UNREACHED
        if lost:
            self._air.journal.add("lost up" if up else "lost down", bytes=size)
        return lost

    def _pass(self, now: int, *, up: bool, size: int, arrive: Callable[[], None], lost: Callable[[], None]) -> None:
        """Sends a datagram on its way: lost, late, or overtaken."""
        lane = self._air.up if up else self._air.down
        due = lane.datagram(now, size)
        if due is None:
            self._air.journal.add("lost up" if up else "lost down", now, bytes=size)
            lost()
            return
        overtaken, waiting = lane.overtaken(), self._held.pop(up, None)
        if overtaken and waiting is None:
            self._air.journal.add("held up" if up else "held down", now, bytes=size)
            self._held[up] = arrive
            self._air.alarm.at(now + HELD_NS, lambda: self._let_go(up, arrive))
            return
        self._air.alarm.at(due, arrive)
        if waiting is not None:
            self._air.alarm.at(due, waiting)

    def _let_go(self, up: bool, arrive: Callable[[], None]) -> None:
        """Nothing came that could overtake it."""
        if self._held.get(up) is arrive:
            del self._held[up]
            arrive()

    # ---------------------------------------------------------------- downlink

    def recv(self, limit: int, flags: int = 0) -> bytes:
        """Data, or nothing when the peer has closed; BlockingIOError when there are none, OSError as the host's."""
        return self.recvfrom(limit, flags)[0]

    def recvfrom(self, limit: int, flags: int = 0) -> tuple[bytes, Address]:
        """The same with the address where a datagram came from. Of the flags, MSG_PEEK counts."""
        if not self._inbox:
            self._raise_error()
            if self._ended:
                return b"", _NOWHERE
            raise BlockingIOError
        if self.type == socket.SOCK_STREAM:
            data, source = self._fetch_stream(limit, peek=bool(flags & socket.MSG_PEEK)), _NOWHERE
        else:
            whole, source = self._inbox[0]
            data = whole[:limit]  # the rest of a datagram is lost, as always
            if not flags & socket.MSG_PEEK:
                self._inbox.pop(0)
                self._fetched(len(whole))
        self._signal()
        return data, source

    def _fetch_stream(self, limit: int, *, peek: bool) -> bytes:
        stored = b"".join(data for data, _ in self._inbox)
        data = stored[:limit]
        if not peek:
            rest = stored[limit:]
            self._inbox = [(rest, _NOWHERE)] if rest else []
            self._fetched(len(data))
        return data

    def _fetched(self, size: int) -> None:
        """So many bytes are no longer under way: there is room to read on."""
        self._under_way -= size
        if not self._finished and self._under_way < _BUFFERED:
            self._read_on()

    def events(self) -> int:
        """What a poll shows: POLLIN, POLLERR and POLLHUP."""
        if self._listening:
            if self._air.radio.state in UNREACHED:
                return 0
            return POLLIN if select.select([self._host], [], [], 0)[0] else 0
        failed = self._error is not None
        closed = self._ended or (failed and self.type == socket.SOCK_STREAM)
        readable = bool(self._inbox) or closed
        return (POLLIN if readable else 0) | (POLLERR if failed else 0) | (POLLHUP if closed else 0)

    def _read_on(self) -> None:
        if not self._reading and self._notice >= 0:
            self._reading = True
            self._loop.add_reader(self._host.fileno(), self._read)

    def _read_off(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._host.fileno())

    def _read(self) -> None:
        """Something has arrived at the host: it begins its way down."""
        stream = self.type == socket.SOCK_STREAM
        try:
            data, source = self._host.recvfrom(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._arrive_later(time.monotonic_ns(), 0, functools.partial(self._fail, error))
            if stream:
                self._finished = True
                self._read_off()
            return
        stamp = time.monotonic_ns()
        self._air.journal.add("arrived", stamp, bytes=len(data))
        if stream and not data:
            self._finished = True
            self._read_off()
        self._under_way += len(data)
        if self._under_way >= _BUFFERED:
            self._read_off()
        self._come_down(data, (str(source[0]), int(source[1])) if source else _NOWHERE)

    def _come_down(self, data: bytes, origin: Address) -> None:
        """Lets data, or the end of a stream, pass the radio; what a sleeping board cannot take the network keeps."""

        def lost() -> None:
            self._fetched(len(data))

        stream = self.type == socket.SOCK_STREAM
        forgotten = not stream and self._air.carrier.forgot(self._last_up_ns, time.monotonic_ns())
        if not stream and (forgotten or self._dropped(data, origin[1])):
            lost()
            return
        ready = self._air.passes(self.assistance, uplink=False)
        if ready is None:
            if not stream and self._lost_for_good(up=False, size=len(data)):
                lost()
            else:
                self._again(lambda: self._come_down(data, origin), uplink=False)
        elif stream and not data:
            self._arrive_later(ready, 0, self._end)
        elif stream or self._air.down.instant:
            self._arrive_later(ready, len(data), lambda: self._deliver(data, origin))
        else:
            self._pass(ready, up=False, size=len(data), arrive=lambda: self._deliver(data, origin), lost=lost)

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
        if self._notice >= 0:
            self._inbox.append((data, source))
            self._signal()
            self._air.journal.add("delivered", bytes=len(data))

    def _end(self) -> None:
        self._ended = True
        self._signal()

    def _fail(self, error: OSError) -> None:
        self._error = error
        self._signal()

    def _raise_error(self) -> None:
        """An error is told once; a stream has ended with it."""
        error, self._error = self._error, None
        if error is not None:
            self._ended = self._ended or self.type == socket.SOCK_STREAM
            self._signal()
            raise error

    def _signal(self) -> None:
        if self._notice < 0:
            return
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._notice)
        if self._inbox or self._ended or self._error is not None:
            os.eventfd_write(self._notice, 1)
