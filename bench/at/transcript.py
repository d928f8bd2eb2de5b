"""The transcript of a port: every byte in both directions with the clock at its system call.

Entries stay in memory until they are cut, a test at a time. With a spool file they are also on disk, mode 0600,
whenever the link waits or idles, so that a killed run loses no more than its last burst. Secrets are masked before they
get here; identities are concealed when a transcript is written for others to read.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.at.response import Response
from bench.clock import NS_PER_S, Anchor
from bench.errors import UsageError, in_words

Conceal = Callable[[bytes], bytes]

_ARROWS = {"tx": ">>", "rx": "<<", "note": "--"}
_ESCAPES = {i: f"\\x{i:02x}" for i in (*range(32), 127, *range(128, 256))} | {
    ord("\r"): "\\r",
    ord("\n"): "\\n",
    ord("\t"): "\\t",
    ord("\\"): "\\\\",
}


class Entry(NamedTuple):
    """One system call, or a note of the bench.

    ``direction`` is "tx", "rx" or "note". ``empty_ns`` is the last moment before ``t_ns`` at which the port is known to
    have been empty (rx only, else 0): the stamp is late by no more than their difference.
    """

    t_ns: int
    direction: str
    data: bytes
    empty_ns: int = 0


class Transcript:
    """The entries of a port; the link records, a reader cuts them off."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, str, bytes, int]] = []
        # Adds what one system call moved, as the fields of an Entry. The list's own method: this is the hot path.
        self.record = self._entries.append
        self.transactions: list[Response] = []
        self.lost = ""  # why the spool file is not whole; a run whose evidence is lost must not pass
        self._spool: int | None = None
        self._spooled = 0

    def note(self, t_ns: int, text: str) -> None:
        """Add a remark of the bench."""
        self.record((t_ns, "note", text.encode(), 0))

    @property
    def entries(self) -> list[Entry]:
        """Return the entries since the last cut."""
        return [Entry._make(row) for row in self._entries]

    def cut(self) -> tuple[list[Entry], list[Response]]:
        """Return the entries since the last cut, and take them out."""
        self.flush()
        entries = self.entries
        del self._entries[: len(entries)]
        transactions = self.transactions[:]
        del self.transactions[: len(transactions)]
        self._spooled = 0
        return entries, transactions

    def shorten(self, keep: int) -> None:
        """Forget all but the last ``keep`` entries and transactions: for a test that runs for hours."""
        left_out = len(self._entries) - keep
        if left_out > 0:
            stamp = self._entries[left_out - 1][0]
            self._entries[:left_out] = [(stamp, "note", b"%d entries before this one were left out" % left_out, 0)]
            del self.transactions[: max(0, len(self.transactions) - keep)]
            if self._spool is not None:
                os.ftruncate(self._spool, 0)
                self._spooled = 0
                self.flush()

    def spool_to(self, path: Path | None) -> None:
        """Keep the entries that are not cut yet in ``path`` from now on; None ends it and removes nothing."""
        self.close()
        if path is not None:
            self._spool = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            self._spooled = 0

    def flush(self) -> None:
        """Write the new entries to the spool file."""
        if self._spool is not None and len(self._entries) > self._spooled:
            fresh = [Entry._make(row) for row in self._entries[self._spooled :]]
            self._spooled += len(fresh)
            try:
                os.write(self._spool, to_jsonl(fresh).encode())
            except OSError as error:  # a full disk must not end a transaction with a board
                self.lost = f"the transcript could not be written: {in_words(error)}"

    def close(self) -> None:
        """Flush and close the spool file."""
        if self._spool is not None:
            self.flush()
            os.close(self._spool)
            self._spool = None

    def tail(self, conceal: Conceal = bytes, lines: int = 12) -> str:
        """Return the last few entries as text, for an error message."""
        recent = concealed([Entry._make(row) for row in self._entries[-lines:]], conceal)
        return "\n".join(f"    {_ARROWS[entry.direction]} {_tail_line(entry.data)}" for entry in recent)


def _tail_line(data: bytes) -> str:
    """Return a chunk for an error message: its beginning, and its end when it is long."""
    return printable(data) if len(data) <= 160 else f"{printable(data[:80])} ... {printable(data[-60:])}"


def printable(data: bytes) -> str:
    """Return bytes as one readable line: control and non-ASCII bytes escaped, reversibly."""
    return data.decode("latin-1").translate(_ESCAPES)


def concealed(entries: Sequence[Entry], conceal: Conceal) -> list[Entry]:
    """Return the entries with each direction's stream passed through ``conceal``, which must keep its length.

    The stream is concealed as a whole, so that a value cut in two by chunks is found as well.
    """
    streams: dict[str, bytes] = {}
    for direction in ("rx", "tx", "note"):
        stream = b"".join(entry.data for entry in entries if entry.direction == direction)
        streams[direction] = conceal(stream)
        if len(streams[direction]) != len(stream):
            raise ValueError("a concealed stream must keep its length")
    # What only the received stream reveals may stand in the others too.
    streams = {direction: conceal(stream) for direction, stream in streams.items()}
    result = []
    taken = dict.fromkeys(streams, 0)
    for entry in entries:
        start = taken[entry.direction]
        taken[entry.direction] = end = start + len(entry.data)
        result.append(entry._replace(data=streams[entry.direction][start:end]))
    return result


def to_text(entries: Iterable[Entry], anchor: Anchor) -> str:
    """Return readable text: the UTC date of the first entry, then a line an entry with its seconds since then."""
    rows: list[str] = []
    start: int | None = None
    for entry in entries:
        if start is None:
            start = entry.t_ns
            rows.append(f"# {anchor.text(start)}   seconds since then, >> to the board, << from it, -- the bench")
        rows.append(f"{(entry.t_ns - start) / NS_PER_S:12.6f} {_ARROWS[entry.direction]} {printable(entry.data)}")
    return "\n".join(rows) + "\n"


def to_jsonl(entries: Iterable[Entry]) -> str:
    """Return one JSON object an entry: t_ns, direction, data (a code point a byte), empty_ns."""
    return "".join(
        json.dumps(
            {"t_ns": e.t_ns, "direction": e.direction, "data": e.data.decode("latin-1"), "empty_ns": e.empty_ns},
            separators=(",", ":"),
        )
        + "\n"
        for e in entries
    )


def read_jsonl(path: Path) -> list[Entry]:
    """Return the entries of a transcript file; a last line that a crash cut short is left out.

    Raises:
        UsageError: the file cannot be read or is not a transcript; names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the transcript {path}: {in_words(error)}") from error
    rows = text.split("\n")
    entries = []
    for number, row in enumerate(rows[:-1], 1):
        try:
            fields = json.loads(row)
            direction = fields["direction"]
            if direction not in _ARROWS:
                raise ValueError(f"direction is {direction!r}")
            data = fields["data"].encode("latin-1")
            entries.append(Entry(int(fields["t_ns"]), direction, data, int(fields.get("empty_ns", 0))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}, line {number}, is not an entry of a transcript: {error}") from error
    return entries
