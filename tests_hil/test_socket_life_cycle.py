"""Socket life cycle: open, select, read back, close, in every kind and order.

Specification: #XSOCKET, #XSSOCKET, #XSOCKETSELECT. Where every command names a handle: see test_handles.py.
"""

import pytest

from bench.at import CommandError
from bench.modem import Family, PeerVerify, Role, SecureOption, SocketType

from .socket_values import PROTOCOLS, SEC_TAG, SECURE_PROTOCOLS


@pytest.mark.needs("selected socket")
class TestOpen:
    """#XSOCKET=1|2."""

    @pytest.mark.spec(
        "XSOCKET.set.open.ipv4",
        "XSOCKET.set.open.ipv6",
        "XSOCKET.set.type.stream",
        "XSOCKET.set.type.datagram",
        "XSOCKET.set.role.client",
        "XSOCKET.set.role.server",
        "XSOCKET.set.response.handle",
        "XSOCKET.read",
    )
    @pytest.mark.parametrize("family", [Family.IPV4, Family.IPV6])
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    @pytest.mark.parametrize("role", [Role.CLIENT, Role.SERVER])
    def test_answers_and_reads_back(self, modem, family, kind, role):
        opened = modem.sockets.open(kind, family=family, role=role)

        assert (opened.type, opened.protocol) == (kind, PROTOCOLS[kind])
        active = modem.slm.read()
        assert (active.handle, active.family, active.role, active.type, active.cid) == (
            *(opened.handle, family, role),
            *(kind, 0),
        )

    @pytest.mark.spec("XSOCKET.set.type.raw", "XSOCKET.read.packet")
    def test_raw_is_of_the_packet_family(self, modem):
        opened = modem.sockets.open(SocketType.RAW)

        assert (opened.type, opened.protocol) == (SocketType.RAW, 0)
        assert modem.slm.read().family == Family.PACKET

    @pytest.mark.spec("XSOCKET.set.cid")
    @pytest.mark.parametrize("cid", [0, *(pytest.param(cid, marks=pytest.mark.stack) for cid in (1, 10))])
    def test_packet_data_context_reads_back(self, modem, cid):
        """A modem may refuse a context that is not defined, when it is named or only when it is used."""
        modem.sockets.open(SocketType.DATAGRAM, cid=cid)

        assert modem.slm.read().cid == cid
        assert modem.slm.list().sockets[0].cid == cid

    @pytest.mark.spec("XSOCKET.read", "XSOCKETSELECT.read.active")
    def test_nothing_is_active_at_first(self, modem):
        assert modem.slm.read() is None
        assert modem.slm.list().active is None

    @pytest.mark.spec("XSOCKET.test")
    def test_what_it_knows_of_itself(self, modem):
        assert modem.slm.test().lines == ("#XSOCKET: (0,1,2),(1,2,3),(0,1),<cid>",)

    @pytest.mark.spec("XSOCKET.limit", "XSOCKET.set.error")
    def test_as_many_as_documented(self, modem):
        handles = [modem.sockets.open(SocketType.DATAGRAM).handle for _ in range(8)]

        assert len(set(handles)) == 8
        with pytest.raises(CommandError):
            modem.sockets.open(SocketType.DATAGRAM)
        assert len(modem.slm.list().sockets) == 8

    @pytest.mark.spec("XSOCKET.set.response.handle")
    def test_a_closed_handle_is_used_again(self, modem):
        first = modem.sockets.open(SocketType.STREAM).handle
        modem.sockets.open(SocketType.STREAM)
        modem.slm.select(first)
        modem.slm.close()

        assert modem.sockets.open(SocketType.DATAGRAM).handle == first


class TestSecure:
    """#XSSOCKET, as far as it needs no transport."""

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec(
        "XSSOCKET.set.open.ipv4",
        "XSSOCKET.set.open.ipv6",
        "XSSOCKET.set.type.tls",
        "XSSOCKET.set.type.dtls",
        "XSSOCKET.set.sec_tag",
        "XSSOCKET.read",
    )
    @pytest.mark.parametrize("family", [Family.IPV4, Family.IPV6])
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_answers_and_reads_back(self, modem, family, kind):
        opened = modem.sockets.open_secure(kind, SEC_TAG, family=family)

        assert (opened.type, opened.protocol) == (kind, SECURE_PROTOCOLS[kind])
        active = modem.slm.read_secure()
        assert (active.handle, active.family, active.role) == (opened.handle, family, Role.CLIENT)
        assert (active.type, active.sec_tag, active.cid) == (kind, SEC_TAG, 0)

    @pytest.mark.spec("XSSOCKET.set.peer_verify")
    @pytest.mark.parametrize("level", list(PeerVerify))
    def test_level_of_verification(self, modem, level):
        socket = modem.secure_socket(SocketType.STREAM, SEC_TAG, peer_verify=level)

        assert socket.get_option(SecureOption.PEER_VERIFY).number == level

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XSSOCKET.set.close")
    def test_closes_with_either_command(self, modem):
        modem.sockets.open_secure(SocketType.STREAM, SEC_TAG)
        modem.slm.close()
        modem.sockets.open_secure(SocketType.DATAGRAM, SEC_TAG)
        modem.slm.close_secure()

        assert modem.slm.list().sockets == ()

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XSOCKETSELECT.read.list", "XSOCKETSELECT.read.plain_tag")
    def test_is_listed_with_its_tag(self, modem):
        modem.sockets.open(SocketType.STREAM)
        modem.sockets.open_secure(SocketType.STREAM, SEC_TAG)

        assert [row.sec_tag for row in modem.slm.list().sockets] == [-1, SEC_TAG]

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XSSOCKET.test")
    def test_what_it_knows_of_itself(self, modem):
        expected = "#XSSOCKET: (0,1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>"
        assert modem.slm.test_secure().lines == (expected,)


@pytest.mark.needs("selected socket")
class TestSelect:
    """#XSOCKETSELECT."""

    @pytest.mark.spec("XSOCKETSELECT.read.active")
    def test_the_newest_is_active(self, modem):
        handles = [modem.sockets.open(SocketType.DATAGRAM).handle for _ in range(3)]

        assert modem.slm.list().active == handles[-1]

    @pytest.mark.spec("XSOCKETSELECT.set", "XSOCKETSELECT.read.ranking")
    def test_selecting_makes_active_and_leaves_the_ranking(self, modem):
        handles = [modem.sockets.open(SocketType.DATAGRAM).handle for _ in range(3)]
        before = modem.slm.list().sockets

        modem.slm.select(handles[0])

        assert modem.slm.list().active == handles[0]
        assert modem.slm.read().handle == handles[0]
        assert modem.slm.list().sockets == before

    @pytest.mark.spec("XSOCKETSELECT.read.ranking")
    def test_ranking_grows_with_each_opening(self, modem):
        for _ in range(3):
            modem.sockets.open(SocketType.DATAGRAM)

        rankings = [row.ranking for row in modem.slm.list().sockets]
        assert rankings == sorted(set(rankings))

    @pytest.mark.spec("XSOCKET.set.close.activates")
    def test_after_a_close_the_highest_ranked_is_active(self, modem):
        first, second, third = (modem.sockets.open(SocketType.DATAGRAM).handle for _ in range(3))
        modem.slm.select(first)
        modem.slm.close()
        assert modem.slm.list().active == third

        modem.slm.close()
        assert modem.slm.list().active == second

    @pytest.mark.spec("XSOCKETSELECT.set.error")
    def test_an_unknown_handle_changes_nothing(self, modem):
        handle = modem.sockets.open(SocketType.DATAGRAM).handle

        with pytest.raises(CommandError):
            modem.slm.select(handle + 5)

        assert modem.slm.list().active == handle


@pytest.mark.needs("selected socket")
class TestClose:
    """#XSOCKET=0."""

    @pytest.mark.spec("XSOCKET.set.close")
    def test_without_a_socket_is_harmless(self, modem):
        assert modem.slm.close().lines == ()

    @pytest.mark.spec("XSOCKET.set.close", "XSOCKET.set.close.response")
    def test_says_that_it_closed(self, modem):
        modem.sockets.open(SocketType.STREAM)

        assert modem.slm.close().lines == ('#XSOCKET: 0,"closed"',)
        assert modem.slm.read() is None

    @pytest.mark.spec("XSOCKET.set.close")
    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_in_any_order(self, modem, order):
        handles = [modem.sockets.open(SocketType.DATAGRAM).handle for _ in range(3)]
        for index in order:
            modem.slm.select(handles[index])
            modem.slm.close()

        assert modem.slm.list().sockets == ()
