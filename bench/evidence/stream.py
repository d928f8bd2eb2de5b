"""The result stream: JSON lines, one append a row as it happens, so that a crash loses nothing that was measured.

Every process of a run appends to the same ``results.jsonl``; a row is one ``write`` and so never mixes with another's.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.clock import Anchor, now_ns
from bench.evidence.rows import HEADER, KINDS, SCHEMA, AnyRow, Row

FILE = "results.jsonl"

_DECODER = msgspec.json.Decoder(AnyRow)


class EvidenceLost(Exception):
    """A row could not be written: the run has lost evidence and must not pass."""


@dataclass
class ResultStream:
    """Appends rows of one run.

    A run may play its tests in several rounds; each row says which. ``slot`` is empty for the parent of a run.
    """

    folder: Path
    run: str
    slot: str = ""
    attempt: int = 1
    round: int = 1
    anchor: Anchor = field(default_factory=Anchor)

    def add(self, row: Row) -> None:
        """Append a row, stamped now. A row that names its own slot keeps it.

        Raises:
            EvidenceLost: the disk is full or the folder cannot be written.
        """
        line = json.dumps(_with_visible_surrogates(self._stamp(row)), ensure_ascii=False, separators=(",", ":"))
        data = line.encode() + b"\n"
        try:
            descriptor = os.open(self.folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if os.write(descriptor, data) != len(data):
                    raise EvidenceLost(f"{self.folder / FILE} took only a part of a row: the disk is full")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise EvidenceLost(f"cannot write {self.folder / FILE}: {error}") from error

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


def _with_visible_surrogates(value: Any) -> Any:  # noqa: ANN401 - any JSON
    r"""Return JSON in which a lone surrogate is the visible text ``\udce9``: JSON has no other way to keep it."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_with_visible_surrogates(key): _with_visible_surrogates(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_visible_surrogates(part) for part in value]
    return value


class RowReader:
    """Reads a growing stream: whole rows only, each once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._position = 0
        self.damaged = 0

    def new_rows(self) -> Iterator[AnyRow]:
        """Yield the rows since the last call. A line that is not a row is counted as damaged."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._position += len(line)
                    row = self._row(line)
                    if row is not None:
                        yield row
        except FileNotFoundError:
            return

    def _row(self, line: bytes) -> AnyRow | None:
        try:
            row: AnyRow = _DECODER.decode(line)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._unusual(line)
        return row

    def _unusual(self, line: bytes) -> AnyRow | None:
        """Return a row that an older bench wrote otherwise; skip one of a kind that only a newer bench knows."""
        try:
            content = _with_visible_surrogates(json.loads(line))
            kind = content["type"]
            if isinstance(kind, str) and kind not in KINDS:
                return None
            row: AnyRow = msgspec.convert(content, AnyRow)
        except (ValueError, TypeError, KeyError, RecursionError, msgspec.ValidationError):
            self.damaged += 1
            return None
        return row
