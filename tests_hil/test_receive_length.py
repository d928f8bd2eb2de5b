"""Receive length: the most bytes that a receive gives, and what becomes of the rest.

Specification: Serial Modem, at_socket, #XRECV, #XRECVFROM.
"""

import pytest

from bench.at import CommandError
from bench.modem import ReceiveFlag

from .payloads import numbered

RECEIVE_LIMIT = 2048
"""Bytes that one receive gives."""

pytestmark = pytest.mark.needs("receive length")


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


def _all_that_comes(client):
    """Return every datagram that comes until none has come for a second."""
    came = []
    while True:
        try:
            came.append(client.receive_from(1).data)
        except CommandError:
            return came


class TestLength:
    """The last parameter of a receive: the most bytes that it gives."""

    @pytest.mark.spec("XRECV.set.length", "XRECV.set.wait_all")
    @pytest.mark.parametrize("length", [1, 100, RECEIVE_LIMIT - 1, RECEIVE_LIMIT])
    def test_the_rest_of_a_stream_stays(self, modem, sockets, tcp_echo, network, length):
        data = numbered(RECEIVE_LIMIT + 100)
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(data)
            first = sockets.receive(client.handle, 2 * network.receive_timeout, ReceiveFlag.WAIT_ALL, length=length)

            assert first.data == data[:length]
            rest = client.receive_exactly(len(data) - length, timeout=2 * network.receive_timeout)
            assert rest == data[length:]

    @pytest.mark.spec("XRECV.set.length", "XRECVFROM.set.length")
    @pytest.mark.parametrize("length", [RECEIVE_LIMIT + 1, 65536, -1])
    @pytest.mark.parametrize("name", ["receive", "receive_from"])
    def test_out_of_range_leaves_the_data(self, modem, sockets, tcp_echo, network, name, length):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"still there")
            with pytest.raises(CommandError):
                getattr(sockets, name)(client.handle, 1, length=length)

            assert client.receive_exactly(11, timeout=network.receive_timeout) == b"still there"

    @pytest.mark.spec("XRECV.set.length", "XRECV.set.wait_all")
    def test_waits_for_all_of_it(self, modem, sockets, peers, network):
        echo = peers.tcp_echo(split=2, split_gap_ms=30.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            echo.push(b"seven bytes and more")
            first = sockets.receive(client.handle, network.receive_timeout, ReceiveFlag.WAIT_ALL, length=7)

            assert first.data == b"seven b"
            assert client.receive_exactly(13, timeout=network.receive_timeout) == b"ytes and more"

    @pytest.mark.spec("XRECV.set.length", "XRECV.set.peek")
    def test_peeks_at_the_beginning(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"look, not touch")
            for _ in range(2):
                peeked = sockets.receive(client.handle, network.receive_timeout, ReceiveFlag.PEEK, length=4)
                assert peeked.data == b"look"

            assert client.receive_exactly(15, timeout=network.receive_timeout) == b"look, not touch"

    @pytest.mark.spec("XRECVFROM.set.length")
    def test_a_datagram_of_that_size(self, modem, sockets, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"fits"),
                lambda: sockets.receive_from(client.handle, network.receive_timeout, length=4),
            )

            assert (received.data, received.source) == (b"fits", (udp_echo.host, udp_echo.port))

    @pytest.mark.stack
    @pytest.mark.spec("XRECVFROM.set.length")
    def test_the_rest_of_a_datagram_is_lost(self, modem, sockets, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"cut off here"),
                lambda: sockets.receive_from(client.handle, network.receive_timeout, length=7),
            )

            assert received.data == b"cut off"
            assert set(_all_that_comes(client)) <= {b"cut off here"}  # one that was sent again may come late, but whole
