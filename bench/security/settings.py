"""What one end of a secure connection offers and demands, and how its failures are named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bench.errors import BenchError
from bench.security.suites import MODEM_SUITES

HANDSHAKE_TIMEOUTS = {1: 1000, 3: 2000, 7: 4000, 15: 8000, 31: 16000, 63: 32000, 123: 60000}
"""Seconds until a DTLS handshake is given up: the longest wait for one flight, ms. The first wait is 1 s, each next one
twice as long (RFC 6347 section 4.2.4.1)."""


RECONNECT = "reconnect"


class Verify(IntEnum):
    """What becomes of a peer whose certificate is missing or bad. Numbers of modem and library."""

    NONE = 0
    OPTIONAL = 1
    REQUIRED = 2


class SecurityError(BenchError):
    """A handshake or a connection failed.

    Attributes:
        reason: the alert that was sent or received (``sent unknown_ca``), ``timeout``, ``ended``, ``reconnect``, or the
            library's words.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(f"{text} ({reason})" if reason != text else text)
        self.reason = reason

    @property
    def reconnect(self) -> bool:
        """Whether the peer's ClientHello came on a live association: it has rebooted, the handshake may go on."""
        return self.reason == RECONNECT


@dataclass(frozen=True)
class PreSharedKey:
    """RFC 4279: the name under which the server looks the key up, and the key."""

    identity: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class CertifiedKey:
    """A certificate chain and the private key of its first certificate, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class TlsSettings:
    """What one end offers and demands.

    Attributes:
        server: the role.
        datagram: DTLS rather than TLS.
        verify: what becomes of a peer with a bad certificate; ``None`` is REQUIRED for a client, NONE for a server.
        authorities: certificates that are trusted, PEM.
        certificates: our own; the suite chooses among several.
        psk: a client's key.
        psks: a server's keys by identity.
        suites: IANA numbers in order of preference.
        cid_length: of the Connection IDs that we give out, 0 to 32 bytes (DTLS); None does without Connection ID.
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
