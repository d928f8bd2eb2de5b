"""The flags of sends and receives that the modem knows, as the modem library numbers them."""

from bench.simulator.sockets import STREAM, TableSocket

PEEK, DONT_WAIT, WAIT_ALL, WAIT_ACK = 2, 64, 256, 512


def may_send_with(flags: int) -> bool:
    """Return whether the modem takes a send with these flags."""
    return flags & ~(DONT_WAIT | WAIT_ACK) == 0


def may_receive_with(sock: TableSocket, flags: int) -> bool:
    """Return whether the modem takes a receive with these flags on a socket."""
    allowed = DONT_WAIT | (WAIT_ALL if sock.type == STREAM else 0) | (0 if sock.secure else PEEK)
    return flags & ~allowed == 0
