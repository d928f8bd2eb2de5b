"""TLS 1.2 and DTLS 1.2 for the other end of the network and for the simulated board, over mbedTLS; test credentials."""

from bench.security.connection import RECORD_LIMIT, Connection
from bench.security.context import Context
from bench.security.mbedtls import ENVIRONMENT, SecurityUnavailable, library
from bench.security.records import client_hello, connection_id, is_hostile
from bench.security.settings import (
    HANDSHAKE_TIMEOUTS,
    CertifiedKey,
    PreSharedKey,
    SecurityError,
    Settings,
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
    "Connection",
    "Context",
    "PreSharedKey",
    "SecurityError",
    "SecurityUnavailable",
    "Settings",
    "Verify",
    "client_hello",
    "connection_id",
    "is_hostile",
    "library",
    "suite_name",
]
