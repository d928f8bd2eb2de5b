"""Connecting and moving data: #XCONNECT, #XSEND, #XRECV, #XSENDTO, #XRECVFROM."""

import asyncio
import contextlib
import ipaddress
import socket
import time
from typing import TYPE_CHECKING

from bench.simulator.air_socket import AirSocket
from bench.simulator.parameters import AtError, Parameters
from bench.simulator.readiness import send_all, wait_readable
from bench.simulator.secure import SecureSession, secure
from bench.simulator.sockets import CLIENT, DATAGRAM, RAW, SERVER, STREAM, Socket

if TYPE_CHECKING:
    from bench.simulator.at_host import DataSender, Firmware

HOST_LIMIT = 127  # the page says 128; the firmware's buffer holds a NUL as well
_PEEK, _DONT_WAIT, _WAIT_ALL, _WAIT_ACK = 2, 64, 256, 512
_INT32 = (-0x80000000, 0x7FFFFFFF)

Address = tuple[str, int]
Channel = AirSocket | SecureSession


async def connect(board: "Firmware", parameters: Parameters) -> None:
    """AT#XCONNECT=<url>,<port>."""
    row = board.sockets.need()
    host = parameters.string(0, HOST_LIMIT).decode("latin-1")
    port = parameters.number(1)
    if row.role != CLIENT or row.host is None or (row.connected and (row.secure or row.type == STREAM)):
        raise AtError
    address = await resolve(board, row, host, port)
    use_own_address(board, row, address)
    try:
        async with asyncio.timeout(row.send_timeout or None):
            await row.host.connect(address)
    except (OSError, TimeoutError) as error:
        raise AtError from error
    if row.secure:
        try:
            await secure(board, row, address)
        except AtError:
            row.renew()  # the transport ends with the handshake
            raise
    row.connected = True
    board.journal.add("connected", handle=row.handle, peer=f"{address[0]} {address[1]}")
    board.say("#XCONNECT: 1")


async def resolve(board: "Firmware", row: Socket, host: str, port: int) -> Address:
    """The first address of a name in the socket's own family; AtError when it has none."""
    found = await board.addresses(host, 4 if row.family == 1 else 6)
    if not found or not board.modem.attached:
        raise AtError
    return found[0], port


def use_own_address(board: "Firmware", row: Socket, address: Address) -> None:
    """Sends from the address that the board reports, so that a peer on this host can tell the boards apart."""
    if row.host is not None and not row.bound and row.family == 1 and ipaddress.ip_address(address[0]).is_loopback:
        with contextlib.suppress(OSError):  # not an address of this host: the host's choice will do
            row.host.bind((board.modem.identity.address, 0))
            row.bound = True


# -------------------------------------------------------------------- sending


async def send(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSEND[=<data>[,<flags>]]; without data it enters data mode."""
    if _enters_data_mode(parameters, 0):
        row = board.sockets.active
        board.enter_data_mode(_stream_sender(board, row), datagrams=row is not None and row.type == DATAGRAM)
        return
    data = parameters.string(0, board.profile.string_limit)
    flags = parameters.optional(1, 0)
    row = board.sockets.active
    if row is not None and row.role == SERVER and row.type == STREAM and row.accepted is None:
        raise AtError
    sent = await _send(board, row, data, flags)
    if sent < 0:
        raise AtError("#XSEND: 0")
    board.say(f"#XSEND: {sent}")


async def send_to(board: "Firmware", parameters: Parameters) -> None:
    """AT#XSENDTO=<url>,<port>[,<data>[,<flags>]]; without data it enters data mode."""
    host = parameters.string(0, HOST_LIMIT).decode("latin-1")
    port = parameters.number(1)
    if _enters_data_mode(parameters, 2):
        board.enter_data_mode(_datagram_sender(board, board.sockets.active, host, port), datagrams=True)
        return
    data = parameters.string(2, board.profile.string_limit)
    flags = parameters.optional(3, 0)
    row = board.sockets.active
    if row is not None and row.type == RAW and _send_flags(flags):
        board.say(f"#XSENDTO: {len(data)}")  # raw datagrams go nowhere, as those of #XSEND
        return
    if row is None or row.host is None or not _send_flags(flags):
        raise AtError("#XSENDTO: 0")
    address = await resolve(board, row, host, port)
    if not _send_datagram(board, row, data, address):
        raise AtError("#XSENDTO: 0")
    board.say(f"#XSENDTO: {len(data)}")


def _enters_data_mode(parameters: Parameters, index: int) -> bool:
    """No data, or an empty parameter with flags behind it at most."""
    if not parameters.empty(index):
        return False
    if parameters.has(index + 1):
        parameters.number(index + 1)
    return True


def _send_flags(flags: int) -> bool:
    return flags & ~(_DONT_WAIT | _WAIT_ACK) == 0


async def _send(board: "Firmware", row: Socket | None, data: bytes, flags: int) -> int:
    """Bytes sent, or -1."""
    host = _channel(row)
    if row is None or not _send_flags(flags):
        return -1
    if row.type == RAW:
        return len(data)
    if host is None or not (row.connected or row.accepted):
        return -1
    if not data:
        return 0
    timeout = 0 if flags & _DONT_WAIT else row.send_timeout or None
    if isinstance(host, SecureSession):
        sent = await host.send(data, timeout)
    elif row.type == DATAGRAM:
        try:
            sent = host.send(data)
        except OSError:
            return -1
    else:
        sent = await send_all(host, data, timeout) or -1
    row.touch()
    board.journal.add("sent", handle=row.handle, bytes=sent)
    return sent


def _send_datagram(board: "Firmware", row: Socket, data: bytes, address: Address) -> bool:
    if row.host is None or row.secure:
        return False
    use_own_address(board, row, address)
    try:
        row.host.sendto(data, address)
    except OSError:
        return False
    board.journal.add("sent", handle=row.handle, bytes=len(data), to=f"{address[0]} {address[1]}")
    return True


def _stream_sender(board: "Firmware", row: Socket | None) -> "DataSender":
    async def deliver(data: bytes) -> None:
        await _send(board, row, data, 0)  # a failure is invisible in data mode

    return deliver


def _datagram_sender(board: "Firmware", row: Socket | None, host: str, port: int) -> "DataSender":
    async def deliver(data: bytes) -> None:
        if row is not None:
            with contextlib.suppress(AtError):
                _send_datagram(board, row, data, await resolve(board, row, host, port))

    return deliver


# -------------------------------------------------------------------- receiving


async def receive(board: "Firmware", parameters: Parameters) -> None:
    """AT#XRECV=<timeout>[,<flags>]."""
    data, _ = await _receive(board, parameters)
    if data:
        board.say(f"#XRECV: {len(data)}")
        board.say_raw(data)


async def receive_from(board: "Firmware", parameters: Parameters) -> None:
    """AT#XRECVFROM=<timeout>[,<flags>]."""
    data, peer = await _receive(board, parameters)
    if data:
        board.say(f'#XRECVFROM: {len(data)},"{peer[0]}",{peer[1]}')
        board.say_raw(data)


async def _receive(board: "Firmware", parameters: Parameters) -> tuple[bytes, Address]:
    """What came; no bytes when the peer has closed or a datagram was empty. AtError on a timeout and on any error."""
    row = board.sockets.need()
    timeout = parameters.number(0, *_INT32)
    flags = parameters.optional(1, 0)
    if timeout < 0:
        raise AtError
    row.receive_timeout = timeout
    if row.type == RAW:
        await asyncio.sleep(0 if flags & _DONT_WAIT else timeout)  # nothing ever comes
        raise AtError
    host = _channel(row)
    if host is None or not _receive_flags(row, flags):
        raise AtError
    if (row.type == STREAM or row.secure) and not (row.connected or row.accepted):
        raise AtError
    seconds: float | None = timeout or None
    if row.accepted is not None and board.profile.accepted_has_no_timeout:
        seconds = None
    if flags & _DONT_WAIT:
        seconds = 0.0
    try:
        if flags & _WAIT_ALL and not flags & _PEEK:
            data, peer = await _receive_all(host, board.profile.receive_limit, seconds), None
        else:
            data, peer = await _receive_some(host, board.profile.receive_limit, seconds, flags)
        if data and not peer:
            peer = host.getpeername()  # a stream's data carry no address
    except (OSError, TimeoutError) as error:
        raise AtError from error
    row.touch()
    board.journal.add("received", handle=row.handle, bytes=len(data))
    return data, (str(peer[0]), int(peer[1])) if peer else ("", 0)


def _receive_flags(row: Socket, flags: int) -> bool:
    allowed = _DONT_WAIT | (_WAIT_ALL if row.type == STREAM else 0) | (0 if row.secure else _PEEK)
    return flags & ~allowed == 0


async def _receive_some(host: Channel, limit: int, seconds: float | None, flags: int) -> tuple[bytes, Address | None]:
    peek = socket.MSG_PEEK if flags & _PEEK else 0
    if seconds != 0 and not await wait_readable([host], seconds):
        raise TimeoutError
    return host.recvfrom(limit, peek)


async def _receive_all(host: Channel, limit: int, seconds: float | None) -> bytes:
    """Waits for the whole buffer, which no shorter message fills: then the timeout decides."""
    deadline = None if seconds is None else time.monotonic() + seconds
    data = b""
    while len(data) < limit:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not await wait_readable([host], left):
            break
        piece = host.recv(limit - len(data))
        if not piece:
            return data
        data += piece
    if not data:
        raise TimeoutError
    return data


def _channel(row: Socket | None) -> Channel | None:
    """What data move through: on a server the accepted connection, on a secure socket its session."""
    if row is None:
        return None
    if row.role == SERVER and row.type == STREAM:
        return row.accepted.host if row.accepted else None
    return row.session if row.secure else row.host
