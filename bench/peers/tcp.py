"""TCP peers, a server and a client, with any number of connections; each connection follows the behaviour."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import replace
from typing import Any

from bench.clock import now_ns
from bench.peers.behaviour import Behaviour
from bench.peers.bound import BoundPeer
from bench.peers.journal import Source
from bench.peers.tcp_info import octets_of

_READ = 65536
# The receive buffer of connections to a peer that does not read: the kernel's least is about as much.
_NO_ROOM = 2048
# A board that sends but does not read must not fill our memory.
_BACKLOG_LIMIT = 4 << 20
# Seconds without accepting after an error, which would otherwise repeat at once.
_ACCEPT_PAUSE = 0.2
# Longest seconds before a delayed connection, and for its answer.
_LATEST_S = 60.0


class StreamPeer(BoundPeer):
    """A peer with TCP connections."""

    most_connections: int | None = None
    """Number of connections at a time; None for no limit."""

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(bound)
        self.connections: dict[int, ServedConnection] = {}
        self._count = 0

    def close(self) -> None:
        """Free the port and close every connection, after a last try to send pending data."""
        super().close()
        for connection in list(self.connections.values()):
            connection.close()
        for connection in list(self.connections.values()):
            connection.end()

    def connection(self, number: int | None) -> "ServedConnection":
        """Return a connection by its number, or the newest; raise LookupError when there is none."""
        if number is None and self.connections:
            number = max(self.connections)
        if number not in self.connections:
            raise LookupError(
                f"no open connection{'' if number is None else f' {number}'}: check that the board has connected"
            )
        return self.connections[number]

    def behave(self, behaviour: Behaviour) -> None:
        """Follow another behaviour; its connections stop reading, or read on."""
        reads = self.behaviour.reads
        super().behave(behaviour)
        if behaviour.reads == reads:
            return
        if not behaviour.reads:  # a window is offered with the connection: later ones have this one
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NO_ROOM)
        for connection in list(self.connections.values()):
            connection.listen()

    def take_drop(self) -> bool:
        """Return whether to drop the current message."""
        if self.behaviour.drop:
            self.behaviour = replace(self.behaviour, drop=self.behaviour.drop - 1)
            return True
        return False

    def make_connection(self, number: int, client: socket.socket, source: Source) -> "ServedConnection":
        """Return the connection that serves a client."""
        return ServedConnection(self, number, client, source)

    def add(self, client: socket.socket, source: Source, event: str, stamp: int) -> "ServedConnection":
        """Add a new connection, journal it as ``event`` and serve it."""
        self._count += 1
        connection = self.make_connection(self._count, client, source)
        self.connections[self._count] = connection
        self.journal.add(event, connection=self._count, source=source, t_ns=stamp)
        connection.start()
        return connection


class TcpEcho(StreamPeer):
    """A TCP echo server on one address."""

    kind = "tcp-echo"

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener)
        self._loop = asyncio.get_running_loop()
        listener.setblocking(False)
        listener.listen(64)
        self._loop.add_reader(listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening and close every connection."""
        self._loop.remove_reader(self._socket.fileno())
        super().close()

    def _accept(self) -> None:
        while True:
            try:
                client, source = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of descriptors, or the client has gone again
                self.journal.add("error", data=str(error).encode())
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(_ACCEPT_PAUSE, self._resume)
                return
            if self.most_connections is not None and len(self.connections) >= self.most_connections:
                self.journal.add("refused", source=(source[0], source[1]))
                client.close()
                continue
            self.add(client, (source[0], source[1]), "accepted", now_ns())

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._accept)


class TcpDialer(StreamPeer):
    """A client of a board's server. It does not answer unless its behaviour says to echo."""

    kind = "tcp-dialer"

    def __init__(self, bound: socket.socket) -> None:
        """Make a client that connects from the address of ``bound``, whose port is only a place holder."""
        super().__init__(bound)
        self.behaviour = Behaviour(echo=False)
        self._later: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Close every connection."""
        if self._later is not None:
            self._later.cancel()
        super().close()

    async def dial(self, host: str, port: int, timeout: float) -> "ServedConnection":
        """Connect to a board; raise OSError or TimeoutError when that fails."""
        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        client.setblocking(False)
        stamp = now_ns()
        try:
            client.bind((self.address[0], 0))
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(client, (host, port))
        except BaseException as error:
            client.close()
            self.journal.add("error", source=(host, port), data=str(error).encode(), t_ns=stamp)
            raise
        return self.add(client, (host, port), "connected", now_ns())

    def dial_later(self, host: str, port: int, after: float) -> None:
        """Connect to a board ``after`` seconds from now; the journal holds the result."""
        if not 0 <= after <= _LATEST_S:
            raise ValueError(f"{after:g} s from now is too late: connect within {_LATEST_S:g} s")

        async def dial() -> None:
            await asyncio.sleep(after)
            with contextlib.suppress(OSError):  # a TimeoutError is one
                await self.dial(host, port, _LATEST_S)

        self._later = asyncio.create_task(dial())


class ServedConnection:
    """One accepted connection."""

    def __init__(self, peer: StreamPeer, number: int, client: socket.socket, source: Source) -> None:
        self.number = number
        self.source = source
        self._peer = peer
        self._socket = client
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()
        self._output = bytearray()
        self._received = 0
        self._paused = False
        self._closing = False
        self._timers: set[asyncio.TimerHandle] = set()

    @property
    def local(self) -> Source:
        """Our own address."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def start(self) -> None:
        """Start serving."""
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._welcome()
        self.listen()

    def listen(self) -> None:
        """Read what comes, if the peer reads at all and there is room for its answers."""
        if self._socket.fileno() < 0:
            return
        if self._peer.behaviour.reads and not (self._paused or self._closing):
            self._loop.add_reader(self._socket.fileno(), self._read)
        else:
            self._loop.remove_reader(self._socket.fileno())

    def _welcome(self) -> None:
        """Do what the behaviour wants as soon as data can flow."""
        behaviour = self._peer.behaviour
        if behaviour.on_connect == "reset":
            self.reset()
            return
        if behaviour.greeting:
            self.send(behaviour.greeting)
        if behaviour.on_connect == "close":
            self.close()

    def send(self, data: bytes) -> None:
        """Send data of the peer, in the pieces of the behaviour."""
        size = self._peer.behaviour.split or len(data) or 1
        for index, start in enumerate(range(0, len(data), size)):
            self._later(index * self._peer.behaviour.split_gap_ms, data[start : start + size])

    def release(self) -> None:
        """Send the answers that were held."""
        held, self._held = bytes(self._held), bytearray()
        if held:
            self.send(held)

    def half_close(self) -> None:
        """Send FIN and continue to receive."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._note("closed", b"half")

    def close(self) -> None:
        """Send pending data and FIN, and close."""
        self._closing = True
        if not self._output:
            self._end("closed")

    def end(self) -> None:
        """Close at once, without pending data."""
        self._end("closed")

    def reset(self) -> None:
        """Send RST."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end("closed", b"reset")

    def _note(
        self, event: str, data: bytes = b"", t_ns: int | None = None, details: dict[str, Any] | None = None
    ) -> None:
        self._peer.journal.add(event, connection=self.number, source=self.source, data=data, t_ns=t_ns, details=details)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._note("reset", str(error).encode())
            self._end("closed")
            return
        stamp = now_ns()
        if data:
            self._handle_bytes(data, stamp)
        else:
            self._handle_end(stamp)

    def _handle_bytes(self, data: bytes, stamp: int) -> None:
        """Handle bytes from the socket."""
        self._handle_data(data, stamp)

    def _handle_end(self, stamp: int) -> None:
        """Handle the FIN of the other end."""
        self._note("ended", t_ns=stamp)
        self._loop.remove_reader(self._socket.fileno())
        self.close()

    def _handle_data(self, data: bytes, stamp: int) -> None:
        """Handle data from the other end's application."""
        self._note("received", data, stamp)
        self._received += len(data)
        self._answer(data)
        behaviour = self._peer.behaviour
        if behaviour.reset_after and self._received >= behaviour.reset_after:
            self.reset()
        elif behaviour.close_after and self._received >= behaviour.close_after:
            self.close()

    def _answer(self, data: bytes) -> None:
        behaviour = self._peer.behaviour
        if not behaviour.echo:
            return
        if self._peer.take_drop():
            self._note("dropped", data)
        elif behaviour.hold:
            self._held += data
            self._note("held", data)
        elif behaviour.delay_ms or behaviour.split:
            size = behaviour.split or len(data)
            for index, start in enumerate(range(0, len(data), size)):
                self._later(behaviour.delay_ms + index * behaviour.split_gap_ms, data[start : start + size])
        else:
            self._write(data)

    def _later(self, delay_ms: float, data: bytes) -> None:
        if delay_ms <= 0:
            self._write(data)
            return

        def fire() -> None:
            self._timers.discard(handle)
            self._write(data)

        handle = self._loop.call_later(delay_ms / 1000, fire)
        self._timers.add(handle)

    def _write(self, data: bytes) -> None:
        """Send data to the other end's application."""
        self._transmit(data)

    def _transmit(self, data: bytes) -> None:
        """Write bytes to the socket; the rest follows when the socket can take it."""
        if self._output:
            self._output += data
        else:
            stamp = now_ns()
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self._note("reset", str(error).encode())
                self._end("closed")
                return
            if sent:
                self._handle_sent(data[:sent], stamp)
            self._output += data[sent:]
            if self._output:
                self._loop.add_writer(self._socket.fileno(), self._flush)
        if len(self._output) > _BACKLOG_LIMIT and not self._paused:
            self._paused = True
            self.listen()

    def _handle_sent(self, data: bytes, stamp: int) -> None:
        """Handle bytes that the socket has taken."""
        self._note("sent", data, stamp)

    def _flush(self) -> None:
        pending, self._output = bytes(self._output), bytearray()
        self._loop.remove_writer(self._socket.fileno())
        self._transmit(pending)
        if self._socket.fileno() < 0 or self._output:
            return
        if self._closing:
            self._end("closed")
        elif self._paused:
            self._paused = False
            self.listen()

    def _end(self, event: str, how: bytes = b"") -> None:
        if self._socket.fileno() < 0:
            return
        for timer in self._timers:
            timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._peer.connections.pop(self.number, None)
        self._peer.octets += octets_of(self._socket)
        self._note(event, how)
        self._socket.close()


class ClosedPort(BoundPeer):
    """A TCP port that refuses connections: bound, but never listening."""

    kind = "tcp-closed"
