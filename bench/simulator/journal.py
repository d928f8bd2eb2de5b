"""The ground truth of a simulated board: what really happened and when, for the bench's own checks."""

import json
import os
import time
from pathlib import Path


class Journal:
    """A file with one JSON object an event. Without a file, events are forgotten."""

    def __init__(self, board: str, path: Path | None = None) -> None:
        self._board = board
        self._path = path
        self._file: int | None = None

    def open(self) -> None:
        """Open the file for appending."""
        if self._path is not None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def add(self, event: str, t_ns: int | None = None, /, **fields: object) -> None:
        """Add an event with its moment in ns of CLOCK_MONOTONIC, which is now unless it is given."""
        if self._file is not None:
            row = {
                "t_ns": time.monotonic_ns() if t_ns is None else t_ns,
                "board": self._board,
                "event": event,
                **fields,
            }
            os.write(self._file, json.dumps(row).encode() + b"\n")
