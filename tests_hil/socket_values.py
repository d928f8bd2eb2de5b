"""What a socket is opened with, and the protocol that it answers with."""

from bench.modem import SocketType

PROTOCOLS = {SocketType.STREAM: 6, SocketType.DATAGRAM: 17, SocketType.RAW: 0}
SECURE_PROTOCOLS = {SocketType.STREAM: 258, SocketType.DATAGRAM: 273}
SEC_TAG = 16842753
"""A security tag for sockets that never connect: it need not hold credentials."""
