"""The simulated Serial Modem with real peers: sending, data mode, servers, secure sockets."""

import asyncio
import contextlib
import re
import socket
from dataclasses import replace

import pytest

from bench.peers import Peers
from bench.security import TlsSettings
from bench.security.credentials import make_credentials
from bench.simulator import dialects
from bench.simulator.downlink import POLLHUP, POLLIN
from bench.simulator.serial_modem.commands import serial_modem
from bench.simulator.serial_modem.quirks import Quirks
from tests.support.board_on_a_loop import PATIENCE_S, board_on_a_loop, on_a_loop
from tests.support.serial_modem_on_a_loop import (
    ERROR,
    HEAD,
    OK,
    Peer,
    connected,
    datagram,
    events,
    open_connection,
    udp_peer,
)


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
