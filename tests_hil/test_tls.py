"""TLS 1.2 client sockets against TLS peers. Specification: #XSSOCKET, #XSSOCKETOPT, #XCONNECT."""

import contextlib

import pytest

from bench.at import CommandError

from . import secure_scenarios as both


@pytest.fixture
def secure(tls):
    return tls


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


class TestEnds(both.Ends):
    """The end of a connection."""

    def test_the_peer_just_hangs_up(self, secure, network):
        """Without close_notify nobody knows whether something is missing: an end or an error, but no data."""
        peer = secure.peer(psk=True, close_notify=False)
        with secure.client(peer) as socket:
            both.echoes(socket, network)
            peer.close_connection()

            with contextlib.suppress(CommandError):
                assert socket.receive(network.receive_timeout).ended

    def test_the_peer_resets(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            both.echoes(socket, network)
            peer.reset_connection()

            with pytest.raises(CommandError):
                socket.receive(network.receive_timeout)


class TestOptions(both.Options):
    """Options before and after the handshake."""


class TestServers(both.Servers):
    """The server role."""


def test_data_reach_nobody_before_the_handshake(secure):
    peer = secure.peer(psk=True)
    with secure.socket("psk") as socket, pytest.raises(CommandError):
        socket.send(b"too early")

    assert peer.journal() == []
