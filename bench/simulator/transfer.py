"""Sockets at work: names, connections, data, readiness. Values go in, values or Refused come out.

It knows no syntax: a dialect reads the parameters of its commands, calls this, and prints what comes back.
"""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.simulator.air import Air
from bench.simulator.downlink import POLLOUT
from bench.simulator.handshake import SecureLayer
from bench.simulator.journal import Journal
from bench.simulator.modem import SimulatedModem
from bench.simulator.names import Names, is_literal
from bench.simulator.radio import NO_DATA
from bench.simulator.readiness import send_all, wait_readable
from bench.simulator.refusal import Refused
from bench.simulator.secure import SecureSession
from bench.simulator.sockets import IPV4, RAW, STREAM, Channel, SocketTable, TableSocket

Address = tuple[str, int]
ANY, V4, V6 = 0, 4, 6
"""Families of addresses for :meth:`Transfer.resolve`."""

_BACKLOG = 2
_NOBODY: Address = ("", 0)


@dataclass(frozen=True)
class ReceivedData:
    """The result of a receive. No data: the peer has closed, or the datagram was empty."""

    data: bytes
    peer: Address = _NOBODY


@dataclass(frozen=True)
class ReceiveRequest:
    """The parameters of a receive.

    Attributes:
        limit: the most bytes.
        timeout: seconds; 0 does not wait, None waits for ever.
        peek: leave the data where they are.
        wait_all: wait until ``limit`` bytes have come.
    """

    limit: int
    timeout: float | None
    peek: bool = False
    wait_all: bool = False


class Undeliverable(Refused):
    """A datagram could not be sent, though its destination was known."""


class Transfer:
    """The sockets of one board at work.

    Attributes:
        sockets: the table.
        secure_layer: TLS and DTLS.
    """

    def __init__(
        self,
        sockets: SocketTable,
        secure_layer: SecureLayer,
        modem: SimulatedModem,
        names: Names,
        air: Air,
        journal: Journal,
    ) -> None:
        self.sockets = sockets
        self.secure_layer = secure_layer
        self._modem = modem
        self._names = names
        self._air = air
        self._journal = journal

    def restart(self) -> None:
        """Close and forget everything, as a boot does."""
        self.sockets.close_all()
        self.secure_layer.forget_sessions()

    # ---------------------------------------------------------------- names and connections

    async def resolve(self, name: str, family: int = ANY) -> list[str]:
        """Return the addresses of a name, after a round trip to the DNS server; a literal address needs none."""
        if not self._modem.attached:
            return []
        found = await self._names.addresses(name, family)
        if not is_literal(name):
            try:
                await self._air.round_trip()
            except TimeoutError:
                return []
        return found

    async def address_of(self, sock: TableSocket, name: str, port: int) -> Address:
        """Return the first address of a name in the socket's own family; raise Refused when it has none."""
        found = await self.resolve(name, V4 if sock.family == IPV4 else V6)
        if not found:
            raise Refused
        return found[0], port

    async def connect(self, sock: TableSocket, name: str, port: int) -> None:
        """Connect a socket, and shake hands if it is a secure one; raise Refused if that fails."""
        if sock.air is None or (sock.connected and sock.needs_connection):
            raise Refused
        address = await self.address_of(sock, name, port)
        self._use_own_address(sock, address)
        try:
            async with asyncio.timeout(sock.send_timeout or None):
                await sock.air.connect(address)
        except (OSError, TimeoutError) as error:
            raise Refused from error
        if sock.secure:
            try:
                await self.secure_layer.shake_hands(sock, address)
            except Refused:
                sock.renew()  # the transport ends with the handshake
                raise
        sock.connected = True
        self._journal.add("connected", handle=sock.handle, peer=f"{address[0]} {address[1]}")

    def _use_own_address(self, sock: TableSocket, address: Address) -> None:
        """Send from the address that the board reports, so that a peer on this host can tell the boards apart."""
        local = ipaddress.ip_address(address[0]).is_loopback
        if sock.air is not None and not sock.bound and sock.family == IPV4 and local:
            with contextlib.suppress(OSError):  # not an address of this host: the host's choice will do
                sock.air.bind((self._modem.identity.address, 0))
                sock.bound = True

    # ---------------------------------------------------------------- servers

    def bind(self, sock: TableSocket, port: int) -> None:
        """Bind to the board's own address, which it has only while it is attached; raise Refused if that fails."""
        if sock.air is None or not self._modem.attached:
            raise Refused
        identity = self._modem.identity
        try:
            sock.air.bind((identity.address if sock.family == IPV4 else identity.address6, port))
        except OSError as error:
            raise Refused from error
        sock.bound = True

    def listen(self, sock: TableSocket) -> None:
        """Let clients connect; raise Refused if the socket cannot. There are no TLS and DTLS servers."""
        if sock.air is None or sock.secure:
            raise Refused
        try:
            sock.air.listen(_BACKLOG)
        except OSError as error:
            raise Refused from error
        sock.listening = True

    def accept(self, sock: TableSocket) -> tuple[TableSocket, Address]:
        """Return the connection of a client that waits, and its address; raise Refused when none does."""
        if sock.air is None or not sock.listening:
            raise Refused
        try:
            air, peer = sock.air.accept()
        except OSError as error:
            raise Refused from error
        try:
            accepted = self.sockets.adopt(sock, air)
        except Refused:
            air.close()
            raise
        self._journal.add("accepted", handle=accepted.handle, peer=f"{peer[0]} {peer[1]}")
        return accepted, peer

    # ---------------------------------------------------------------- sending

    async def send(self, sock: TableSocket, data: bytes, *, wait: bool = True) -> int:
        """Send data to the connected peer; return how many bytes were taken, or raise Refused if none."""
        if sock.type == RAW:
            return len(data)  # it goes nowhere
        channel = sock.channel
        if channel is None or not sock.connected:
            raise Refused
        if not data:
            return 0
        try:
            sent = await _send(channel, data, (sock.send_timeout or None) if wait else 0)
        except OSError as error:
            raise Refused from error
        sock.restart_session_timer()
        self._journal.add("sent", handle=sock.handle, bytes=sent)
        if sent < 0:
            raise Refused
        return sent

    async def send_to(self, sock: TableSocket, data: bytes, name: str, port: int) -> None:
        """Send a datagram to a name or address.

        Raises:
            Refused: the name has no address in the socket's family.
            Undeliverable: the datagram cannot be sent.
        """
        if sock.type == RAW:
            return  # it goes nowhere
        if sock.air is None or (sock.type == STREAM and not sock.connected):
            raise Undeliverable
        address = await self.address_of(sock, name, port)
        if sock.secure:
            raise Undeliverable
        self._use_own_address(sock, address)
        try:
            sock.air.sendto(data, address)
        except OSError as error:
            raise Undeliverable from error
        self._journal.add("sent", handle=sock.handle, bytes=len(data), to=f"{address[0]} {address[1]}")

    async def acknowledged(self, sock: TableSocket) -> None:
        """Wait until the network has acknowledged what a socket has sent; raise Refused when its send timeout ends."""
        try:
            async with asyncio.timeout(sock.send_timeout or None):
                await self._air.round_trip()
        except TimeoutError as error:
            raise Refused from error

    def announce(self, sock: TableSocket, value: int) -> None:
        """Tell the radio how the traffic of a socket goes on (SO_RAI)."""
        self._journal.add("announced", handle=sock.handle, value=value)
        if sock.air is not None:
            sock.air.assistance.announce(value)
        if value == NO_DATA:
            self._air.radio.ended(time.monotonic_ns())
            self._air.watch_radio()

    # ---------------------------------------------------------------- receiving

    async def receive(self, sock: TableSocket, request: ReceiveRequest) -> ReceivedData:
        """Return what has come; raise Refused on a timeout and on any error."""
        if sock.type == RAW:
            await asyncio.sleep(request.timeout or 0)  # nothing ever comes
            raise Refused
        channel = sock.channel
        if channel is None or (sock.needs_connection and not sock.connected):
            raise Refused
        try:
            return self._received(sock, channel, *await _receive(channel, request))
        except (OSError, TimeoutError) as error:
            raise Refused from error

    def take(self, sock: TableSocket, limit: int) -> ReceivedData:
        """Return what is there already; raise Refused when there is nothing, and on any error."""
        channel = sock.channel
        if channel is None or (sock.needs_connection and not sock.connected):
            raise Refused
        try:
            return self._received(sock, channel, *channel.recvfrom(limit, 0))
        except OSError as error:
            raise Refused from error

    def _received(self, sock: TableSocket, channel: Channel, data: bytes, peer: Address | None) -> ReceivedData:
        if data and not peer:
            peer = channel.getpeername()  # a stream's data carry no address
        sock.restart_session_timer()
        self._journal.add("received", handle=sock.handle, bytes=len(data))
        return ReceivedData(data, (str(peer[0]), int(peer[1])) if peer else _NOBODY)

    # ---------------------------------------------------------------- readiness

    def poll(self, sock: TableSocket) -> int:
        """Return what a poll reports of a socket: POLLIN, POLLOUT, POLLERR and POLLHUP."""
        if sock.air is None or _is_mute(sock):
            return 0
        events = (sock.session or sock.air).events()
        return events if sock.listening or not sock.air.has_room else events | POLLOUT

    def watch(self, sock: TableSocket, changed: Callable[[], None]) -> None:
        """Call ``changed`` whenever what :meth:`poll` reports of a socket may have changed; again once it is secure."""
        for each in (sock.air, sock.session):
            if isinstance(each, SecureSession):
                each.changed = changed
            elif each is not None:
                each.watch(changed)

    async def wait_ready(self, sockets: Sequence[TableSocket], timeout: float | None) -> bool:
        """Return whether one of the sockets became readable within ``timeout`` seconds; None waits for ever.

        Several may wait for one socket at the same time, so a dialect may watch a socket between commands.

        Raises:
            Refused: one of them is closed.
        """
        if not all(map(self.sockets.holds, sockets)):
            raise Refused
        heard = [each.session or each.air for each in sockets if not _is_mute(each)]
        return await wait_readable([each for each in heard if each is not None], timeout)


def _is_mute(sock: TableSocket) -> bool:
    """Return whether a socket shows nothing to a poll: one that was never connected, or a raw one."""
    return sock.needs_connection and not (sock.connected or sock.listening)


async def _send(channel: Channel, data: bytes, timeout: float | None) -> int:
    """Return how many bytes were taken, -1 for none; raise OSError for a datagram that the host refuses."""
    if isinstance(channel, SecureSession):
        return await channel.send(data, timeout)
    if channel.type == socket.SOCK_STREAM:
        return await send_all(channel, data, timeout) or -1
    return channel.send(data)


async def _receive(channel: Channel, request: ReceiveRequest) -> tuple[bytes, Address | None]:
    if request.wait_all and not request.peek:
        return await _receive_all(channel, request.limit, request.timeout), None
    return await _receive_some(channel, request)


async def _receive_some(channel: Channel, request: ReceiveRequest) -> tuple[bytes, Address | None]:
    if request.timeout != 0 and not await wait_readable([channel], request.timeout):
        raise TimeoutError
    return channel.recvfrom(request.limit, socket.MSG_PEEK if request.peek else 0)


async def _receive_all(channel: Channel, limit: int, seconds: float | None) -> bytes:
    """Wait for ``limit`` bytes; what has come by the timeout counts too."""
    deadline = None if seconds is None else time.monotonic() + seconds
    data = b""
    while len(data) < limit:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not await wait_readable([channel], left):
            break
        piece = channel.recv(limit - len(data))
        if not piece:
            return data
        data += piece
    if not data:
        raise TimeoutError
    return data
