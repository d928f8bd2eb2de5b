"""The settings of one end of a secure connection, and the names of its failures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bench.errors import BenchError
from bench.security.suites import MODEM_SUITES

HANDSHAKE_TIMEOUTS = {1: 1000, 3: 2000, 7: 4000, 15: 8000, 31: 16000, 63: 32000, 123: 60000}
"""Seconds until a DTLS handshake times out: longest wait for one flight in ms. The first wait is 1 s, each next one is
twice as long (RFC 6347 section 4.2.4.1)."""


RECONNECT = "reconnect"


class Verify(IntEnum):
    """The treatment of a peer whose certificate is missing or invalid; the numbers are those of modem and library."""

    NONE = 0
    OPTIONAL = 1
    REQUIRED = 2


class SecurityError(BenchError):
    """An error of a handshake or a connection.

    Attributes:
        reason: the alert that was sent or received (``sent unknown_ca``), ``timeout``, ``ended``, ``reconnect``, or the
            library's text.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{text} ({reason})" if reason != text else text)
        self.reason = reason

    @property
    def reconnect(self) -> bool:
        """True when the peer's ClientHello came on a live association: it has rebooted, the handshake may continue."""
        return self.reason == RECONNECT


@dataclass(frozen=True)
class PreSharedKey:
    """A pre-shared key (RFC 4279): the identity by which the server finds the key, and the key."""

    identity: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class CertifiedKey:
    """A certificate chain and the private key of its first certificate, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class TlsSettings:
    """The settings of one end.

    Attributes:
        server: the role.
        datagram: DTLS rather than TLS.
        verify: treatment of a peer with an invalid certificate; ``None`` is REQUIRED for a client, NONE for a server.
        authorities: certificates that are trusted, PEM.
        certificates: certificates of this end; the suite chooses one.
        psk: a client's key.
        psks: a server's keys by identity.
        suites: IANA numbers in order of preference.
        cid_length: length of this end's Connection IDs, 0 to 32 bytes (DTLS); None does not use Connection IDs.
        handshake_timeout: seconds, one of :data:`HANDSHAKE_TIMEOUTS` (DTLS).
        session_cache: whether a server resumes sessions.
        mtu: the largest datagram that is sent; 0 leaves it to the library.
    """

    server: bool
    datagram: bool
    verify: Verify | None = None
    authorities: bytes = b""
    certificates: tuple[CertifiedKey, ...] = ()
    psk: PreSharedKey | None = None
    psks: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    suites: tuple[int, ...] = MODEM_SUITES
    cid_length: int | None = None
    handshake_timeout: int = 123
    session_cache: bool = False
    mtu: int = 0
