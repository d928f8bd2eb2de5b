"""The gate of peers on a public address: a source that shows a token of this run is served, others get no answer.

A token is ASCII, so that every firmware can send it as text: a serial number of 8 hexadecimal digits and the first 32
digits of its HMAC-SHA-256 under a key that only this run knows. Each token is valid once, so that nobody can repeat it.
A client shows it in a datagram, or at the start of a stream. Then its address is served on every port, until the run
ends or many others have come. A client whose address has changed shows the next token.
"""

import asyncio
import hmac
import re
import socket
import struct
from collections import OrderedDict
from typing import Any

from bench.peers.bound import BoundPeer
from bench.peers.journal import Source
from bench.peers.source_filter import MOST_ADDRESSES, only_from

_FORM = re.compile(rb"([0-9a-f]{8})([0-9a-f]{32})")
_SIZE = 40
_WAITING, _WAITING_SECONDS = 64, 10.0
_BURST = 64
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for no time: closing sends a reset."""


def token(key: bytes, serial: int) -> bytes:
    """Return the token of a serial number."""
    head = f"{serial:08x}".encode()
    return head + hmac.new(key, head, "sha256").hexdigest()[: _SIZE - len(head)].encode()


class FilterRefused(Exception):
    """Strangers cannot be kept off a socket, so no peer is served on it."""


class Gate:
    """The addresses that may reach the sockets behind the gate."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._last = -1
        self._own = {"127.0.0.1", "::1"}  # from outside nothing can come from there
        self._admitted: OrderedDict[str, None] = OrderedDict()
        self._guarded: list[socket.socket] = []

    @property
    def in_kernel(self) -> bool:
        """Whether the kernel turns strangers away; if not, it takes their TCP connections and this program resets them.

        Some kernels let only CAP_NET_ADMIN filter the packets of a TCP socket.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            return self._filters(tried)

    def guard(self, unbound: "GuardedSocket", own: str) -> None:
        """Protect a socket, which must not be bound yet, from other addresses; ``own`` will be its address.

        Raises:
            FilterRefused: the kernel does not let this user filter datagrams.
        """
        self._guarded = [guarded for guarded in self._guarded if guarded.fileno() >= 0]
        if own not in self._own:  # a relay speaks to its upstream from here
            self._own.add(own)
            self._apply()
        unbound.gate = self
        if self._filters(unbound):
            self._guarded.append(unbound)
        elif unbound.type is not socket.SOCK_STREAM:
            raise FilterRefused(
                "this kernel lets only CAP_NET_ADMIN filter datagrams: give the peers' user that capability, or leave"
                " `public` out where no stranger can reach them"
            )

    def _filters(self, tried: socket.socket) -> bool:
        try:
            only_from(tried, self._addresses)
        except PermissionError:
            return False
        return True

    def serves(self, address: str) -> bool:
        """Return whether an address may reach the guarded sockets."""
        return address.partition("%")[0] in self._addresses[:MOST_ADDRESSES]

    def redeem(self, data: bytes) -> bool:
        """Return whether data are a valid token, and use it up."""
        match = _FORM.fullmatch(data)
        if match is None:
            return False
        serial = int(match[1], 16)
        if not hmac.compare_digest(data, token(self._key, serial)) or serial <= self._last:
            return False
        self._last = serial
        return True

    def admit(self, address: str) -> None:
        """Serve an address; drop the oldest one when there are too many."""
        self._admitted.pop(address, None)
        self._admitted[address] = None
        while len(self._admitted) + len(self._own) > MOST_ADDRESSES:
            self._admitted.popitem(last=False)
        self._apply()

    @property
    def admitted(self) -> list[str]:
        """The addresses that are served, except our own."""
        return list(self._admitted)

    @property
    def _addresses(self) -> list[str]:
        return [*self._own, *reversed(self._admitted)]

    def _apply(self) -> None:
        for guarded in self._guarded:
            if guarded.fileno() >= 0:
                only_from(guarded, self._addresses)


class GuardedSocket(socket.socket):
    """A socket that accepts no stranger's connection, whatever the kernel lets through.

    Attributes:
        gate: knows who is not a stranger; None for a socket that is open to all.
    """

    gate: Gate | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept the next connection of a client that is served; reset those of strangers before it, some at a time.

        Raises:
            BlockingIOError: none of a client is waiting (yet).
        """
        for _ in range(_BURST):
            client, source = super().accept()
            if self.gate is None or self.gate.serves(source[0]):
                return client, source
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
        raise BlockingIOError


class UdpGate(BoundPeer):
    """A gate for tokens in datagrams. It answers nothing, and keeps only the number of strangers."""

    kind = "udp-gate"

    def __init__(self, bound: socket.socket, gate: Gate) -> None:
        super().__init__(bound)
        self.strangers = 0
        self._gate = gate
        bound.setblocking(False)
        asyncio.get_running_loop().add_reader(bound.fileno(), self._read)

    def close(self) -> None:
        """Close the gate."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        super().close()

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._socket.recvfrom(_SIZE + 1)
            except OSError:
                return
            if self._gate.redeem(data):
                self._gate.admit(source[0])
                self.journal.add("admitted", source=source[:2], data=data[:8])
            else:
                self.strangers += 1


class TcpGate(BoundPeer):
    """A gate for tokens at the start of streams, which it then closes. It resets a stranger's stream after a while."""

    kind = "tcp-gate"

    def __init__(self, listener: socket.socket, gate: Gate) -> None:
        super().__init__(listener)
        self.strangers = 0
        self._gate = gate
        self._tasks: dict[asyncio.Task[None], None] = {}
        listener.setblocking(False)
        listener.listen(_WAITING)
        asyncio.get_running_loop().add_reader(listener.fileno(), self._accept)

    def close(self) -> None:
        """Close the gate and its open streams."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        super().close()
        for task in list(self._tasks):
            task.cancel()

    def _accept(self) -> None:
        try:
            client, source = self._socket.accept()
        except OSError:
            return
        client.setblocking(False)
        if len(self._tasks) >= _WAITING:  # who waits longest has had the most time to show a token
            next(iter(self._tasks)).cancel()
        task = asyncio.create_task(self._hear(client, source[:2]))
        self._tasks[task] = None
        task.add_done_callback(lambda ended: self._tasks.pop(ended, None))

    async def _hear(self, client: socket.socket, source: Source) -> None:
        said = b""
        try:
            async with asyncio.timeout(_WAITING_SECONDS):
                while len(said) < _SIZE and (data := await self._more(client, _SIZE - len(said))):
                    said += data
        except OSError:  # TimeoutError is one
            pass
        finally:
            client.close()
        if self._gate.redeem(said):
            self._gate.admit(source[0])
            self.journal.add("admitted", source=source, data=said[:8])
        else:
            self.strangers += 1

    async def _more(self, client: socket.socket, size: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(client, size)
