"""The kernel's counters of a TCP connection: struct tcp_info of Linux, include/uapi/linux/tcp.h."""

import socket
import struct

_ACKED_AND_RECEIVED = struct.Struct("=2Q2I")  # bytes acknowledged and received, segments sent and received
_OFFSET = 120
_SENT = struct.Struct("=Q")  # bytes sent, retransmissions included, since Linux 4.19
_SENT_OFFSET = 200
_TCP_HEADER = 32  # with the timestamps that both ends use


def octets_of(connection: socket.socket) -> int:
    """Return the bytes of the IP packets of a connection so far, both ways; 0 when its socket is closed."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return 0
    acked, received, segments_out, segments_in = _ACKED_AND_RECEIVED.unpack_from(info, _OFFSET)
    sent = _SENT.unpack_from(info, _SENT_OFFSET)[0] if len(info) >= _SENT_OFFSET + _SENT.size else acked
    header = _TCP_HEADER + (40 if connection.family == socket.AF_INET6 else 20)
    return int(sent + received + (segments_out + segments_in) * header)
