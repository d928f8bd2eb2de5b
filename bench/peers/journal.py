"""The journal of a peer: events that are stamped at the system call on CLOCK_MONOTONIC."""

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from bench.clock import now_ns

# Longer data are kept as length and digest; above the total no data are kept.
_DATA_LIMIT = 65536
_TOTAL_LIMIT = 64 << 20
_ENTRY_LIMIT = 1_000_000

Source = tuple[str, int]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event.

    Attributes:
        t_ns: stamp after a read, or before a write.
        event: accepted, connected, received, sent, dropped, held, ended (FIN received), reset, closed, rebound, error;
            in public also admitted (a token was shown) and refused (too many connections);
            of secure peers also hello (a ClientHello came), handshake, handshake failed, moved (the other end has a new
            address), reconnected (it started again from the old one), ignored (a record of no association), failed.
        connection: number of the connection or flow, from 1; 0 for the peer itself.
        address: the other end, "host port".
        size: bytes moved.
        data: the bytes, when there are not too many.
        sha256: digest of the bytes, when there are any.
        details: result of a handshake, or the reason that it failed.
    """

    t_ns: int
    event: str
    connection: int = 0
    address: str = ""
    size: int = 0
    data: bytes | None = None
    sha256: str = ""
    details: dict[str, Any] | None = None


class EventJournal:
    """The entries of a peer, with a notification for each."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.omitted = 0
        self.keeps_data = True
        self._kept = 0
        # By event and connection; the connection None stands for all.
        self._numbers: Counter[tuple[str, int | None]] = Counter()
        self._sizes: Counter[tuple[str, int | None]] = Counter()
        self.changed = asyncio.Event()

    def add(
        self,
        event: str,
        *,
        connection: int = 0,
        source: Source | None = None,
        data: bytes = b"",
        t_ns: int | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        """Add an entry, stamped now unless the moment is given."""
        stamp = now_ns() if t_ns is None else t_ns
        if len(self.entries) >= _ENTRY_LIMIT:
            self.omitted += 1
            return
        address = f"{source[0]} {source[1]}" if source else ""
        keep = self.keeps_data and len(data) <= _DATA_LIMIT and self._kept + len(data) <= _TOTAL_LIMIT
        self._kept += len(data) if keep else 0
        digest = "" if keep or not self.keeps_data else hashlib.sha256(data).hexdigest()
        self.entries.append(
            JournalEntry(stamp, event, connection, address, len(data), data if keep and data else None, digest, details)
        )
        for key in ((event, connection), (event, None)):
            self._numbers[key] += 1
            self._sizes[key] += len(data)
        self.changed.set()

    def count(self, event: str, connection: int | None = None) -> tuple[int, int]:
        """Return the number of entries of an event, of one connection or of all, and the bytes that they moved."""
        return self._numbers[event, connection], self._sizes[event, connection]
