"""TLS and DTLS of the simulated modem: a session on a connected socket, and which sessions can be resumed."""

import asyncio
import contextlib
import os
import secrets
from typing import TYPE_CHECKING

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
from bench.simulator.air_socket import AirSocket
from bench.simulator.credentials import TagContent
from bench.simulator.parameters import AtError

if TYPE_CHECKING:
    from bench.simulator.at_host import Firmware
    from bench.simulator.sockets import Socket

HOSTNAME, CIPHERSUITE_USED, PEER_VERIFY, SESSION_CACHE, CACHE_PURGE = 2, 4, 5, 12, 13
DTLS_CID, CID_STATUS, HANDSHAKE_TIMEO = 14, 15, 18
CID_DISABLED, CID_SUPPORTED, CID_ENABLED = 0, 1, 2
DEFAULT_HANDSHAKE_TIMEO = 123
_READ = 65536
_CID_BYTES = 8
# The largest TLS record that the modem's buffers hold.
RECORD_LIMIT = 2048
# Data that nobody fetches stop the reading, and so, on a stream, the peer.
_BUFFERED = 8192


class SecureSession:
    """A secure connection. It keeps itself up: what arrives is read and answered also between commands.

    To whoever waits it looks like a socket: readable when there are data, an end or an error to fetch.
    """

    def __init__(self, host: AirSocket, connection: TlsConnection, context: TlsContext, *, datagram: bool) -> None:
        self.connection = connection
        self._host = host
        self._context = context
        self._datagram = datagram
        self._messages: list[bytes] = []
        self._output = bytearray()
        self._error: Exception | None = None
        self._ended = False
        self._reading = False
        self._writer: asyncio.Task[None] | None = None
        self._notice = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def fileno(self) -> int:
        """Readable when a read would not block."""
        return self._notice

    @property
    def ended(self) -> bool:
        """Whether the peer has closed."""
        return self._ended

    @property
    def failed(self) -> bool:
        """Whether the connection broke."""
        return self._error is not None

    def close(self) -> None:
        """Says close_notify and ends; the socket stays to be closed by its owner."""
        if self._notice < 0:
            return
        if self.connection.established and not self.failed:
            self.connection.close_notify()
            with contextlib.suppress(OSError):
                self._flush()
        self._watch(False)
        if self._writer is not None:
            self._writer.cancel()
        self.connection.free()
        self._context.free()
        os.close(self._notice)
        self._notice = -1

    async def handshake(self) -> None:
        """Shakes hands; SecurityError or OSError when that fails. A stream's time limit is the caller's."""
        self._watch(True)
        while True:
            done = self._step()
            self._flush()
            if done:
                self._pump()
                return
            self._changed.clear()
            deadline = self.connection.deadline
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            if self._error is not None:
                raise self._error

    def _step(self) -> bool:
        try:
            return self.connection.handshake()
        finally:
            with contextlib.suppress(OSError):
                self._flush()  # also the alert that says why not

    # ---------------------------------------------------------------- data

    def recv(self, limit: int) -> bytes:
        """Data, or nothing when the peer has closed; BlockingIOError when there are none, OSError when it broke."""
        if not self._messages:
            if self._error is not None:
                raise ConnectionResetError
            if self._ended:
                return b""
            raise BlockingIOError
        message = self._messages.pop(0)
        if len(message) > limit and not self._datagram:
            self._messages.insert(0, message[limit:])
        elif not self._datagram:
            while self._messages and len(message) + len(self._messages[0]) <= limit:
                message += self._messages.pop(0)
        if not self._reading and not self._ended and self._error is None:
            self._watch(True)
            self._pump()
        self._signal()
        return message[:limit]

    def recvfrom(self, limit: int, _flags: int) -> tuple[bytes, tuple[str, int]]:
        """The same with the peer's address."""
        return self.recv(limit), self.getpeername()

    def getpeername(self) -> tuple[str, int]:
        """The peer's address."""
        return self._host.getpeername()

    async def send(self, data: bytes, timeout: float | None) -> int:
        """Sends all of it; -1 when the connection broke or the peer does not take it in time."""
        try:
            size = len(data) if self._datagram else RECORD_LIMIT  # a datagram is one record
            for start in range(0, len(data), size):
                self.connection.write(data[start : start + size])
            self._flush()
        except (SecurityError, OSError):
            return -1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._output and self._error is None:
                    self._changed.clear()
                    await self._changed.wait()
        return -1 if self._output or self._error else len(data)

    # ---------------------------------------------------------------- the wire

    def _watch(self, wanted: bool) -> None:
        if wanted != self._reading and self._host.fileno() >= 0:
            self._reading = wanted
            if wanted:
                self._loop.add_reader(self._host.fileno(), self._read)
            else:
                self._loop.remove_reader(self._host.fileno())

    def _read(self) -> None:
        try:
            data = self._host.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if data:
            self.connection.feed(data)
        elif not self._datagram:
            self.connection.end()
            self._watch(False)
        if self.connection.established:
            self._pump()
        self._changed.set()

    def _pump(self) -> None:
        """Takes in what has arrived, and sends what that calls for."""
        try:
            while not self._ended and self._notice >= 0:
                message = self.connection.read()
                if message is None:
                    break
                if message:
                    self._messages.append(message)
                    if len(message) > RECORD_LIMIT:
                        raise SecurityError("record too large", f"a record of {len(message)} bytes does not fit")
                else:
                    self._ended = True
                    self._watch(False)
            self._flush()
        except (SecurityError, OSError) as error:
            self._fail(error)
        if sum(map(len, self._messages)) > _BUFFERED:
            self._watch(False)
        self._signal()

    def _flush(self) -> None:
        for piece in self.connection.take():
            if self._datagram:
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):  # lost, as on any network
                    self._host.send(piece)
            else:
                self._output += piece
        if self._output:
            self._write()

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._output[: self._host.send(self._output)]
        if not self._output:
            self._changed.set()
        elif self._writer is None:
            self._writer = self._loop.create_task(self._write_more())

    async def _write_more(self) -> None:
        try:
            while self._output:
                await self._host.writable()
                self._write()
        except OSError as error:
            self._fail(error)
        finally:
            self._writer = None

    def _fail(self, error: Exception) -> None:
        if isinstance(error, ConnectionRefusedError) and self._datagram:
            return  # an ICMP message proves nothing: DTLS goes on
        with contextlib.suppress(OSError):
            for piece in self.connection.take():
                self._host.send(piece)
        self._error = error
        self._watch(False)
        self._changed.set()
        self._signal()

    def _signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._notice)
        if self._messages or self._ended or self._error is not None:
            os.eventfd_write(self._notice, 1)


async def secure(board: "Firmware", row: "Socket", peer: tuple[str, int]) -> None:
    """Shakes hands on a connected socket; AtError when that fails, for whatever reason."""
    assert row.host is not None
    content = board.modem.credentials.tag(row.sec_tag)
    if content is None:
        raise AtError
    datagram = row.type == 2
    cid = row.secure_options.get(DTLS_CID, CID_DISABLED) if datagram else CID_DISABLED
    own = {CID_SUPPORTED: b"", CID_ENABLED: secrets.token_bytes(_CID_BYTES)}.get(int(cid))
    key = (row.type, *peer, row.sec_tag)
    caches = row.secure_options.get(SESSION_CACHE, 1)
    try:
        context = TlsContext(_settings(board, row, content, datagram, own))
    except BenchError as error:  # what the tag holds is no credential
        raise AtError from error
    host_name = bytes(row.secure_options.get(HOSTNAME, b"")).decode("latin-1") or None
    try:
        connection = TlsConnection(
            context, host_name=host_name, cid=own, session=board.sessions.get(key) if caches else None
        )
    except BenchError as error:  # a host name longer than a certificate's can be
        context.free()
        raise AtError from error
    session = SecureSession(row.host, connection, context, datagram=datagram)
    try:
        async with asyncio.timeout(None if datagram else row.send_timeout or None):
            await session.handshake()
    except (BenchError, OSError, TimeoutError) as error:
        reason = error.reason if isinstance(error, SecurityError) else type(error).__name__
        board.journal.add("handshake failed", handle=row.handle, reason=reason)
        session.close()
        raise AtError from error
    except BaseException:  # the board loses its power in the middle of it
        session.close()
        raise
    if caches:
        with contextlib.suppress(BenchError):
            board.sessions[key] = connection.session()
    row.session = session
    board.journal.add("handshake", handle=row.handle, suite=connection.suite, resumed=connection.resumed)
    board.keep_secret(connection.key_log_line)


def _settings(board: "Firmware", row: "Socket", content: TagContent, datagram: bool, cid: bytes | None) -> TlsSettings:
    own = (CertifiedKey(content.certificate, content.key),) if content.certificate and content.key else ()
    return TlsSettings(
        server=False,
        datagram=datagram,
        verify=Verify(int(row.secure_options.get(PEER_VERIFY, Verify.REQUIRED))),
        authorities=content.authorities,
        certificates=own,
        psk=PreSharedKey(content.psk_identity, content.psk) if content.psk and content.psk_identity else None,
        suites=tuple(n for n in MODEM_SUITES if board.modem.capabilities.gcm or n not in GCM_SUITES),
        cid_length=None if cid is None else len(cid),
        handshake_timeout=int(row.secure_options.get(HANDSHAKE_TIMEO, DEFAULT_HANDSHAKE_TIMEO)),
    )


def cid_status(connection: TlsConnection) -> int:
    """0 no Connection ID, 1 downlink, 2 uplink, 3 both (the modem library's NRF_SO_SEC_DTLS_CID_STATUS)."""
    return (1 if connection.cid_downlink else 0) | (2 if connection.cid_uplink else 0)
