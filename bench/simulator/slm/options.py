"""#XSOCKETOPT and #XSSOCKETOPT: which options there are, which way they go, and their ranges."""

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.security import HANDSHAKE_TIMEOUTS
from bench.simulator.parameters import AtError, Parameters
from bench.simulator.secure import (
    CACHE_PURGE,
    CID_STATUS,
    CIPHERSUITE_USED,
    DEFAULT_HANDSHAKE_TIMEO,
    DTLS_CID,
    HANDSHAKE_TIMEO,
    HOSTNAME,
    PEER_VERIFY,
    SESSION_CACHE,
    cid_status,
)
from bench.simulator.sockets import DATAGRAM, NO_SEC_TAG, SESSION_TIMEOUT, Socket

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware

_INT32 = (-0x80000000, 0x7FFFFFFF)
_GET, _SET = 0, 1
REUSEADDR, RCVTIMEO, SNDTIMEO, BINDTOPDN, RAI = 2, 20, 21, 40, 61
_RAI_NO_DATA = 1


@dataclass(frozen=True)
class Option:
    """One option: readable, writable, and the values it takes."""

    get: bool
    set: bool
    low: int
    high: int = 0x7FFFFFFF
    default: int = 0


_OPTIONS = {
    REUSEADDR: Option(get=False, set=True, low=0, high=1),
    RCVTIMEO: Option(get=True, set=True, low=0),
    SNDTIMEO: Option(get=True, set=True, low=0),
    30: Option(get=True, set=True, low=0, high=1),
    31: Option(get=True, set=True, low=0, high=1),
    32: Option(get=True, set=True, low=0, high=1),
    BINDTOPDN: Option(get=False, set=True, low=0, high=10),
    SESSION_TIMEOUT: Option(get=True, set=True, low=0, high=135),
    RAI: Option(get=False, set=True, low=1, high=5),
    62: Option(get=False, set=True, low=0, high=10),  # falls through to 40: a break is missing in the firmware
}

_SECURE_OPTIONS = {
    PEER_VERIFY: Option(get=True, set=True, low=0, high=2, default=2),
    SESSION_CACHE: Option(get=True, set=True, low=0, high=1, default=1),
    CACHE_PURGE: Option(get=False, set=True, low=-0x80000000),
}
_DTLS_OPTIONS = {
    DTLS_CID: Option(get=False, set=True, low=0, high=2),
    HANDSHAKE_TIMEO: Option(get=True, set=True, low=1, high=123, default=DEFAULT_HANDSHAKE_TIMEO),
}


async def socket_option(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSOCKETOPT=<op>,<name>[,<value>]; an op other than 0 and 1 does nothing."""
    row = board.sockets.need()
    operation = parameters.number(0)
    name = parameters.number(1)
    option = _OPTIONS.get(name)
    if operation == _GET:
        if option is None or not option.get:
            raise AtError
        board.say(f"#XSOCKETOPT: {_value(row, name)}")
    elif operation == _SET:
        value = parameters.optional(2, 0, *_INT32)
        if option is None or not option.low <= value <= option.high:
            raise AtError
        _apply(board, row, name, value)


def _value(row: Socket, name: int) -> int:
    if name == RCVTIMEO:
        return row.receive_timeout
    if name == SNDTIMEO:
        return row.send_timeout
    return row.options.get(name, 0)


def _apply(board: "Firmware", row: Socket, name: int, value: int) -> None:
    if name == RCVTIMEO:
        row.receive_timeout = value
    elif name == SNDTIMEO:
        row.send_timeout = value
    elif name == REUSEADDR and row.host is not None:
        row.host.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, value)
    elif name in (BINDTOPDN, 62):
        row.cid = value
    elif name == RAI and value == _RAI_NO_DATA and not row.connected:
        raise AtError  # there is no connection whose data could have ended
    elif name == RAI:
        board.announce_traffic(row, value)
    row.options[name] = value
    row.touch()


async def describe_socket_option(board: "Firmware", _: Parameters) -> None:
    """AT#XSOCKETOPT=?."""
    board.say("#XSOCKETOPT: (0,1),<name>,<value>")


async def secure_option(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSSOCKETOPT=<op>,<name>[,<value>]; ERROR on a socket without a security tag."""
    row = board.sockets.need()
    if not row.secure or row.sec_tag == NO_SEC_TAG:
        raise AtError
    operation = parameters.number(0)
    name = parameters.number(1)
    table = _SECURE_OPTIONS | (_DTLS_OPTIONS if row.type == DATAGRAM else {})
    option = table.get(name)
    if name == DTLS_CID and not board.modem.capabilities.connection_id:
        raise AtError
    if operation == _GET:
        if name == HOSTNAME:
            board.say(b"#XSSOCKETOPT: " + bytes(row.secure_options.get(HOSTNAME, b"")))
            return
        if name in (CIPHERSUITE_USED, CID_STATUS):
            board.say(f"#XSSOCKETOPT: {_negotiated(board, row, name)}")
            return
        if option is None or not option.get:
            raise AtError
        board.say(f"#XSSOCKETOPT: {row.secure_options.get(name, option.default)!s}")
    elif operation == _SET:
        if name == HOSTNAME:
            row.secure_options[HOSTNAME] = _host_name(parameters)
            return
        value = parameters.number(2, *_INT32)
        if option is None or not option.low <= value <= option.high:
            raise AtError
        if name == HANDSHAKE_TIMEO and value not in HANDSHAKE_TIMEOUTS:
            raise AtError
        if name == CACHE_PURGE:
            board.sessions.clear()
        row.secure_options[name] = value


def _negotiated(board: "Firmware", row: Socket, name: int) -> str:
    """What only a handshake decides, where the modem firmware can tell it."""
    capabilities = board.modem.capabilities
    if row.session is None:
        raise AtError
    if name == CIPHERSUITE_USED and capabilities.suite_used:
        return f"0x{row.session.connection.suite:04x}"
    if name == CID_STATUS and capabilities.connection_id and row.type == DATAGRAM:
        return str(cid_status(row.session.connection))
    raise AtError


def _host_name(parameters: Parameters) -> bytes:
    """A string; "NULL" in any case clears it; a number is taken as the memory it fills."""
    try:
        text = parameters.string(2)
    except AtError:
        return parameters.number(2, *_INT32).to_bytes(4, "little", signed=True).split(b"\0", 1)[0]
    return b"" if text.upper() == b"NULL" else text


async def describe_secure_option(board: "Firmware", _: Parameters) -> None:
    """AT#XSSOCKETOPT=?."""
    board.say("#XSSOCKETOPT: (0,1),<name>,<value>")
