"""The result stream: JSON lines, one append a row as it happens, so that a crash loses nothing that was measured.

Every process of a run appends to the same ``results.jsonl``; a row is one ``write`` and so never mixes with another's.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.clock import Anchor, now_ns

SCHEMA = 1
FILE = "results.jsonl"

Row = dict[str, Any]


class EvidenceLost(Exception):
    """A row could not be written: the run has lost evidence and must not pass."""


@dataclass
class ResultStream:
    """Appends rows of one run.

    A run may play its tests in several rounds; a row of a round beyond the first says which.

    Row types: ``board``, ``peers``, ``plan``, ``start``, ``measurement``, ``samples``, ``finding``, ``limit``,
    ``progress``, ``recovery``, ``provisioned``, ``radio``, ``survey``, ``finish``, ``lost`` (evidence), ``ended`` and,
    from the parent, ``run``, ``comparison``, ``earlier``, ``incident``, ``control``, ``trouble`` and ``closed``.
    """

    folder: Path
    run: str
    slot: str = ""
    attempt: int = 1
    round: int = 1
    anchor: Anchor = field(default_factory=Anchor)

    def add(self, kind: str, **fields: object) -> None:
        """Appends a row, stamped now.

        Raises:
            EvidenceLost: the disk is full or the folder cannot be written.
        """
        stamp = now_ns()
        row: Row = {"schema": SCHEMA, "run": self.run, "type": kind, "slot": self.slot}
        if "test" in fields:
            row["attempt"] = self.attempt
        if self.round > 1:
            row["round"] = self.round
        row |= {"t_ns": stamp, "utc": self.anchor.text(stamp), **fields}
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace") + b"\n"
        try:
            descriptor = os.open(self.folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if os.write(descriptor, line) != len(line):
                    raise EvidenceLost(f"{self.folder / FILE} took only a part of a row: the disk is full")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise EvidenceLost(f"cannot write {self.folder / FILE}: {error}") from error


class RowReader:
    """Reads a growing stream: whole rows only, each once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._position = 0
        self.damaged = 0

    def new_rows(self) -> Iterator[Row]:
        """The rows since the last call. A row that is no JSON object is counted as damaged."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data.rfind(b"\n") + 1
        self._position += whole
        for line in data[:whole].splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict) and "type" in row:
                yield row
            else:
                self.damaged += 1
