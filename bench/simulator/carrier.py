"""The firewall, the NAT and the limits of a mobile operator's network."""

import ctypes
import socket
import struct
from dataclasses import dataclass, fields

from bench.clock import NS_PER_S
from bench.errors import UsageError
from bench.simulator.numbers import check_range, parse_numbers

_SO_ATTACH_FILTER = 26
_PRIVATE = "100.64.{}.{}"
"""A board's address behind a carrier's NAT, RFC 6598."""


def listen_to_nobody(listener: socket.socket) -> list[socket.socket]:
    """Listen behind a silent firewall: every SYN from outside is dropped. Return what is to be kept open meanwhile.

    Some kernels let only CAP_NET_ADMIN filter a TCP socket. There the queue of the socket is filled, by a connection of
    our own that nobody accepts: the kernel drops what finds no room.
    """
    try:
        _drop_everything(listener)
    except PermissionError:
        listener.listen(0)
        own = socket.socket(listener.family, socket.SOCK_STREAM)
        own.connect(listener.getsockname())
        return [own]
    listener.listen()
    return []


def _drop_everything(listener: socket.socket) -> None:
    """Have the kernel drop whatever is sent to a socket (classic BPF, ``ret 0``)."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


@dataclass(frozen=True)
class Carrier:
    """A mobile operator.

    Attributes:
        ipv6: 1 gives boards an IPv6 address.
        inbound: 1 lets peers connect to boards.
        nat: seconds without a datagram from the board after which no datagram reaches it any more; 0 for no NAT. With a
            NAT the board knows only a private address.
        mtu: bytes of the largest datagram; 0 for no limit.
        blocked: a port of peers that cannot be reached; 0 for none.
    """

    ipv6: int = 1
    inbound: int = 1
    nat: float = 0.0
    mtu: int = 0
    blocked: int = 0

    def __post_init__(self) -> None:
        check_range(self, ("ipv6", "inbound"), "0 or 1", 0, 1)
        check_range(self, ("nat",), "a number of seconds", 0, 86400)
        check_range(self, ("mtu", "blocked"), "a whole number", 0, 65535)

    @classmethod
    def parse(cls, text: str) -> "Carrier":
        """Return the carrier of a text such as ``ipv6=0,inbound=0,nat=30,mtu=1280,blocked=5684``; each may be left out.

        Raises:
            UsageError: an unknown name, or a value that is not a number or out of range.
        """
        try:
            numbers = parse_numbers(text, [field.name for field in fields(cls)], ("ipv6", "inbound", "mtu", "blocked"))
        except UsageError as error:
            raise UsageError(f"--carrier: {error}") from None
        return cls(**numbers)  # type: ignore[arg-type]

    @property
    def restricts(self) -> bool:
        """True when a datagram may be lost for its size or its port."""
        return bool(self.mtu or self.blocked)

    def own_address(self, address: str) -> str:
        """Return the address that a board calls its own when it has ``address`` in the host's network."""
        return _PRIVATE.format(*address.split(".")[2:]) if self.nat else address

    def drops(self, size: int, port: int) -> bool:
        """Return whether a datagram of ``size`` bytes to or from this port of a peer is lost."""
        return bool(self.mtu and size > self.mtu) or (port == self.blocked != 0)

    def forgot(self, last_up_ns: int, now_ns: int) -> bool:
        """Return whether the NAT has forgotten a socket that sent last at ``last_up_ns``."""
        return bool(self.nat) and now_ns - last_up_ns > self.nat * NS_PER_S
