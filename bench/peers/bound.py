"""What every peer at its own end has: a bound socket, what it saw, what it does."""

import socket

from bench.peers.behaviour import Behaviour
from bench.peers.journal import EventJournal, Source


class BoundPeer:
    """A peer on one socket.

    Attributes:
        journal: what it saw and did.
        behaviour: what it does instead of a plain echo.
        octets: bytes of the IP packets that it has sent and received, headers counted, where that is counted.
    """

    kind = ""

    def __init__(self, bound: socket.socket) -> None:
        self.journal = EventJournal()
        self.behaviour = Behaviour()
        self.octets = 0
        self._socket = bound

    @property
    def address(self) -> Source:
        """The socket's own address."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def close(self) -> None:
        """Gives the port back."""
        self._socket.close()
