"""Handles, by which every command names its socket: open, list, limits, and handles without a socket.

Specification: Serial Modem, at_socket: #XSOCKET, #XSSOCKET, the handle of every command.
"""

import pytest

from bench.at import CommandError
from bench.modem import Family, PeerVerify, Role, SecureOption, SocketType

from .socket_values import PROTOCOLS, SEC_TAG, SECURE_PROTOCOLS

pytestmark = pytest.mark.needs("handle in every command")

TEST_FORMS = {
    "AT#XSOCKET=?": "#XSOCKET: <handle>,(1,2,3),(1,2,3),(0,1),<cid>",
    "AT#XSSOCKET=?": "#XSSOCKET: <handle>,(1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>",
    "AT#XSOCKETOPT=?": "#XSOCKETOPT: <handle>,(0,1),<name>,<value>",
    "AT#XSSOCKETOPT=?": "#XSSOCKETOPT: <handle>,(0,1),<name>,<value>",
}
# {h} is a handle that belongs to no socket.
USES = [
    *("#XCLOSE={h}", "#XSOCKETOPT={h},0,20", "#XSOCKETOPT={h},1,20,5", "#XSSOCKETOPT={h},0,5", "#XBIND={h},50000"),
    *('#XCONNECT={h},"192.0.2.1",80', '#XSEND={h},0,0,"x"', '#XSENDTO={h},0,0,"192.0.2.1",80,"x"'),
    *("#XSEND={h},2,0", "#XRECV={h},0,64,0", "#XRECVFROM={h},0,64,0", "#XAPOLL={h},1,1", "#XRECVCFG={h},1"),
    *("#XLISTEN={h}", "#XACCEPT={h}"),
]


@pytest.fixture
def sockets(modem):
    """The commands of sockets."""
    return modem.serial_modem.sockets


class TestOpen:
    """#XSOCKET."""

    @pytest.mark.spec(
        "XSOCKET.set.open.ipv4",
        "XSOCKET.set.open.ipv6",
        "XSOCKET.set.type.stream",
        "XSOCKET.set.type.datagram",
        "XSOCKET.set.response.handle",
        "XSOCKET.read.all",
    )
    @pytest.mark.parametrize("family", [Family.IPV4, Family.IPV6])
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_answers_and_is_listed(self, sockets, family, kind):
        opened = sockets.open(kind, family=family)

        assert (opened.type, opened.protocol) == (kind, PROTOCOLS[kind])
        (row,) = sockets.list()
        assert (row.handle, row.family, row.role, row.type, row.cid) == (opened.handle, family, Role.CLIENT, kind, 0)
        assert sockets.list_secure() == ()

    @pytest.mark.spec("XSOCKET.set.role.any")
    @pytest.mark.parametrize("role", [0, 1, 2, 65535])
    def test_any_role_is_shown(self, modem, sockets, role):
        modem.link.command(f"AT#XSOCKET=1,2,{role}")

        assert [row.role for row in sockets.list()] == [role]

    @pytest.mark.spec("XSOCKET.set.type.packet", "XSOCKET.read.packet")
    def test_raw_is_of_the_packet_family(self, sockets):
        opened = sockets.open(SocketType.RAW)

        assert (opened.type, opened.protocol) == (SocketType.RAW, 0)
        assert [(row.family, row.type) for row in sockets.list()] == [(Family.PACKET, SocketType.RAW)]

    @pytest.mark.spec("XSOCKET.read.all")
    def test_none_is_listed_at_first(self, sockets):
        assert sockets.list() == sockets.list_secure() == ()

    @pytest.mark.spec("XSOCKET.limit.eight", "XSOCKET.set.error")
    def test_as_many_as_documented(self, sockets):
        handles = [sockets.open(SocketType.DATAGRAM).handle for _ in range(8)]

        assert len(set(handles)) == 8
        with pytest.raises(CommandError):
            sockets.open(SocketType.DATAGRAM)
        assert {row.handle for row in sockets.list()} == set(handles)

    def test_a_place_that_was_freed_is_used_again(self, sockets):
        handles = [sockets.open(SocketType.DATAGRAM).handle for _ in range(7)]
        sockets.close(handles[3])

        again = sockets.open(SocketType.STREAM).handle
        assert again not in handles[:3] + handles[4:]
        assert len(sockets.list()) == 7


class TestSecure:
    """#XSSOCKET, as far as it needs no transport."""

    @pytest.mark.spec(
        "XSSOCKET.set.open.ipv4",
        "XSSOCKET.set.open.ipv6",
        "XSSOCKET.set.type.tls",
        "XSSOCKET.set.type.dtls",
        "XSSOCKET.set.sec_tag",
        "XSSOCKET.read.all",
    )
    @pytest.mark.parametrize("family", [Family.IPV4, Family.IPV6])
    @pytest.mark.parametrize("kind", [SocketType.STREAM, SocketType.DATAGRAM])
    def test_answers_and_is_listed(self, sockets, family, kind):
        opened = sockets.open_secure(kind, SEC_TAG, family=family)

        assert (opened.type, opened.protocol) == (kind, SECURE_PROTOCOLS[kind])
        (row,) = sockets.list_secure()
        assert (row.handle, row.family, row.role) == (opened.handle, family, Role.CLIENT)
        assert (row.type, row.sec_tag, row.cid) == (kind, SEC_TAG, 0)
        assert sockets.list() == ()

    @pytest.mark.spec("XSOCKET.read.all", "XSSOCKET.read.all")
    def test_each_list_has_its_own(self, sockets):
        plain = [sockets.open(SocketType.STREAM).handle, sockets.open(SocketType.DATAGRAM).handle]
        secure = [sockets.open_secure(kind, SEC_TAG + i).handle for i, kind in enumerate(SECURE_PROTOCOLS)]

        assert {row.handle for row in sockets.list()} == set(plain)
        assert {row.handle: row.sec_tag for row in sockets.list_secure()} == dict(
            zip(secure, (SEC_TAG, SEC_TAG + 1), strict=True)
        )

    @pytest.mark.needs("unchecked roles")
    @pytest.mark.spec("XSSOCKET.set.peer_verify")
    @pytest.mark.parametrize("role", list(Role))
    def test_verification_is_required_in_any_role(self, modem, role):
        socket = modem.secure_socket(SocketType.STREAM, SEC_TAG, role=role)

        assert socket.get_option(SecureOption.PEER_VERIFY).number == PeerVerify.REQUIRED


class TestForms:
    """The test form of each command, and handles that it does not know."""

    @pytest.mark.spec("XSOCKET.test.handles", "XSSOCKET.test.handles", "XSOCKETOPT.test", "XSSOCKETOPT.test")
    @pytest.mark.parametrize(("command", "line"), TEST_FORMS.items(), ids=TEST_FORMS.keys())
    def test_the_test_form(self, modem, command, line):
        assert modem.link.command(command).lines == (line,)

    @pytest.mark.spec("XCLOSE.error", "XCONNECT.set.error", "XSENDTO.set.error", "XSOCKETOPT.error", "XAPOLL.set.error")
    @pytest.mark.parametrize("closed", [True, False], ids=["closed", "never opened"])
    @pytest.mark.parametrize("command", USES)
    def test_an_unknown_handle(self, modem, sockets, command, closed):
        """The handle is checked first: no information line comes, and the other socket stays open."""
        stays, goes = (sockets.open(SocketType.DATAGRAM).handle for _ in range(2))
        sockets.close(goes)
        with pytest.raises(CommandError) as refused:
            modem.link.command("AT" + command.format(h=goes if closed else 999))

        assert refused.value.response.lines == ()
        assert [row.handle for row in sockets.list()] == [stays]
