"""What a mobile operator's network does not let through."""

import ctypes
import socket
import struct
from dataclasses import dataclass, fields

from bench.errors import UsageError
from bench.simulator.numbers import check_range, parse_numbers

_NS_PER_S = 1_000_000_000
_SO_ATTACH_FILTER = 26
_PRIVATE = "100.64.{}.{}"
"""A board's address behind a carrier's NAT, RFC 6598."""


def drop_everything(listener: socket.socket) -> None:
    """Lets a firewall that says nothing stand before a socket: its kernel drops every SYN (classic BPF, ``ret 0``)."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


@dataclass(frozen=True)
class Carrier:
    """One operator.

    Attributes:
        ipv6: 1 gives boards an IPv6 address.
        inbound: 1 lets peers connect to boards.
        nat: seconds without a datagram from the board after which none reaches it any more; 0 is no NAT. With one, the
            board knows only a private address.
        mtu: bytes of the largest datagram; 0 is without limit.
        blocked: a port of peers that cannot be reached; 0 is none.
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
        """From ``ipv6=0,inbound=0,nat=30,mtu=1280,blocked=5684``, each of which may be left out.

        Raises:
            UsageError: an unknown name, or a value that is no number or out of range.
        """
        try:
            numbers = parse_numbers(text, [field.name for field in fields(cls)], ("ipv6", "inbound", "mtu", "blocked"))
        except UsageError as error:
            raise UsageError(f"--carrier: {error}") from None
        return cls(**numbers)  # type: ignore[arg-type]

    @property
    def restricts(self) -> bool:
        """Whether a datagram may be lost for its size or its port."""
        return bool(self.mtu or self.blocked)

    def own_address(self, address: str) -> str:
        """What a board with this address in the host's network calls its own."""
        return _PRIVATE.format(*address.split(".")[2:]) if self.nat else address

    def drops(self, size: int, port: int) -> bool:
        """Whether a datagram of so many bytes, to or from this port of a peer, is lost."""
        return bool(self.mtu and size > self.mtu) or (port == self.blocked != 0)

    def forgot(self, last_up_ns: int, now_ns: int) -> bool:
        """Whether the NAT has forgotten a socket that sent last at a moment."""
        return bool(self.nat) and now_ns - last_up_ns > self.nat * _NS_PER_S
