"""#XSOCKETOPT and #XSSOCKETOPT: the options, which way each goes, and their ranges."""

import socket
from dataclasses import dataclass

from bench.security import HANDSHAKE_TIMEOUTS
from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, TEST, command
from bench.simulator.handshake import cid_status
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.radio import NO_DATA
from bench.simulator.refusal import AtError
from bench.simulator.slm.selection import Selection
from bench.simulator.socket_options import DEFAULT_HANDSHAKE_TIMEO_S, SecureOptionNumber, SocketOptionNumber
from bench.simulator.sockets import DATAGRAM, NO_SEC_TAG, TableSocket

_GET, _SET = 0, 1
_NEGOTIATED = (SecureOptionNumber.CIPHERSUITE_USED, SecureOptionNumber.DTLS_CID_STATUS)


@dataclass(frozen=True)
class Option:
    """An option: readable, writable, and the values that it takes."""

    get: bool
    set: bool
    low: int = 0
    high: int = INT32[1]
    default: int = 0


_FLAG = Option(get=True, set=True, high=1)
_TIMEOUT = Option(get=True, set=True)
_OPTIONS: dict[int, Option] = {
    SocketOptionNumber.REUSEADDR: Option(get=False, set=True, high=1),
    SocketOptionNumber.RCVTIMEO: _TIMEOUT,
    SocketOptionNumber.SNDTIMEO: _TIMEOUT,
    SocketOptionNumber.SILENCE_ALL: _FLAG,
    SocketOptionNumber.IP_ECHO_REPLY: _FLAG,
    SocketOptionNumber.IPV6_ECHO_REPLY: _FLAG,
    SocketOptionNumber.BINDTOPDN: Option(get=False, set=True, high=10),
    SocketOptionNumber.TCP_SRV_SESSTIMEO: Option(get=True, set=True, high=135),
    SocketOptionNumber.RAI: Option(get=False, set=True, low=1, high=5),
    # It is taken for BINDTOPDN too: a break is missing in the firmware.
    SocketOptionNumber.IPV6_DELAYED_ADDR_REFRESH: Option(get=False, set=True, high=10),
}
_SECURE_OPTIONS: dict[int, Option] = {
    SecureOptionNumber.PEER_VERIFY: Option(get=True, set=True, high=2, default=2),
    SecureOptionNumber.SESSION_CACHE: Option(get=True, set=True, high=1, default=1),
    SecureOptionNumber.SESSION_CACHE_PURGE: Option(get=False, set=True, low=INT32[0]),
}
_DTLS_OPTIONS: dict[int, Option] = {
    SecureOptionNumber.DTLS_CID: Option(get=False, set=True, high=2),
    SecureOptionNumber.DTLS_HANDSHAKE_TIMEO: Option(
        get=True, set=True, low=1, high=DEFAULT_HANDSHAKE_TIMEO_S, default=DEFAULT_HANDSHAKE_TIMEO_S
    ),
}


class OptionHandlers:
    """Commands that get and set options of the active socket."""

    def __init__(self, host: AtHost, selection: Selection) -> None:
        self._say = host.output.say
        self._transfer = host.transfer
        self._capabilities = host.modem.capabilities
        self._selection = selection

    # ---------------------------------------------------------------- any socket

    @command("#XSOCKETOPT", RUN, SET)
    async def handle_option(self, parameters: Parameters) -> None:
        """Handle AT#XSOCKETOPT=<op>,<name>[,<value>]; an op other than 0 and 1 does nothing."""
        sock = self._selection.need()
        operation = parameters.number(0)
        name = parameters.number(1)
        option = _OPTIONS.get(name)
        if operation == _GET:
            if option is None or not option.get:
                raise AtError
            self._say(f"#XSOCKETOPT: {_read(sock, name)}")
        elif operation == _SET:
            value = parameters.optional(2, 0, *INT32)
            if option is None or not option.low <= value <= option.high:
                raise AtError
            self._apply(sock, name, value)

    def _apply(self, sock: TableSocket, name: int, value: int) -> None:
        match name:
            case SocketOptionNumber.RCVTIMEO:
                sock.receive_timeout = value
            case SocketOptionNumber.SNDTIMEO:
                sock.send_timeout = value
            case SocketOptionNumber.REUSEADDR if sock.air is not None:
                sock.air.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, value)
            case SocketOptionNumber.BINDTOPDN | SocketOptionNumber.IPV6_DELAYED_ADDR_REFRESH:
                sock.cid = value
            case SocketOptionNumber.RAI:
                if value == NO_DATA and not sock.connected:
                    raise AtError  # there is no connection whose data could have ended
                self._transfer.announce(sock, value)
        sock.options[name] = value
        client = self._selection.served(sock)
        if client is not None:
            client.restart_session_timer()

    @command("#XSOCKETOPT", TEST)
    async def describe_option(self, _: Parameters) -> None:
        """Handle AT#XSOCKETOPT=?."""
        self._say("#XSOCKETOPT: (0,1),<name>,<value>")

    # ---------------------------------------------------------------- secure sockets

    @command("#XSSOCKETOPT", RUN, SET)
    async def handle_secure_option(self, parameters: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=<op>,<name>[,<value>]; ERROR on a socket without a security tag."""
        sock = self._selection.need()
        if not sock.secure or sock.sec_tag == NO_SEC_TAG:
            raise AtError
        operation = parameters.number(0)
        name = parameters.number(1)
        if name == SecureOptionNumber.DTLS_CID and not self._capabilities.connection_id:
            raise AtError
        if operation == _GET:
            self._say(b"#XSSOCKETOPT: " + self._read_secure(sock, name))
        elif operation == _SET:
            self._apply_secure(sock, name, parameters)

    def _read_secure(self, sock: TableSocket, name: int) -> bytes:
        if name == SecureOptionNumber.HOSTNAME:
            return bytes(sock.secure_options.get(name, b""))
        if name in _NEGOTIATED:
            return self._read_negotiated(sock, name).encode()
        option = _secure_option(sock, name)
        if option is None or not option.get:
            raise AtError
        return str(sock.secure_options.get(name, option.default)).encode()

    def _read_negotiated(self, sock: TableSocket, name: int) -> str:
        """Return what only a handshake decides, where the modem firmware can tell it."""
        if sock.session is None:
            raise AtError
        if name == SecureOptionNumber.CIPHERSUITE_USED and self._capabilities.suite_used:
            return f"0x{sock.session.connection.suite:04x}"
        dtls = sock.type == DATAGRAM
        if name == SecureOptionNumber.DTLS_CID_STATUS and self._capabilities.connection_id and dtls:
            return str(cid_status(sock.session.connection))
        raise AtError

    def _apply_secure(self, sock: TableSocket, name: int, parameters: Parameters) -> None:
        if name == SecureOptionNumber.HOSTNAME:
            sock.secure_options[name] = _host_name(parameters)
            return
        value = parameters.number(2, *INT32)
        option = _secure_option(sock, name)
        if option is None or not option.low <= value <= option.high:
            raise AtError
        if name == SecureOptionNumber.DTLS_HANDSHAKE_TIMEO and value not in HANDSHAKE_TIMEOUTS:
            raise AtError
        if name == SecureOptionNumber.SESSION_CACHE_PURGE:
            self._transfer.secure_layer.forget_sessions()
        sock.secure_options[name] = value

    @command("#XSSOCKETOPT", TEST)
    async def describe_secure_option(self, _: Parameters) -> None:
        """Handle AT#XSSOCKETOPT=?."""
        self._say("#XSSOCKETOPT: (0,1),<name>,<value>")


def _read(sock: TableSocket, name: int) -> int:
    if name == SocketOptionNumber.RCVTIMEO:
        return sock.receive_timeout
    if name == SocketOptionNumber.SNDTIMEO:
        return sock.send_timeout
    return sock.options.get(name, 0)


def _secure_option(sock: TableSocket, name: int) -> Option | None:
    return (_SECURE_OPTIONS | (_DTLS_OPTIONS if sock.type == DATAGRAM else {})).get(name)


def _host_name(parameters: Parameters) -> bytes:
    """Return a host name; "NULL" in any case clears it, and a number is taken as the memory that it fills."""
    try:
        text = parameters.string(2)
    except AtError:
        return parameters.number(2, *INT32).to_bytes(4, "little", signed=True).split(b"\0", 1)[0]
    return b"" if text.upper() == b"NULL" else text
