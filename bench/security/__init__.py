"""TLS 1.2 and DTLS 1.2 by mbedTLS, for peers and for the simulated board; test credentials."""

from bench.security.connection import RECORD_LIMIT, TlsConnection
from bench.security.context import TlsContext
from bench.security.mbedtls import ENVIRONMENT, SecurityUnavailable, library
from bench.security.records import client_hello, connection_id, is_hostile
from bench.security.settings import (
    HANDSHAKE_TIMEOUTS,
    CertifiedKey,
    PreSharedKey,
    SecurityError,
    TlsSettings,
    Verify,
)
from bench.security.suites import GCM_SUITES, MODEM_SUITES, SUITES, suite_name

__all__ = [
    "ENVIRONMENT",
    "GCM_SUITES",
    "HANDSHAKE_TIMEOUTS",
    "MODEM_SUITES",
    "RECORD_LIMIT",
    "SUITES",
    "CertifiedKey",
    "PreSharedKey",
    "SecurityError",
    "SecurityUnavailable",
    "TlsConnection",
    "TlsContext",
    "TlsSettings",
    "Verify",
    "client_hello",
    "connection_id",
    "is_hostile",
    "library",
    "suite_name",
]
