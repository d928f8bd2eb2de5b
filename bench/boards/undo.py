"""The undo journal of a board: the changes that a process that died has left in its modem.

A file for each board in the bench's state folder, written and synchronised to disk before a change is made. Whoever
opens the board next undoes what stands there. The board's lease keeps two processes apart.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.shared_files import check_own, open_plain
from bench.state import state_folder


def undo_folder() -> Path:
    """Return the folder of the journals."""
    return state_folder() / "undo"


class UndoFile:
    """The journal of one board, by its key. Makes no file before there is something to keep."""

    def __init__(self, key: str) -> None:
        self.path = undo_folder() / f"{key}.jsonl"
        self._last = 0
        self._open: set[int] = set()

    def remember(self, commands: Sequence[str]) -> Callable[[], None]:
        """Keep commands until the returned function is called.

        Raises:
            OSError: it cannot be kept, so the change must not be made.
        """
        self._last += 1
        number = self._last
        self._append({"change": number, "undo": list(commands)})
        self._open.add(number)

        def forget() -> None:
            self._open.discard(number)
            if self._open:
                self._append({"undone": number})
            else:
                self.path.unlink(missing_ok=True)

        return forget

    def left_over(self) -> Iterator[tuple[str, ...]]:
        """Yield the changes still to be undone, the last first; half a row, cut off by a crash, was not one yet."""
        kept: dict[int, tuple[str, ...]] = {}
        with contextlib.suppress(FileNotFoundError):
            check_own(self.path)  # what stands there is sent to the board
            for line in self.path.read_bytes().splitlines():
                row = _row(line)
                if isinstance(row.get("change"), int) and isinstance(row.get("undo"), list):
                    kept[row["change"]] = tuple(map(str, row["undo"]))
                kept.pop(row.get("undone", 0), None)
        return reversed(kept.values())

    def clear(self) -> None:
        """Note that all is undone."""
        self.path.unlink(missing_ok=True)

    def _append(self, row: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        check_own(self.path)
        descriptor = open_plain(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(descriptor, json.dumps(row).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}
