"""The TLS echo peer: the TCP echo peer inside TLS 1.2."""

import socket

from bench.clock import now_ns
from bench.peers.journal import Source
from bench.peers.security import KeyLog, agreement, failure
from bench.peers.tcp import ServedConnection, StreamPeer, TcpEcho
from bench.security import SecurityError, TlsConnection, TlsContext

# A fatal alert in the clear: handshake_failure (RFC 5246 sections 6.2.1 and 7.2).
_REFUSAL = bytes((21, 3, 3, 0, 2, 2, 40))


class TlsEcho(TcpEcho):
    """A TLS echo server on one address, for any number of clients."""

    kind = "tls-echo"

    def __init__(self, listener: socket.socket, context: TlsContext, key_log: KeyLog) -> None:
        super().__init__(listener)
        self.context = context
        self.key_log = key_log

    def make_connection(self, number: int, client: socket.socket, source: Source) -> "ServedTlsConnection":
        """Return the connection that serves a client."""
        return ServedTlsConnection(self, number, client, source, TlsConnection(self.context), self.key_log)

    def close(self) -> None:
        """Stop listening, close every connection, and free the credentials."""
        super().close()
        self.context.free()


class ServedTlsConnection(ServedConnection):
    """One client: a handshake, then data."""

    def __init__(
        self,
        peer: StreamPeer,
        number: int,
        client: socket.socket,
        source: Source,
        secure: TlsConnection,
        key_log: KeyLog,
    ) -> None:
        super().__init__(peer, number, client, source)
        self._secure = secure
        self._key_log = key_log

    def alert(self, description: int) -> None:
        """Send a fatal alert and close."""
        self._secure.alert(description)
        self._note("alert", details={"description": description})
        self._drain()
        super().close()

    def close(self) -> None:
        """Send close_notify, if the behaviour wants it, then FIN."""
        alive = self._secure.established and not self._closing and self._socket.fileno() >= 0
        if alive and self._peer.behaviour.close_notify:
            self._secure.close_notify()
            self._drain()
        super().close()

    def _welcome(self) -> None:
        """Do nothing yet: data can flow only after the handshake."""
        if self._peer.behaviour.handshake == "refuse":
            self._transmit(_REFUSAL)
            self._note("handshake failed", details={"reason": "sent handshake_failure"})
            super().close()

    def _handle_bytes(self, data: bytes, stamp: int) -> None:
        if not self._secure.established and self._peer.behaviour.handshake == "hold":
            self._note("hello", data, stamp)
            return
        self._secure.feed(data)
        try:
            if not self._secure.established and self._shake_hands(stamp):
                super()._welcome()
            while self._secure.established and self._socket.fileno() >= 0:
                plain = self._secure.read()
                if plain is None:
                    break
                if not plain:
                    self._handle_end(stamp)
                    break
                self._handle_data(plain, stamp)
        except SecurityError as error:
            self._failed(error)
        self._drain()

    def _shake_hands(self, stamp: int) -> bool:
        if not self._secure.handshake():
            return False
        self._note("handshake", t_ns=stamp, details=agreement(self._secure))
        self._drain()
        self._key_log.add(self._secure)
        return True

    def _failed(self, error: SecurityError) -> None:
        event = "failed" if self._secure.established else "handshake failed"
        self._note(event, details=failure(self._secure, error))
        self._drain()  # the alert that says so
        super().close()

    def _handle_end(self, stamp: int) -> None:
        if not self._secure.established:
            self._note("handshake failed", details={"reason": "ended"})
        super()._handle_end(stamp)

    def _write(self, data: bytes) -> None:
        stamp = now_ns()
        try:
            self._secure.write(data)
        except SecurityError as error:
            self._failed(error)
            return
        self._drain()
        if self._socket.fileno() >= 0:
            self._note("sent", data, stamp)

    def _handle_sent(self, data: bytes, stamp: int) -> None:
        """Do not journal records: their data are journalled when they are written."""

    def _drain(self) -> None:
        output = b"".join(self._secure.take())
        if output and self._socket.fileno() >= 0:
            self._transmit(output)

    def _end(self, event: str, how: bytes = b"") -> None:
        super()._end(event, how)
        self._secure.free()
