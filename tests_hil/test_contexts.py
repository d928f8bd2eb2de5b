"""Contexts and raw sockets: what the open of a socket decides beyond stream and datagram.

Specification: Serial Modem, at_socket, #XSOCKET, #XSSOCKET, #XBIND.
"""

import pytest

from bench.at import CommandError
from bench.modem import Family, PeerVerify, SocketType

from .socket_values import SEC_TAG

LIMIT = 7
"""Sockets that every version holds at a time."""
UNDEFINED = 10
"""The highest context: no network defines it by itself."""


@pytest.fixture
def sockets(modem):
    return modem.serial_modem.sockets


@pytest.mark.needs("context at the open")
class TestContext:
    """<cid>."""

    @pytest.mark.spec("XSOCKET.set.cid")
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_of_a_plain_socket(self, sockets, kind):
        handle = sockets.open(kind, cid=0).handle

        assert [(row.handle, row.cid) for row in sockets.list()] == [(handle, 0)]

    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_of_a_secure_socket(self, sockets, kind):
        handle = sockets.open_secure(kind, SEC_TAG, peer_verify=PeerVerify.NONE, cid=0).handle

        assert [(row.handle, row.sec_tag, row.cid) for row in sockets.list_secure()] == [(handle, SEC_TAG, 0)]

    def test_data_pass_through_it(self, modem, sockets, udp_echo, despite_loss, network):
        handle = sockets.open(SocketType.DATAGRAM, cid=0).handle
        received = despite_loss(
            lambda: sockets.send_to(handle, udp_echo.host, udp_echo.port, b"by context 0"),
            lambda: sockets.receive_from(handle, network.receive_timeout),
        )

        assert received.data == b"by context 0"

    @pytest.mark.spec("XSOCKET.set.error")
    @pytest.mark.parametrize("cid", [11, 65535, 65536, -1])
    def test_out_of_range(self, sockets, cid):
        with pytest.raises(CommandError):
            sockets.open(SocketType.DATAGRAM, cid=cid)
        with pytest.raises(CommandError):
            sockets.open_secure(SocketType.STREAM, SEC_TAG, peer_verify=PeerVerify.NONE, cid=cid)

        assert (sockets.list(), sockets.list_secure()) == ((), ())

    @pytest.mark.stack  # a subscription may have a context there
    @pytest.mark.spec("XSOCKET.set.error")
    def test_one_that_has_no_connection(self, sockets):
        with pytest.raises(CommandError):
            sockets.open(SocketType.DATAGRAM, cid=UNDEFINED)
        with pytest.raises(CommandError):
            sockets.open_secure(SocketType.STREAM, SEC_TAG, peer_verify=PeerVerify.NONE, cid=UNDEFINED)

        assert (sockets.list(), sockets.list_secure()) == ((), ())

    @pytest.mark.stack
    @pytest.mark.abuse
    def test_a_refused_open_costs_no_socket(self, sockets):
        for _ in range(2 * LIMIT):
            with pytest.raises(CommandError):
                sockets.open(SocketType.DATAGRAM, cid=UNDEFINED)

        assert sockets.list() == ()
        handles = {sockets.open(SocketType.DATAGRAM).handle for _ in range(LIMIT)}
        assert {row.handle for row in sockets.list()} == handles


@pytest.mark.needs("packet family")
class TestRaw:
    """Family 3 and type 3, only together."""

    @pytest.mark.spec("XSOCKET.set.type.packet", "XSOCKET.read.packet")
    def test_is_of_the_packet_family(self, sockets):
        opened = sockets.open(SocketType.RAW)

        assert (opened.type, opened.protocol) == (SocketType.RAW, 0)
        listed = [(row.handle, row.family, row.type) for row in sockets.list()]
        assert listed == [(opened.handle, Family.PACKET, SocketType.RAW)]

    @pytest.mark.spec("XSOCKET.set.type.packet", "XSOCKET.set.error")
    @pytest.mark.parametrize(("family", "kind"), [(1, 3), (2, 3), (3, 1), (3, 2)])
    def test_one_without_the_other_is_refused(self, modem, sockets, family, kind):
        with pytest.raises(CommandError) as refused:
            modem.link.command(f"AT#XSOCKET={family},{kind},0")

        assert refused.value.response.lines == ()
        assert sockets.list() == ()

    @pytest.mark.spec("XSSOCKET.set.error.type")
    @pytest.mark.parametrize(("family", "kind"), [(1, 3), (3, 1), (3, 3)])
    def test_is_never_secure(self, modem, sockets, family, kind):
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XSSOCKET={family},{kind},0,{SEC_TAG}")

        assert sockets.list_secure() == ()

    def test_has_no_port(self, modem, sockets):
        handle = sockets.open(SocketType.RAW).handle
        with pytest.raises(CommandError):
            modem.server.bind(handle, 0)


@pytest.mark.needs("context at the open")
@pytest.mark.detaches
class TestWithoutAnAddress:
    """#XBIND takes the address that the network has given the board: in flight mode there is none."""

    @pytest.mark.spec("XBIND.set.attached")
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_nothing_is_bound(self, board, modem, sockets, network, kind):
        with modem.registration.offline(network.registration):
            handle = sockets.open(kind).handle
            with pytest.raises(CommandError):
                modem.server.bind(handle, board.free_port())

        assert modem.server.bind(sockets.open(kind).handle, board.free_port()).ok
