"""The context that connections of one end share: credentials, suites, the server's cookies and session cache."""

import ctypes
import hmac
import secrets
from typing import Any, Self

from bench.errors import UsageError
from bench.security.callbacks import (
    CHECK_COOKIE,
    FIND_PSK,
    FIND_SESSION,
    KEEP_SESSION,
    WRITE_COOKIE,
)
from bench.security.mbedtls import MbedTlsError, library, room
from bench.security.registry import CONTEXTS
from bench.security.settings import HANDSHAKE_TIMEOUTS, TlsSettings

_FIRST_WAIT_MS = 1000
_CACHED_SESSIONS = 1000
_TLS_1_2 = (3, 3)
_IGNORE_FOREIGN_CIDS = 0


class TlsContext:
    """The shared part of an end's connections; to be entered, or to be freed.

    Attributes:
        settings: the settings that it was made from.
        sessions: a server's sessions by their numbers, in the library's own form.
        looked_up: the session that the current handshake found in the cache.
        identity: the identity for which the current handshake asked a key.
    """

    def __init__(self, settings: TlsSettings) -> None:
        """Raise UsageError for wrong settings: a key that cannot be parsed, a timeout that the modem does not have."""
        if settings.datagram and settings.handshake_timeout not in HANDSHAKE_TIMEOUTS:
            known = ", ".join(map(str, HANDSHAKE_TIMEOUTS))
            raise UsageError(f"unknown handshake timeout {settings.handshake_timeout} s; available: {known}")
        self.settings = settings
        self.sessions: dict[bytes, bytes] = {}
        self.looked_up = b""
        self.identity = b""
        self._library = library()
        self._structure = room()
        self._cookie_key = secrets.token_bytes(32)
        self._certificates: list[Any] = []
        self._keys: list[Any] = []
        self._number = CONTEXTS.add(self)
        try:
            self._configure()
        except BaseException:
            self.free()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def free(self) -> None:
        """Free the memory; its connections must have been freed before."""
        if not CONTEXTS.remove(self._number):
            return
        self._library.ssl_config_free(self._structure)
        for certificate in self._certificates:
            self._library.x509_crt_free(certificate)
        for key in self._keys:
            self._library.pk_free(key)

    def purge(self) -> None:
        """Forget the sessions that could be resumed."""
        self.sessions.clear()

    @property
    def structure(self) -> Any:  # noqa: ANN401 - memory of the library
        """The library's own configuration."""
        return self._structure

    def _configure(self) -> None:
        lib, settings, mine = self._library, self.settings, self._structure
        lib.ssl_config_init(mine)
        lib.check(lib.ssl_config_defaults(mine, int(settings.server), int(settings.datagram), 0), "configure TLS")
        lib.ssl_conf_rng(mine, lib.random, lib.generator)
        lib.ssl_conf_min_version(mine, *_TLS_1_2)
        lib.ssl_conf_max_version(mine, *_TLS_1_2)
        self._suites = (ctypes.c_int * (len(settings.suites) + 1))(*settings.suites, 0)
        lib.ssl_conf_ciphersuites(mine, self._suites)
        if settings.verify is not None:
            lib.ssl_conf_authmode(mine, int(settings.verify))
        self._configure_credentials()
        if settings.datagram:
            lib.ssl_conf_handshake_timeout(mine, _FIRST_WAIT_MS, HANDSHAKE_TIMEOUTS[settings.handshake_timeout])
            lib.check(
                lib.ssl_conf_cid(mine, settings.cid_length or 0, _IGNORE_FOREIGN_CIDS),
                "set the length of Connection IDs",
            )
        if settings.server:
            if settings.datagram:
                lib.ssl_conf_dtls_cookies(mine, WRITE_COOKIE, CHECK_COOKIE, self._number)
            if settings.session_cache:
                lib.ssl_conf_session_cache(mine, self._number, FIND_SESSION, KEEP_SESSION)
        else:
            lib.ssl_conf_session_tickets(mine, 0)

    def _configure_credentials(self) -> None:
        lib, settings, mine = self._library, self.settings, self._structure
        if settings.authorities:
            self._authorities = self._certificate(settings.authorities, "the trusted certificates")
            lib.ssl_conf_ca_chain(mine, self._authorities, None)
        for pair in settings.certificates:
            certificate, key = self._certificate(pair.certificate, "the certificate"), self._key(pair.key)
            lib.check(lib.ssl_conf_own_cert(mine, certificate, key), "use the certificate")
        if settings.psk is not None:
            psk = settings.psk
            lib.check(lib.ssl_conf_psk(mine, psk.key, len(psk.key), psk.identity, len(psk.identity)), "use the PSK")
        if settings.psks:
            lib.ssl_conf_psk_cb(mine, FIND_PSK, self._number)

    def _certificate(self, pem: bytes, what: str) -> Any:  # noqa: ANN401
        lib, structure, text = self._library, room(), pem + b"\0"
        lib.x509_crt_init(structure)
        self._certificates.append(structure)
        try:
            lib.check(lib.x509_crt_parse(structure, text, len(text)), f"read {what}")
        except MbedTlsError as error:
            raise UsageError(f"{error}: check that it is PEM") from error
        return structure

    def _key(self, pem: bytes) -> Any:  # noqa: ANN401
        lib, structure, text = self._library, room(), pem + b"\0"
        lib.pk_init(structure)
        self._keys.append(structure)
        try:
            lib.check(
                lib.pk_parse_key(structure, text, len(text), None, 0, lib.random, lib.generator), "read the private key"
            )
        except MbedTlsError as error:
            raise UsageError(f"{error}: check that it is PEM without a password") from error
        return structure

    def cookie(self, peer: bytes) -> bytes:
        """Return the cookie that a peer must show (RFC 6347 section 4.2.1)."""
        return hmac.digest(self._cookie_key, peer, "sha256")

    def keep(self, number: bytes, session: bytes) -> None:
        """Remember a session; drop the oldest when there are too many."""
        self.sessions[number] = session
        while len(self.sessions) > _CACHED_SESSIONS:
            del self.sessions[next(iter(self.sessions))]
