"""Habits of Serial LTE Modem in which its versions differ, and in which they differ from their documentation."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Quirks:
    """One version's habits.

    Attributes:
        socket_test_glued: whether the answer of AT#XSOCKET=? lacks its last line end.
        accept_read_prefix: prefix of the answer to AT#XACCEPT?.
        select_test: whether AT#XSOCKETSELECT=? is answered OK though documented as not supported.
        accepted_has_no_timeout: whether #XRECV on a server sets its timeout on the listening socket, in vain.
        repeats_first_address: whether #XGETADDRINFO with several addresses repeats the first.
    """

    socket_test_glued: bool = True
    accept_read_prefix: str = "#XTCPACCEPT"
    select_test: bool = True
    accepted_has_no_timeout: bool = True
    repeats_first_address: bool = True


DOCUMENTED = Quirks(
    socket_test_glued=False,
    accept_read_prefix="#XACCEPT",
    select_test=False,
    accepted_has_no_timeout=False,
    repeats_first_address=False,
)
"""The habits that the vendor's page describes."""


def misread(found: list[str]) -> list[str]:
    """Return what the firmware prints of several addresses: the first one again for each."""
    return [_misread_first(found[0], address) for address in found]


def _misread_first(first: str, address: str) -> str:
    """Return the first entry, which the firmware prints again, read as if of the family of the present one."""
    source = ipaddress.ip_address(first)
    if ipaddress.ip_address(address).version == 6 and source.version == 4:
        return str(ipaddress.IPv6Address(source.packed + bytes(12)))
    return first
