"""The firmware's socket table: handles, ranking, and which socket is active. #XSOCKET, #XSSOCKET, #XSOCKETSELECT."""

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.simulator.air import Air
from bench.simulator.air_socket import AirSocket
from bench.simulator.journal import Journal
from bench.simulator.parameters import AtError, Parameters
from bench.simulator.profiles import Firmware as Profile
from bench.simulator.secure import SecureSession

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware

CLIENT, SERVER = 0, 1
STREAM, DATAGRAM, RAW = 1, 2, 3
NO_SEC_TAG = -1
SESSION_TIMEOUT = 55
_INT32 = (-0x80000000, 0x7FFFFFFF)

_FAMILIES = {1: socket.AF_INET, 2: socket.AF_INET6}
_PACKET_FAMILY = 3
_TYPES = {STREAM: (socket.SOCK_STREAM, 6), DATAGRAM: (socket.SOCK_DGRAM, 17)}
_SECURE_PROTOCOLS = {STREAM: 258, DATAGRAM: 273}
_HIGHEST_CID = 10


@dataclass
class Socket:
    """One row of the table. ``host`` is the host's socket behind the air, None for a raw one, which leads nowhere."""

    handle: int
    family: int
    role: int
    type: int
    protocol: int
    cid: int
    ranking: int
    host: AirSocket | None
    secure: bool = False
    sec_tag: int = NO_SEC_TAG
    connected: bool = False
    bound: bool = False
    listening: bool = False
    accepted: "Accepted | None" = None
    receive_timeout: int = 0
    send_timeout: int = 30
    options: dict[int, int] = field(default_factory=dict)
    secure_options: dict[int, int | bytes] = field(default_factory=dict)
    session: SecureSession | None = None
    session_timer: asyncio.TimerHandle | None = None

    def renew(self) -> None:
        """A fresh host socket in the place of one that is of no more use."""
        if self.host is not None:
            self.host = self.host.renewed()
            self.bound = False

    def touch(self) -> None:
        """A server's session was used: its inactivity timeout (SO_TCP_SRV_SESSTIMEO, minutes) begins anew."""
        if self.session_timer is not None:
            self.session_timer.cancel()
            self.session_timer = None
        minutes = self.options.get(SESSION_TIMEOUT, 0)
        if self.accepted is not None and minutes:
            session = self.accepted.host
            self.session_timer = asyncio.get_running_loop().call_later(60 * minutes, _end_session, session)


def _end_session(session: AirSocket) -> None:
    with contextlib.suppress(OSError):  # the client has gone already
        session.shutdown(socket.SHUT_RDWR)


@dataclass
class Accepted:
    """A connection that a server socket accepted; it has a handle but no row."""

    handle: int
    host: AirSocket


class SocketTable:
    """All sockets of a board."""

    def __init__(self, profile: Profile, journal: Journal, air: Air) -> None:
        self._profile = profile
        self._air = air
        self._journal = journal
        self.rows: dict[int, Socket] = {}
        self.active: Socket | None = None
        self._ranking = 0
        self._handles: set[int] = set()
        self._leaked: list[AirSocket] = []

    def forget(self) -> None:
        """After a boot nothing is open and ranking begins anew."""
        self.close_all()
        self._ranking = 0

    def close_all(self) -> None:
        """Closes everything, leaked connections too: a reset of the board."""
        for row in list(self.rows.values()):
            self.close(row)
        for host in self._leaked:
            host.close()
        self._leaked.clear()
        self._handles.clear()

    def need(self) -> Socket:
        """The active socket; AtError when there is none."""
        if self.active is None:
            raise AtError
        return self.active

    def take_handle(self) -> int:
        """The lowest free handle; AtError when none is left."""
        for handle in range(self._profile.handles):
            if handle not in self._handles:
                self._handles.add(handle)
                return handle
        raise AtError

    def add(self, family: int, role: int, kind: int, cid: int, *, sec_tag: int | None = None) -> Socket:
        """Opens a socket and makes it active."""
        if len(self.rows) >= self._profile.sockets or cid > _HIGHEST_CID:
            raise AtError
        host = None
        protocol = 0
        if kind == RAW:
            family, role = _PACKET_FAMILY, CLIENT
        else:
            host_type, protocol = _TYPES[kind]
            host = AirSocket(self._air, socket.socket(_FAMILIES[family], host_type))
        if sec_tag is not None:
            protocol = _SECURE_PROTOCOLS[kind]
        self._ranking += 1
        row = Socket(self.take_handle(), family, role, kind, protocol, cid, self._ranking, host)
        if sec_tag is not None:
            row.secure, row.sec_tag = True, sec_tag
        self.rows[row.handle] = row
        self.active = row
        self._journal.add("open", handle=row.handle, type=kind, role=role)
        return row

    def close(self, row: Socket) -> None:
        """Closes a socket and the connection it accepted last; the highest ranked of the rest becomes active."""
        del self.rows[row.handle]
        self._handles.discard(row.handle)
        if row.session_timer is not None:
            row.session_timer.cancel()
        if row.session is not None:
            row.session.close()
        if row.accepted is not None:
            self._handles.discard(row.accepted.handle)
            row.accepted.host.close()
        if row.host is not None:
            row.host.close()
        self._journal.add("close", handle=row.handle)
        self.activate_highest()

    def accept(self, row: Socket, host: AirSocket) -> Accepted:
        """Gives an accepted connection its handle. The one before it leaks, handle and all: the firmware forgets it."""
        handle = self.take_handle()
        if row.accepted is not None:
            self._leaked.append(row.accepted.host)
        row.accepted = Accepted(handle, host)
        row.touch()
        return row.accepted

    def activate_highest(self) -> None:
        """Makes the most recently opened socket active."""
        self.active = max(self.rows.values(), key=lambda row: row.ranking, default=None)


async def open_or_close(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSOCKET=<op>[,<type>,<role>[,<cid>]]."""
    operation = parameters.number(0)
    if operation == 0:
        _close_active(board)
    elif operation in _FAMILIES:
        try:
            kind = parameters.number(1)
            role = parameters.number(2)
            cid = parameters.optional(3, 0)
            if kind not in (STREAM, DATAGRAM, RAW):
                raise AtError
            row = board.sockets.add(operation, role, kind, cid)
        except AtError:
            board.sockets.activate_highest()  # the firmware has cleared its selection by now
            raise
        board.say(f"#XSOCKET: {row.handle},{row.type},{row.protocol}")
    else:
        raise AtError


async def open_or_close_secure(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSSOCKET=<op>[,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]]]."""
    operation = parameters.number(0)
    if operation == 0:
        _close_active(board)
    elif operation in _FAMILIES:
        try:
            kind = parameters.number(1)
            role = parameters.number(2)
            sec_tag = parameters.number(3, *_INT32)
            verify = parameters.optional(4, 2 if role == CLIENT else 0)
            cid = parameters.optional(5, 0)
            if kind not in _SECURE_PROTOCOLS or role not in (CLIENT, SERVER) or verify > 2:
                raise AtError
            row = board.sockets.add(operation, role, kind, cid, sec_tag=sec_tag)
        except AtError:
            board.sockets.activate_highest()
            raise
        row.secure_options[5] = verify
        board.say(f"#XSSOCKET: {row.handle},{row.type},{row.protocol}")
    else:
        raise AtError


def _close_active(board: "Firmware") -> None:
    row = board.sockets.active
    if row is not None:
        board.sockets.close(row)
        board.say('#XSOCKET: 0,"closed"')


async def read_socket(board: "Firmware", _: Parameters) -> None:
    """AT#XSOCKET?."""
    row = board.sockets.active
    if row is not None:
        board.say(f"#XSOCKET: {row.handle},{row.family},{row.role},{row.type},{row.cid}")


async def read_secure_socket(board: "Firmware", _: Parameters) -> None:
    """AT#XSSOCKET?; answers for a plain socket too."""
    row = board.sockets.active
    if row is not None:
        board.say(f"#XSSOCKET: {row.handle},{row.family},{row.role},{row.type},{row.sec_tag},{row.cid}")


async def describe_socket(board: "Firmware", _: Parameters) -> None:
    """AT#XSOCKET=?."""
    board.say("#XSOCKET: (0,1,2),(1,2,3),(0,1),<cid>")
    if board.profile.socket_test_glued:
        board.glue()


async def describe_secure_socket(board: "Firmware", _: Parameters) -> None:
    """AT#XSSOCKET=?."""
    board.say("#XSSOCKET: (0,1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>")


async def select_socket(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSOCKETSELECT=<handle>."""
    row = board.sockets.rows.get(parameters.number(0))
    if row is None:
        raise AtError
    board.sockets.active = row
    board.say(f"#XSOCKETSELECT: {row.handle}")


async def list_sockets(board: "Firmware", _: Parameters) -> None:
    """AT#XSOCKETSELECT?."""
    for row in board.sockets.rows.values():
        fields = (row.handle, row.family, row.role, row.type, row.sec_tag, row.ranking, row.cid)
        board.say("#XSOCKETSELECT: " + ",".join(map(str, fields)))
    if board.sockets.active is not None:
        board.say(f"#XSOCKETSELECT: {board.sockets.active.handle}")


async def describe_select(board: "Firmware", _: Parameters) -> None:
    """AT#XSOCKETSELECT=?."""
    if not board.profile.select_test:
        raise AtError
