"""#XSOCKET, #XSSOCKET and #XCLOSE."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.slots import Slot, Slots
from bench.simulator.socket_options import SecureOptionNumber
from bench.simulator.sockets import (
    CLIENT,
    IPV4,
    IPV6,
    NO_SEC_TAG,
    PACKET,
    RAW,
    SECURE_PROTOCOLS,
    SERVER,
    SocketRequest,
    TableSocket,
)

_NO_VERIFY, _VERIFY = 0, 2
_FAMILIES, _TYPES = (IPV4, IPV6, PACKET), (1, 2, 3)
_HIGHEST_CID = 10


class SocketCommands:
    """Commands that open, list and close sockets."""

    def __init__(self, host: AtHost, slots: Slots, machine: PollMachine, quirks: Quirks) -> None:
        self._say = host.output.say
        self._slots = slots
        self._machine = machine
        self._quirks = quirks

    @command("#XSOCKET", RUN, SET)
    async def open(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKET=<family>,<type>,<role>[,<cid>]."""
        family, kind, role = (parameters.number(index) for index in range(3))
        cid = parameters.optional(3, 0, 0, _HIGHEST_CID)
        if family not in _FAMILIES or kind not in _TYPES or (family == PACKET) != (kind == RAW):
            raise AtError
        if self._quirks.role_rules and kind == RAW and role != CLIENT:
            raise AtError
        sock = self._open(SocketRequest(family, kind, role, cid))
        self._say(f"#XSOCKET: {sock.handle},{sock.type},{sock.protocol}")

    @command("#XSSOCKET", RUN, SET)
    async def open_secure(self, parameters: Parameters) -> None:
        """Handle AT#XSSOCKET=<family>,<type>,<role>,<sec_tag>[,<peer_verify>[,<cid>]]."""
        family, kind, role = (parameters.number(index) for index in range(3))
        sec_tag = parameters.number(3, *INT32)
        verify = parameters.optional(4, self._default_verify(role))
        cid = parameters.optional(5, 0, 0, _HIGHEST_CID)
        if family not in (IPV4, IPV6) or kind not in SECURE_PROTOCOLS or verify > _VERIFY:
            raise AtError
        if self._quirks.role_rules and role not in (CLIENT, SERVER):
            raise AtError
        sock = self._open(SocketRequest(family, kind, role, cid, sec_tag))
        sock.secure_options[SecureOptionNumber.PEER_VERIFY] = verify
        self._say(f"#XSSOCKET: {sock.handle},{sock.type},{sock.protocol}")

    def _default_verify(self, role: int) -> int:
        return _NO_VERIFY if self._quirks.role_rules and role == SERVER else _VERIFY

    def _open(self, request: SocketRequest) -> TableSocket:
        slot = self._slots.open(request)
        self._machine.start(slot)
        return slot.need()

    @command("#XSOCKET", READ)
    async def list_sockets(self, _: Parameters) -> None:
        """Handle AT#XSOCKET?: the plain sockets, accepted ones too."""
        for slot in self._slots.all:
            sock = slot.need()
            if sock.sec_tag == NO_SEC_TAG:
                self._say(f"#XSOCKET: {sock.handle},{sock.family},{sock.role},{sock.type},{sock.cid}")

    @command("#XSSOCKET", READ)
    async def list_secure_sockets(self, _: Parameters) -> None:
        """Handle AT#XSSOCKET?."""
        for slot in self._slots.all:
            sock = slot.need()
            if sock.sec_tag != NO_SEC_TAG:
                fields = (sock.handle, sock.family, sock.role, sock.type, sock.sec_tag, sock.cid)
                self._say("#XSSOCKET: " + ",".join(map(str, fields)))

    @command("#XSOCKET", TEST)
    async def describe_socket(self, _: Parameters) -> None:
        """Handle AT#XSOCKET=?."""
        self._say("#XSOCKET: <handle>,(1,2,3),(1,2,3),(0,1),<cid>")

    @command("#XSSOCKET", TEST)
    async def describe_secure_socket(self, _: Parameters) -> None:
        """Handle AT#XSSOCKET=?."""
        self._say("#XSSOCKET: <handle>,(1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>")

    @command("#XCLOSE", RUN, SET)
    async def close(self, parameters: Parameters) -> None:
        """Handle AT#XCLOSE[=<handle>]: without one, all sockets are closed, with a line each."""
        if len(parameters) > 1 or not parameters.empty(0):
            self._close(self._slots.named(parameters))
            return
        for slot in self._slots.all:
            self._close(slot)

    def _close(self, slot: Slot) -> None:
        if slot.sock is not None:
            self._slots.close(slot)
            self._say(f"#XCLOSE: {slot.handle},0")
