"""The simulated Serial Modem with real peers: reports, automatic reception, data mode, servers, URCs."""

import asyncio
import contextlib
import re
import socket
import termios
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, ParamSpec

import pytest

from bench.peers import Peers
from bench.security import TlsSettings
from bench.security.credentials import make_credentials
from bench.simulator import dialects
from bench.simulator.downlink import POLLHUP, POLLIN
from bench.simulator.serial_modem.commands import serial_modem
from bench.simulator.serial_modem.quirks import Quirks
from tests.support.board_on_a_loop import PATIENCE_S, Host, board_on_a_loop

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"
HEAD = "serial-modem"

P = ParamSpec("P")


def on_a_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a test on an event loop of its own."""

    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def wait() -> None:
            await test(*args, **kwargs)

        asyncio.run(wait())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__wrapped__ = test  # type: ignore[attr-defined] # pytest reads its parameters
    return run


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


class TestReports:
    @on_a_loop
    async def test_each_event_is_reported_once_until_something_was_done(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,5\r", OK + b"\r\n#XAPOLL: 0,4\r\n")
            await peer.send(b"hello")
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
            await peer.send(b" again")
            assert await host.rest() == b""
            await host.exchange(b"AT#XRECV=0,0,0,5,5\r", b"\r\n#XRECV: 0,0,5\r\nhello" + OK + b"\r\n#XAPOLL: 0,1\r\n")
            await host.exchange(b"AT#XRECV=0,0,2,5\r", b"\r\n#XRECV: 0,0,6\r\n again" + OK + b"\r\n#XAPOLL: 0,1\r\n")
            await host.exchange(b"AT#XRECV=0,0,0,5\r", b"\r\n#XRECV: 0,0,6\r\n again" + OK)
            await host.exchange(b'AT#XSEND=0,0,0,"x"\r', b"\r\n#XSEND: 0,0,1\r\n" + OK + b"\r\n#XAPOLL: 0,4\r\n")
            await peer.received(1)
            peer.hang_up()
            await host.expect(b"\r\n#XAPOLL: 0,17\r\n")
            await host.exchange(b"AT#XAPOLL=0,1,5\r", OK)
            assert await host.rest() == b"", "silent for good"

    @on_a_loop
    async def test_a_close_behind_data_that_nobody_fetched(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            await peer.send(b"x")
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
            peer.hang_up()
            await host.expect(b"\r\n#XAPOLL: 0,16\r\n")

    @on_a_loop
    async def test_a_datagram_socket_can_send_at_once(self) -> None:
        with udp_peer() as peer:
            async with board_on_a_loop(firmware=HEAD) as (_, host):
                await host.exchange(b"AT#XAPOLL=,1,4\r", OK)
                await host.exchange(b"AT#XSOCKET=1,2,0\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK + b"\r\n#XAPOLL: 0,4\r\n")
                send = b'AT#XSENDTO=0,0,0,"127.0.0.1",%d,"x"\r' % peer.getsockname()[1]
                await host.exchange(send, b"\r\n#XSENDTO: 0,0,1\r\n" + OK + b"\r\n#XAPOLL: 0,4\r\n")
                await host.exchange(b"AT#XAPOLL?\r", b"\r\n#XAPOLL: 0,4\r\n" + OK)

    @on_a_loop
    async def test_what_is_armed_outlives_a_stop(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            await host.exchange(b"AT#XAPOLL=,0\r", OK)
            await host.exchange(b"AT#XAPOLL?\r", OK)
            await peer.send(b"x")
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
            await host.exchange(b"AT#XRECV=0,0,0,5\r", b"\r\n#XRECV: 0,0,1\r\nx" + OK)
            await peer.send(b"y")
            assert await host.rest() == b""

    @on_a_loop
    async def test_reports_wait_for_a_command_that_blocks(self) -> None:
        with contextlib.closing(Peer()) as other:
            async with connected() as (host, peer):
                await open_connection(host, other, 1)
                await host.exchange(b"AT#XAPOLL=,1,1\r", OK)
                await host.write(b"AT#XRECV=0,0,0,20\r")
                await host.busy()
                await other.send(b"for the other")
                await host.until(lambda: events(host, 1) & POLLIN)
                await peer.send(b"x")
                await host.expect(b"\r\n#XRECV: 0,0,1\r\nx" + OK + b"\r\n#XAPOLL: 1,1\r\n")


class TestReception:
    @on_a_loop
    async def test_data_come_unasked(self) -> None:
        async with connected() as (host, peer):
            await peer.send(b"early")
            await host.exchange(b"AT#XRECVCFG=0,1\r", OK + b"\r\n#XRECV: 0,0,5\r\nearly\r\n")
            await peer.send(b"a\r\nOK\r\n")
            await host.expect(b"\r\n#XRECV: 0,0,7\r\na\r\nOK\r\n\r\n")
            await host.exchange(b"AT#XRECVCFG=0,1,1\r", OK)
            await peer.send(b"\xff\0")
            await host.expect(b"\r\n#XRECV: 0,1,2\r\nff00\r\n")
            await host.exchange(b"AT#XRECVCFG?\r", b"\r\n#XRECVCFG: 0,1,1\r\n" + OK)
            peer.hang_up()
            await host.expect(b"\r\n")
            assert await host.rest() == b""

    @on_a_loop
    async def test_the_report_comes_first_and_large_data_in_pieces(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            await peer.send(b"x" * 3000)
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
            await host.exchange(b"AT#XRECVCFG=0,1\r", OK + b"\r\n#XRECV: 0,0,2048\r\n" + b"x" * 2048 + b"\r\n")
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n\r\n#XRECV: 0,0,952\r\n" + b"x" * 952 + b"\r\n")

    @on_a_loop
    async def test_datagrams_come_with_their_source_on_sockets_to_come(self) -> None:
        with udp_peer() as peer:
            async with board_on_a_loop(firmware=HEAD) as (_, host):
                await host.exchange(b"AT#XRECVCFG=,1\r", OK)
                await host.exchange(b"AT#XSOCKET=1,2,0\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK)
                port = peer.getsockname()[1]
                await host.exchange(b'AT#XSENDTO=0,0,0,"127.0.0.1",%d,"x"\r' % port, b"\r\n#XSENDTO: 0,0,1\r\n" + OK)
                _, board = await datagram(peer)
                peer.sendto(b"answer", board)
                await host.expect(b'\r\n#XRECVFROM: 0,0,6,"127.0.0.1",%d\r\nanswer\r\n' % port)

    @on_a_loop
    async def test_what_comes_with_the_close_is_lost_but_for_one_piece(self) -> None:
        with contextlib.closing(Peer()) as other:
            async with connected() as (host, peer):
                await open_connection(host, other, 1)
                await host.exchange(b"AT#XRECVCFG=0,1\r", OK)
                await host.write(b"AT#XRECV=1,0,0,20\r")
                await host.busy()
                await peer.send(b"x" * 3000)
                peer.hang_up()
                await host.until(lambda: events(host, 0) & POLLHUP)
                await other.send(b"y")
                await host.expect(b"\r\n#XRECV: 1,0,1\r\ny" + OK)
                await host.expect(b"\r\n#XRECV: 0,0,2048\r\n" + b"x" * 2048 + b"\r\n")
                assert await host.rest() == b""
                await host.exchange(b"AT#XRECV=0,0,64,0\r", b"\r\n#XRECV: 0,0,952\r\n" + b"x" * 952 + OK)
                await host.exchange(b"AT#XRECV=0,0,64,0\r", OK)


class TestDataMode:
    @on_a_loop
    async def test_a_length_ends_it_and_counts_the_line_feed_of_the_command(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XSEND=0,2,0,9000\r", OK)
            await host.exchange(b"+++" * 3000 + b"AT\r", b"\r\n#XDATAMODE: 0\r\n" + OK)
            assert await peer.received(9000) == b"+++" * 3000
            await host.exchange(b"AT#XSEND=0,2,0,4\r\nabc", OK + b"\r\n#XDATAMODE: 0\r\n")
            assert await peer.received(4) == b"\nabc"

    @pytest.mark.parametrize("length", [b"", b",10"])
    @on_a_loop
    async def test_the_board_ends_it_by_its_own_terminator_and_waits_for_the_hosts(self, length: bytes) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XSEND=0,2,0" + length + b"\r", OK)
            await host.write(b"half")
            assert await peer.received(4) == b"half"
            peer.hang_up()
            await host.expect(b"+++")
            await host.write(b"the rest, and AT\r")
            assert await host.rest() == b""
            await host.exchange(b"++", b"")
            await host.exchange(b"+", b"\r\n#XDATAMODE: -1\r\n")
            await host.exchange(b"AT\r", OK)

    @on_a_loop
    async def test_a_negative_length_never_ends(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XSEND=0,2,0,-1\r", OK)
            await host.write(b"AT+++\r")
            assert await peer.received(6) == b"AT+++\r"
            assert await host.rest() == b""

    @on_a_loop
    async def test_v2_counts_what_is_left_of_a_length(self) -> None:
        row = dialects.FIRMWARES[HEAD]
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(dialects.FIRMWARES, "v2", replace(row, dialect=serial_modem(Quirks(keeps_length=True))))
            async with connected(firmware="v2") as (host, peer):
                await host.exchange(b"AT#XSEND=0,2,0,10\r", OK)
                await host.write(b"half")
                assert await peer.received(4) == b"half"
                peer.hang_up()
                await host.until(lambda: events(host, 0) & POLLHUP)
                assert await host.rest() == b""
                await host.exchange(b"+++456", b"\r\n#XDATAMODE: -1\r\n")

    @on_a_loop
    async def test_an_unconnected_socket_fails_with_the_last_flush(self) -> None:
        async with board_on_a_loop(firmware=HEAD) as (_, host):
            await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: 0,1,6\r\n" + OK)
            await host.exchange(b"AT#XSEND=0,2,0\r", OK)
            await host.exchange(b"abc+++", b"+++\r\n#XDATAMODE: -1\r\n")
            await host.exchange(b"AT#XSEND=0,2,0,3\r", OK)
            await host.exchange(b"abc", b"+++\r\n#XDATAMODE: -1\r\n")
            await host.exchange(b"AT#XSEND=0,2,0\r", OK)
            await host.exchange(b"abc", b"+++")
            await host.exchange(b"+++", b"\r\n#XDATAMODE: -1\r\n")

    @on_a_loop
    async def test_a_datagram_that_fills_more_than_the_buffer(self) -> None:
        with udp_peer() as peer:
            async with board_on_a_loop(firmware=HEAD) as (_, host):
                await host.exchange(b"AT#XDATACTRL=65535\r", OK)
                await host.exchange(b"AT#XSOCKET=1,2,0\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK)
                await host.exchange(b'AT#XSENDTO=0,2,0,"127.0.0.1",%d\r' % peer.getsockname()[1], OK)
                await host.exchange(b"x" * 4096 + b"+++", b"\r\n#XDATAMODE: 0\r\n")
                assert (await datagram(peer))[0] == b"x" * 4096
                await host.exchange(b'AT#XSENDTO=0,2,0,"127.0.0.1",%d\r' % peer.getsockname()[1], OK)
                await host.exchange(b"x" * 4097, b"+++")
                await host.exchange(b"+++", b"\r\n#XDATAMODE: -1\r\n")

    @on_a_loop
    async def test_reception_and_the_events_of_others(self) -> None:
        with contextlib.closing(Peer()) as other:
            async with connected() as (host, peer):
                await open_connection(host, other, 1)
                await host.exchange(b"AT#XRECVCFG=0,2\r", OK)
                await host.exchange(b"AT#XAPOLL=1,1,1\r", OK)
                await host.exchange(b"AT#XSEND=0,2,0\r", OK)
                await peer.send(b"raw\r\n")
                await host.expect(b"raw\r\n")
                await other.send(b"x")
                assert await host.rest() == b""
                await host.exchange(b"+++", b"\r\n#XDATAMODE: 0\r\n\r\n#XAPOLL: 1,1\r\n")

    @on_a_loop
    async def test_what_came_in_data_mode_is_asked_for_anew_at_its_end(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XRECVCFG=0,1\r", OK)
            await host.exchange(b"AT#XSEND=0,2,0\r", OK)
            await peer.send(b"kept")
            await host.until(lambda: events(host, 0) & POLLIN)
            assert await host.rest() == b""
            await host.exchange(b"+++", b"\r\n#XDATAMODE: 0\r\n\r\n#XRECV: 0,0,4\r\nkept\r\n")

    @on_a_loop
    async def test_data_that_were_reported_before_are_handed_on_in_data_mode(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            await peer.send(b"early")
            await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
            await host.exchange(b"AT#XRECVCFG=0,2\r", OK)
            await host.exchange(b"AT#XSEND=0,2,0\r", OK + b"early")

    @on_a_loop
    async def test_the_destination_of_a_send_that_failed_is_kept(self) -> None:
        with udp_peer() as peer:
            async with board_on_a_loop(firmware=HEAD) as (_, host):
                await host.exchange(b"AT#XSOCKET=1,2,0\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK)
                await host.exchange(b'AT#XSENDTO=0,0,0,"127.0.0.1",%d\r' % peer.getsockname()[1], ERROR)
                await host.exchange(b"AT#XSEND=0,2,0\r", OK)
                await host.exchange(b"astray+++", b"\r\n#XDATAMODE: 0\r\n")
                assert (await datagram(peer))[0] == b"astray"
                await host.exchange(b"AT#XSEND=0,2,0\r", OK)
                await host.exchange(b"gone+++", b"+++\r\n#XDATAMODE: -1\r\n")


class TestServer:
    @on_a_loop
    async def test_several_clients_and_a_full_list(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as spare:
            port = spare.getsockname()[1]
        async with board_on_a_loop(firmware=HEAD, address="127.0.0.1") as (_, host):
            await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: 0,1,6\r\n" + OK)
            await host.exchange(b"AT#XBIND=0,%d\r" % port, OK)
            await host.exchange(b"AT#XLISTEN=0\r", OK)
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            with contextlib.ExitStack() as clients:
                for handle in range(1, 8):
                    client = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                    await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
                    name = b'"127.0.0.1",%d' % client.getsockname()[1]
                    await host.exchange(b"AT#XACCEPT=0\r", b"\r\n#XACCEPT: %d,0,%b\r\n" % (handle, name) + OK)
                late = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                await host.expect(b"\r\n#XAPOLL: 0,1\r\n")
                await host.exchange(b"AT#XACCEPT=0\r", ERROR)
                late.setblocking(False)
                assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(late, 1), PATIENCE_S) == b""
                clients.enter_context(socket.create_connection(("127.0.0.1", port)))
                assert await host.rest() == b"", "a failed accept does not ask for the next report"
                await host.exchange(b"AT#XAPOLL=0,1,1\r", OK + b"\r\n#XAPOLL: 0,1\r\n")
                await host.exchange(b"AT#XCLOSE=3\r", b"\r\n#XCLOSE: 3,0\r\n" + OK)
                await host.write(b"AT#XACCEPT=0\r")
                await host.expect(b"\r\n#XACCEPT: 3,0,")
                await host.read_to(OK)
                lines = b"".join(b"\r\n#XCLOSE: %d,0\r\n" % handle for handle in range(8))
                await host.exchange(b"AT#XCLOSE\r", lines + OK)

    @pytest.mark.parametrize("opening", [b"AT#XSOCKET=1,2,0\r", b"AT#XSSOCKET=1,1,1,42\r", b"AT#XSOCKET=1,1,1\r"])
    @on_a_loop
    async def test_who_cannot_listen(self, opening: bytes) -> None:
        async with board_on_a_loop(firmware=HEAD) as (_, host):
            await host.write(opening)
            await host.read_to(OK)
            port = 0 if opening.endswith(b"1,1,1\r") else 61234
            await host.exchange(b"AT#XBIND=0,%d\r" % port, OK)
            await host.exchange(b"AT#XLISTEN=0\r", ERROR)


class TestUrcsBetweenCommands:
    @on_a_loop
    async def test_a_character_holds_them_and_the_end_of_a_command_lets_them_come(self) -> None:
        row = dialects.FIRMWARES[HEAD]
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(dialects.FIRMWARES, "patient", replace(row, dialect=serial_modem(Quirks(quiet_ms=10**7))))
            async with board_on_a_loop(firmware="patient") as (board, host):
                await host.exchange(b"AT\r\n", OK)
                await host.busy()  # the line feed may come in a piece of its own
                board.parts.host.output.urc("+HELD: 1")
                assert await host.rest() == b""
                await host.exchange(b"AT\r", OK + b"\r\n+HELD: 1\r\n")
                board.parts.host.output.urc("+HELD: 2")
                await host.expect(b"\r\n+HELD: 2\r\n")

    @pytest.mark.parametrize("echo", [False, True])
    @on_a_loop
    async def test_half_a_command_does_not_hold_them_for_ever(self, echo: bool) -> None:
        async with board_on_a_loop(firmware=HEAD) as (board, host):
            if echo:
                await host.exchange(b"ATE1\r", OK)
            await host.exchange(b"AT#X", b"AT#X" if echo else b"")
            board.parts.host.output.urc("+HELD: 1")
            await host.expect(b"\r\n+HELD: 1\r\n")
            await host.exchange(b"UUID?\r", (b"UUID?\r" if echo else b"") + ERROR)

    @on_a_loop
    async def test_commands_sent_ahead_come_first(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,1\r", OK)
            await host.write(b"AT#XRECV=0,0,0,20\rAT\rAT#XUUID?\r")
            await host.busy()
            await peer.send(b"xy")
            await host.expect(b"\r\n#XRECV: 0,0,2\r\nxy" + OK + OK + ERROR)

    @on_a_loop
    async def test_when_too_many_wait_those_that_waited_are_lost(self) -> None:
        async with connected() as (host, peer):
            await host.write(b"AT#XRECV=0,0,0,20\r")
            await host.busy()
            for number in range(5):
                host.board.parts.host.output.urc(f"+LONG: {number}{'x' * 1000}")
            await peer.send(b"y")
            await host.expect(b"\r\n#XRECV: 0,0,1\r\ny" + OK + b"\r\n+LONG: 4" + b"x" * 1000 + b"\r\n")
            assert await host.rest() == b""

    @on_a_loop
    async def test_another_rate_until_the_next_reset(self) -> None:
        async with board_on_a_loop(firmware=HEAD, baudrate=115200) as (_, host):
            await host.exchange(b"AT+IPR=921600\r", OK)
            host.set_rate(termios.B921600)
            await host.exchange(b"AT+IPR?\r", b"\r\n+IPR: 921600\r\n" + OK)
            await host.exchange(b"AT#XDATACTRL?\r", b"\r\n#XDATACTRL: 0,32\r\n" + OK)
            await host.exchange(b"AT#XRESET\r", OK)
            assert len(await host.read(7)) == 7, "Ready, at a rate that this end does not have"
            host.set_rate(termios.B115200)
            await host.exchange(b"AT+IPR?\r", b"\r\n+IPR: 115200\r\n" + OK)

    @on_a_loop
    async def test_a_reset_forgets_the_echo_and_the_sockets(self) -> None:
        async with connected() as (host, _):
            await host.exchange(b"ATE1\r", OK)
            await host.exchange(b"AT#XRECVCFG=,1\r", b"AT#XRECVCFG=,1\r" + OK)
            await host.exchange(b"AT#XRESET\r", b"AT#XRESET\r" + OK + b"Ready\r\n")
            await host.exchange(b"AT#XSOCKET?\r", OK)
            await host.exchange(b"AT#XRECVCFG?\r", OK)


class TestSending:
    @pytest.mark.parametrize(
        ("digits", "data"),
        [
            (b"0a", b"\n"),
            (b"abc", b"\x0a\xbc"),
            (b"Ff" * 1400, b"\xff" * 1400),
            (b"1" * 2799, b"\x01" + b"\x11" * 1399),
        ],
    )
    @on_a_loop
    async def test_hex(self, digits: bytes, data: bytes) -> None:
        async with connected() as (host, peer):
            await host.exchange(b'AT#XSEND=0,1,0,"%b"\r' % digits, b"\r\n#XSEND: 0,0,%d\r\n" % len(data) + OK)
            assert await peer.received(len(data)) == data

    @pytest.mark.parametrize("digits", [b"", b"0g", b"ff" * 1401, b" ff"])
    @on_a_loop
    async def test_what_is_not_hex(self, digits: bytes) -> None:
        async with connected() as (host, _):
            await host.exchange(b'AT#XSEND=0,1,0,"%b"\r' % digits, ERROR)

    @on_a_loop
    async def test_the_longest_line_of_data(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b'AT#XSEND=0,0,0,"%b"\r' % (b"x" * 8172), b"\r\n#XSEND: 0,0,8172\r\n" + OK)
            assert await peer.received(8172) == b"x" * 8172

    @on_a_loop
    async def test_a_peer_that_does_not_read(self) -> None:
        """The line of the send that finds no room says what was taken, and that arrives."""
        async with connected() as (host, peer):
            await host.exchange(b"AT#XSOCKETOPT=0,1,21,1\r", OK)
            taken, last, answer = 0, 0, b""
            while not answer.endswith(ERROR):
                await host.write(b'AT#XSEND=0,0,0,"%b"\r' % (b"x" * 8000))
                answer = b""
                while not answer.endswith((OK, ERROR)):
                    answer += await host.read(1)
                line = re.fullmatch(rb"\r\n#XSEND: 0,0,(\d+)\r\n\r\n(OK|ERROR)\r\n", answer)
                assert line, answer
                last = int(line[1])
                taken += last
            assert last < 8000
            assert await peer.received(taken) == b"x" * taken
            await host.exchange(b'AT#XSEND=0,0,0,"room"\r', b"\r\n#XSEND: 0,0,4\r\n" + OK)
            assert await peer.received(4) == b"room"

    @on_a_loop
    async def test_an_acknowledgement_is_reported_where_the_modem_can(self) -> None:
        async with connected(modem_firmware="mfw_nrf9151-ntn_1.0.1") as (host, peer):
            await host.exchange(b"AT#XAPOLL=0,1,4\r", OK + b"\r\n#XAPOLL: 0,4\r\n")
            await host.exchange(
                b'AT#XSEND=0,0,8192,"abc"\r',
                b"\r\n#XSEND: 0,1,3\r\n" + OK + b"\r\n#XSENDNTF: 0,0,3\r\n\r\n#XAPOLL: 0,4\r\n",
            )
            assert await peer.received(3) == b"abc"
            await host.exchange(b'AT#XSEND=0,0,8704,"abc"\r', b"\r\n#XSEND: 0,0,0\r\n" + ERROR)

    @on_a_loop
    async def test_a_datagram_that_cannot_be_sent_has_a_line_and_an_unknown_name_has_none(self) -> None:
        async with board_on_a_loop(firmware=HEAD) as (_, host):
            await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: 0,1,6\r\n" + OK)
            to = b'"127.0.0.1",9'
            await host.exchange(b"AT#XSENDTO=0,0,0," + to + b',"x"\r', b"\r\n#XSENDTO: 0,0,0\r\n" + ERROR)
            await host.exchange(b'AT#XSENDTO=0,0,0,"nowhere.invalid",9,"x"\r', ERROR)
            await host.exchange(b"AT#XSENDTO=-1,0,0," + to + b',"x"\r', b"\r\n#XSENDTO: -1,0,0\r\n" + ERROR)
            await host.exchange(b"AT#XSENDTO=7,0,0," + to + b',"x"\r', ERROR)

    @on_a_loop
    async def test_no_acknowledgement_where_it_cannot(self) -> None:
        async with connected() as (host, peer):
            await host.exchange(b'AT#XSEND=0,0,8192,"abc"\r', ERROR)
            await host.exchange(b'AT#XSEND=0,0,512,"abc"\r', b"\r\n#XSEND: 0,0,3\r\n" + OK)
            assert await peer.received(3) == b"abc"


class TestSecureSockets:
    @pytest.mark.parametrize(("kind", "protocol"), [(1, 258), (2, 273)])
    @on_a_loop
    async def test_reports_and_options_of_a_secure_connection(self, kind: int, protocol: int) -> None:
        known = make_credentials()
        security = TlsSettings(server=True, datagram=kind == 2, psks=known.psks)
        tags = ((42, 4, known.psk.identity), (42, 3, known.psk.key.hex().encode()))
        with Peers() as peers:
            peer = (peers.tls_echo if kind == 1 else peers.dtls_echo)(security)
            async with board_on_a_loop(firmware=HEAD, credentials=tags) as (_, host):
                await host.exchange(b"AT#XAPOLL=,1,1\r", OK)
                opened = b"\r\n#XSSOCKET: 0,%d,%d\r\n" % (kind, protocol)
                await host.exchange(b"AT#XSSOCKET=1,%d,0,42\r" % kind, opened + OK)
                await host.exchange(b'AT#XSEND=0,0,0,"early"\r', b"\r\n#XSEND: 0,0,0\r\n" + ERROR)
                await host.exchange(b"AT#XSSOCKETOPT=0,0,4\r", ERROR)
                connect = b'AT#XCONNECT=0,"127.0.0.1",%d\r' % peer.port
                await host.exchange(connect, b"\r\n#XCONNECT: 0,1\r\n" + OK)
                await host.write(b"AT#XSSOCKETOPT=0,0,4\r")
                assert re.fullmatch(rb"\r\n#XSSOCKETOPT: 0,0x[1-9a-f][0-9a-f]*\r\n\r\nOK\r\n", await host.read_to(OK))
                sent = b"\r\n#XSEND: 0,0,5\r\n" + OK
                await host.exchange(b'AT#XSEND=0,0,0,"hello"\r', sent + b"\r\n#XAPOLL: 0,1\r\n")
                await host.exchange(b"AT#XRECV=0,0,0,20\r", b"\r\n#XRECV: 0,0,5\r\nhello" + OK)
                await host.exchange(b"AT#XRECVCFG=0,1\r", OK)
                await host.exchange(
                    b'AT#XSEND=0,0,0,"again"\r', sent + b"\r\n#XAPOLL: 0,1\r\n\r\n#XRECV: 0,0,5\r\nagain\r\n"
                )
                await host.exchange(b"AT#XLISTEN=0\r", ERROR)
                await host.exchange(b"AT#XCLOSE=0\r", b"\r\n#XCLOSE: 0,0\r\n" + OK)


EXCHANGES = [
    (b"AT#XCLOSE\r", OK),
    (b"AT#XCLOSE=\r", OK),
    (b"AT#XCLOSE=0\r", ERROR),
    (b"AT#XCLOSE?\r", ERROR),
    (b"AT#XCLOSE=-1\r", OK),
    (b'AT#XSEND=-1,0,0,"x"\r', b"\r\n#XSEND: -1,0,0\r\n" + ERROR),
    (b"AT#XRECV=-1,0,0,1\r", ERROR),
    (b"AT#XSSOCKETOPT=-1,9\r", OK),
    (b"AT#XSOCKETOPT=-1,0,20\r", ERROR),
    (b"AT#XAPOLL=-1,1,1\r", OK),
    (b"AT#XRECVCFG=,4\r", ERROR),
    (b"AT#XRECVCFG=,2,1\r", ERROR),
    (b"AT#XRECVCFG=,3\r", OK),
    (b"AT#XRECVCFG=?\r", b"\r\n#XRECVCFG: <handle>,(0,1,2,3),(0,1)\r\n" + OK),
    (b"AT#XSOCKETOPT=?\r", b"\r\n#XSOCKETOPT: <handle>,(0,1),<name>,<value>\r\n" + OK),
    (b"AT#XSSOCKETOPT=?\r", b"\r\n#XSSOCKETOPT: <handle>,(0,1),<name>,<value>\r\n" + OK),
    (b'AT#XGETADDRINFO="127.0.0.1",1,1\r', ERROR),
    (b'AT#XGETADDRINFO="127.0.0.1",3\r', ERROR),
    (b'AT#XGETADDRINFO="127.0.0.1"\r', b'\r\n#XGETADDRINFO: "127.0.0.1"\r\n' + OK),
    (b'AT#XGETADDRINFO="nowhere.invalid"\r', b'\r\n#XGETADDRINFO: "not found"\r\n' + ERROR),
    (b"AT+IPR=?\r", b"\r\n+IPR: (),(115200,230400,460800,921600,1000000)\r\n" + OK),
    (b"AT+IPR=230400,1\r", ERROR),
    (b"AT+IPR=230400\rAT+IPR?\r", OK + b"\r\n+IPR: 230400\r\n" + OK),
    (b"ATE2\r", ERROR),
    (b"ATE0?\r", ERROR),
    (b"AT#\r", ERROR),
    (b"AT#XSOCKET?\n\r", ERROR),
    (b"AT#XUUID=?\r", ERROR),
]
OF_SOCKETS = [
    (b"AT#XSSOCKETOPT=0,0,99\r", OK),
    (b"AT#XSSOCKETOPT=7,0,2\r", ERROR),
    (b"AT#XSOCKETOPT=0,2,20\r", ERROR),
    (b"AT#XSOCKETOPT=0,0,21\r", b"\r\n#XSOCKETOPT: 0,30\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,34,1\rAT#XSOCKETOPT=0,0,34\r", OK + b"\r\n#XSOCKETOPT: 0,1\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,62,1\rAT#XSOCKETOPT=0,0,62\r", OK + b"\r\n#XSOCKETOPT: 0,1\r\n" + OK),
    (b"AT#XSOCKETOPT=0,1,55,136\r", ERROR),
    (b"AT#XSOCKETOPT=0,1,20\r", OK),
    (b"AT#XSSOCKETOPT=1,0,5\r", b"\r\n#XSSOCKETOPT: 1,2\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"name"\rAT#XSSOCKETOPT=1,0,2\r', OK + b"\r\n#XSSOCKETOPT: 1,name\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"null"\rAT#XSSOCKETOPT=1,0,2\r', OK + b"\r\n#XSSOCKETOPT: 1,\r\n" + OK),
    (b'AT#XSSOCKETOPT=1,1,2,"%b"\r' % (b"n" * 128), ERROR),
    (b"AT#XSSOCKETOPT=1,1,5\r", ERROR),
    (b'AT#XSSOCKETOPT=1,1,5,"x"\r', ERROR),
    (b"AT#XSSOCKETOPT=1,2,5\r", ERROR),
    (b'AT#XCONNECT=0,"127.0.0.1",0\r', ERROR),
    (b'AT#XCONNECT=0,"::1",80\r', ERROR),
    (b"AT#XSOCKET=1,1,0,1\r", ERROR),
]


@pytest.mark.parametrize(("sent", "answer"), EXCHANGES)
@on_a_loop
async def test_answers_of_a_fresh_board(sent: bytes, answer: bytes) -> None:
    async with board_on_a_loop(firmware=HEAD) as (_, host):
        await host.exchange(sent, answer)


@pytest.mark.parametrize(("sent", "answer"), OF_SOCKETS)
@on_a_loop
async def test_answers_with_a_plain_and_a_secure_socket(sent: bytes, answer: bytes) -> None:
    async with board_on_a_loop(firmware=HEAD) as (_, host):
        await host.exchange(b"AT#XSOCKET=1,1,0\r", b"\r\n#XSOCKET: 0,1,6\r\n" + OK)
        await host.exchange(b"AT#XSSOCKET=1,2,1,42\r", b"\r\n#XSSOCKET: 1,2,273\r\n" + OK)
        await host.exchange(sent, answer)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"AT#XLISTEN=?\r", ERROR),
        (b"AT#XACCEPT=0\r", ERROR),
        (b"AT#XBOOTINFO=?\r", ERROR),
        (b"AT#XSOCKET=3,3,1\r", ERROR),
        (b"AT#XSSOCKET=1,1,2,42\r", ERROR),
        (
            b"AT#XSSOCKET=1,1,1,42\rAT#XSSOCKETOPT=0,0,5\r",
            b"\r\n#XSSOCKET: 0,1,258\r\n" + OK + b"\r\n#XSSOCKETOPT: 0,0\r\n" + OK,
        ),
        (
            b'AT#XSOCKET=1,2,1\rAT#XCONNECT=0,"127.0.0.1",9\r',
            b"\r\n#XSOCKET: 0,2,17\r\n" + OK + ERROR,
        ),
        (b"AT#XSOCKET=1,2,0\rAT#XSOCKETOPT=0,0,55\r", b"\r\n#XSOCKET: 0,2,17\r\n" + OK + ERROR),
        (b'AT#XGETADDRINFO="many.test"\r', b'\r\n#XGETADDRINFO: "192.0.2.1 192.0.2.1"\r\n' + OK),
    ],
)
@on_a_loop
async def test_v1(sent: bytes, answer: bytes) -> None:
    hosts = {"many.test": ("192.0.2.1", "192.0.2.2")}
    async with board_on_a_loop(firmware="serial-modem-1.0", hosts=hosts) as (_, host):
        await host.exchange(sent, answer)


@on_a_loop
async def test_any_split_of_a_command_and_of_the_terminator() -> None:
    async with connected() as (host, peer):
        await host.exchange(b"AT#XDATACTRL=65535\r", OK)
        command = b"AT#XSEND=0,2,0\r"
        for cut in range(1, len(command)):
            await host.write(command[:cut])
            await host.rest(0)
            await host.exchange(command[cut:], OK)
            for byte in b"a++b+++":
                await host.write(bytes([byte]))
                await host.rest(0)
            await host.expect(b"\r\n#XDATAMODE: 0\r\n")
            assert await peer.received(4) == b"a++b"
