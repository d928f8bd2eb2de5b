"""Admission: a board shows peers in public that it belongs to their run."""

import contextlib

from bench.at import CommandError
from bench.boards.board import Board
from bench.modem import Family
from bench.peers import PeerError, Peers


def show_tokens(board: Board, peers: Peers, *, attempts: int, seconds: float) -> tuple[str, ...]:
    """Send a datagram and a stream, each with a token of the run, from every address family that both ends have.

    Both, for a network may send them from different addresses. Returns the addresses that the peers serve from now on.

    Args:
        board: open and registered.
        peers: in public.
        attempts: how often a datagram is sent before it counts as lost.
        seconds: that it may take to arrive.

    Raises:
        PeerError: no token arrived over IPv4, so no peer would answer this board.
        CommandError: the board cannot open a socket.
    """
    for family in (Family.IPV4, Family.IPV6):
        if not _at_both_ends(board, peers, family):
            continue
        arrived = [_datagram(board, peers, family, attempts, seconds), _stream(board, peers, family, seconds)]
        if family is Family.IPV4 and not any(arrived):
            raise PeerError(
                f"{board.slot} showed its token, and the peers at {peers.config.reachable_at[0]} did not see it: are"
                " their ports ([peers] ports in bench.toml) open to the network, over UDP and TCP?"
            )
    return peers.list_admitted()


def _at_both_ends(board: Board, peers: Peers, family: Family) -> bool:
    return family is Family.IPV4 or (peers.config.bind6 is not None and bool(board.addresses(family)))


def _datagram(board: Board, peers: Peers, family: Family, attempts: int, seconds: float) -> bool:
    with peers.gate(ipv6=family is Family.IPV6) as gate, board.modem.udp_socket(family=family) as sender:
        for _ in range(attempts):
            with contextlib.suppress(CommandError):  # no route, or no name
                sender.send_to(gate.host, gate.port, peers.token())
                if gate.wait_for("admitted", timeout=seconds):
                    return True
    return False


def _stream(board: Board, peers: Peers, family: Family, seconds: float) -> bool:
    with peers.gate(stream=True, ipv6=family is Family.IPV6) as gate, board.modem.tcp_socket(family=family) as client:
        try:
            client.connect(gate.host, gate.port)
            client.send_string(peers.token())
        except CommandError:
            return False
        return gate.wait_for("admitted", timeout=seconds)
