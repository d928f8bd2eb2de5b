"""TLS and DTLS of the simulated modem: a session on a connected socket."""

import asyncio
import contextlib
import os
from collections.abc import Callable

from bench.security import SecurityError, TlsConnection, TlsContext
from bench.simulator.air_socket import AirSocket
from bench.simulator.downlink import POLLERR, POLLHUP, POLLIN

_READ = 65536
# The largest TLS record that the modem's buffers hold.
RECORD_LIMIT = 2048
# More than this unread stops the reading, and so, on a stream, the peer.
_BUFFERED = 8192


class SecureSession:
    """A secure connection on a socket. It reads and answers what arrives between commands too.

    It can be waited for like a socket: it is readable when there are data, an end or an error to fetch.

    Attributes:
        connection: the protocol.
        changed: called when what a poll reports may have changed.
    """

    def __init__(self, air: AirSocket, connection: TlsConnection, context: TlsContext, *, datagram: bool) -> None:
        self.connection = connection
        self._air = air
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
        self.changed: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()

    def fileno(self) -> int:
        """Return a descriptor that is readable when a read would not block."""
        return self._notice

    @property
    def ended(self) -> bool:
        """True when the peer has closed."""
        return self._ended

    @property
    def failed(self) -> bool:
        """True when the connection broke."""
        return self._error is not None

    def events(self) -> int:
        """Return what a poll reports: POLLIN, POLLERR and POLLHUP."""
        readable = bool(self._messages) or self._ended or self.failed
        return (POLLIN if readable else 0) | (POLLERR if self.failed else 0) | (POLLHUP if self._ended else 0)

    def close(self) -> None:
        """Send close_notify and end. The owner of the socket closes that."""
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
        os.eventfd_write(self._notice, 1)  # for who still waits for it
        os.close(self._notice)
        self._notice = -1

    async def handshake(self) -> None:
        """Shake hands; raise SecurityError or OSError if that fails. The caller limits the time of a stream."""
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
        """Return data, or nothing if the peer has closed; raise BlockingIOError without data, OSError if it broke."""
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
        """Return data and the address of the peer, as :meth:`recv` does."""
        return self.recv(limit), self.getpeername()

    def getpeername(self) -> tuple[str, int]:
        """Return the address of the peer."""
        return self._air.getpeername()

    async def send(self, data: bytes, timeout: float | None) -> int:
        """Send all data and return their number; -1 if the connection broke or the peer takes too long."""
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
        if wanted != self._reading and self._air.fileno() >= 0:
            self._reading = wanted
            if wanted:
                self._loop.add_reader(self._air.fileno(), self._read)
            else:
                self._loop.remove_reader(self._air.fileno())

    def _read(self) -> None:
        try:
            data = self._air.recv(_READ)
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
        """Decrypt what has arrived, and send what that calls for."""
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
                    self._air.send(piece)
            else:
                self._output += piece
        if self._output:
            self._write()

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            del self._output[: self._air.send(self._output)]
        if not self._output:
            self._changed.set()
        elif self._writer is None:
            self._writer = self._loop.create_task(self._write_more())

    async def _write_more(self) -> None:
        try:
            while self._output:
                await self._air.writable()
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
                self._air.send(piece)
        self._error = error
        self._watch(False)
        self._changed.set()
        self._signal()

    def _signal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._notice)
        if self._messages or self._ended or self._error is not None:
            os.eventfd_write(self._notice, 1)
        self.changed()
