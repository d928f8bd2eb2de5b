"""Name resolution of the simulated network: literals, localhost, given names, then the host's resolver."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping

# A resolver without a network may take half a minute to say so.
_RESOLVER_SECONDS = 3.0


def is_literal(name: str) -> bool:
    """Return whether a name is an address, which needs no DNS query."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Names:
    """The DNS server of the simulated network."""

    def __init__(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        self._hosts = {"localhost": ("127.0.0.1", "::1")} | {name.lower(): rows for name, rows in hosts.items()}

    async def addresses(self, name: str, family: int) -> list[str]:
        """Return the addresses of ``name`` in a family (4, 6, or 0 for both); none if it is unknown."""
        if is_literal(name):
            rows = [str(ipaddress.ip_address(name))]
        else:
            found = self._hosts.get(name.lower())
            rows = list(found) if found is not None else await self._ask_host(name)
            # localhost gives one address unless a family is asked for.
            if found is not None and name.lower() == "localhost" and family == 0:
                rows = rows[:1]
        return [row for row in rows if family in (0, ipaddress.ip_address(row).version)]

    async def _ask_host(self, name: str) -> list[str]:
        if not name or name.rsplit(".", 1)[-1].lower() in ("invalid", "test", "example"):
            return []  # reserved by RFC 6761: never resolved
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVER_SECONDS):
                rows = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            return []
        return list(dict.fromkeys(str(address[0]) for *_, address in rows))
