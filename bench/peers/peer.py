"""A peer as a scenario sees it: where a board reaches it, what it does, what it saw."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

from bench.clock import Offset
from bench.peers.journal import JournalEntry
from bench.peers.program import PATIENCE_S, PeerError, Program


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address by which a board reaches a peer."""

    host: str
    port: int


class Peer:
    """One peer: where a board reaches it, what it does, what it saw.

    Attributes:
        octets: once it has stopped, bytes of the IP packets that it has sent and received, headers counted.
    """

    def __init__(
        self,
        offset: Callable[[], Offset],
        program: Program,
        number: int,
        kind: str,
        endpoint: Endpoint,
        bound: Endpoint,
    ) -> None:
        self._offset = offset
        self._program = program
        self._number = number
        self.kind = kind
        self.endpoint = endpoint
        self.bound = bound
        self.stopped = False
        self.octets = 0

    @property
    def host(self) -> str:
        """The address by which a board reaches it."""
        return self.endpoint.host

    @property
    def port(self) -> int:
        """Its port."""
        return self.endpoint.port

    def at(self, host: str) -> "Peer":
        """The same peer as a network reaches it that knows it by another address."""
        return Peer(self._offset, self._program, self._number, self.kind, Endpoint(host, self.port), self.bound)

    def behave(self, **behaviour: object) -> None:
        """Changes what it does from now on; see :class:`~bench.peers.behaviour.Behaviour`."""
        greeting = behaviour.get("greeting")
        if isinstance(greeting, bytes):
            behaviour["greeting"] = base64.b64encode(greeting).decode()
        self._request("behave", behaviour=behaviour)

    def push(self, data: bytes, connection: int | None = None) -> None:
        """Sends data of its own: on the newest connection or a given one, or to whoever sent the last datagram."""
        self._act("push", data=base64.b64encode(data).decode(), connection=connection)

    def release(self) -> None:
        """Sends the answers it held."""
        self._act("release")

    def close_connection(self, connection: int | None = None) -> None:
        """Closes the newest connection, or a given one, with FIN."""
        self._act("close", connection=connection)

    def half_close(self) -> None:
        """Sends FIN on the newest connection and goes on receiving."""
        self._act("half_close")

    def reset_connection(self, connection: int | None = None) -> None:
        """Ends the newest connection, or a given one, with RST."""
        self._act("reset", connection=connection)

    def dial(self, host: str, port: int, timeout: float) -> tuple[int, Endpoint, int]:
        """A dialer's connection to a board: its number, our own end, and the moment it stood on this host's clock.

        Raises:
            PeerError: it did not come about.
        """
        answer = self._program.request(
            "dial", timeout + PATIENCE_S, peer=self._number, host=host, port=port, seconds=timeout
        )
        connected_ns = self._offset().ours(int(answer["connected_ns"]))
        return int(answer["connection"]), Endpoint(*answer["local"]), connected_ns

    def dial_later(self, host: str, port: int, after: float) -> None:
        """A dialer's connection to a board, ``after`` seconds from now."""
        self._act("dial_later", host=host, port=port, after=after)

    def alert(self, description: int, connection: int | None = None) -> None:
        """Sends a fatal alert on the newest secure connection, or a given one."""
        self._act("alert", description=description, connection=connection)

    def purge(self) -> None:
        """Forgets the sessions that a secure peer could resume."""
        self._act("purge")

    def process_id(self) -> int:
        """Of the program that runs it, at the peers' end."""
        return int(self._program.request("hello")["pid"])

    def handshakes(self) -> list[dict[str, Any]]:
        """What each completed handshake of a secure peer agreed on; see :mod:`bench.peers.security`."""
        return [entry.details or {} for entry in self.journal() if entry.event == "handshake"]

    def failed_handshakes(self) -> list[str]:
        """Why handshakes failed, as the peer saw it: ``received unknown_ca``, ``timeout`` ..."""
        return [str((e.details or {})["reason"]) for e in self.journal() if e.event == "handshake failed"]

    def rebind(self) -> None:
        """Changes a relay's source ports."""
        self._act("rebind")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends this peer; its port is free again."""
        if not self.stopped:
            self.octets = int(self._request("stop")["octets"])
            self.stopped = True

    def journal(self) -> list[JournalEntry]:
        """What it saw and did so far, stamped on this host's clock."""
        offset = self._offset()
        entries = [JournalEntry.from_json(row) for row in self._request("journal")["entries"]]
        if not offset.offset_ns:
            return entries
        return [replace(entry, t_ns=offset.ours(entry.t_ns)) for entry in entries]

    def wait_for(
        self, event: str, *, count: int = 1, size: int = 0, connection: int | None = None, timeout: float = 10.0
    ) -> bool:
        """Whether an event happened ``count`` times and moved ``size`` bytes before ``timeout`` seconds were over."""
        answer = self._program.request(
            "wait",
            timeout + PATIENCE_S,
            peer=self._number,
            event=event,
            count=count,
            size=size,
            connection=connection,
            seconds=timeout,
        )
        return bool(answer["met"])

    def received(self, connection: int | None = None) -> bytes:
        """All bytes that arrived, on one connection or on all.

        Raises:
            PeerError: they were too many to be kept.
        """
        entries = [
            entry
            for entry in self.journal()
            if entry.event == "received" and (connection is None or entry.connection == connection)
        ]
        if any(entry.sha256 for entry in entries):
            raise PeerError("the journal holds only digests of so many bytes; compare those")
        return b"".join(entry.data or b"" for entry in entries)

    def datagrams(self) -> list[bytes]:
        """The datagrams that arrived, in order, empty ones included."""
        return [entry.data or b"" for entry in self.journal() if entry.event == "received"]

    def _act(self, action: str, **fields: object) -> None:
        self._request("act", action=action, **fields)

    def _request(self, operation: str, **fields: object) -> dict[str, Any]:
        return self._program.request(operation, PATIENCE_S, peer=self._number, **fields)
