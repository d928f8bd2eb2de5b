"""A peer that connects to servers of a board, and its connections."""

from dataclasses import dataclass

from bench.peers.peer import Peer
from bench.peers.program import PeerError


class Dialer:
    """A client for servers of a board."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    def connect(self, host: str, port: int, *, timeout: float = 30.0) -> "DialledConnection":
        """Connect to a board.

        Raises:
            PeerError: No server listens there, or nothing answers.
        """
        number, local, connected_ns = self.peer.dial(host, port, timeout)
        return DialledConnection(self.peer, number, local.host, local.port, connected_ns)

    def connect_later(self, host: str, port: int, *, after: float) -> None:
        """Connect ``after`` seconds from now, while the board waits; see :meth:`wait_connected`."""
        self.peer.dial_later(host, port, after)

    def wait_connected(self, count: int, *, timeout: float = 10.0) -> int:
        """Return when the ``count``-th connection was established, on this host's clock.

        Raises:
            PeerError: It was not established in time.
        """
        if not self.peer.wait_for("connected", count=count, timeout=timeout):
            raise PeerError(f"connection {count} was not established within {timeout:g} s")
        return [entry.t_ns for entry in self.peer.journal() if entry.event == "connected"][count - 1]


@dataclass(frozen=True)
class DialledConnection:
    """A connection from a peer to a board.

    Attributes:
        local_address: the peer's own address.
        local_port: the port that it dials from, which a NAT may change.
        connected_ns: when the connection was established.
    """

    peer: Peer
    number: int
    local_address: str
    local_port: int
    connected_ns: int

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses by which the board may see it: its own, and that of a NAT in front of it."""
        return frozenset((self.local_address, self.peer.host))

    def send(self, data: bytes) -> None:
        """Send data to the board."""
        self.peer.push(data, self.number)

    def answer_late(self, delay_ms: float) -> None:
        """Echo all data of the board from now on, with that delay."""
        self.peer.behave(echo=True, delay_ms=delay_ms)

    def received(self) -> bytes:
        """Return the data that the board has sent so far."""
        return self.peer.received(self.number)

    def wait_for(self, size: int, *, timeout: float = 10.0) -> bool:
        """Wait for that many bytes from the board; return whether they came in time."""
        return self.peer.wait_for("received", size=size, connection=self.number, timeout=timeout)

    def wait_for_end(self, *, timeout: float = 10.0) -> bool:
        """Wait until the board closes or resets the connection; return whether it did so in time."""
        return self.peer.wait_for("ended", connection=self.number, timeout=timeout)

    def close(self) -> None:
        """Close the connection with FIN."""
        self.peer.close_connection(self.number)

    def reset(self) -> None:
        """Close the connection with RST."""
        self.peer.reset_connection(self.number)
