"""The other end of the network: programmable echo peers and a relay, as a program of its own."""

from bench.peers.control import Dialer, DialledConnection, Endpoint, Peer, Peers
from bench.peers.journal import Entry
from bench.peers.program import PeerError

__all__ = ["Dialer", "DialledConnection", "Endpoint", "Entry", "Peer", "PeerError", "Peers"]
