"""Closing: one socket, all of them, none, in every order; the use of a closed handle.

Specification: Serial Modem, at_socket, #XCLOSE.
"""

import pytest

from bench.at import CommandError
from bench.modem import Family, SocketType

from .socket_values import SEC_TAG

UNKNOWN = 999
ORDERS = {"as opened": (0, 1, 2, 3), "backwards": (3, 2, 1, 0), "mixed": (2, 0, 3, 1)}
USES = {
    "send": 'AT#XSEND={},0,0,"x"',
    "receive": "AT#XRECV={},0,0,1",
    "send to": 'AT#XSENDTO={},0,0,"127.0.0.1",9,"x"',
    "receive from": "AT#XRECVFROM={},0,0,1",
    "connect": 'AT#XCONNECT={},"127.0.0.1",9',
    "bind": "AT#XBIND={},0",
    "option": "AT#XSOCKETOPT={},0,20",
    "secure option": "AT#XSSOCKETOPT={},0,5",
    "data mode": "AT#XSEND={},2,0",
    "close": "AT#XCLOSE={}",
}

pytestmark = pytest.mark.needs("#XCLOSE")


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


def _handles(sockets):
    return [row.handle for row in (*sockets.list(), *sockets.list_secure())]


class TestOne:
    """#XCLOSE with a handle."""

    @pytest.mark.spec("XCLOSE.set")
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM, SocketType.RAW])
    def test_a_plain_socket(self, sockets, kind):
        handle = sockets.open(kind).handle

        assert sockets.close(handle).lines == (f"#XCLOSE: {handle},0",)
        assert _handles(sockets) == []

    @pytest.mark.spec("XCLOSE.set")
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_a_secure_socket(self, sockets, kind):
        handle = sockets.open_secure(kind, SEC_TAG).handle

        assert sockets.close(handle).lines == (f"#XCLOSE: {handle},0",)
        assert _handles(sockets) == []

    @pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
    def test_leaves_the_others_in_any_order(self, sockets, order):
        opened = [sockets.open(SocketType.DATAGRAM).handle for _ in order]
        left = set(opened)
        for index in order:
            sockets.close(opened[index])
            left.remove(opened[index])

            assert set(_handles(sockets)) == left

    def test_its_place_is_free_again(self, sockets):
        """More sockets than a board can hold, one after the other, beside one that stays."""
        stays = sockets.open(SocketType.STREAM).handle
        for family in (Family.IPV4, Family.IPV6) * 8:
            sockets.close(sockets.open(SocketType.DATAGRAM, family=family).handle)

        assert _handles(sockets) == [stays]

    @pytest.mark.parametrize("command", USES.values(), ids=USES.keys())
    def test_a_closed_handle_is_refused(self, modem, sockets, command):
        sockets.open(SocketType.DATAGRAM)
        handle = sockets.open(SocketType.STREAM).handle
        sockets.close(handle)
        with pytest.raises(CommandError) as refused:
            modem.link.command(command.format(handle))

        assert refused.value.response.lines == ()
        assert modem.link.command("AT").ok

    def test_the_peer_sees_the_end(self, modem, sockets, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sockets.send(client.handle, b"bye")
            assert tcp_echo.wait_for("received", size=3, timeout=network.receive_timeout)
            client.close()

            assert tcp_echo.wait_for("ended", timeout=network.receive_timeout)

    def test_the_peer_of_a_secure_socket_sees_the_end(self, tls, network):
        peer = tls.peer(psk=True)
        with tls.client(peer):
            assert not peer.wait_for("ended", timeout=0)

        assert peer.wait_for("ended", timeout=network.receive_timeout)


class TestAll:
    """#XCLOSE without a handle."""

    @pytest.mark.spec("XCLOSE.set.all")
    def test_a_line_each(self, sockets):
        opened = [
            sockets.open(SocketType.STREAM).handle,
            sockets.open_secure(SocketType.STREAM, SEC_TAG).handle,
            sockets.open(SocketType.DATAGRAM, family=Family.IPV6).handle,
            sockets.open_secure(SocketType.DATAGRAM, SEC_TAG).handle,
        ]
        closed = sockets.close_every()

        assert sorted(one.handle for one in closed.sockets) == sorted(opened)
        assert {one.result for one in closed.sockets} == {0}
        assert _handles(sockets) == []

    @pytest.mark.spec("XCLOSE.set.all")
    def test_an_equals_sign_without_a_handle(self, modem, sockets):
        handle = sockets.open(SocketType.STREAM).handle

        assert modem.link.command("AT#XCLOSE=").lines == (f"#XCLOSE: {handle},0",)
        assert _handles(sockets) == []

    @pytest.mark.spec("XCLOSE.set.none")
    def test_none_is_open(self, sockets):
        closed = sockets.close_every()

        assert (closed.sockets, closed.response.lines) == ((), ())

    def test_every_peer_sees_the_end(self, modem, sockets, peers, network):
        echoes = [peers.tcp_echo() for _ in range(3)]
        for echo in echoes:
            modem.tcp_client(echo.host, echo.port)
        assert len(sockets.close_every().sockets) == len(echoes)

        for echo in echoes:
            assert echo.wait_for("ended", timeout=network.receive_timeout)

    @pytest.mark.needs("several connections of a server")
    def test_a_listener_and_its_connection(self, board, modem, sockets, dialer, network):
        port = board.free_port()
        listener = modem.tcp_server(port)
        client = dialer.connect(board.address(), port)
        accepted = listener.accept(network.receive_timeout)
        closed = sockets.close_every()

        assert {one.handle for one in closed.sockets} == {listener.handle, accepted.carrier}
        assert client.wait_for_end(timeout=network.receive_timeout)


class TestRefusals:
    """Commands that are refused, and close nothing."""

    @pytest.mark.spec("XCLOSE.error")
    @pytest.mark.parametrize("handle", [str(UNKNOWN), "65536", '"{}"', "{}x", "x"])
    def test_an_unknown_handle(self, modem, sockets, handle):
        opened = sockets.open(SocketType.STREAM).handle
        with pytest.raises(CommandError) as refused:
            modem.link.command(f"AT#XCLOSE={handle.format(opened)}")

        assert refused.value.response.lines == ()
        assert _handles(sockets) == [opened]

    @pytest.mark.spec("XCLOSE.error")
    def test_twice(self, sockets):
        stays, goes = (sockets.open(SocketType.STREAM).handle for _ in range(2))
        sockets.close(goes)
        with pytest.raises(CommandError):
            sockets.close(goes)

        assert _handles(sockets) == [stays]

    @pytest.mark.spec("XCLOSE.read", "XCLOSE.test")
    @pytest.mark.parametrize("form", ["?", "=?"])
    def test_other_forms(self, modem, sockets, form):
        opened = sockets.open(SocketType.STREAM).handle
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XCLOSE{form}")

        assert _handles(sockets) == [opened]
