"""DTLS 1.2 client sockets against DTLS peers: loss, time limits, Connection ID.

Specification: #XSSOCKET, #XSSOCKETOPT, #XCONNECT.
"""

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import CidSetting, CidStatus, SecureOption

from . import secure_scenarios as both

# A full handshake with a cookie: ClientHello, HelloVerifyRequest, ClientHello, the server's flight, the client's, the
# server's last (RFC 6347 section 4.2.4).
FLIGHTS = {
    1: "first ClientHello",
    2: "HelloVerifyRequest",
    3: "ClientHello with cookie",
    4: "ServerHello to ServerHelloDone",
    5: "ClientKeyExchange to Finished",
    6: "server's Finished",
}
SERVER_CID = 8
SLOW = pytest.mark.slow


@pytest.fixture
def secure(dtls):
    return dtls


class TestCredentials(both.Credentials):
    """A handshake with each kind of credential."""


class TestVerification(both.Verification):
    """Peer verification and the host name."""


class TestSuites(both.Suites):
    """Cipher suites."""


class TestSessions(both.Sessions):
    """The session cache."""


class TestData(both.Data):
    """Data on an established connection."""

    @pytest.mark.spec("XSSOCKET.set.type.dtls")
    def test_needs_a_connection(self, secure, modem):
        peer = secure.peer(psk=True)
        with secure.socket("psk") as socket, pytest.raises(CommandError):
            modem.sockets.send_to(socket.handle, peer.host, peer.port, b"to whom it may concern")

        assert peer.journal() == []


class TestEnds(both.Ends):
    """The end of an association."""


class TestOptions(both.Options):
    """Options before and after the handshake."""

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    def test_the_time_limit_is_read_after_the_handshake(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.socket("psk") as socket:
            socket.set_option(SecureOption.DTLS_HANDSHAKE_TIMEO, 63)
            socket.connect(peer.host, peer.port)

            assert socket.get_option(SecureOption.DTLS_HANDSHAKE_TIMEO).number == 63


class TestServers(both.Servers):
    """The server role."""


class TestHandshakeTimeout:
    """TLS_DTLS_HANDSHAKE_TIMEO against a peer that says nothing."""

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    @pytest.mark.parametrize("seconds", [1, 3, 7, *(pytest.param(long, marks=SLOW) for long in (15, 31, 63, 123))])
    def test_gives_up_in_time(self, secure, network, measure, seconds):
        peer = secure.peer(psk=True, handshake="hold")
        with secure.socket("psk") as socket:
            socket.set_option(SecureOption.DTLS_HANDSHAKE_TIMEO, seconds)
            with pytest.raises(CommandError) as silence:
                socket.connect(peer.host, peer.port)

        took = silence.value.response.duration_ns
        limit = within(seconds=(0.95 * seconds, seconds + network.margin))
        measure(f"DTLS handshake time to give up, {seconds} s", took, unit="ns", limit=limit)
        assert peer.wait_for("hello"), "no ClientHello reached the peer"


class TestLoss:
    """A flight that is lost is sent again."""

    @pytest.mark.parametrize("flight", FLIGHTS, ids=lambda number: FLIGHTS[number].replace(" ", "_"))
    def test_of_any_one_flight(self, secure, peers, network, flight):
        peer = secure.peer(psk=True)
        relay = peers.udp_relay(peer, drop_flight=flight)

        with secure.client(relay) as socket:
            both.echoes(socket, network)

        assert relay.wait_for("dropped", timeout=0), f"the relay has not seen flight {flight}"
        assert len(peer.handshakes()) == 1


@pytest.mark.usefixtures("connection_id")
class TestConnectionId:
    """TLS_DTLS_CID and its status (RFC 9146)."""

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid", "XSSOCKETOPT.dtls_cid_status")
    @pytest.mark.parametrize("server", [None, 0, SERVER_CID], ids=["without", "empty", "own"])
    @pytest.mark.parametrize("setting", list(CidSetting), ids=lambda setting: setting.name.lower())
    def test_status(self, secure, network, setting, server):
        peer = secure.peer(psk=True, cid_length=server)
        with secure.socket("psk") as socket:
            socket.set_option(SecureOption.DTLS_CID, setting)
            socket.connect(peer.host, peer.port)

            assert socket.cid_status() == _expected_status(setting, server)
            both.echoes(socket, network)
        (handshake,) = peer.handshakes()
        assert bool(handshake["cid_in"]) == bool(socket_uses_uplink(setting, server))

    def test_is_off_unless_told_otherwise(self, secure):
        peer = secure.peer(psk=True, cid_length=SERVER_CID)
        with secure.client(peer) as socket:
            assert socket.cid_status() is CidStatus.DISABLED

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid")
    def test_the_address_changes_and_no_handshake_is_needed(self, secure, peers, network):
        peer = secure.peer(psk=True, cid_length=SERVER_CID)
        relay = peers.udp_relay(peer)
        with secure.socket("psk") as socket:
            socket.set_option(SecureOption.DTLS_CID, CidSetting.ENABLED)
            socket.connect(relay.host, relay.port)
            both.echoes(socket, network, b"before")

            relay.rebind()
            both.echoes(socket, network, b"after")

        assert len(peer.handshakes()) == 1
        assert peer.wait_for("moved", timeout=0)

    def test_without_it_the_association_is_lost(self, secure, peers, network):
        peer = secure.peer(psk=True, cid_length=SERVER_CID)
        relay = peers.udp_relay(peer)
        with secure.client(relay) as socket:
            both.echoes(socket, network, b"before")

            relay.rebind()
            socket.send(b"after")
            with pytest.raises(CommandError):
                socket.receive(2)

        assert peer.received() == b"before"


def socket_uses_uplink(setting, server):
    """Return True when the board's records carry the server's Connection ID."""
    return setting is not CidSetting.DISABLED and bool(server)


def _expected_status(setting, server):
    uplink = socket_uses_uplink(setting, server)
    downlink = setting is CidSetting.ENABLED and server is not None
    return CidStatus((CidStatus.UPLINK if uplink else 0) | (CidStatus.DOWNLINK if downlink else 0))
