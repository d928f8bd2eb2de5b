"""The server role on real listening sockets: #XBIND, #XLISTEN, #XACCEPT."""

import asyncio
from typing import TYPE_CHECKING

from bench.simulator.parameters import AtError, Parameters
from bench.simulator.readiness import wait_readable
from bench.simulator.sockets import SERVER, Socket

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware

_BACKLOG = 2
_INT32 = (-0x80000000, 0x7FFFFFFF)


async def bind(board: "Firmware", parameters: Parameters) -> None:
    """AT#XBIND=<port>: to the board's own address, which it has only while it is attached."""
    port = parameters.number(0)
    row = board.sockets.need()
    if row.host is None or not board.modem.attached:
        raise AtError
    identity = board.modem.identity
    try:
        row.host.bind((identity.address if row.family == 1 else identity.address6, port))
    except OSError as error:
        raise AtError from error
    row.bound = True


async def listen(board: "Firmware", _: Parameters) -> None:
    """AT#XLISTEN."""
    row = _server(board)
    if row.host is None or row.secure:  # TLS and DTLS servers are documented as not supported
        raise AtError
    try:
        row.host.listen(_BACKLOG)
    except OSError as error:
        raise AtError from error
    row.listening = True


async def accept(board: "Firmware", parameters: Parameters) -> None:
    """AT#XACCEPT=<timeout>: 0 and less block for ever."""
    timeout = parameters.number(0, *_INT32)
    row = _server(board)
    if row.host is None:
        raise AtError
    seconds = timeout if timeout > 0 else None
    if not row.listening:
        await asyncio.sleep(seconds or 0)
        raise AtError
    if not await wait_readable([row.host], seconds):
        raise AtError
    try:
        host, peer = row.host.accept()
    except OSError as error:
        raise AtError from error
    try:
        accepted = board.sockets.accept(row, host)
    except AtError:
        host.close()
        raise
    board.journal.add("accepted", handle=accepted.handle, peer=f"{peer[0]} {peer[1]}")
    board.say(f'#XACCEPT: {accepted.handle},"{peer[0]}"')


async def read_accepted(board: "Firmware", _: Parameters) -> None:
    """AT#XACCEPT?."""
    row = _server(board)
    board.say(f"{board.profile.accept_read_prefix}: {row.accepted.handle if row.accepted else 0}")


def _server(board: "Firmware") -> Socket:
    row = board.sockets.need()
    if row.role != SERVER:
        raise AtError
    return row
