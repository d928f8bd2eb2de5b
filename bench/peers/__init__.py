"""Peers, the other end of the network: programmable echo peers and a relay, as a separate program."""

from bench.peers.control import Peers
from bench.peers.dialer import Dialer, DialledConnection
from bench.peers.journal import JournalEntry
from bench.peers.peer import Endpoint, Peer
from bench.peers.program import PeerError

__all__ = ["Dialer", "DialledConnection", "Endpoint", "JournalEntry", "Peer", "PeerError", "Peers"]
