"""#XPOLL on real sockets."""

import select
from typing import TYPE_CHECKING

from bench.simulator.air_socket import POLLERR, POLLHUP, POLLIN
from bench.simulator.parameters import AtError, Parameters
from bench.simulator.readiness import wait_readable
from bench.simulator.secure import SecureSession
from bench.simulator.sockets import STREAM, Socket

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware

_MOST = 7
_INT32 = (-0x80000000, 0x7FFFFFFF)


async def poll(board: "Firmware", parameters: Parameters) -> None:
    """AT#XPOLL=<timeout>[,<handle1>...]: milliseconds, 0 at once, -1 until something happens."""
    timeout = parameters.number(0, *_INT32)
    rows = _polled(board, parameters)
    found = _events(rows)
    if not found and timeout:
        # Never-connected streams and raw sockets show nothing, so waiting for them must not end the poll.
        hosts = [row.session or row.host for row in rows if row.host is not None and not _mute(row)]
        await wait_readable(hosts, timeout / 1000 if timeout > 0 else None)
        found = _events(rows)
    for handle, events in found:
        board.say(f'#XPOLL: {handle},"0x{events:04x}"')


def _polled(board: "Firmware", parameters: Parameters) -> list[Socket]:
    """The sockets named, in that order, the first seven; all when none is named."""
    if len(parameters) == 1:
        return list(board.sockets.rows.values())
    rows = []
    for index in range(1, min(len(parameters), _MOST + 1)):
        row = board.sockets.rows.get(parameters.number(index, *_INT32))
        if row is None:
            raise AtError
        rows.append(row)
    return rows


def _mute(row: Socket) -> bool:
    return (row.type == STREAM or row.secure) and not (row.connected or row.listening)


def _session_events(session: SecureSession) -> int:
    ready = bool(select.select([session], [], [], 0)[0])
    return (POLLIN if ready else 0) | (POLLERR if session.failed else 0) | (POLLHUP if session.ended else 0)


def _events(rows: list[Socket]) -> list[tuple[int, int]]:
    found = []
    for row in rows:
        if row.host is None or _mute(row):
            continue
        if row.session is not None:
            events = _session_events(row.session)
            if events:
                found.append((row.handle, events))
            continue
        events = row.host.events()
        if events:
            found.append((row.handle, events))
    return found
