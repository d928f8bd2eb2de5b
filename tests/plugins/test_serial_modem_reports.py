"""The simulated Serial Modem with real peers: what comes by itself, and when."""

import contextlib
import termios
from dataclasses import replace

import pytest

from bench.simulator import dialects
from bench.simulator.downlink import POLLHUP, POLLIN
from bench.simulator.serial_modem.commands import serial_modem
from bench.simulator.serial_modem.quirks import Quirks
from tests.support.board_on_a_loop import board_on_a_loop, on_a_loop
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
