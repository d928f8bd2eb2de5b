"""Data mode of a length: it ends after that many bytes, whatever they are.

Specification: Serial Modem, sm_data_mode; at_socket, #XSEND and #XSENDTO in mode 2. No scenario takes a negative
length: with it the firmware never leaves data mode.
"""

import re

import pytest

from bench.modem import DATA_MODE_BUFFER

from .payloads import numbered

HOLD_TERMINATORS = {
    "within": b"before+++after",
    "at the beginning": b"+++after",
    "at the end": b"before+++",
    "nothing else": b"+++",
    "many": b"+++" * 100,
    "half ones": b"+a++b+++",
    "half one at the end": b"before++",
}

pytestmark = [pytest.mark.needs("data mode of a length"), pytest.mark.spec("XSEND.set.datamode.length")]


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


@pytest.mark.spec("DATAMODE.exit.length")
class TestExactly:
    """As many bytes as were announced."""

    @pytest.mark.spec("DATAMODE.size")
    @pytest.mark.parametrize("size", [1, 2, 255, 256, 1024, 4095, 4096, 4097, 16384])
    def test_every_size(self, modem, sockets, peers, network, request, size):
        if size >= DATA_MODE_BUFFER:
            request.getfixturevalue("flow_control")
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.send_in_data_mode(client.handle, numbered(size), by_length=True)

            assert modem.link.command("AT").ok
            assert sink.wait_for("received", size=size, timeout=2 * network.receive_timeout)
            assert sink.received() == numbered(size)

    @pytest.mark.spec("DATAMODE.content")
    @pytest.mark.parametrize("data", HOLD_TERMINATORS.values(), ids=HOLD_TERMINATORS.keys())
    def test_the_terminator_is_data(self, modem, sockets, peers, network, data):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.send_in_data_mode(client.handle, data, by_length=True)

            assert modem.link.command("AT").ok
            assert sink.wait_for("received", size=len(data), timeout=network.receive_timeout)
            assert sink.received() == data

    @pytest.mark.spec("DATAMODE.content")
    def test_every_byte_value(self, modem, sockets, tcp_echo, network):
        data = bytes(range(256)) + bytes(reversed(range(256)))
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.send_in_data_mode(client.handle, data, by_length=True)

            assert client.receive_exactly(len(data), timeout=network.receive_timeout) == data

    def test_in_pieces(self, modem, sockets, peers, network):
        """Each goes out when the time limit has passed. The terminator among them, byte by byte, ends nothing."""
        pieces = [b"one,", b"two,", b"+", b"+", b"+", b",three"]
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.enter_data_mode(client.handle, length=len(b"".join(pieces)))
            for count in range(len(pieces)):
                modem.link.write(pieces[count])
                size = len(b"".join(pieces[: count + 1]))
                assert sink.wait_for("received", size=size, timeout=network.receive_timeout)

            assert modem.link.data_mode_ended(timeout=network.margin) == 0
            assert modem.link.command("AT").ok
            assert sink.received() == b"".join(pieces)

    def test_again_and_again(self, modem, sockets, tcp_echo, network):
        """By a length, by the terminator and by command in turn: none has an effect on the next."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for number in range(3):
                sockets.send_in_data_mode(client.handle, b"+++%d" % number, by_length=True)
                sockets.send_in_data_mode(client.handle, b"two%d" % number, by_length=False)
                sockets.send(client.handle, b"cmd%d" % number)

                expected = b"+++%d" % number + b"two%d" % number + b"cmd%d" % number
                assert client.receive_exactly(len(expected), timeout=network.receive_timeout) == expected


@pytest.mark.spec("DATAMODE.exit.length")
class TestMoreAndLess:
    """Other numbers of bytes than were announced."""

    @pytest.mark.parametrize("length", [1, 3, 10])
    def test_what_follows_is_a_command(self, modem, sockets, peers, network, length):
        """In one write: the data, and a command behind them."""
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.enter_data_mode(client.handle, length=length)
            modem.link.write(numbered(length) + b"AT" + modem.link.dialect.terminator)
            heard = modem.link.listen(lambda heard: heard.endswith(b"\r\nOK\r\n"), timeout=network.margin)
            modem.link.forget()

            assert re.search(rb"^\r\n#XDATAMODE: 0\r\n.*\r\nOK\r\n$", heard, re.DOTALL)
            assert sink.wait_for("received", size=length, timeout=network.receive_timeout)
            assert modem.link.command("AT").ok
            assert sink.received() == numbered(length)

    def test_the_terminator_does_not_end_it_early(self, modem, sockets, peers, network):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.enter_data_mode(client.handle, length=10)
            modem.link.write(b"abc+++")
            assert sink.wait_for("received", size=6, timeout=network.receive_timeout)
            modem.link.write(b"defg")

            assert modem.link.data_mode_ended(timeout=network.margin) == 0
            assert sink.wait_for("received", size=10, timeout=network.receive_timeout)
            assert sink.received() == b"abc+++defg"

    @pytest.mark.spec("DATAMODE.exit")
    def test_a_length_of_0_means_none(self, modem, sockets, peers, network):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sockets.enter_data_mode(client.handle, length=0)
            modem.link.write(b"as long as it takes")

            assert modem.link.leave_data_mode(timeout=network.margin) == 0
            assert sink.wait_for("received", size=19, timeout=network.receive_timeout)
            assert sink.received() == b"as long as it takes"


@pytest.mark.spec("DATAMODE.exit.length")
class TestDatagrams:
    """One data mode, one datagram."""

    @pytest.mark.spec("XSENDTO.set.datamode")
    @pytest.mark.parametrize("size", [1, 6, 1000])
    def test_to_a_destination(self, modem, sockets, udp_echo, despite_loss, network, size):
        data = (b"+++" + numbered(size))[:size]
        to = (udp_echo.host, udp_echo.port)
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: sockets.send_in_data_mode(client.handle, data, to=to, by_length=True),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert (received.data, received.source) == (data, to)
            assert set(udp_echo.datagrams()) == {data}

    def test_on_a_connected_socket(self, modem, sockets, udp_echo, despite_loss, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            received = despite_loss(
                lambda: sockets.send_in_data_mode(client.handle, b"one +++ datagram", by_length=True),
                lambda: client.receive(network.receive_timeout),
            )

            assert received.data == b"one +++ datagram"
            assert set(udp_echo.datagrams()) == {b"one +++ datagram"}
