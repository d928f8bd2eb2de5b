"""A board's socket behind the simulated network: what the host's socket sends and receives takes the path's time.

An :class:`AirSocket` behaves as a non-blocking socket of the host does, so that TLS and the firmware's commands can
both use it. Its two halves are :mod:`bench.simulator.uplink` and :mod:`bench.simulator.downlink`.
"""

import asyncio
import contextlib
import errno
import select
import socket
import time
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.carrier import listen_to_nobody
from bench.simulator.downlink import POLLIN, Downlink
from bench.simulator.radio import UNREACHED, Assistance
from bench.simulator.uplink import AGAIN_NS, Uplink

Address = tuple[str, int]
# What a modem takes of a stream whose peer does not read is little; a host's kernel would take megabytes of it.
_SEND_BUFFER = 32768


class AirSocket:
    """One socket. :meth:`fileno` becomes readable when a read would not block."""

    def __init__(self, air: Air, host: socket.socket) -> None:
        host.setblocking(False)
        if host.type == socket.SOCK_STREAM:
            host.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self.family = host.family
        self.type = host.type
        self.assistance = Assistance()
        self._air = air
        self._host = host
        self._down = Downlink(air, host, self.assistance)
        self._up = Uplink(air, host, self.assistance, self._down.raise_error)
        self._listening = False
        self._unanswered: list[socket.socket] = []
        self._connected = False
        self._changed: Callable[[], None] | None = None
        self._watching = False  # for clients
        if host.type == socket.SOCK_DGRAM:
            self._down.start_reading(self._up)

    def fileno(self) -> int:
        """Return a descriptor that is readable when a read, or an accept, would not block."""
        return self._host.fileno() if self._listening else self._down.fileno()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` whenever what a poll reports may have changed."""
        self._changed = self._down.changed = changed
        self._watch_for_clients()

    def _watch_for_clients(self) -> None:
        if self._listening and self._changed is not None and not self._watching:
            self._watching = True
            asyncio.get_running_loop().add_reader(self._host.fileno(), self._client_came)

    def _client_came(self) -> None:
        """Tell of it once: a client that nobody accepts stays there."""
        self._stop_watching()
        if self._changed is not None:
            self._changed()

    def _stop_watching(self) -> None:
        if self._watching:
            self._watching = False
            asyncio.get_running_loop().remove_reader(self._host.fileno())

    def close(self) -> None:
        """Close it; what is under way to the peer still arrives."""
        if self._down.closed:
            return
        self._stop_watching()
        self._down.close()
        self._up.closed = True
        self._air.leaving.add(self._host)
        if self._connected and not self._down.ended:
            self._send_fin()
        else:
            self._close_host()

    def _send_fin(self) -> None:
        """Close the host's socket when the radio lets its FIN pass, which is a packet too."""
        if self._air.passes(Assistance(), uplink=True) is None:
            self._air.again(self._send_fin, uplink=True)
        else:
            self._close_host()

    def _close_host(self) -> None:
        if self._up.pending:
            self._air.alarm.at(time.monotonic_ns() + AGAIN_NS, self._close_host)
            return
        self._air.leaving.discard(self._host)
        if self._listening:  # also wakes who still waits for a client
            with contextlib.suppress(OSError):
                self._host.shutdown(socket.SHUT_RDWR)
        self._host.close()
        for own in self._unanswered:
            own.close()

    def renew(self) -> "AirSocket":
        """Close this socket and return a fresh one of the same kind."""
        self.close()
        fresh = AirSocket(self._air, socket.socket(self.family, self.type))
        if self._changed is not None:
            fresh.watch(self._changed)
        return fresh

    # ---------------------------------------------------------------- options, addresses, connections

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """Set an option of the host's socket."""
        self._host.setsockopt(level, name, value)

    def bind(self, address: Address) -> None:
        """Bind the host's socket."""
        self._host.bind(address)

    def listen(self, backlog: int) -> None:
        """Listen, behind the carrier's firewall if it has one."""
        if self._air.carrier.inbound:
            self._host.listen(backlog)
        else:
            self._unanswered = listen_to_nobody(self._host)
        self._listening = True
        self._watch_for_clients()

    def getpeername(self) -> Address:
        """Return the peer's address."""
        host, port, *_ = self._host.getpeername()
        return str(host), int(port)

    def accept(self) -> tuple["AirSocket", Address]:
        """Return a connection that waits, and its peer; raise BlockingIOError when none does."""
        # The host's network may have let a peer in that the radio, or the carrier, has not.
        if self._air.radio.state in UNREACHED or not self._air.carrier.inbound:
            raise BlockingIOError
        host, peer = self._host.accept()
        self._watch_for_clients()
        accepted = AirSocket(self._air, host)
        accepted._start_connection()
        return accepted, (str(peer[0]), int(peer[1]))

    async def connect(self, address: Address) -> None:
        """Connect, in the time of the path's round trip; raise OSError as the host's socket does."""
        self._refuse_what_the_carrier_blocks(address)
        if self.type != socket.SOCK_STREAM:
            await self._connect_host(address)
            return
        await self._air.covered()
        try:
            await self._connect_host(address)
        finally:
            await self._air.round_trip()
        self._start_connection()

    def _start_connection(self) -> None:
        self._connected = True
        self._down.start_reading(self._up)

    def _refuse_what_the_carrier_blocks(self, address: Address) -> None:
        carrier = self._air.carrier
        if self.family == socket.AF_INET6 and not carrier.ipv6:
            raise OSError(errno.ENETUNREACH, "no IPv6 on this network")
        if self.type == socket.SOCK_STREAM and carrier.drops(0, address[1]):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "a firewall refuses this port")

    async def _connect_host(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(self._host, address)
        except ConnectionAbortedError:  # Linux reports once more that the attempt before this one had failed
            await loop.sock_connect(self._host, address)

    def shutdown(self, how: int) -> None:
        """Shut the host's socket down."""
        self._host.shutdown(how)

    # ---------------------------------------------------------------- data

    def send(self, data: bytes | bytearray) -> int:
        """Send data; a stream may take less. Raise BlockingIOError when it takes none, OSError as the host does."""
        if self.type == socket.SOCK_STREAM:
            return self._up.send_stream(data)
        self._down.raise_error()
        self._up.send_datagram(bytes(data), None)
        return len(data)

    def sendto(self, data: bytes, address: Address) -> int:
        """Send a datagram."""
        self._down.raise_error()
        self._refuse_what_the_carrier_blocks(address)
        self._up.send_datagram(data, address)
        return len(data)

    @property
    def has_room(self) -> bool:
        """True when a stream would take more bytes now."""
        return self._up.has_room

    async def writable(self) -> None:
        """Wait until a stream takes bytes again."""
        await self._up.writable()

    def recv(self, limit: int, flags: int = 0) -> bytes:
        """Return data, or nothing if the peer has closed; raise BlockingIOError without data, OSError as the host."""
        return self.recvfrom(limit, flags)[0]

    def recvfrom(self, limit: int, flags: int = 0) -> tuple[bytes, Address]:
        """Return data and the source of a datagram, as :meth:`recv` does. The only flag is MSG_PEEK."""
        return self._down.fetch(limit, peek=bool(flags & socket.MSG_PEEK))

    def events(self) -> int:
        """Return what a poll reports: POLLIN, POLLERR and POLLHUP."""
        if not self._listening:
            return self._down.events()
        if self._air.radio.state in UNREACHED or not self._air.carrier.inbound:
            return 0
        return POLLIN if select.select([self._host], [], [], 0)[0] else 0
