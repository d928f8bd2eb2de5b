"""A peer as a scenario uses it: its address for boards, its behaviour, its journal."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import msgspec

from bench.clock import Offset
from bench.peers.journal import JournalEntry
from bench.peers.program import PATIENCE_S, PeerError, Program

# Entries in one answer. The journal of a long test comes in many answers, each within the time limit of an answer.
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address by which a board reaches a peer."""

    host: str
    port: int


class Peer:
    """One peer: its address for boards, its behaviour, its journal.

    Attributes:
        octets: bytes of the IP packets that it has sent and received, with headers; known when it has stopped.
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
        """The port by which a board reaches it."""
        return self.endpoint.port

    def at(self, host: str) -> "Peer":
        """Return the same peer for a network that reaches it by another address."""
        return Peer(self._offset, self._program, self._number, self.kind, Endpoint(host, self.port), self.bound)

    def behave(self, **behaviour: object) -> None:
        """Change its behaviour from now on; see :class:`~bench.peers.behaviour.Behaviour`."""
        greeting = behaviour.get("greeting")
        if isinstance(greeting, bytes):
            behaviour["greeting"] = base64.b64encode(greeting).decode()
        self._request("behave", behaviour=behaviour)

    def push(self, data: bytes, connection: int | None = None) -> None:
        """Send data: on the newest connection or a given one, or to the sender of the last datagram."""
        self._act("push", data=base64.b64encode(data).decode(), connection=connection)

    def release(self) -> None:
        """Send the answers that it held."""
        self._act("release")

    def close_connection(self, connection: int | None = None) -> None:
        """Close the newest connection, or a given one, with FIN."""
        self._act("close", connection=connection)

    def half_close(self) -> None:
        """Send FIN on the newest connection and continue to receive."""
        self._act("half_close")

    def reset_connection(self, connection: int | None = None) -> None:
        """Close the newest connection, or a given one, with RST."""
        self._act("reset", connection=connection)

    def dial(self, host: str, port: int, timeout: float) -> tuple[int, Endpoint, int]:
        """Connect to a board; return the number of the connection, our address, and its start on this host's clock.

        Raises:
            PeerError: It was not established.
        """
        answer = self._program.request(
            "dial", timeout + PATIENCE_S, peer=self._number, host=host, port=port, seconds=timeout
        )
        connected_ns = self._offset().ours(int(answer["connected_ns"]))
        return int(answer["connection"]), Endpoint(*answer["local"]), connected_ns

    def dial_later(self, host: str, port: int, after: float) -> None:
        """Connect to a board ``after`` seconds from now."""
        self._act("dial_later", host=host, port=port, after=after)

    def alert(self, description: int, connection: int | None = None) -> None:
        """Send a fatal alert on the newest secure connection, or a given one."""
        self._act("alert", description=description, connection=connection)

    def purge(self) -> None:
        """Forget the sessions that a secure peer could resume."""
        self._act("purge")

    def process_id(self) -> int:
        """Return the id of the process that runs it, at the peers' end."""
        return int(self._program.request("hello")["pid"])

    def handshakes(self) -> list[dict[str, Any]]:
        """Return the result of each complete handshake of a secure peer; see :mod:`bench.peers.security`."""
        return [entry.details or {} for entry in self.journal() if entry.event == "handshake"]

    def failed_handshakes(self) -> list[str]:
        """Return the reasons of failed handshakes at the peer: ``received unknown_ca``, ``timeout`` ..."""
        return [str((e.details or {})["reason"]) for e in self.journal() if e.event == "handshake failed"]

    def rebind(self) -> None:
        """Change the source ports of a relay."""
        self._act("rebind")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[JournalEntry]:
        """Stop this peer, so that its port is free again; return its journal, unless it was stopped before."""
        if self.stopped:
            return []
        entries: list[JournalEntry] = []
        while True:
            answer = self._request("stop", since=len(entries), most=_AT_ONCE)
            if answer["stopped"]:
                break
            entries += self._events(len(entries))
        self.octets, self.stopped = int(answer["octets"]), True
        return self._on_our_clock([*entries, *msgspec.convert(answer["entries"], list[JournalEntry])])

    def journal(self) -> list[JournalEntry]:
        """Return the events so far, stamped on this host's clock."""
        entries: list[JournalEntry] = []
        while True:
            events = self._events(len(entries))
            entries += events
            if len(events) < _AT_ONCE:
                return self._on_our_clock(entries)

    def _events(self, since: int) -> list[JournalEntry]:
        """Return a part of the journal, on the peer's clock."""
        rows = self._request("journal", since=since, most=_AT_ONCE)["entries"]
        return msgspec.convert(rows, list[JournalEntry])

    def _on_our_clock(self, entries: list[JournalEntry]) -> list[JournalEntry]:
        offset = self._offset()
        if not offset.offset_ns:
            return entries
        return [replace(entry, t_ns=offset.ours(entry.t_ns)) for entry in entries]

    def wait_for(
        self, event: str, *, count: int = 1, size: int = 0, connection: int | None = None, timeout: float = 10.0
    ) -> bool:
        """Wait for ``count`` events that move ``size`` bytes; return whether they came within ``timeout`` seconds."""
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
        """Return all bytes that arrived, on one connection or on all.

        Raises:
            PeerError: There were too many bytes to keep them.
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
        """Return the datagrams that arrived, in order, with empty ones."""
        return [entry.data or b"" for entry in self.journal() if entry.event == "received"]

    def _act(self, action: str, **fields: object) -> None:
        self._request("act", action=action, **fields)

    def _request(self, operation: str, **fields: object) -> dict[str, Any]:
        return self._program.request(operation, PATIENCE_S, peer=self._number, **fields)
