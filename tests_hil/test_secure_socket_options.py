"""Secure socket options: each one, on secure and on plain sockets, before any handshake.

Specification: #XSSOCKETOPT.
"""

import pytest

from bench.at import CommandError
from bench.modem import PeerVerify, SecureOption, SocketType

SEC_TAG = 16842753


@pytest.fixture
def tls(modem):
    return modem.sockets.open_secure(SocketType.STREAM, SEC_TAG)


@pytest.fixture
def dtls(modem):
    return modem.sockets.open_secure(SocketType.DATAGRAM, SEC_TAG)


@pytest.mark.usefixtures("tls")
class TestTls:
    """On a TLS socket."""

    @pytest.mark.spec("XSSOCKETOPT.peer_verify", "XSSOCKETOPT.get", "XSSOCKETOPT.set")
    @pytest.mark.parametrize("level", list(PeerVerify))
    def test_peer_verify(self, modem, level):
        modem.options.set_secure(SecureOption.PEER_VERIFY, level)

        assert modem.options.get_secure(SecureOption.PEER_VERIFY).number == level

    @pytest.mark.spec("XSSOCKETOPT.session_cache")
    @pytest.mark.parametrize("value", [0, 1])
    def test_session_cache(self, modem, value):
        modem.options.set_secure(SecureOption.SESSION_CACHE, value)

        assert modem.options.get_secure(SecureOption.SESSION_CACHE).number == value

    @pytest.mark.spec("XSSOCKETOPT.hostname")
    def test_host_name(self, modem):
        modem.options.set_secure(SecureOption.HOSTNAME, "example.com")
        assert modem.options.get_secure(SecureOption.HOSTNAME).text == "example.com"

        modem.options.set_secure(SecureOption.HOSTNAME, "NULL")
        assert modem.options.get_secure(SecureOption.HOSTNAME).text == ""

    @pytest.mark.spec("XSSOCKETOPT.session_cache_purge")
    def test_cache_purge_is_set_only(self, modem):
        modem.options.set_secure(SecureOption.SESSION_CACHE_PURGE, 0)
        with pytest.raises(CommandError):
            modem.options.get_secure(SecureOption.SESSION_CACHE_PURGE)

    @pytest.mark.spec("XSSOCKETOPT.ciphersuite_used")
    def test_cipher_suite_is_known_only_after_a_handshake(self, modem):
        with pytest.raises(CommandError):
            modem.options.get_secure(SecureOption.CIPHERSUITE_USED)
        with pytest.raises(CommandError):
            modem.options.set_secure(SecureOption.CIPHERSUITE_USED, 1)

    @pytest.mark.spec("XSSOCKETOPT.error")
    @pytest.mark.parametrize(
        ("option", "value"),
        [
            (SecureOption.PEER_VERIFY, 3),
            (SecureOption.SESSION_CACHE, 2),
            (SecureOption.DTLS_CID, 2),
            (SecureOption.DTLS_HANDSHAKE_TIMEO, 7),
            (99, 1),
        ],
    )
    def test_refused(self, modem, option, value):
        with pytest.raises(CommandError):
            modem.options.set_secure(option, value)

    def test_needs_a_value(self, modem):
        with pytest.raises(CommandError):
            modem.options.set_secure(SecureOption.PEER_VERIFY)


@pytest.mark.usefixtures("dtls")
class TestDtls:
    """On a DTLS socket."""

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    @pytest.mark.parametrize("seconds", [1, 3, 7, 15, 31, 63, 123])
    def test_handshake_timeout(self, modem, seconds):
        assert modem.options.set_secure(SecureOption.DTLS_HANDSHAKE_TIMEO, seconds).ok

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    @pytest.mark.parametrize("seconds", [0, 2, 124])
    def test_handshake_timeout_out_of_its_steps(self, modem, seconds):
        with pytest.raises(CommandError):
            modem.options.set_secure(SecureOption.DTLS_HANDSHAKE_TIMEO, seconds)

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid_status")
    def test_status_of_the_connection_id_is_known_only_after_a_handshake(self, modem):
        with pytest.raises(CommandError):
            modem.options.get_secure(SecureOption.DTLS_CID_STATUS)

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid")
    def test_connection_id_can_be_enabled(self, modem, connection_id):
        assert modem.options.set_secure(SecureOption.DTLS_CID, 2).ok
        with pytest.raises(CommandError):
            modem.options.get_secure(SecureOption.DTLS_CID)


@pytest.mark.spec("XSSOCKETOPT.error")
def test_a_plain_socket_has_none(modem):
    modem.sockets.open(SocketType.STREAM)
    with pytest.raises(CommandError):
        modem.options.set_secure(SecureOption.PEER_VERIFY, PeerVerify.NONE)
    with pytest.raises(CommandError):
        modem.options.get_secure(SecureOption.PEER_VERIFY)


@pytest.mark.spec("XSSOCKETOPT.test")
def test_what_it_knows_of_itself(modem):
    assert modem.options.test_secure().lines == ("#XSSOCKETOPT: (0,1),<name>,<value>",)
