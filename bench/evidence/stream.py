"""The result stream: JSON lines, one append a row as it happens, so that a crash loses nothing that was measured.

Every process of a run appends to the same ``results.jsonl``; a row is one ``write`` and so never mixes with another's.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.clock import Anchor, now_ns
from bench.errors import in_words
from bench.evidence.rows import HEADER, KINDS, SCHEMA, AnyRow, Row
from bench.shared_files import open_plain
from bench.visible import with_visible_texts

FILE = "results.jsonl"

_DECODER = msgspec.json.Decoder(AnyRow)
_PIECE = 1 << 20
# No row is as long; of a stranger's file no more is taken at once.
_LONGEST = 64 << 20


class EvidenceLost(Exception):
    """A row could not be written: the run has lost evidence and must not pass."""


@dataclass
class ResultStream:
    """Appends rows of one run.

    A run may play its tests in several rounds; each row says which. ``slot`` is empty for the parent of a run.

    Attributes:
        begins: this process makes the file; one that finds none has lost it.
    """

    folder: Path
    run: str
    slot: str = ""
    attempt: int = 1
    round: int = 1
    anchor: Anchor = field(default_factory=Anchor)
    begins: bool = True

    def add(self, row: Row) -> None:
        """Append a row, stamped now, its texts visible. A row that names its own slot keeps it.

        Raises:
            EvidenceLost: the disk is full, the folder cannot be written, or the file is gone.
        """
        self._append(self._stamp(row))

    def pass_on(self, row: Mapping[str, Any], lent: str) -> None:
        """Append a row that a lent board's run wrote on its own host, with that host's stamps.

        Raises:
            EvidenceLost: as :meth:`add`.
        """
        self._append({**row, "run": self.run, "lent": lent})

    def _append(self, content: Mapping[str, Any]) -> None:
        line = json.dumps(with_visible_texts(dict(content)), ensure_ascii=False, separators=(",", ":"))
        data = line.encode() + b"\n"
        create = os.O_CREAT if self.begins else 0
        try:
            descriptor = os.open(self.folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | create, 0o644)
            try:
                if os.write(descriptor, data) != len(data):
                    raise EvidenceLost(f"{self.folder / FILE} took only a part of a row: the disk is full")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise EvidenceLost(f"cannot write {self.folder / FILE}: {in_words(error)}") from error
        self.begins = False

    def _stamp(self, row: Row) -> dict[str, Any]:
        stamp = now_ns()
        content = msgspec.to_builtins(row)
        head = {
            "schema": SCHEMA,
            "run": self.run,
            "type": content["type"],
            "slot": row.slot or self.slot,
            "attempt": self.attempt,
            "round": self.round,
            "t_ns": stamp,
            "utc": self.anchor.text(stamp),
        }
        return head | {name: value for name, value in content.items() if name not in HEADER and name not in head}


class RowReader:
    """Reads a growing stream: whole rows only, each once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._position = 0
        self._read = hashlib.sha256()
        self._file: tuple[int, int] | None = None
        self.damaged = 0

    def new_rows(self) -> Iterator[AnyRow]:
        """Yield the rows since the last call. A line that is not a row is counted as damaged."""
        try:
            with os.fdopen(open_plain(self._path, os.O_RDONLY), "rb") as file:
                self._file = self._file or _place(os.fstat(file.fileno()))
                file.seek(self._position)
                while line := file.readline(_LONGEST):
                    if not line.endswith(b"\n"):
                        return
                    self._position += len(line)
                    self._read.update(line)
                    row = self._row(line)
                    if row is not None:
                        yield row
        except OSError:  # not there yet, or no more: missing() tells
            return

    def missing(self) -> str:
        """Return why the file is not the one that was read so far; empty when it is. Costs one look at its name."""
        if self._file is None:
            return ""
        try:
            status = self._path.stat()
        except OSError as error:
            return f"{self._path} is gone: {in_words(error)}"
        if _place(status) != self._file:
            return f"{self._path} was replaced by another file"
        return f"{self._path} was cut short" if status.st_size < self._position else ""

    def changed(self) -> str:
        """Return why what was read does not stand in the file any more; empty when it does. Reads it again."""
        why = self.missing()
        if why or self._file is None:
            return why
        again, left = hashlib.sha256(), self._position
        try:
            with self._path.open("rb") as file:
                while left and (piece := file.read(min(left, _PIECE))):
                    again.update(piece)
                    left -= len(piece)
        except OSError as error:
            return f"{self._path} cannot be read: {in_words(error)}"
        return "" if again.digest() == self._read.digest() else f"{self._path} was changed by somebody else"

    def _row(self, line: bytes) -> AnyRow | None:
        try:
            row: AnyRow = _DECODER.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._unusual(line)
        return row

    def _unusual(self, line: bytes) -> AnyRow | None:
        """Return a row that an older bench wrote otherwise; skip one of a kind that only a newer bench knows."""
        try:
            content = with_visible_texts(json.loads(line))
            kind = content["type"]
            if isinstance(kind, str) and kind not in KINDS:
                return None
            row: AnyRow = msgspec.convert(content, AnyRow)
        except (ValueError, TypeError, KeyError, RecursionError, msgspec.ValidationError):
            self.damaged += 1
            return None
        return row


def _place(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
