"""The socket table of the simulated firmware: handles, what each socket is, and the connections that servers accept.

It knows no syntax and no selected socket: a dialect names the socket that it means.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field

from bench.simulator.air import Air
from bench.simulator.air_socket import AirSocket
from bench.simulator.journal import Journal
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.refusal import Refused
from bench.simulator.secure import SecureSession
from bench.simulator.socket_options import SocketOptionNumber

CLIENT, SERVER = 0, 1
IPV4, IPV6, PACKET = 1, 2, 3
STREAM, DATAGRAM, RAW = 1, 2, 3
NO_SEC_TAG = -1

SECURE_PROTOCOLS = {STREAM: 258, DATAGRAM: 273}
_PROTOCOLS = {STREAM: 6, DATAGRAM: 17, RAW: 0}
_FAMILIES = {IPV4: socket.AF_INET, IPV6: socket.AF_INET6}
_TYPES = {STREAM: socket.SOCK_STREAM, DATAGRAM: socket.SOCK_DGRAM}
_HIGHEST_CID = 10
_SEND_TIMEOUT_S = 30

Channel = AirSocket | SecureSession


@dataclass(frozen=True)
class SocketRequest:
    """The kind of a new socket. ``sec_tag`` makes it a secure one."""

    family: int
    type: int
    role: int = CLIENT
    cid: int = 0
    sec_tag: int | None = None


@dataclass(eq=False)
class TableSocket:
    """A socket of the board.

    Attributes:
        air: the socket behind the simulated network; None for a raw one, which leads nowhere.
        slot: its place in the list of sockets; an accepted one has none.
        listener: the server socket that accepted it.
        session: TLS or DTLS, once the handshake is done.
    """

    handle: int
    family: int
    role: int
    type: int
    protocol: int
    cid: int
    air: AirSocket | None
    slot: int = -1
    secure: bool = False
    sec_tag: int = NO_SEC_TAG
    listener: "TableSocket | None" = None
    connected: bool = False
    bound: bool = False
    listening: bool = False
    receive_timeout: int = 0
    send_timeout: int = _SEND_TIMEOUT_S
    options: dict[int, int] = field(default_factory=dict)
    secure_options: dict[int, int | bytes] = field(default_factory=dict)
    session: SecureSession | None = None
    session_timer: asyncio.TimerHandle | None = None

    @property
    def channel(self) -> Channel | None:
        """The channel of its data: the session of a secure socket, else the socket itself."""
        return self.session if self.secure else self.air

    @property
    def needs_connection(self) -> bool:
        """True when data can move only while it is connected."""
        return self.type == STREAM or self.secure

    def renew(self) -> None:
        """Put a fresh socket in the place of one that is of no more use."""
        if self.air is not None:
            self.air = self.air.renew()
            self.bound = False

    def restart_session_timer(self) -> None:
        """Count the inactivity of an accepted connection anew (SO_TCP_SRV_SESSTIMEO of its server, in minutes)."""
        self.stop_session_timer()
        minutes = 0 if self.listener is None else self.listener.options.get(SocketOptionNumber.TCP_SRV_SESSTIMEO, 0)
        if minutes and self.air is not None:
            loop = asyncio.get_running_loop()
            self.session_timer = loop.call_later(60 * minutes, _end_session, self.air)

    def stop_session_timer(self) -> None:
        """Count its inactivity no more."""
        if self.session_timer is not None:
            self.session_timer.cancel()
            self.session_timer = None


def _end_session(air: AirSocket) -> None:
    with contextlib.suppress(OSError):  # the client has gone already
        air.shutdown(socket.SHUT_RDWR)


class SocketTable:
    """All sockets of a board.

    Attributes:
        profile: the limits of the firmware; changes when the board gets another one.
    """

    def __init__(self, profile: FirmwareProfile, journal: Journal, air: Air) -> None:
        self.profile = profile
        self._air = air
        self._journal = journal
        self._sockets: dict[int, TableSocket] = {}

    @property
    def opened(self) -> list[TableSocket]:
        """The sockets that the host has opened, in the order of their slots; without those that servers accepted."""
        return sorted((each for each in self._sockets.values() if each.listener is None), key=lambda each: each.slot)

    @property
    def all(self) -> list[TableSocket]:
        """All sockets, accepted ones too."""
        return list(self._sockets.values())

    def find(self, handle: int) -> TableSocket:
        """Return the socket with a handle; raise Refused when there is none."""
        found = self._sockets.get(handle)
        if found is None:
            raise Refused
        return found

    def holds(self, sock: TableSocket) -> bool:
        """Return whether a socket is still open."""
        return self._sockets.get(sock.handle) is sock

    def close_all(self) -> None:
        """Close everything."""
        for sock in self.all:
            self.close(sock)

    def free_handle(self) -> int:
        """Return the lowest free handle; raise Refused when none is left."""
        for handle in range(self.profile.handles):
            if handle not in self._sockets:
                return handle
        raise Refused

    def _free_slot(self) -> int:
        """Return the lowest free slot: that of a socket that was closed is used again."""
        taken = {sock.slot for sock in self.opened}
        return next(slot for slot in range(self.profile.sockets) if slot not in taken)

    def open(self, request: SocketRequest) -> TableSocket:
        """Open a socket; raise Refused when there are too many or the context is unknown."""
        if len(self.opened) >= self.profile.sockets or request.cid > _HIGHEST_CID:
            raise Refused
        raw = request.type == RAW
        sock = TableSocket(
            handle=self.free_handle(),
            slot=self._free_slot(),
            family=PACKET if raw else request.family,
            role=request.role,
            type=request.type,
            protocol=_PROTOCOLS[request.type],
            cid=request.cid,
            air=None if raw else AirSocket(self._air, socket.socket(_FAMILIES[request.family], _TYPES[request.type])),
        )
        if request.sec_tag is not None:
            sock.secure, sock.sec_tag, sock.protocol = True, request.sec_tag, SECURE_PROTOCOLS[request.type]
        self._sockets[sock.handle] = sock
        self._journal.add("open", handle=sock.handle, type=sock.type, role=sock.role)
        return sock

    def adopt(self, listener: TableSocket, air: AirSocket) -> TableSocket:
        """Give a connection that a server accepted a handle; raise Refused when none is left."""
        sock = TableSocket(
            handle=self.free_handle(),
            family=listener.family,
            role=CLIENT,
            type=STREAM,
            protocol=listener.protocol,
            cid=listener.cid,
            air=air,
            listener=listener,
            connected=True,
        )
        self._sockets[sock.handle] = sock
        sock.restart_session_timer()
        return sock

    def close(self, sock: TableSocket) -> None:
        """Close a socket."""
        del self._sockets[sock.handle]
        sock.stop_session_timer()
        if sock.session is not None:
            sock.session.close()
        if sock.air is not None:
            sock.air.close()
        self._journal.add("close", handle=sock.handle)
