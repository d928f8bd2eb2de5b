"""Newer socket options: those that Serial LTE Modem does not have.

Specification: Serial Modem, at_socket, #XSOCKETOPT (34, 62), #XSSOCKETOPT (19, 20, 22).
"""

import pytest

from bench.at import CommandError
from bench.modem import SecureOption, SocketOption, SocketType

from .socket_values import SEC_TAG

OPEN_IN_FLIGHT_MODE, DELAYED_REFRESH = SocketOption.KEEPOPEN, SocketOption.IPV6_DELAYED_ADDR_REFRESH
BOTH = [
    pytest.param(
        OPEN_IN_FLIGHT_MODE, marks=[pytest.mark.needs("socket option 34"), pytest.mark.spec("XSOCKETOPT.keepopen")]
    ),
    pytest.param(
        DELAYED_REFRESH,
        marks=[pytest.mark.needs("socket option 62"), pytest.mark.spec("XSOCKETOPT.ipv6_delayed_addr_refresh")],
    ),
]


@pytest.fixture
def stream(modem):
    """A TCP socket that is not connected."""
    return modem.tcp_socket()


@pytest.fixture
def dtls(modem):
    """A DTLS socket that is not connected."""
    return modem.secure_socket(SocketType.DATAGRAM, SEC_TAG)


@pytest.mark.parametrize("option", BOTH)
class TestSwitches:
    """Options 34 and 62: 0 or 1."""

    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_reads_back(self, modem, option, kind):
        socket = modem.tcp_socket() if kind is SocketType.STREAM else modem.udp_socket()
        for value in (1, 0, 1):
            socket.set_option(option, value)

            assert socket.get_option(option).number == value

    @pytest.mark.stack
    def test_is_off_at_first(self, stream, option):
        assert stream.get_option(option).number == 0

    def test_a_value_that_is_left_out_is_0(self, stream, option):
        stream.set_option(option, 1)
        stream.set_option(option)

        assert stream.get_option(option).number == 0

    @pytest.mark.parametrize("value", [2, -1])
    def test_out_of_range(self, stream, option, value):
        stream.set_option(option, 1)
        with pytest.raises(CommandError):
            stream.set_option(option, value)

        assert stream.get_option(option).number == 1

    def test_leaves_other_options_alone(self, stream, option):
        others = [other for other in (SocketOption.SNDTIMEO, SocketOption.RCVTIMEO) if other is not option]
        before = [stream.get_option(other).number for other in others]
        stream.set_option(option, 1)

        assert [stream.get_option(other).number for other in others] == before


@pytest.mark.needs("socket option 34")
@pytest.mark.detaches
@pytest.mark.spec("XSOCKETOPT.keepopen")
def test_a_socket_stays_open_in_flight_mode(modem, udp_echo, despite_loss, network):
    with modem.udp_socket() as client:
        client.set_option(OPEN_IN_FLIGHT_MODE, 1)
        with modem.registration.offline(network.registration):
            assert [row.handle for row in modem.serial_modem.sockets.list()] == [client.handle]

        received = despite_loss(
            lambda: client.send_to(udp_echo.host, udp_echo.port, b"open all the time"),
            lambda: client.receive_from(network.receive_timeout),
        )
        assert received.data == b"open all the time"


@pytest.mark.needs("secure socket option 22")
@pytest.mark.spec("XSSOCKETOPT.dtls_frag_ext")
class TestFragments:
    """Secure option 22: the fragmentation of DTLS handshakes; 0 off, 1 and 2 the sizes of fragments."""

    @pytest.mark.parametrize("value", [0, 1, 2])
    def test_reads_back(self, dtls, value):
        dtls.set_option(SecureOption.DTLS_FRAG_EXT, value)

        assert dtls.get_option(SecureOption.DTLS_FRAG_EXT).number == value

    @pytest.mark.parametrize("value", [3, -1, "no"])
    def test_out_of_range(self, dtls, value):
        dtls.set_option(SecureOption.DTLS_FRAG_EXT, 1)
        with pytest.raises(CommandError):
            dtls.set_option(SecureOption.DTLS_FRAG_EXT, value)

        assert dtls.get_option(SecureOption.DTLS_FRAG_EXT).number == 1

    def test_needs_a_value(self, dtls):
        with pytest.raises(CommandError):
            dtls.set_option(SecureOption.DTLS_FRAG_EXT)


@pytest.mark.needs("secure socket options 19 and 20")
@pytest.mark.spec("XSSOCKETOPT.dtls_conn_save", "XSSOCKETOPT.dtls_conn_load")
@pytest.mark.parametrize("option", [SecureOption.DTLS_CONN_SAVE, SecureOption.DTLS_CONN_LOAD])
class TestSavedConnection:
    """Secure options 19 and 20, where there is no connection to save or to load."""

    def test_cannot_be_read(self, dtls, option):
        with pytest.raises(CommandError):
            dtls.get_option(option)

    def test_without_a_connection(self, modem, dtls, option):
        with pytest.raises(CommandError):
            dtls.set_option(option, 1)

        assert [row.handle for row in modem.serial_modem.sockets.list_secure()] == [dtls.handle]
