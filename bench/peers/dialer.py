"""A peer that dials a board's servers, and the connections that come about."""

from dataclasses import dataclass

from bench.peers.peer import Peer
from bench.peers.program import PeerError


class Dialer:
    """Dials a board's servers."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def connect(self, host: str, port: int, *, timeout: float = 30.0) -> "DialledConnection":
        """A connection to a board.

        Raises:
            PeerError: nobody listens there, or nobody answers.
        """
        number, local, connected_ns = self.peer.dial(host, port, timeout)
        return DialledConnection(self.peer, number, local.host, connected_ns)

    def connect_later(self, host: str, port: int, *, after: float) -> None:
        """Dials ``after`` seconds from now, while the board waits for it; :meth:`connected` tells when it stood."""
        self.peer.dial_later(host, port, after)

    def connected(self, count: int, *, timeout: float = 10.0) -> int:
        """When the ``count``-th connection of this dialer stood, on this host's clock.

        Raises:
            PeerError: it did not come about in time.
        """
        if not self.peer.wait_for("connected", count=count, timeout=timeout):
            raise PeerError(f"connection {count} did not come about within {timeout:g} s")
        return [entry.t_ns for entry in self.peer.journal() if entry.event == "connected"][count - 1]


@dataclass(frozen=True)
class DialledConnection:
    """One connection from a peer to a board.

    Attributes:
        local_address: the peer's own address.
        connected_ns: when the connection stood.
    """

    peer: Peer
    number: int
    local_address: str
    connected_ns: int

    @property
    def addresses(self) -> frozenset[str]:
        """By which the board may see it: its own, and the one by which boards reach it where a NAT lies before it."""
        return frozenset((self.local_address, self.peer.host))

    def send(self, data: bytes) -> None:
        """Sends to the board."""
        self.peer.push(data, self.number)

    def answer_late(self, delay_ms: float) -> None:
        """From now on sends back what the board sends, that much later."""
        self.peer.behave(echo=True, delay_ms=delay_ms)

    def received(self) -> bytes:
        """What the board sent so far."""
        return self.peer.received(self.number)

    def wait_for(self, size: int, *, timeout: float = 10.0) -> bool:
        """Whether that many bytes have come from the board in time."""
        return self.peer.wait_for("received", size=size, connection=self.number, timeout=timeout)

    def wait_for_end(self, *, timeout: float = 10.0) -> bool:
        """Whether the board has closed or reset the connection in time."""
        return self.peer.wait_for("ended", connection=self.number, timeout=timeout)

    def close(self) -> None:
        """Closes with FIN."""
        self.peer.close_connection(self.number)

    def reset(self) -> None:
        """Ends with RST."""
        self.peer.reset_connection(self.number)
