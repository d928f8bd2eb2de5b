"""One end of a TLS 1.2 or DTLS 1.2 connection, sans-IO: bytes go in, bytes and data come out, without a socket.

The clock is injectable, so that retransmission and timeouts run in virtual time. All connections of a process must
share one thread, as the library has no locks.
"""

import ctypes
import time
from collections.abc import Callable
from typing import Any

from bench.security import mbedtls
from bench.security.callbacks import EXPORT_KEYS, GET_TIMER, RECEIVE, SEND, SET_TIMER, save_session
from bench.security.context import TlsContext
from bench.security.mbedtls import library, room
from bench.security.records import StreamRecords, datagram_records
from bench.security.registry import CONNECTIONS
from bench.security.settings import RECONNECT, SecurityError

RECORD_LIMIT = 16384
"""Bytes of data in the largest record (RFC 5246 section 6.2.1)."""
_RECEIVE_AGAIN = (mbedtls.WANT_READ, mbedtls.WANT_WRITE, mbedtls.NEW_SESSION_TICKET)
_NOTHING_TO_SAY = (
    mbedtls.HELLO_VERIFY_REQUIRED,
    mbedtls.CLIENT_RECONNECT,
    mbedtls.HANDSHAKE_TIMEOUT,
    mbedtls.CONNECTION_ENDED,
)
HANDSHAKE_FAILURE = 40
"""The alert handshake_failure."""
_CLOSED = (0, mbedtls.CLOSE_NOTIFY, mbedtls.CONNECTION_ENDED)
_FATAL = 2
_buffer = room(RECORD_LIMIT)


class TlsConnection:
    """One end of one connection: feed it the bytes that arrive, take the bytes to send.

    Attributes:
        context: the context that it shares with other connections.
        established: whether the handshake is complete.
        resumed: whether it resumed an earlier session.
        psk_identity: the name of the key that a client used, or tried; only a server knows it.
        key_log_line: its secret in the format of Wireshark; empty before there is one.
    """

    def __init__(
        self,
        context: TlsContext,
        *,
        peer: bytes = b"",
        host_name: str | None = None,
        cid: bytes | None = None,
        session: bytes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make an end that has sent nothing yet.

        Args:
            context: the context that it shares with other connections.
            peer: identity of the peer, for the cookies of a DTLS server.
            host_name: the name that a client expects in the certificate; None checks no name.
            cid: the Connection ID for records to this end; empty accepts the peer's and gives none; None does not offer
                the extension.
            session: the session that a client wants to resume.
            clock: a monotonic clock in seconds.
        """
        self.context = context
        self.established = False
        self.psk_identity = b""
        self.key_log_line = ""
        self._library = library()
        self._structure: Any = room()
        self._clock = clock
        self._own_cid = cid
        self._offered = session
        self.resumed = False
        self._last_code = 0
        self._input: list[bytes] = []
        self._output: list[bytes] = []
        self._ended = False
        self._intermediate = 0.0
        self._deadline: float | None = None
        self._alerts: dict[str, str] = {}
        self._records = {"sent": StreamRecords(), "received": StreamRecords()}
        self._number = CONNECTIONS.add(self)
        try:
            self._set_up(peer, host_name, session)
        except BaseException:
            self.free()
            raise

    def _set_up(self, peer: bytes, host_name: str | None, session: bytes | None) -> None:
        lib, mine, settings = self._library, self._structure, self.context.settings
        lib.ssl_init(mine)
        lib.check(lib.ssl_setup(mine, self.context.structure), "set up a connection")
        lib.ssl_set_bio(mine, self._number, SEND, RECEIVE, None)
        lib.ssl_set_export_keys_cb(mine, EXPORT_KEYS, self._number)
        if settings.datagram:
            lib.ssl_set_timer_cb(mine, self._number, SET_TIMER, GET_TIMER)
            if settings.server:
                lib.check(lib.ssl_set_client_transport_id(mine, peer, len(peer)), "name the peer")
            self._offer_cid()
            if settings.mtu:
                lib.ssl_set_mtu(mine, settings.mtu)
        if not settings.server:
            name = None if host_name is None else host_name.encode()
            lib.check(lib.ssl_set_hostname(mine, name), "set the host name")
        if session is not None:
            kept = room()
            lib.ssl_session_init(kept)
            try:
                lib.check(lib.ssl_session_load(kept, session, len(session)), "load a session")
                lib.check(lib.ssl_set_session(mine, kept), "resume a session")
            finally:
                lib.ssl_session_free(kept)

    def free(self) -> None:
        """Free the memory; a second call does nothing."""
        if CONNECTIONS.remove(self._number):
            self._library.ssl_free(self._structure)
            self._structure = None  # the library refuses this, but not freed memory

    def _offer_cid(self) -> None:
        """Offer our Connection ID, if there is one, in the next handshake."""
        cid = self._own_cid
        if cid is not None:
            self._library.check(self._library.ssl_set_cid(self._structure, 1, cid, len(cid)), "offer a Connection ID")

    # ---------------------------------------------------------------- bytes

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived: one datagram, or a piece of the stream.

        A datagram that is not a sequence of records is dropped: the library takes an empty one for the end, and fails
        on bytes after the last record.
        """
        if not data or (self.context.settings.datagram and not datagram_records(data, len(self._own_cid or b""))):
            return
        self._input.append(data)
        self._watch("received", data)

    def end(self) -> None:
        """End the input: no more bytes come."""
        self._ended = True

    def take(self) -> list[bytes]:
        """Return the bytes to send, in order: datagrams, or pieces of the stream."""
        output, self._output = self._output, []
        return output

    @property
    def deadline(self) -> float | None:
        """The time to call :meth:`handshake` again even if nothing arrives; None when that is not needed."""
        return self._deadline

    # ---------------------------------------------------------------- handshake

    def handshake(self) -> bool:
        """Continue the handshake; return whether it is complete.

        Raises:
            SecurityError: It failed; bytes of :meth:`take`, perhaps an alert, must still be sent.
        """
        if self.established:
            return True
        self.context.looked_up = self.context.identity = b""
        code = self._library.ssl_handshake(self._structure)
        self.psk_identity = self.context.identity or self.psk_identity
        if code == 0:
            self.established = True
        elif code not in (mbedtls.WANT_READ, mbedtls.WANT_WRITE):
            error = self._error(code, "the handshake failed")
            if code not in _NOTHING_TO_SAY and not self._alerts:
                # The library sends no alert for some failures; without one the peer waits (RFC 5246 section 7.2.2).
                self.alert(HANDSHAKE_FAILURE)
            raise error
        return self.established

    def start_over(self) -> None:
        """Start a new handshake after a reconnect, with the peer's ClientHello that has already arrived."""
        self.established = False
        self._offer_cid()

    @property
    def wants_cookie(self) -> bool:
        """True when the handshake ended with a request for a cookie: send it, and forget the stranger."""
        return self._last_code == mbedtls.HELLO_VERIFY_REQUIRED

    # ---------------------------------------------------------------- data

    def read(self) -> bytes | None:
        """Return data that have arrived; None when there are none now, empty when the peer has closed.

        Raises:
            SecurityError: A fatal alert or a broken record; ``reconnect`` is set when the peer starts a new handshake.
        """
        code = self._library.ssl_read(self._structure, _buffer, len(_buffer))
        if code > 0:
            return ctypes.string_at(_buffer, code)
        if code in _RECEIVE_AGAIN:
            return None
        if code in _CLOSED:
            return b""
        raise self._error(code, "the connection failed")

    def write(self, data: bytes) -> None:
        """Encrypt data, on a datagram connection as one record.

        Raises:
            SecurityError: The data do not fit a record, or the connection has ended.
        """
        while data:
            code = self._library.ssl_write(self._structure, data, len(data))
            if code < 0:
                raise self._error(code, f"{len(data)} bytes cannot be sent")
            data = data[code:]

    def close_notify(self) -> None:
        """Send close_notify."""
        self._library.ssl_close_notify(self._structure)

    def alert(self, description: int) -> None:
        """Send a fatal alert."""
        self._library.ssl_send_alert_message(self._structure, _FATAL, description)

    # ---------------------------------------------------------------- negotiated values

    @property
    def suite(self) -> int:
        """The cipher suite's IANA number."""
        return int(self._library.ssl_get_ciphersuite_id_from_ssl(self._structure))

    @property
    def cid_uplink(self) -> bytes:
        """The Connection ID that our records carry; empty when they carry none."""
        enabled, size, cid = ctypes.c_int(), ctypes.c_size_t(), room(64)
        code = self._library.ssl_get_peer_cid(self._structure, ctypes.byref(enabled), cid, ctypes.byref(size))
        return cid.raw[: size.value] if code == 0 and enabled.value else b""

    @property
    def cid_downlink(self) -> bytes:
        """The Connection ID that the peer's records carry; empty when they carry none."""
        enabled = ctypes.c_int()
        code = self._library.ssl_get_peer_cid(self._structure, ctypes.byref(enabled), None, None)
        return self._own_cid or b"" if code == 0 and enabled.value else b""

    @property
    def verify_problems(self) -> str:
        """The problems of the peer's certificate, as text; empty for none, or when it was not verified."""
        flags = self._library.ssl_get_verify_result(self._structure)
        if flags in (0, mbedtls.VERIFY_RESULT_NOT_AVAILABLE):
            return ""
        text = ctypes.create_string_buffer(1024)
        self._library.x509_crt_verify_info(text, len(text), b"", flags)
        return "; ".join(text.value.decode(errors="replace").split("\n")).strip("; ")

    @property
    def peer_subject(self) -> str:
        """The subject of the peer's certificate; empty without one."""
        certificate = self._library.ssl_get_peer_cert(self._structure)
        if not certificate:
            return ""
        text = ctypes.create_string_buffer(8192)
        self._library.x509_crt_info(text, len(text), b"", certificate)
        for line in text.value.decode(errors="replace").split("\n"):
            name, _, value = line.partition(":")
            if name.strip() == "subject name":
                return value.strip()
        return ""

    def session(self) -> bytes:
        """Return the session that a client needs to resume later.

        Raises:
            MbedTlsError: There is none.
        """
        kept = room()
        self._library.ssl_session_init(kept)
        try:
            self._library.check(self._library.ssl_get_session(self._structure, kept), "keep the session")
            return save_session(kept)
        finally:
            self._library.ssl_session_free(kept)

    # ---------------------------------------------------------------- calls by the library

    def _error(self, code: int, text: str) -> SecurityError:
        self._last_code = code
        if code == mbedtls.CLIENT_RECONNECT:
            return SecurityError(RECONNECT, "the peer started a new handshake")
        if code == mbedtls.HANDSHAKE_TIMEOUT:
            return SecurityError("timeout", text)
        if code == mbedtls.CONNECTION_ENDED:
            return SecurityError("ended", text)
        for direction in ("received", "sent"):
            if self._alerts.get(direction):
                return SecurityError(f"{direction} {self._alerts[direction]}", text)
        problem = self.verify_problems if code == mbedtls.CERTIFICATE_VERIFY_FAILED else ""
        return SecurityError(problem or self._library.text(code), text)

    def _watch(self, direction: str, data: bytes) -> None:
        """Remember the last fatal alert that was not encrypted, as the library does not report it."""
        if self.context.settings.datagram:
            records = datagram_records(data)
        else:
            records = [] if self.established else self._records[direction].feed(data)
        for record in records:
            if record.alert:
                self._alerts[direction] = record.alert

    def sending(self, data: bytes) -> int:
        """Take bytes to send (the library calls this)."""
        self._output.append(data)
        self._watch("sent", data)
        return len(data)

    def receiving(self, address: int, size: int) -> int:
        """Give at most ``size`` bytes to ``address`` (the library calls this)."""
        if not self._input:
            return 0 if self._ended else mbedtls.WANT_READ
        data = self._input.pop(0)
        if len(data) > size:
            if not self.context.settings.datagram:
                self._input.insert(0, data[size:])
            data = data[:size]
        ctypes.memmove(address, data, len(data))
        return len(data)

    def set_timer(self, intermediate_ms: int, final_ms: int) -> None:
        """Start the timer, or stop it (the library calls this)."""
        if not final_ms:
            self._deadline = None
            return
        now = self._clock()
        self._intermediate, self._deadline = now + intermediate_ms / 1000, now + final_ms / 1000

    def timer_state(self) -> int:
        """Return -1 stopped, 0 running, 1 after the first moment, 2 after the second (the library calls this)."""
        if self._deadline is None:
            return -1
        now = self._clock()
        return 2 if now >= self._deadline else 1 if now >= self._intermediate else 0

    def take_keys(self, secret: bytes, client_random: bytes) -> None:
        """Take the secret of both ends (the library calls this)."""
        self.key_log_line = f"CLIENT_RANDOM {client_random.hex()} {secret.hex()}"
        # A saved session holds its master secret: the same secret means that the session was resumed.
        self.resumed = secret in (self.context.looked_up if self.context.settings.server else self._offered or b"")
