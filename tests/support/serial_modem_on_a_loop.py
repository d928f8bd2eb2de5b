"""A simulated board with Serial Modem on a test's own event loop, and real peers beside it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.support.board_on_a_loop import PATIENCE_S, Host, board_on_a_loop

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"
HEAD = "serial-modem"


class Peer:
    """A TCP server that takes one connection after the other, and the loop's own view of it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self.connection: socket.socket | None = None

    async def accept(self) -> None:
        self.connection, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_accept(self._listener), PATIENCE_S)

    async def send(self, data: bytes) -> None:
        assert self.connection
        await asyncio.get_running_loop().sock_sendall(self.connection, data)

    async def received(self, size: int) -> bytes:
        assert self.connection
        data = b""
        async with asyncio.timeout(PATIENCE_S):
            while len(data) < size:
                piece = await asyncio.get_running_loop().sock_recv(self.connection, 65536)
                assert piece, data
                data += piece
        return data

    def hang_up(self) -> None:
        assert self.connection
        self.connection.close()

    def close(self) -> None:
        self._listener.close()
        if self.connection is not None:
            self.connection.close()


@contextlib.asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[tuple[Host, Peer]]:  # noqa: ANN401 - of Settings
    """A board with a TCP connection of handle 0."""
    with contextlib.closing(Peer()) as peer:
        async with board_on_a_loop(**{"firmware": HEAD, **settings}) as (_, host):
            await open_connection(host, peer, 0)
            yield host, peer


async def open_connection(host: Host, peer: Peer, handle: int) -> None:
    await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: %d,1,6\r\n" % handle + OK)
    connect = b'AT#XCONNECT=%d,"127.0.0.1",%d\r' % (handle, peer.port)
    await host.exchange(connect, b"\r\n#XCONNECT: %d,1\r\n" % handle + OK)
    await peer.accept()


def events(host: Host, handle: int) -> int:
    """Return what has happened to a socket, whether it was reported or not."""
    transfer = host.board.parts.host.transfer
    return transfer.poll(transfer.sockets.find(handle))


@contextlib.contextmanager
def udp_peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        yield peer


async def datagram(peer: socket.socket) -> tuple[bytes, tuple[str, int]]:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(peer, 65536), PATIENCE_S)
