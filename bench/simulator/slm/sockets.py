"""#XSOCKET, #XSSOCKET and #XSOCKETSELECT."""

from collections.abc import Callable

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.slm.quirks import Quirks
from bench.simulator.slm.selection import Selection
from bench.simulator.socket_options import SecureOptionNumber
from bench.simulator.sockets import (
    CLIENT,
    DATAGRAM,
    IPV4,
    IPV6,
    RAW,
    SECURE_PROTOCOLS,
    SERVER,
    STREAM,
    SocketRequest,
    TableSocket,
)

_CLOSE = 0
_NO_VERIFY, _VERIFY = 0, 2
CLOSED = '#XSOCKET: 0,"closed"'

_Request = tuple[SocketRequest, dict[int, int | bytes]]
_Reader = Callable[[int, Parameters], _Request]


class SocketHandlers:
    """Commands that open, close, list and select sockets."""

    def __init__(self, host: AtHost, selection: Selection, quirks: Quirks) -> None:
        self._host = host
        self._say = host.output.say
        self._selection = selection
        self._quirks = quirks

    @command("#XSOCKET", RUN, SET)
    async def open_or_close(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKET=<op>[,<type>,<role>[,<cid>]]."""
        self._open_or_close("#XSOCKET", _plain, parameters)

    @command("#XSSOCKET", RUN, SET)
    async def open_or_close_secure(self, parameters: Parameters) -> None:
        """Handle AT#XSSOCKET=<op>[,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]]]."""
        self._open_or_close("#XSSOCKET", _secure, parameters)

    def _open_or_close(self, name: str, read: _Reader, parameters: Parameters) -> None:
        operation = parameters.number(0)
        if operation == _CLOSE:
            self._close_active()
            return
        if operation not in (IPV4, IPV6):
            raise AtError
        sock = self._open(read, operation, parameters)
        self._say(f"{name}: {sock.handle},{sock.type},{sock.protocol}")

    def _open(self, read: _Reader, family: int, parameters: Parameters) -> TableSocket:
        try:
            request, options = read(family, parameters)
            sock = self._selection.open(request)
        except Refused:
            self._selection.activate_highest()  # the firmware has cleared its selection by now
            raise
        sock.secure_options.update(options)
        return sock

    def _close_active(self) -> None:
        sock = self._selection.active
        if sock is not None:
            self._selection.close(sock)
            self._say(CLOSED)

    @command("#XSOCKET", READ)
    async def read_socket(self, _: Parameters) -> None:
        """Handle AT#XSOCKET?."""
        sock = self._selection.active
        if sock is not None:
            self._say(f"#XSOCKET: {sock.handle},{sock.family},{sock.role},{sock.type},{sock.cid}")

    @command("#XSSOCKET", READ)
    async def read_secure_socket(self, _: Parameters) -> None:
        """Handle AT#XSSOCKET?; answers for a plain socket too."""
        sock = self._selection.active
        if sock is not None:
            self._say(f"#XSSOCKET: {sock.handle},{sock.family},{sock.role},{sock.type},{sock.sec_tag},{sock.cid}")

    @command("#XSOCKET", TEST)
    async def describe_socket(self, _: Parameters) -> None:
        """Handle AT#XSOCKET=?."""
        self._say("#XSOCKET: (0,1,2),(1,2,3),(0,1),<cid>")
        if self._quirks.socket_test_glued:
            self._host.output.glue()

    @command("#XSSOCKET", TEST)
    async def describe_secure_socket(self, _: Parameters) -> None:
        """Handle AT#XSSOCKET=?."""
        self._say("#XSSOCKET: (0,1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>")

    @command("#XSOCKETSELECT", RUN, SET)
    async def select_socket(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKETSELECT=<handle>."""
        sock = self._selection.select(parameters.number(0))
        self._say(f"#XSOCKETSELECT: {sock.handle}")

    @command("#XSOCKETSELECT", READ)
    async def list_sockets(self, _: Parameters) -> None:
        """Handle AT#XSOCKETSELECT?."""
        for sock in self._host.transfer.sockets.opened:
            ranking = self._selection.ranking(sock)
            fields = (sock.handle, sock.family, sock.role, sock.type, sock.sec_tag, ranking, sock.cid)
            self._say("#XSOCKETSELECT: " + ",".join(map(str, fields)))
        if self._selection.active is not None:
            self._say(f"#XSOCKETSELECT: {self._selection.active.handle}")

    @command("#XSOCKETSELECT", TEST)
    async def describe_select(self, _: Parameters) -> None:
        """Handle AT#XSOCKETSELECT=?."""
        if not self._quirks.select_test:
            raise AtError


def _plain(family: int, parameters: Parameters) -> _Request:
    kind = parameters.number(1)
    role = parameters.number(2)
    cid = parameters.optional(3, 0)
    if kind not in (STREAM, DATAGRAM, RAW):
        raise AtError
    return SocketRequest(family, kind, CLIENT if kind == RAW else role, cid), {}


def _secure(family: int, parameters: Parameters) -> _Request:
    kind = parameters.number(1)
    role = parameters.number(2)
    sec_tag = parameters.number(3, *INT32)
    verify = parameters.optional(4, _VERIFY if role == CLIENT else _NO_VERIFY)
    cid = parameters.optional(5, 0)
    if kind not in SECURE_PROTOCOLS or role not in (CLIENT, SERVER) or verify > _VERIFY:
        raise AtError
    return SocketRequest(family, kind, role, cid, sec_tag), {SecureOptionNumber.PEER_VERIFY: verify}
