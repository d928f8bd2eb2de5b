"""The base of datagram peers: one socket, any number of other ends, and answers by the behaviour."""

import asyncio
import socket
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Generic, TypeVar

from bench.clock import NS_PER_S, now_ns
from bench.peers.bound import BoundPeer
from bench.peers.journal import Source

_READ = 65536
# A flood must not keep the event loop from its other peers.
_BURST = 64
# A burst of handshakes from many boards must not be lost before it is read; the kernel may grant less.
_RECEIVE_BUFFER = 8 << 20

End = TypeVar("End")
"""The receiver of an answer: an address, or an association, whose address may change."""


def header_octets(bound: socket.socket) -> int:
    """Return the bytes of the headers of IP and UDP (RFC 791, 8200 and 768)."""
    return 48 if bound.family == socket.AF_INET6 else 28


class Allowance:
    """A limit of bytes a second; the bytes of one second may be sent at once."""

    def __init__(self, rate: float) -> None:
        self._rate = self._left = rate
        self._stamp = now_ns()

    def allows(self, size: int) -> bool:
        """Return whether ``size`` bytes may be sent now, and count them if so."""
        stamp = now_ns()
        self._left = min(self._rate, self._left + (stamp - self._stamp) * self._rate / NS_PER_S)
        self._stamp = stamp
        if size > self._left:
            return False
        self._left -= size
        return True


class DatagramPeer(BoundPeer, ABC, Generic[End]):
    """A peer on one UDP socket."""

    allowance: Allowance | None = None
    """The limit of sent bytes; None for no limit."""

    def __init__(self, bound: socket.socket) -> None:
        super().__init__(bound)
        self._header = header_octets(bound)
        self._loop = asyncio.get_running_loop()
        self._held: list[tuple[bytes, End]] = []
        self._last: End | None = None
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._loop.add_reader(bound.fileno(), self._read)

    def close(self) -> None:
        """Stop the peer."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def push(self, data: bytes) -> None:
        """Send a datagram to the sender of the last one; raise LookupError without one."""
        if self._last is None:
            raise LookupError("no datagram has come yet, so there is no address to send to")
        self._send(data, self._last)

    def release(self) -> None:
        """Answer the datagrams that were held, in order."""
        held, self._held = self._held, []
        for data, to in held:
            self._send(data, to)

    @abstractmethod
    def _datagram(self, data: bytes, source: Source, stamp: int) -> None:
        """Handle a datagram."""

    @abstractmethod
    def _send(self, data: bytes, to: End) -> None:
        """Send data to the other end's application."""

    @abstractmethod
    def _note(self, event: str, to: End, data: bytes) -> None:
        """Add an event about another end to the journal."""

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._socket.recvfrom(_READ)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error about something we sent
                self.journal.add("error", data=str(error).encode())
                return
            stamp = now_ns()
            self.octets += len(data) + self._header
            self._datagram(data, source[:2], stamp)

    def _transmit(self, data: bytes, to: Source) -> bool:
        if self._socket.fileno() < 0:
            return False  # closed while the answer was delayed
        if self.allowance is not None and not self.allowance.allows(len(data)):
            self.journal.add("dropped", source=to, data=data)
            return False
        try:
            self._socket.sendto(data, to)
        except OSError as error:
            self.journal.add("error", source=to, data=str(error).encode())
            return False
        self.octets += len(data) + self._header
        return True

    def _handle_data(self, data: bytes, end: End) -> None:
        """Handle data from the other end's application: answer it, or not."""
        self._last = end
        behaviour = self.behaviour
        if not behaviour.echo:
            return
        if behaviour.drop:
            self.behaviour = replace(behaviour, drop=behaviour.drop - 1)
            self._note("dropped", end, data)
        elif behaviour.hold:
            self._held.append((data, end))
            self._note("held", end, data)
        elif behaviour.delay_ms:
            self._loop.call_later(behaviour.delay_ms / 1000, self._copies, data, end)
        else:
            self._copies(data, end)

    def _copies(self, data: bytes, to: End) -> None:
        for _ in range(self.behaviour.copies):
            self._send(data, to)
