"""The filter of a socket's sources: a classic BPF program in the kernel, which lets only some addresses reach it.

Filtered packets cost the program nothing and get no answer: a datagram is dropped, a SYN is not even refused. See
Documentation/networking/filter.rst of the Linux kernel.
"""

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Iterable

_SO_ATTACH_FILTER = 26
_LOAD_WORD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF
_SOURCE = {4: 12, 6: 8}
"""The positions of the source address in the IP header."""
_ALL, _NOTHING = 0xFFFFFFFF, 0

MOST_ADDRESSES = 64
"""Number of addresses: more than the boards of a lab, less than a filter can hold."""


def only_from(bound: socket.socket, addresses: Iterable[str]) -> None:
    """Let only these addresses reach the socket. Call it before the socket is bound, and again when they change.

    Raises:
        OSError: The kernel cannot filter.
    """
    version = 6 if bound.family == socket.AF_INET6 else 4
    known = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    program = _program([address.packed for address in known if address.version == version], _SOURCE[version])
    buffer = ctypes.create_string_buffer(b"".join(program))
    head = struct.pack("HL", len(program), ctypes.addressof(buffer))
    bound.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)


def _program(addresses: list[bytes], offset: int) -> list[bytes]:
    """Return the program: it compares the words of each address; a difference leads to the next address."""
    program = []
    for address in addresses[:MOST_ADDRESSES]:
        words = struct.unpack(f">{len(address) // 4}I", address)
        for index, word in enumerate(words):
            program.append(_step(_LOAD_WORD, 0, 0, _NETWORK_HEADER + offset + 4 * index))
            program.append(_step(_JUMP_EQUAL, 0, 2 * (len(words) - index - 1) + 1, word))
        program.append(_step(_RETURN, 0, 0, _ALL))
    return [*program, _step(_RETURN, 0, 0, _NOTHING)]


def _step(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
