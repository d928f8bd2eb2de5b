"""Scenarios that TLS and DTLS sockets share. test_tls.py and test_dtls.py run these groups, each over its transport.

The peer's word counts: why a handshake failed is taken from its journal, not only from the board's ERROR.
"""

import pytest

from bench.at import CommandError
from bench.modem import Family, PeerVerify, PollEvent, Role, SecureOption, ShortRead, SocketType
from bench.modem.modem_firmware import AES_GCM
from bench.security import GCM_SUITES, MODEM_SUITES, SUITES, Verify
from bench.security.credentials import DEVICE_NAME, HOST_NAME, ServerCertificate
from nrf91_bench_fixtures.security import need_feature

ECDSA, RSA = ServerCertificate.ECDSA, ServerCertificate.RSA
# ChaCha20-Poly1305 (RFC 7905), which no modem has.
FOREIGN_SUITE = 0xCCA9

# Which alerts a client may send for each defect of a server's certificate (RFC 5246 section 7.2.2).
COMPLAINTS = {
    ServerCertificate.EXPIRED: ("certificate_expired", "bad_certificate", "certificate_unknown"),
    ServerCertificate.WRONG_HOST: ("bad_certificate", "certificate_unknown", "access_denied"),
    ServerCertificate.UNKNOWN_CA: ("unknown_ca", "bad_certificate", "certificate_unknown"),
}
# How a server finds out that the key is another one: the first record under it does not decrypt.
WRONG_KEY = ("sent bad_record_mac", "sent decrypt_error", "received bad_record_mac", "received decrypt_error")


def refused(socket, peer, *reasons):
    """The board must say ERROR, and the peer must know one of these reasons."""
    with pytest.raises(CommandError):
        socket.connect(peer.host, peer.port)
    assert peer.wait_for("handshake failed")
    assert set(peer.failed_handshakes()) <= set(reasons)
    assert not peer.handshakes()


def again_if_lost(socket, network, exchange):
    """Return the result of an exchange; repeat it where a live network has lost a datagram. A stream loses nothing."""
    attempts = network.datagram_attempts if socket.opened.type is SocketType.DATAGRAM else 1
    for left in reversed(range(attempts)):
        try:
            return exchange()
        except (CommandError, ShortRead):
            if not left:
                raise
    raise AssertionError("no attempt at all")


def echoes(socket, network, data=b"hello"):
    """Data go there and come back."""

    def exchange():
        assert socket.send(data).size == len(data)
        return socket.receive_exactly(len(data), timeout=network.receive_timeout)

    assert again_if_lost(socket, network, exchange) == data


class Credentials:
    """A handshake with each kind of credential."""

    def test_pre_shared_key(self, secure, network, credentials):
        peer = secure.peer(psk=True)

        with secure.client(peer) as socket:
            echoes(socket, network)

        assert [h["psk_identity"] for h in peer.handshakes()] == [credentials.psk.identity.decode()]

    @pytest.mark.parametrize(("kind", "tag"), [(ECDSA, "ecdsa"), (RSA, "rsa")], ids=["ecdsa", "rsa"])
    def test_certificate_of_the_server(self, secure, network, kind, tag):
        peer = secure.peer(kind)

        with secure.client(peer, tag) as socket:
            echoes(socket, network)

        assert [h["client"] for h in peer.handshakes()] == [""]

    @pytest.mark.parametrize(("kind", "tag"), [(ECDSA, "device_ecdsa"), (RSA, "device_rsa")], ids=["ecdsa", "rsa"])
    def test_certificates_of_both(self, secure, network, kind, tag):
        peer = secure.peer(kind, verify=Verify.REQUIRED)

        with secure.client(peer, tag) as socket:
            echoes(socket, network)

        (handshake,) = peer.handshakes()
        assert DEVICE_NAME in handshake["client"]
        assert handshake["client_problems"] == ""

    def test_a_server_that_demands_a_certificate_of_a_board_without(self, secure):
        peer = secure.peer(ECDSA, verify=Verify.REQUIRED)
        with secure.socket("ecdsa") as socket:
            with pytest.raises(CommandError):
                socket.connect(peer.host, peer.port)

            assert peer.wait_for("handshake failed")
            assert not peer.handshakes()

    def test_over_ipv6(self, secure, network, ipv6):
        peer = secure.peer(psk=True, ipv6=ipv6)
        with secure.socket("psk", family=Family.IPV6) as socket:
            socket.connect(peer.host, peer.port)

            echoes(socket, network)

    def test_wrong_key(self, secure, credentials):
        peer = secure.peer(psk=True)
        with secure.socket("wrong_psk") as socket:
            refused(socket, peer, *WRONG_KEY)

    def test_unknown_identity(self, secure, credentials):
        peer = secure.peer(psk=True)
        with secure.socket("unknown_psk") as socket:
            refused(socket, peer, "sent unknown_psk_identity")

        (failure,) = [entry.details for entry in peer.journal() if entry.event == "handshake failed"]
        assert failure["psk_identity"] == credentials.unknown_psk.identity.decode()

    @pytest.mark.spec("XSSOCKET.set.sec_tag")
    def test_a_tag_that_holds_nothing(self, secure):
        peer = secure.peer(psk=True)
        with secure.socket("nothing") as socket, pytest.raises(CommandError):
            socket.connect(peer.host, peer.port)

        assert not peer.handshakes()

    def test_a_socket_that_failed_leaves_the_next_one_alone(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.socket("wrong_psk") as socket, pytest.raises(CommandError):
            socket.connect(peer.host, peer.port)

        with secure.client(peer) as socket:
            echoes(socket, network)


class Verification:
    """Peer verification and the host name."""

    @pytest.mark.spec("XSSOCKET.set.peer_verify", "XSSOCKETOPT.peer_verify")
    @pytest.mark.parametrize("level", [PeerVerify.NONE, PeerVerify.OPTIONAL], ids=["none", "optional"])
    @pytest.mark.parametrize("kind", list(COMPLAINTS), ids=lambda kind: kind.value)
    def test_a_bad_certificate_passes(self, secure, network, kind, level):
        peer = secure.peer(kind)
        with secure.socket("ecdsa", verify=level, host_name=HOST_NAME) as socket:
            socket.connect(peer.host, peer.port)

            echoes(socket, network)
        assert len(peer.handshakes()) == 1

    @pytest.mark.spec("XSSOCKET.set.peer_verify", "XSSOCKETOPT.peer_verify")
    @pytest.mark.parametrize(
        "kind", [ServerCertificate.WRONG_HOST, ServerCertificate.UNKNOWN_CA], ids=lambda kind: kind.value
    )
    def test_a_bad_certificate_is_refused(self, secure, kind):
        peer = secure.peer(kind)
        with secure.socket("ecdsa", verify=PeerVerify.REQUIRED, host_name=HOST_NAME) as socket:
            refused(socket, peer, *(f"received {alert}" for alert in COMPLAINTS[kind]))

    @pytest.mark.stack  # a modem that has no trusted clock cannot tell
    def test_an_expired_certificate_is_refused(self, secure):
        peer = secure.peer(ServerCertificate.EXPIRED)
        with secure.socket("ecdsa", verify=PeerVerify.REQUIRED, host_name=HOST_NAME) as socket:
            refused(socket, peer, *(f"received {alert}" for alert in COMPLAINTS[ServerCertificate.EXPIRED]))

    def test_is_required_unless_told_otherwise(self, secure):
        peer = secure.peer(ECDSA)
        with secure.socket("stranger") as socket:
            refused(socket, peer, *(f"received {alert}" for alert in COMPLAINTS[ServerCertificate.UNKNOWN_CA]))

    @pytest.mark.spec("XSSOCKETOPT.peer_verify")
    def test_the_option_counts_from_the_next_connection(self, secure, network):
        peer = secure.peer(ECDSA)
        with secure.socket("stranger", verify=PeerVerify.REQUIRED) as socket:
            socket.set_option(SecureOption.PEER_VERIFY, PeerVerify.NONE)
            socket.connect(peer.host, peer.port)

            echoes(socket, network)

    @pytest.mark.spec("XSSOCKETOPT.hostname")
    def test_the_right_host_name(self, secure, network):
        peer = secure.peer(ECDSA)
        with secure.socket("ecdsa", host_name=HOST_NAME) as socket:
            socket.connect(peer.host, peer.port)

            echoes(socket, network)
            assert socket.host_name() == HOST_NAME

    @pytest.mark.spec("XSSOCKETOPT.hostname")
    def test_another_host_name(self, secure):
        peer = secure.peer(ECDSA)
        with secure.socket("ecdsa", host_name="elsewhere.nrf91-bench.test") as socket:
            refused(socket, peer, *(f"received {alert}" for alert in COMPLAINTS[ServerCertificate.WRONG_HOST]))

    @pytest.mark.spec("XSSOCKETOPT.hostname")
    def test_null_checks_no_host_name(self, secure, network):
        peer = secure.peer(ServerCertificate.WRONG_HOST)
        with secure.socket("ecdsa", host_name=HOST_NAME) as socket:
            socket.set_option(SecureOption.HOSTNAME, "NULL")
            socket.connect(peer.host, peer.port)

            echoes(socket, network)


class Suites:
    """Cipher suites."""

    @pytest.mark.parametrize("suite", MODEM_SUITES, ids=lambda number: SUITES[number])
    def test_each_of_the_modems(self, board, secure, network, suite):
        if suite in GCM_SUITES:
            need_feature(board, AES_GCM)
        rsa, psk = "_RSA_" in SUITES[suite], "_PSK_" in SUITES[suite]
        peer = secure.peer(*() if psk else (RSA if rsa else ECDSA,), psk=psk, suites=(suite,))

        with secure.client(peer, "psk" if psk else "rsa" if rsa else "ecdsa") as socket:
            echoes(socket, network)

        assert [h["suite_name"] for h in peer.handshakes()] == [SUITES[suite]]

    @pytest.mark.spec("XSSOCKETOPT.ciphersuite_used")
    def test_which_one_was_chosen(self, secure, cipher_suite_is_told):
        peer = secure.peer(psk=True)

        with secure.client(peer) as socket:
            assert socket.cipher_suite() == peer.handshakes()[0]["suite"]

    def test_one_that_only_the_server_has(self, secure):
        peer = secure.peer(ECDSA, suites=(FOREIGN_SUITE,))
        with secure.socket("ecdsa") as socket:
            refused(socket, peer, "sent handshake_failure")


class Sessions:
    """The session cache. The peer tells which sessions were resumed."""

    @pytest.mark.spec("XSSOCKETOPT.session_cache")
    @pytest.mark.parametrize(("cache", "resumed"), [(1, [False, True]), (0, [False, False])], ids=["on", "off"])
    def test_a_second_connection(self, secure, network, cache, resumed):
        peer = secure.peer(psk=True)
        for _ in range(2):
            self._connect(secure, peer, network, cache)

        assert [h["resumed"] for h in peer.handshakes()] == resumed

    @pytest.mark.spec("XSSOCKETOPT.session_cache_purge")
    def test_purge(self, secure, network):
        peer = secure.peer(psk=True)
        for _ in range(2):
            with secure.socket("psk") as socket:
                socket.set_option(SecureOption.SESSION_CACHE, 1)
                socket.set_option(SecureOption.SESSION_CACHE_PURGE, 1)
                socket.connect(peer.host, peer.port)

                echoes(socket, network)

        assert [h["resumed"] for h in peer.handshakes()] == [False, False]

    def test_a_server_that_has_forgotten(self, secure, network):
        peer = secure.peer(psk=True)
        self._connect(secure, peer, network, 1)
        peer.purge()
        self._connect(secure, peer, network, 1)

        assert [h["resumed"] for h in peer.handshakes()] == [False, False]

    @staticmethod
    def _connect(secure, peer, network, cache):
        with secure.socket("psk") as socket:
            socket.set_option(SecureOption.SESSION_CACHE, cache)
            socket.connect(peer.host, peer.port)

            echoes(socket, network)


class Data:
    """Data on an established connection."""

    @pytest.mark.parametrize("size", [1, 16, 255, 1024, 2048])
    def test_records_of_every_size(self, secure, network, size):
        if secure.datagram and size > network.datagram:
            size = network.datagram - 64  # header, Connection ID, tag and padding
        data = bytes(ord("a") + index % 26 for index in range(size))
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            echoes(socket, network, data)
        assert peer.received() in (data, *(data * copies for copies in range(2, network.datagram_attempts + 1)))

    def test_small_records(self, secure, network):
        if secure.datagram and network.datagram_attempts > 1:
            pytest.skip("ten datagrams in a row may not all arrive on a live network")
        peer = secure.peer(psk=True, split=1, split_gap_ms=0)
        with secure.client(peer) as socket:
            echoes(socket, network, b"one by one")

    def test_data_mode(self, secure, network):
        data = bytes(range(256))
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:

            def exchange():
                socket.send_in_data_mode(data)
                return socket.receive_exactly(len(data), timeout=network.receive_timeout)

            assert again_if_lost(socket, network, exchange) == data

    def test_polling(self, modem, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:

            def exchange():
                peer.push(b"news")
                polled = modem.poll(1000 * network.receive_timeout, socket)
                return polled, socket.receive_exactly(4, timeout=network.receive_timeout)

            polled, data = again_if_lost(socket, network, exchange)

        assert polled.of(socket.handle) & PollEvent.IN
        assert data == b"news"

    def test_silence(self, secure):
        peer = secure.peer(psk=True, echo=False)
        with secure.client(peer) as socket, pytest.raises(CommandError):
            socket.receive(1)

    def test_two_at_once(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as first, secure.client(peer) as second:

            def exchange():
                first.send(b"first")
                second.send(b"second")
                answer = second.receive_exactly(6, timeout=network.receive_timeout)
                return answer, first.receive_exactly(5, timeout=network.receive_timeout)

            assert again_if_lost(first, network, exchange) == (b"second", b"first")


class Ends:
    """The end of a connection."""

    def test_the_peer_closes(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            echoes(socket, network)
            peer.close_connection()

            assert socket.receive(network.receive_timeout).ended

    def test_a_fatal_alert(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            echoes(socket, network)
            peer.alert(80)

            with pytest.raises(CommandError):
                socket.receive(network.receive_timeout)

    def test_the_board_closes(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            echoes(socket, network)

        assert peer.wait_for("ended", timeout=network.receive_timeout)

    def test_a_server_that_refuses(self, secure):
        peer = secure.peer(psk=True, handshake="refuse")
        with secure.socket("psk") as socket:
            refused(socket, peer, "sent handshake_failure")


class Options:
    """Options before and after the handshake."""

    @pytest.mark.spec("XSSOCKETOPT.get", "XSSOCKETOPT.set", "XSSOCKETOPT.peer_verify", "XSSOCKETOPT.session_cache")
    def test_are_read_at_every_stage(self, secure, network):
        peer = secure.peer(ECDSA)
        with secure.socket("ecdsa", host_name=HOST_NAME) as socket:
            for option, value in ((SecureOption.PEER_VERIFY, 1), (SecureOption.SESSION_CACHE, 0)):
                socket.set_option(option, value)
            socket.connect(peer.host, peer.port)

            assert socket.get_option(SecureOption.PEER_VERIFY).number == 1
            assert socket.get_option(SecureOption.SESSION_CACHE).number == 0
            assert socket.host_name() == HOST_NAME
            echoes(socket, network)

    def test_a_connected_socket_does_not_connect_again(self, secure, network):
        peer = secure.peer(psk=True)
        with secure.client(peer) as socket:
            with pytest.raises(CommandError):
                socket.connect(peer.host, peer.port)

            echoes(socket, network)


class Servers:
    """The server role, documented as not supported."""

    def test_is_refused(self, board, modem, secure):
        with pytest.raises(CommandError):
            self._serve(board, modem, secure)

    @staticmethod
    def _serve(board, modem, secure):
        server = modem.secure_socket(secure.kind, secure.tags["psk"], role=Role.SERVER)
        server.bind(board.free_port())
        modem.server.listen(server.handle)
