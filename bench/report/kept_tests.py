"""What the tests of a board leave, in one compressed file: a part for each test, and complete after each test.

``transcripts/SLOT.jsonl.gz`` is a gzip file of JSON lines, so that other programs can read it. The row ``test`` begins
a test. Then come the system calls at the port, the commands, and what the peers saw, in that order, all on one clock.
"""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from bench.at import Entry, Response
from bench.clock import Anchor
from bench.errors import UsageError, in_words
from bench.evidence.run_folder import TRANSCRIPTS
from bench.peers import JournalEntry
from bench.report.evidence import Evidence, PeerJournal

_SUFFIX = ".jsonl.gz"
_LEVEL = 6
_MAGIC = b"\x1f\x8b\x08"
_PIECE = 1 << 14


class TestRow(Struct, frozen=True, tag_field="row", tag="test"):
    """A test begins.

    Attributes:
        test: its id.
        t_ns: a moment on the monotonic clock of the board's host.
        utc: the same moment, ISO 8601.
    """

    __test__ = False

    test: str
    round: int
    attempt: int
    t_ns: int
    utc: str


class PortRow(Struct, frozen=True, tag_field="row", tag="port"):
    """One system call at the board's port; see :class:`bench.at.Entry`. Each character of ``data`` is a byte."""

    t_ns: int
    direction: str
    data: str
    empty_ns: int = 0


class CommandRow(Struct, frozen=True, tag_field="row", tag="command"):
    """One transaction; see :class:`bench.at.Response`."""

    command: str
    final: str
    sent_ns: int
    first_byte_ns: int
    final_ns: int


class PeerRow(Struct, frozen=True, tag_field="row", tag="peer"):
    """One event of a peer; ``peer`` is its name."""

    peer: str
    event: JournalEntry


Kind = TypeVar("Kind")

_DECODER = msgspec.json.Decoder(TestRow | PortRow | CommandRow | PeerRow)


@dataclass(frozen=True)
class KeptTest:
    """A test as it was kept: its id, the turn in which it ran, and its evidence."""

    test: str
    round: int
    attempt: int
    evidence: Evidence


def kept_file(folder: Path, slot: str) -> Path:
    """Return where the tests of a board are kept in a run's folder."""
    return folder / TRANSCRIPTS / f"{slot}{_SUFFIX}"


def keep_test(path: Path, kept: KeptTest) -> None:
    """Add a test to its board's file.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in _rows(kept))
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        before, part = file.seek(0, os.SEEK_END), gzip.compress(lines, _LEVEL, mtime=0)
        try:
            while part:  # a disk that becomes full takes the beginning without a word
                part = part[file.write(part) :]
        except OSError:
            file.truncate(before)  # behind half a part nobody could read the next one
            raise


def _rows(kept: KeptTest) -> Iterator[Struct]:
    anchor = kept.evidence.anchor
    yield TestRow(kept.test, kept.round, kept.attempt, anchor.monotonic_ns, anchor.wall.isoformat())
    for entry in kept.evidence.entries:
        yield PortRow(entry.t_ns, entry.direction, entry.data.decode("latin-1"), entry.empty_ns)
    for one in kept.evidence.transactions:
        yield CommandRow(one.command, one.final, one.sent_ns, one.first_byte_ns, one.final_ns)
    for journal in kept.evidence.journals:
        for event in journal.entries:
            yield PeerRow(journal.name, event)


def kept_tests(path: Path) -> Iterator[KeptTest]:
    """Yield the tests of a board's file. If a crash has torn a part, yield what is left of it.

    Raises:
        UsageError: the file cannot be read, or holds something else.
    """
    found: list[TestRow | PortRow | CommandRow | PeerRow] = []
    try:
        for line in _lines(path):
            row = _DECODER.decode(line)
            if isinstance(row, TestRow) and found:
                yield _kept(found)
                found = []
            found.append(row)
        if found:
            yield _kept(found)
    except (OSError, msgspec.MsgspecError) as error:
        why = in_words(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read {path}: {why}") from error


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of all parts; behind a part that a crash has torn, go on with the next one.

    Raises:
        OSError: it is not gzip.
    """
    data = path.read_bytes()
    if not data.startswith(_MAGIC):
        raise gzip.BadGzipFile("it is not gzip")
    start = 0
    while start >= 0:
        text, end = _unpacked(data, start)
        yield from (line for line in text.splitlines(keepends=True) if line.endswith(b"\n"))
        start = data.find(_MAGIC, end)


def _unpacked(data: bytes, start: int) -> tuple[bytes, int]:
    """Return what a part holds, of a torn one as far as it goes, and where the next one may begin."""
    engine, text = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    for begin in range(start, len(data), _PIECE):
        piece = data[begin : begin + _PIECE]
        try:
            text += engine.decompress(piece)
        except zlib.error:
            break
        if engine.eof:
            return text, begin + len(piece) - len(engine.unused_data)
    return text, start + 1


def _kept(rows: list[TestRow | PortRow | CommandRow | PeerRow]) -> KeptTest:
    head = rows[0]
    if not isinstance(head, TestRow):
        raise msgspec.ValidationError("a row stands before the first test")
    evidence = Evidence(
        [Entry(row.t_ns, row.direction, row.data.encode("latin-1"), row.empty_ns) for row in _of(rows, PortRow)],
        [
            Response(row.command, (), None, row.final, row.sent_ns, row.first_byte_ns, row.final_ns)
            for row in _of(rows, CommandRow)
        ],
        list(_journals(_of(rows, PeerRow))),
        Anchor(head.t_ns, datetime.fromisoformat(head.utc)),
    )
    return KeptTest(head.test, head.round, head.attempt, evidence)


def _of(rows: Iterable[object], kind: type[Kind]) -> Iterator[Kind]:
    return (row for row in rows if isinstance(row, kind))


def _journals(rows: Iterable[PeerRow]) -> Iterator[PeerJournal]:
    journals: dict[str, list[JournalEntry]] = {}
    for row in rows:
        journals.setdefault(row.peer, []).append(row.event)
    for name, entries in journals.items():
        yield PeerJournal(name, entries)
