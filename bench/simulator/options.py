"""The options of a socket as the modem has them: which way each goes, its range, and what setting it does.

It knows no syntax: a dialect reads names and values, calls this, and prints what comes back.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from bench.security import HANDSHAKE_TIMEOUTS
from bench.simulator.handshake import cid_status
from bench.simulator.models import Capabilities
from bench.simulator.radio import NO_DATA
from bench.simulator.refusal import Refused
from bench.simulator.socket_options import DEFAULT_HANDSHAKE_TIMEO_S, SecureOptionNumber, SocketOptionNumber
from bench.simulator.sockets import DATAGRAM, TableSocket
from bench.simulator.transfer import Transfer

_INT32_LOW, _INT32_HIGH = -0x80000000, 0x7FFFFFFF
_NEGOTIATED = (SecureOptionNumber.CIPHERSUITE_USED, SecureOptionNumber.DTLS_CID_STATUS)


@dataclass(frozen=True)
class Option:
    """An option: readable, writable, and the values that it takes."""

    get: bool
    set: bool
    low: int = 0
    high: int = _INT32_HIGH
    default: int = 0


_FLAG = Option(get=True, set=True, high=1)
_TIMEOUT = Option(get=True, set=True)
OPTIONS: Mapping[int, Option] = {
    SocketOptionNumber.REUSEADDR: Option(get=False, set=True, high=1),
    SocketOptionNumber.RCVTIMEO: _TIMEOUT,
    SocketOptionNumber.SNDTIMEO: _TIMEOUT,
    SocketOptionNumber.SILENCE_ALL: _FLAG,
    SocketOptionNumber.IP_ECHO_REPLY: _FLAG,
    SocketOptionNumber.IPV6_ECHO_REPLY: _FLAG,
    SocketOptionNumber.KEEPOPEN: _FLAG,
    SocketOptionNumber.BINDTOPDN: Option(get=False, set=True, high=10),
    SocketOptionNumber.TCP_SRV_SESSTIMEO: Option(get=True, set=True, high=135),
    SocketOptionNumber.RAI: Option(get=False, set=True, low=1, high=5),
    SocketOptionNumber.IPV6_DELAYED_ADDR_REFRESH: _FLAG,
}
_SECURE_OPTIONS: Mapping[int, Option] = {
    SecureOptionNumber.PEER_VERIFY: Option(get=True, set=True, high=2, default=2),
    SecureOptionNumber.SESSION_CACHE: Option(get=True, set=True, high=1, default=1),
    SecureOptionNumber.SESSION_CACHE_PURGE: Option(get=False, set=True, low=_INT32_LOW),
}
_DTLS_OPTIONS: Mapping[int, Option] = {
    SecureOptionNumber.DTLS_CID: Option(get=False, set=True, high=2),
    SecureOptionNumber.DTLS_HANDSHAKE_TIMEO: Option(
        get=True, set=True, low=1, high=DEFAULT_HANDSHAKE_TIMEO_S, default=DEFAULT_HANDSHAKE_TIMEO_S
    ),
    SecureOptionNumber.DTLS_FRAG_EXT: Option(get=True, set=True, high=2),
}


class ModemOptions:
    """The options of a board's sockets."""

    def __init__(self, transfer: Transfer, capabilities: Capabilities) -> None:
        self._transfer = transfer
        self._capabilities = capabilities

    # ---------------------------------------------------------------- any socket

    def get(self, sock: TableSocket, name: int) -> int:
        """Return the value of an option; raise Refused when it cannot be read."""
        option = OPTIONS.get(name)
        if option is None or not option.get:
            raise Refused
        if name == SocketOptionNumber.RCVTIMEO:
            return sock.receive_timeout
        if name == SocketOptionNumber.SNDTIMEO:
            return sock.send_timeout
        return sock.options.get(name, 0)

    def set(self, sock: TableSocket, name: int, value: int) -> None:
        """Set an option; raise Refused when there is none, or it does not take the value."""
        option = OPTIONS.get(name)
        if option is None or not option.low <= value <= option.high:
            raise Refused
        match name:
            case SocketOptionNumber.RCVTIMEO:
                sock.receive_timeout = value
            case SocketOptionNumber.SNDTIMEO:
                sock.send_timeout = value
            case SocketOptionNumber.REUSEADDR if sock.air is not None:
                sock.air.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, value)
            case SocketOptionNumber.BINDTOPDN:
                sock.cid = value
            case SocketOptionNumber.RAI:
                if value == NO_DATA and not sock.connected:
                    raise Refused  # there is no connection whose data could have ended
                self._transfer.announce(sock, value)
        sock.options[name] = value

    # ---------------------------------------------------------------- secure sockets

    def get_secure(self, sock: TableSocket, name: int) -> int | bytes:
        """Return the value of an option of a secure socket; raise Refused when it cannot be read."""
        self.check(name)
        if name == SecureOptionNumber.HOSTNAME:
            return bytes(sock.secure_options.get(name, b""))
        if name in _NEGOTIATED:
            return self._negotiated(sock, name)
        option = _secure_option(sock, name)
        if option is None or not option.get:
            raise Refused
        return sock.secure_options.get(name, option.default)

    def check(self, name: int) -> None:
        """Raise Refused for an option of a secure socket that the modem firmware does not know."""
        if name == SecureOptionNumber.DTLS_CID and not self._capabilities.connection_id:
            raise Refused

    def _negotiated(self, sock: TableSocket, name: int) -> int:
        """Return what only a handshake decides, where the modem firmware can tell it."""
        if sock.session is None:
            raise Refused
        if name == SecureOptionNumber.CIPHERSUITE_USED and self._capabilities.suite_used:
            return sock.session.connection.suite
        dtls = sock.type == DATAGRAM
        if name == SecureOptionNumber.DTLS_CID_STATUS and self._capabilities.connection_id and dtls:
            return cid_status(sock.session.connection)
        raise Refused

    def set_secure(self, sock: TableSocket, name: int, value: int) -> None:
        """Set an option of a secure socket; raise Refused when there is none, or it does not take the value."""
        self.check(name)
        option = _secure_option(sock, name)
        if option is None or not option.low <= value <= option.high:
            raise Refused
        if name == SecureOptionNumber.DTLS_HANDSHAKE_TIMEO and value not in HANDSHAKE_TIMEOUTS:
            raise Refused
        if name == SecureOptionNumber.SESSION_CACHE_PURGE:
            self._transfer.secure_layer.forget_sessions()
        sock.secure_options[name] = value

    def set_host_name(self, sock: TableSocket, value: int | bytes) -> None:
        """Set the name that the peer must have; "NULL" in any case is none, a number is the memory that it fills."""
        if isinstance(value, int):
            value = value.to_bytes(4, "little", signed=True).split(b"\0", 1)[0]
        elif value.upper() == b"NULL":
            value = b""
        sock.secure_options[SecureOptionNumber.HOSTNAME] = value


def _secure_option(sock: TableSocket, name: int) -> Option | None:
    return (dict(_SECURE_OPTIONS) | (dict(_DTLS_OPTIONS) if sock.type == DATAGRAM else {})).get(name)
