"""Secure socket options: each one, on secure and on plain sockets, before any handshake.

Specification: #XSSOCKETOPT.
"""

import pytest

from bench.at import CommandError
from bench.modem import PeerVerify, SecureOption, SocketType

from .socket_values import SEC_TAG


@pytest.fixture
def tls(modem):
    return modem.secure_socket(SocketType.STREAM, SEC_TAG)


@pytest.fixture
def dtls(modem):
    return modem.secure_socket(SocketType.DATAGRAM, SEC_TAG)


class TestTls:
    """On a TLS socket."""

    @pytest.mark.spec("XSSOCKETOPT.peer_verify", "XSSOCKETOPT.get", "XSSOCKETOPT.set")
    @pytest.mark.parametrize("level", list(PeerVerify))
    def test_peer_verify(self, tls, level):
        tls.set_option(SecureOption.PEER_VERIFY, level)

        assert tls.get_option(SecureOption.PEER_VERIFY).number == level

    @pytest.mark.spec("XSSOCKETOPT.session_cache")
    @pytest.mark.parametrize("value", [0, 1])
    def test_session_cache(self, tls, value):
        tls.set_option(SecureOption.SESSION_CACHE, value)

        assert tls.get_option(SecureOption.SESSION_CACHE).number == value

    @pytest.mark.spec("XSSOCKETOPT.hostname")
    def test_host_name(self, tls):
        tls.set_option(SecureOption.HOSTNAME, "example.com")
        assert tls.get_option(SecureOption.HOSTNAME).text == "example.com"

        tls.set_option(SecureOption.HOSTNAME, "NULL")
        assert tls.get_option(SecureOption.HOSTNAME).text == ""

    @pytest.mark.spec("XSSOCKETOPT.session_cache_purge")
    def test_cache_purge_is_set_only(self, tls):
        tls.set_option(SecureOption.SESSION_CACHE_PURGE, 0)
        with pytest.raises(CommandError):
            tls.get_option(SecureOption.SESSION_CACHE_PURGE)

    @pytest.mark.spec("XSSOCKETOPT.ciphersuite_used")
    def test_cipher_suite_is_known_only_after_a_handshake(self, tls):
        with pytest.raises(CommandError):
            tls.get_option(SecureOption.CIPHERSUITE_USED)
        with pytest.raises(CommandError):
            tls.set_option(SecureOption.CIPHERSUITE_USED, 1)

    @pytest.mark.spec("XSSOCKETOPT.error", "XSSOCKETOPT.error.value")
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
    def test_refused(self, tls, option, value):
        with pytest.raises(CommandError):
            tls.commands.options.set_secure(tls.handle, option, value)

    def test_needs_a_value(self, tls):
        with pytest.raises(CommandError):
            tls.set_option(SecureOption.PEER_VERIFY)


class TestDtls:
    """On a DTLS socket."""

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    @pytest.mark.parametrize("seconds", [1, 3, 7, 15, 31, 63, 123])
    def test_handshake_timeout(self, dtls, seconds):
        assert dtls.set_option(SecureOption.DTLS_HANDSHAKE_TIMEO, seconds).ok

    @pytest.mark.spec("XSSOCKETOPT.dtls_handshake_timeo")
    @pytest.mark.parametrize("seconds", [0, 2, 124])
    def test_handshake_timeout_out_of_its_steps(self, dtls, seconds):
        with pytest.raises(CommandError):
            dtls.set_option(SecureOption.DTLS_HANDSHAKE_TIMEO, seconds)

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid_status")
    def test_status_of_the_connection_id_is_known_only_after_a_handshake(self, dtls):
        with pytest.raises(CommandError):
            dtls.get_option(SecureOption.DTLS_CID_STATUS)

    @pytest.mark.spec("XSSOCKETOPT.dtls_cid")
    def test_connection_id_can_be_enabled(self, dtls, connection_id):
        assert dtls.set_option(SecureOption.DTLS_CID, 2).ok
        with pytest.raises(CommandError):
            dtls.get_option(SecureOption.DTLS_CID)


@pytest.mark.spec("XSSOCKETOPT.error", "XSSOCKETOPT.error.plain")
def test_a_plain_socket_has_none(modem):
    stream = modem.tcp_socket()
    with pytest.raises(CommandError):
        stream.set_option(SecureOption.PEER_VERIFY, PeerVerify.NONE)
    with pytest.raises(CommandError):
        stream.get_option(SecureOption.PEER_VERIFY)


@pytest.mark.needs("selected socket")
@pytest.mark.spec("XSSOCKETOPT.test")
def test_what_it_knows_of_itself(modem):
    assert modem.options.test_secure().lines == ("#XSSOCKETOPT: (0,1),<name>,<value>",)
