"""Data mode that fails: the board says +++ itself, drops what comes until the host's +++, and reports -1.

Specification: Serial Modem, sm_data_mode.
"""

import pytest

from bench.at import CommandError, UrcTimeout
from bench.boards.recovery import synchronise
from bench.modem import DATA_MODE_BUFFER, DataModeError, SocketType

LOST = -1
KINDS = [SocketType.STREAM, SocketType.DATAGRAM]
PATIENT_MS = 5000
"""A time limit that is longer than any pause of the host's port: all data of a write are collected."""

pytestmark = [pytest.mark.needs("data mode that reports"), pytest.mark.spec("DATAMODE.exit.error")]


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


@pytest.fixture
def patient(modem):
    """Sets a long time limit of data mode, and in the end the one from before."""
    before = modem.data_mode.read_time_limit()
    modem.data_mode.set_time_limit(PATIENT_MS)
    yield
    if modem.link.in_data_mode or modem.link.blocked:
        synchronise(modem.link)
    modem.data_mode.set_time_limit(max(before.milliseconds, before.minimum))


def _says_failed(modem, timeout):
    """Return whether the board says +++; builds that go on counting an announced length do not."""
    try:
        modem.data_mode.wait_failed(timeout)
    except UrcTimeout:
        return False
    return True


class TestPeerEnds:
    """The peer goes away while the board is in data mode."""

    def test_closes_while_nothing_is_sent(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            tcp_echo.close_connection()
            modem.data_mode.wait_failed(network.receive_timeout)

            assert modem.link.leave_data_mode(timeout=network.margin) == LOST
            assert modem.link.command("AT").ok
            assert client.receive(network.receive_timeout).ended

    @pytest.mark.stack
    def test_resets_while_nothing_is_sent(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            tcp_echo.reset_connection()
            modem.data_mode.wait_failed(network.receive_timeout)

            assert modem.link.leave_data_mode(timeout=network.margin) == LOST
            assert modem.link.command("AT").ok

    def test_closes_between_data(self, modem, tcp_echo, network):
        """What was sent before has arrived; what follows is dropped, even a command."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            modem.link.write(b"before")
            assert tcp_echo.wait_for("received", size=6, timeout=network.receive_timeout)
            tcp_echo.close_connection()
            modem.data_mode.wait_failed(network.receive_timeout)
            modem.link.write(b"behind, ++ and AT" + modem.link.dialect.terminator)

            assert modem.link.leave_data_mode(timeout=network.margin) == LOST
            assert modem.link.command("AT").ok
        assert tcp_echo.received() == b"before"

    def test_closes_halfway_through_a_length(self, modem, sockets, tcp_echo, network):
        """The board may wait for +++ or for the rest of the length, but must not stay deaf (pull request 431)."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.enter_data_mode(client.handle, length=100)
            modem.link.write(b"half")
            assert tcp_echo.wait_for("received", size=4, timeout=network.receive_timeout)
            tcp_echo.close_connection()
            if _says_failed(modem, network.receive_timeout):
                modem.link.write(b"some more, +")
                leave = modem.link.leave_data_mode
            else:
                modem.link.write(b"x" * 96)
                leave = modem.link.data_mode_ended

            assert leave(timeout=network.margin) == LOST
            assert modem.link.command("AT").ok
        assert tcp_echo.received() == b"half"

    def test_another_connection_works_again_afterwards(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            tcp_echo.close_connection()
            modem.data_mode.wait_failed(network.receive_timeout)
            modem.link.leave_data_mode(timeout=network.margin)
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_in_data_mode(b"once more")

            assert client.receive_exactly(9, timeout=network.receive_timeout) == b"once more"


class TestNobody:
    """A socket that is not connected: data mode begins, and fails with the first data."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_leaving_it_afterwards(self, modem, sockets, network, kind):
        sockets.enter_data_mode(sockets.open(kind).handle)
        modem.link.write(b"to nobody")
        modem.data_mode.wait_failed(network.margin)

        assert modem.link.leave_data_mode(timeout=network.margin) == LOST
        assert modem.link.command("AT").ok

    @pytest.mark.parametrize("kind", KINDS)
    def test_leaving_it_at_once(self, modem, sockets, network, kind):
        sockets.enter_data_mode(sockets.open(kind).handle)
        modem.link.write(b"to nobody+++")

        assert modem.link.data_mode_ended(timeout=network.margin) == LOST
        assert modem.link.command("AT").ok

    @pytest.mark.parametrize("kind", KINDS)
    def test_with_a_length(self, modem, sockets, network, kind):
        sockets.enter_data_mode(sockets.open(kind).handle, length=3)
        modem.link.write(b"abc")

        assert modem.link.data_mode_ended(timeout=network.margin) == LOST
        assert modem.link.command("AT").ok

    def test_without_data_it_just_ends(self, modem, sockets, network):
        sockets.enter_data_mode(sockets.open(SocketType.STREAM).handle)

        assert modem.link.leave_data_mode(timeout=network.margin) == 0

    @pytest.mark.spec("XSEND.set.error")
    @pytest.mark.parametrize("length", [None, 10])
    def test_an_unknown_handle_does_not_enter_it(self, modem, sockets, length):
        sockets.open(SocketType.STREAM)
        closed = sockets.open(SocketType.STREAM).handle
        sockets.close(closed)
        with pytest.raises(CommandError) as refused:
            sockets.enter_data_mode(closed, length=length)

        assert refused.value.response.lines == ()
        assert modem.link.command("AT").ok


@pytest.mark.spec("DATAMODE.overflow.report")
@pytest.mark.usefixtures("flow_control", "patient")
class TestOverflow:
    """A datagram of more bytes than the buffer holds: none of it is sent."""

    @pytest.mark.parametrize("size", [DATA_MODE_BUFFER + 1, 3 * DATA_MODE_BUFFER])
    def test_is_reported(self, modem, peers, sockets, size):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            with pytest.raises(DataModeError, match="-1"):
                sockets.send_in_data_mode(client.handle, b"x" * size, by_length=False)

            assert modem.link.command("AT").ok
        assert sink.datagrams() == []

    def test_to_a_destination(self, modem, udp_echo, sockets, despite_loss, network):
        to = (udp_echo.host, udp_echo.port)
        with modem.udp_socket() as client:
            with pytest.raises(DataModeError, match="-1"):
                sockets.send_in_data_mode(client.handle, b"x" * (DATA_MODE_BUFFER + 1), to=to, by_length=False)

            received = despite_loss(
                lambda: sockets.send_to(client.handle, *to, b"fits"),
                lambda: client.receive_from(network.receive_timeout),
            )
            assert received.data == b"fits"
        assert set(udp_echo.datagrams()) == {b"fits"}

    def test_with_a_length(self, modem, peers, sockets):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            with pytest.raises(DataModeError, match="-1"):
                sockets.send_in_data_mode(client.handle, b"x" * (DATA_MODE_BUFFER + 1), by_length=True)

            assert modem.link.command("AT").ok
        assert sink.datagrams() == []


class TestOthers:
    """Other sockets, meanwhile: a peer must not be able to harm the board (pull request 385)."""

    @pytest.mark.parametrize("how", ["close_connection", pytest.param("reset_connection", marks=pytest.mark.stack)])
    def test_the_peer_of_another_ends(self, modem, peers, tcp_echo, network, how):
        other = peers.tcp_echo()
        with modem.tcp_client(other.host, other.port), modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            modem.link.write(b"before ")
            other.push(b"news")
            getattr(other, how)()
            assert tcp_echo.wait_for("received", size=7, timeout=network.receive_timeout)
            modem.link.write(b"and after")

            assert modem.link.leave_data_mode(timeout=network.margin) == 0
            assert modem.link.command("AT").ok
            assert client.receive_exactly(16, timeout=network.receive_timeout) == b"before and after"

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.parametrize("end", ["close", "reset"])
    def test_a_client_comes_and_goes(self, board, modem, tcp_echo, dialer, network, end):
        port, address = board.free_port(), board.address()
        with modem.tcp_server(port), modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            visitor = dialer.connect(address, port)
            visitor.send(b"anybody?")
            getattr(visitor, end)()
            modem.link.write(b"undisturbed")

            assert modem.link.leave_data_mode(timeout=network.margin) == 0
            assert modem.link.command("AT").ok
            assert client.receive_exactly(11, timeout=network.receive_timeout) == b"undisturbed"
