"""Acknowledged sends: sends that wait for the network, that are reported later, or that are taken only in part.

Specification: Serial Modem, at_socket, #XSEND and #XSENDTO, flags 512 and 8192; #XCONNECT.
"""

import re

import pytest

from bench.at import CommandError, UrcTimeout
from bench.modem import SendFlag, SocketOption
from bench.modem.modem_firmware import SEND_NOTICE
from nrf91_bench_fixtures.left_out import leave_out
from nrf91_bench_fixtures.security import need_feature

PIECE = b"".join(b"%07d " % number for number in range(375))
"""3000 bytes in which a lost, doubled or moved piece shows."""
SEND_SECONDS = 3

pytestmark = pytest.mark.needs("acknowledged send")


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


@pytest.fixture
def send_notice(board):
    """Leaves a test out where the modem firmware has no notice of sends."""
    need_feature(board, SEND_NOTICE)


def _fill(client, sockets, limit):
    """Send until the board has no room; return how many bytes it took before, and the lines of the refusal."""
    taken = 0
    while taken < limit:
        try:
            taken += sockets.send(client.handle, PIECE).size
        except CommandError as full:
            return taken, full.response.lines
    raise AssertionError(f"{taken} bytes were taken although the peer reads nothing")


@pytest.mark.spec("XSEND.set.error")
class TestNoRoom:
    """A peer that does not read: the send timeout ends the command, whose line says how many bytes were taken."""

    @pytest.mark.usefixtures("flow_control")
    def test_what_was_taken_arrives_and_no_more(self, modem, sockets, peers, network):
        sink = peers.tcp_echo(echo=False, reads=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.set_option(SocketOption.SNDTIMEO, SEND_SECONDS)
            before, lines = _fill(client, sockets, limit=1 << 23)
            line = re.fullmatch(rf"#XSEND: {client.handle},0,(\d+)", "\n".join(lines))
            assert line, lines
            of_the_last = int(line[1])
            assert of_the_last < len(PIECE)
            taken = before + of_the_last
            sink.behave(reads=True)
            assert sink.wait_for("received", size=taken, timeout=10 * network.receive_timeout)
            sockets.send(client.handle, b"room again", at_most=network.receive_timeout)

            assert sink.wait_for("received", size=taken + 10, timeout=10 * network.receive_timeout)
            assert sink.received() == PIECE * (before // len(PIECE)) + PIECE[:of_the_last] + b"room again"


@pytest.mark.spec("XSEND.set.acknowledged")
class TestAcknowledged:
    """Flag 512: OK comes when the network has acknowledged the data."""

    @pytest.mark.spec("XSEND.set.tcp")
    def test_on_a_stream(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sent = sockets.send(client.handle, b"acknowledged", SendFlag.WAIT_ACK)
            assert (sent.size, sent.notified) == (12, False)
            hexadecimal = sockets.send_hex(client.handle, b"\x00 too", SendFlag.WAIT_ACK)
            assert (hexadecimal.size, hexadecimal.notified) == (5, False)

            assert client.receive_exactly(17, timeout=network.receive_timeout) == b"acknowledged\x00 too"

    def test_a_datagram(self, modem, sockets, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: sockets.send_to(
                    client.handle, udp_echo.host, udp_echo.port, b"acknowledged", SendFlag.WAIT_ACK
                ),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == b"acknowledged"

    def test_in_data_mode(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.send_in_data_mode(client.handle, b"acknowledged", flags=SendFlag.WAIT_ACK)

            assert client.receive_exactly(12, timeout=network.receive_timeout) == b"acknowledged"

    @pytest.mark.stack  # the range is the documentation's, the check the modem's
    @pytest.mark.parametrize("seconds", [0, 601])
    def test_needs_a_send_timeout(self, modem, sockets, tcp_echo, seconds):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.set_option(SocketOption.SNDTIMEO, seconds)
            with pytest.raises(CommandError):
                sockets.send(client.handle, b"x", SendFlag.WAIT_ACK)

    def test_is_for_one_send(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for flags in (SendFlag.WAIT_ACK, SendFlag.NONE, SendFlag.DONT_WAIT, None):
                assert not sockets.send(client.handle, b"one,", flags).notified

            assert client.receive_exactly(16, timeout=network.receive_timeout) == b"one," * 4


@pytest.mark.spec("XSEND.set.notified")
class TestNotified:
    """Flag 8192: OK comes at once, #XSENDNTF when the network has acknowledged the data."""

    @pytest.mark.usefixtures("send_notice")
    @pytest.mark.parametrize("in_hex", [False, True])
    def test_on_a_stream(self, modem, sockets, tcp_echo, network, in_hex):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            send = sockets.send_hex if in_hex else sockets.send
            for number in range(2):
                sent = send(client.handle, b"noticed", SendFlag.NOTIFY)
                notice = sockets.wait_notice(client.handle, network.receive_timeout, since_ns=sent.response.sent_ns)

                assert (sent.size, sent.notified) == (7, True)
                assert (notice.status, notice.size) == (0, 7)
                assert notice.urc.received_ns >= sent.response.final_ns
                expected = b"noticed" * (number + 1)
                assert tcp_echo.wait_for("received", size=len(expected), timeout=network.receive_timeout)
                assert tcp_echo.received() == expected

    @pytest.mark.usefixtures("send_notice")
    def test_a_datagram(self, modem, sockets, udp_echo, network):
        with modem.udp_socket() as client:
            sent = sockets.send_to(client.handle, udp_echo.host, udp_echo.port, b"noticed", SendFlag.NOTIFY)
            assert sent.notified
            assert sockets.wait_notice(client.handle, network.receive_timeout).size == 7

    @pytest.mark.usefixtures("send_notice")
    def test_comes_once(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.send(client.handle, b"noticed", SendFlag.NOTIFY)
            sockets.wait_notice(client.handle, network.receive_timeout)
            sockets.send(client.handle, b"and not noticed")

            with pytest.raises(UrcTimeout):
                sockets.wait_notice(client.handle, 1.0)

    @pytest.mark.usefixtures("send_notice")
    def test_not_together_with_512(self, modem, sockets, tcp_echo):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as refused:
                sockets.send(client.handle, b"both", SendFlag.NOTIFY | SendFlag.WAIT_ACK)

            assert refused.value.response.lines == (f"#XSEND: {client.handle},0,0",)
        assert tcp_echo.received() == b""

    def test_is_refused_where_the_modem_has_no_notice(self, board, modem, sockets, tcp_echo):
        if not SEND_NOTICE.missing_in(board.identity.modem_firmware):
            leave_out(f"this modem firmware ({board.identity.modem_firmware}) has no refusal of flag 8192")
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as refused:
                sockets.send(client.handle, b"x", SendFlag.NOTIFY)

            assert refused.value.response.lines == ()
            assert modem.link.command("AT").ok
        assert tcp_echo.received() == b""


class TestPort:
    """Port 0, at which no peer can be."""

    @pytest.mark.spec("XCONNECT.set.error")
    @pytest.mark.parametrize("kind", ["tcp_socket", "udp_socket"])
    def test_port_0(self, modem, tcp_echo, kind):
        with getattr(modem, kind)() as client, pytest.raises(CommandError):
            client.connect(tcp_echo.host, 0)

        assert not tcp_echo.journal()
