"""The handshake of a secure socket: its settings, its credentials, and the sessions that can be resumed."""

import asyncio
import contextlib
import os
import secrets
from pathlib import Path

from bench.errors import BenchError
from bench.security import (
    GCM_SUITES,
    MODEM_SUITES,
    CertifiedKey,
    PreSharedKey,
    SecurityError,
    TlsConnection,
    TlsContext,
    TlsSettings,
    Verify,
)
from bench.simulator.credentials import CredentialStore, TagContent
from bench.simulator.journal import Journal
from bench.simulator.refusal import Refused
from bench.simulator.secure import SecureSession
from bench.simulator.socket_options import (
    CID_DISABLED,
    CID_ENABLED,
    CID_SUPPORTED,
    DEFAULT_HANDSHAKE_TIMEO_S,
    SecureOptionNumber,
)
from bench.simulator.sockets import DATAGRAM, TableSocket

_CID_BYTES = 8

Address = tuple[str, int]
_SessionKey = tuple[int, str, int, int]


class SecureLayer:
    """TLS and DTLS of one board."""

    def __init__(self, credentials: CredentialStore, journal: Journal, key_log: Path | None, *, gcm: bool) -> None:
        """Args: key_log: file for the secrets of handshakes. gcm: whether the modem knows the AES-GCM suites."""
        self._credentials = credentials
        self._journal = journal
        self._key_log = key_log
        self._gcm = gcm
        self._sessions: dict[_SessionKey, bytes] = {}

    def forget_sessions(self) -> None:
        """Forget all sessions: none can be resumed any more."""
        self._sessions.clear()

    async def shake_hands(self, sock: TableSocket, peer: Address) -> None:
        """Shake hands on a connected socket; raise Refused if that fails, for whatever reason."""
        assert sock.air is not None
        key = (sock.type, *peer, sock.sec_tag)
        caches = bool(sock.secure_options.get(SecureOptionNumber.SESSION_CACHE, 1))
        cid = _own_cid(sock)
        context, connection = self._connection(sock, cid, self._sessions.get(key) if caches else None)
        session = SecureSession(sock.air, connection, context, datagram=sock.type == DATAGRAM)
        await self._run(sock, session)
        if caches:
            with contextlib.suppress(BenchError):
                self._sessions[key] = connection.session()
        sock.session = session
        self._journal.add("handshake", handle=sock.handle, suite=connection.suite, resumed=connection.resumed)
        _keep_secret(self._key_log, connection.key_log_line)

    def _connection(
        self, sock: TableSocket, cid: bytes | None, session: bytes | None
    ) -> tuple[TlsContext, TlsConnection]:
        content = self._credentials.tag(sock.sec_tag)
        if content is None:
            raise Refused
        try:
            context = TlsContext(handshake_settings(sock, content, cid, gcm=self._gcm))
        except BenchError as error:  # what the tag holds is not a credential
            raise Refused from error
        host_name = bytes(sock.secure_options.get(SecureOptionNumber.HOSTNAME, b"")).decode("latin-1") or None
        try:
            return context, TlsConnection(context, host_name=host_name, cid=cid, session=session)
        except BenchError as error:  # a host name longer than a certificate's can be
            context.free()
            raise Refused from error

    async def _run(self, sock: TableSocket, session: SecureSession) -> None:
        limit = None if sock.type == DATAGRAM else sock.send_timeout or None
        try:
            async with asyncio.timeout(limit):
                await session.handshake()
        except (BenchError, OSError, TimeoutError) as error:
            reason = error.reason if isinstance(error, SecurityError) else type(error).__name__
            self._journal.add("handshake failed", handle=sock.handle, reason=reason)
            session.close()
            raise Refused from error
        except BaseException:  # the board loses its power in the middle of it
            session.close()
            raise


def _own_cid(sock: TableSocket) -> bytes | None:
    """Return the Connection ID that the board offers: None for no support, empty for support without one."""
    wanted = (
        sock.secure_options.get(SecureOptionNumber.DTLS_CID, CID_DISABLED) if sock.type == DATAGRAM else CID_DISABLED
    )
    return {CID_SUPPORTED: b"", CID_ENABLED: secrets.token_bytes(_CID_BYTES)}.get(int(wanted))


def handshake_settings(sock: TableSocket, content: TagContent, cid: bytes | None, *, gcm: bool) -> TlsSettings:
    """Return the settings of a handshake from the socket's options and its tag's credentials."""
    own = (CertifiedKey(content.certificate, content.key),) if content.certificate and content.key else ()
    options = sock.secure_options
    return TlsSettings(
        server=False,
        datagram=sock.type == DATAGRAM,
        verify=Verify(int(options.get(SecureOptionNumber.PEER_VERIFY, Verify.REQUIRED))),
        authorities=content.authorities,
        certificates=own,
        psk=PreSharedKey(content.psk_identity, content.psk) if content.psk and content.psk_identity else None,
        suites=tuple(number for number in MODEM_SUITES if gcm or number not in GCM_SUITES),
        cid_length=None if cid is None else len(cid),
        handshake_timeout=int(options.get(SecureOptionNumber.DTLS_HANDSHAKE_TIMEO, DEFAULT_HANDSHAKE_TIMEO_S)),
    )


def cid_status(connection: TlsConnection) -> int:
    """Return 0 for no Connection ID, 1 downlink, 2 uplink, 3 both (NRF_SO_SEC_DTLS_CID_STATUS)."""
    return (1 if connection.cid_downlink else 0) | (2 if connection.cid_uplink else 0)


def _keep_secret(key_log: Path | None, line: str) -> None:
    if key_log is None:
        return
    with contextlib.suppress(OSError):  # a full disk is not a fault of the board
        descriptor = os.open(key_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(line + "\n")
