"""A further firmware takes a package of its own and a row of the simulator's table, and nothing else."""

import asyncio
import contextlib
import socket

import pytest

from bench.simulator import dialects
from bench.simulator.board import SimulatedBoard
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.refusal import Refused
from bench.simulator.sockets import IPV4, SERVER, STREAM, SocketRequest
from tests.support.board_on_a_loop import Host, board_on_a_loop
from tests.wire.toy.commands import TOY

ROW = dialects.SimulatedFirmware(TOY, FirmwareProfile("toy", '"1"', sockets=3, handles=3, terminator=b"\r"))


@pytest.fixture(autouse=True)
def _a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dialects.FIRMWARES, "toy", ROW)


def toy_board() -> contextlib.AbstractAsyncContextManager[tuple[SimulatedBoard, Host]]:
    return board_on_a_loop(firmware="toy", boot=b"TOY UP\r\n")


async def _receive(peer: socket.socket) -> bytes:
    """Receive at the peer's end, which shares the board's event loop."""
    peer.setblocking(False)
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(peer, 100)


async def _talk() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        async with toy_board() as (_, client):
            opening = f'AT^OPEN="127.0.0.1",{port}\r'.encode()
            await client.exchange(opening, b"\r\n^OPEN: 0\r\n\r\nOK\r\n")
            await client.exchange(opening, b"\r\n^OPEN: 1\r\n\r\nOK\r\n")
            first, second = server.accept()[0], server.accept()[0]
            with first, second:
                await client.exchange(b'AT^SEND=1,"0d0a00"\r', b"\r\n^SEND: 1,3\r\n\r\nOK\r\n")
                assert await _receive(second) == b"\r\n\0"
                first.sendall(b"hello")
                await client.expect(b"\r\n^DATA: 0,5\r\nhello\r\n")
                await client.exchange(b"AT^CLOSE=0\r", b"\r\nOK\r\n")
                assert await _receive(first) == b""
                second.close()
                await client.expect(b"\r\n^END: 1\r\n")
            await client.exchange(b"AT^OPEN?\r", b"\r\n^OPEN: 1\r\n\r\nOK\r\n")


def test_it_speaks_its_own_syntax() -> None:
    asyncio.run(_talk())


async def _exchange(command: bytes, answer: bytes) -> None:
    async with toy_board() as (_, client):
        await client.exchange(command, answer)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"AT^CLOSE=0\r", b"\r\nERROR\r\n"),
        (b"AT^CLOSE\r", b"\r\nERROR\r\n"),
        (b'AT^SEND=0,"xy"\r', b"\r\nERROR\r\n"),
        (b"AT#XSOCKET=1,1,0\r", b"\r\nERROR\r\n"),
        (b"AT+CGMM\r", b"\r\nnRF9151-LACA\r\n\r\nOK\r\n"),
        (b"AT+cfun?\r", b"\r\n+CFUN: 1\r\n\r\nOK\r\n"),
    ],
)
def test_it_shares_the_modem_and_no_command_of_another_firmware(command: bytes, answer: bytes) -> None:
    asyncio.run(_exchange(command, answer))


async def _wait_twice() -> None:
    """A task and a command wait for one socket; both see that it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with toy_board() as (board, client):
            await client.exchange(f'AT^OPEN="127.0.0.1",{server.getsockname()[1]}\r'.encode(), b"\r\n^OPEN: 0\r\n")
            transfer = board.parts.host.transfer
            sock = transfer.sockets.find(0)
            waiting = asyncio.create_task(transfer.wait_ready([sock], 5))
            await asyncio.sleep(0)
            transfer.sockets.close(sock)
            assert await waiting
            with pytest.raises(Refused):
                await transfer.wait_ready([sock], 5)


def test_several_may_wait_for_one_socket() -> None:
    asyncio.run(_wait_twice())


async def _accept_two() -> None:
    async with toy_board() as (board, _):
        transfer = board.parts.host.transfer
        listener = transfer.sockets.open(SocketRequest(IPV4, STREAM, SERVER))
        with socket.create_server(("127.0.0.1", 0)) as spare:
            port = spare.getsockname()[1]
        transfer.bind(listener, port)
        transfer.listen(listener)
        address = (board.identity.address, port)
        with socket.create_connection(address), socket.create_connection(address) as late:
            accepted = [transfer.accept(listener)[0] for _ in range(2)]
            assert [each.handle for each in accepted] == [1, 2]
            await transfer.send(accepted[1], b"for the second")
            assert await _receive(late) == b"for the second"
            with socket.create_connection(address) as too_many:
                with pytest.raises(Refused):
                    transfer.accept(listener)
                assert await _receive(too_many) == b""


def test_a_server_keeps_several_connections_until_the_handles_are_used_up() -> None:
    asyncio.run(_accept_two())
