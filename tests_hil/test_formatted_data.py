"""Formatted data: hexadecimal digits, sent and received.

Specification: Serial Modem, at_socket, #XSEND, #XSENDTO, #XRECV, #XRECVFROM.
"""

import pytest

from bench.at import CommandError
from bench.modem import ReceiveFlag

EVERY_BYTE = bytes(range(256))
HEX_LIMIT = 1400
"""Bytes that one send takes as digits."""
RECEIVE_LIMIT = 2048
"""Bytes that one receive gives."""
NOT_DIGITS = {
    "nothing": "",
    "a letter": "0g",
    "a space before": " ff",
    "a space within": "f f",
    "a prefix": "0x10",
    "a sign": "+1",
    "a line end": "ff\r\n",
    "too many": "ab" * (HEX_LIMIT + 1),
}

pytestmark = [pytest.mark.needs("hexadecimal data"), pytest.mark.needs("receive length")]


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


def _bytes(size):
    """Return bytes of every value, in which a lost or moved piece shows."""
    return b"".join(number.to_bytes(2, "big") + EVERY_BYTE for number in range(size // 258 + 1))[:size]


class TestSendDigits:
    """#XSEND in mode 1."""

    @pytest.mark.spec("XSEND.set.hex")
    @pytest.mark.parametrize("size", [1, 2, 256, HEX_LIMIT - 1, HEX_LIMIT])
    def test_every_size_and_byte(self, modem, sockets, peers, network, size):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            assert sockets.send_hex(client.handle, _bytes(size)).size == size

            assert sink.wait_for("received", size=size, timeout=network.receive_timeout)
            assert sink.received() == _bytes(size)

    @pytest.mark.spec("XSEND.set.hex")
    @pytest.mark.parametrize("data", [b"\x00", b'"', b"+++", b"\x08\x7f", b"\r\nOK\r\n"])
    def test_what_no_string_can_carry(self, modem, sockets, tcp_echo, network, data):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.send_hex(client.handle, data)

            assert client.receive_exactly(len(data), timeout=network.receive_timeout) == data

    @pytest.mark.spec("XSEND.set.hex")
    @pytest.mark.parametrize(
        ("digits", "data"),
        [
            ("aAbBcCdDeEfF", bytes.fromhex("aabbccddeeff")),
            ("0123456789", bytes.fromhex("0123456789")),
            pytest.param("123", b"\x01\x23", id="the first of an odd number is a byte by itself"),
        ],
    )
    def test_digits(self, modem, peers, network, digits, data):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            sent = modem.link.command(f'AT#XSEND={client.handle},1,0,"{digits}"')

            assert sent.lines == (f"#XSEND: {client.handle},0,{len(data)}",)
            assert sink.wait_for("received", size=len(data), timeout=network.receive_timeout)
            assert sink.received() == data

    @pytest.mark.spec("XSEND.set.hex", "XSEND.set.error")
    @pytest.mark.parametrize("digits", NOT_DIGITS.values(), ids=NOT_DIGITS.keys())
    def test_what_is_not_digits(self, modem, tcp_echo, network, digits):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as refused:
                modem.link.command(f'AT#XSEND={client.handle},1,0,"{digits}"')

            assert refused.value.response.lines == ()
            client.send(b"after")
            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"after"
            assert tcp_echo.received() == b"after"

    @pytest.mark.spec("XSEND.set.error")
    @pytest.mark.parametrize("rest", ['3,0,"aa"', '-1,0,"aa"', "1,0,12", "1,0", "0,0", "1", ""])
    def test_other_modes_and_no_data(self, modem, tcp_echo, rest):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as refused:
                modem.link.command(f"AT#XSEND={client.handle},{rest}")

            assert refused.value.response.lines == ()
            assert modem.link.command("AT").ok
        assert tcp_echo.received() == b""

    @pytest.mark.spec("XSEND.set.error")
    def test_on_an_unconnected_socket(self, modem, sockets):
        with modem.tcp_socket() as client:
            with pytest.raises(CommandError) as refused:
                sockets.send_hex(client.handle, b"x")

            assert refused.value.response.lines == (f"#XSEND: {client.handle},0,0",)


@pytest.mark.spec("XSENDTO.set.hex")
class TestSendDigitsTo:
    """#XSENDTO in mode 1."""

    @pytest.mark.parametrize("size", [1, 256, 1000])
    def test_every_size_and_byte(self, modem, sockets, udp_echo, despite_loss, network, size):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: sockets.send_hex_to(client.handle, udp_echo.host, udp_echo.port, _bytes(size)),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert (received.data, received.source) == (_bytes(size), (udp_echo.host, udp_echo.port))
            assert set(udp_echo.datagrams()) == {_bytes(size)}

    @pytest.mark.parametrize("digits", NOT_DIGITS.values(), ids=NOT_DIGITS.keys())
    def test_what_is_not_digits(self, modem, udp_echo, despite_loss, network, digits):
        with modem.udp_socket() as client:
            with pytest.raises(CommandError) as refused:
                modem.link.command(f'AT#XSENDTO={client.handle},1,0,"{udp_echo.host}",{udp_echo.port},"{digits}"')

            assert refused.value.response.lines == ()
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"after"),
                lambda: client.receive_from(network.receive_timeout),
            )
            assert received.data == b"after"
        assert set(udp_echo.datagrams()) == {b"after"}


class TestReceiveDigits:
    """#XRECV and #XRECVFROM in mode 1: two digits a byte, in lower case; the size still counts bytes."""

    @pytest.mark.spec("XRECV.set.hex")
    @pytest.mark.parametrize("size", [1, 256, RECEIVE_LIMIT])
    def test_from_a_stream(self, modem, sockets, tcp_echo, network, size):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(_bytes(size))
            received = sockets.receive(
                client.handle, 2 * network.receive_timeout, ReceiveFlag.WAIT_ALL, length=size, in_hex=True
            )

            assert received.response.lines == (f"#XRECV: {client.handle},1,{size}",)
            assert received.response.payload == _bytes(size).hex().encode()

    @pytest.mark.spec("XRECVFROM.set.hex")
    @pytest.mark.parametrize("size", [1, 256, 1000])
    def test_a_datagram(self, modem, sockets, udp_echo, despite_loss, network, size):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: sockets.send_hex_to(client.handle, udp_echo.host, udp_echo.port, _bytes(size)),
                lambda: sockets.receive_from(client.handle, network.receive_timeout, in_hex=True),
            )
            source = f'"{udp_echo.host}",{udp_echo.port}'

            assert received.response.lines == (f"#XRECVFROM: {client.handle},1,{size},{source}",)
            assert received.response.payload == _bytes(size).hex().encode()

    @pytest.mark.spec("XRECV.set.hex")
    def test_digits_and_bytes_in_turn(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(EVERY_BYTE)
            data = b""
            for in_hex in (True, False, True, False):
                data += sockets.receive(
                    client.handle, network.receive_timeout, ReceiveFlag.WAIT_ALL, length=64, in_hex=in_hex
                ).data

            assert data == EVERY_BYTE

    @pytest.mark.parametrize("mode", [2, 3, -1])
    @pytest.mark.parametrize("name", ["#XRECV", "#XRECVFROM"])
    def test_other_modes_leave_the_data(self, modem, tcp_echo, network, name, mode):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"still there")
            with pytest.raises(CommandError) as refused:
                modem.link.command(f"AT{name}={client.handle},{mode},0,1")

            assert refused.value.response.lines == ()
            assert client.receive_exactly(11, timeout=network.receive_timeout) == b"still there"
