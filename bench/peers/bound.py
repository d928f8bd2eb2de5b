"""The base of every peer at its own end: a bound socket, a journal, a behaviour."""

import socket

from bench.peers.behaviour import Behaviour
from bench.peers.journal import EventJournal, Source


class BoundPeer:
    """A peer on one socket.

    Attributes:
        journal: the events that it saw and caused.
        behaviour: the way that it treats received data.
        octets: bytes of the IP packets that it has sent and received, with headers, where they are counted.
    """

    kind = ""

    def __init__(self, bound: socket.socket) -> None:
        self.journal = EventJournal()
        self.behaviour = Behaviour()
        self.octets = 0
        self._socket = bound

    @property
    def address(self) -> Source:
        """The local address of the socket."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def behave(self, behaviour: Behaviour) -> None:
        """Follow another behaviour from now on."""
        self.behaviour = behaviour
        self.journal.keeps_data = behaviour.keep_data

    def close(self) -> None:
        """Free the port."""
        self._socket.close()
