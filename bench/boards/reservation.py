"""A board that somebody keeps for himself until a time, also while nothing of his runs: nightly runs leave it alone.

A file of each user beside the board's lock, for all users of the host. Its owner is the one whose file it is, whatever
name stands in it. It ends by itself at its time.
"""

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.boards.lease import lock_folder
from bench.errors import LabError, UsageError, in_words
from bench.shared_files import read_plain, replace_plain, user_name
from bench.visible import visible_line


@dataclass(frozen=True)
class Reservation:
    """A reservation: the uid of a board's user, its end (UTC, ISO 8601), and its reason."""

    uid: int
    until: str
    why: str

    @property
    def text(self) -> str:
        """Return the facts in words."""
        end = self.until[:16].replace("T", " ")
        return visible_line(f"reserved by {user_name(self.uid)} until {end} UTC: {self.why}")

    @property
    def mine(self) -> bool:
        """Return True when it is this user's."""
        return self.uid == os.geteuid()


def reserve(key: str, until: datetime, why: str) -> Reservation:
    """Reserve a board by its key.

    Raises:
        UsageError: the time has passed, or another user has reserved it.
        LabError: it cannot be kept.
    """
    if until <= datetime.now(UTC):
        raise UsageError(f"{until:%Y-%m-%d %H:%M} UTC has passed")
    _refuse_others(key)
    made = Reservation(os.geteuid(), until.astimezone(UTC).isoformat(timespec="seconds"), why)
    path = _path(key, made.uid)
    try:
        replace_plain(path, json.dumps({"until": made.until, "why": made.why}), 0o644)
    except OSError as error:
        raise LabError(f"cannot write {path}: {in_words(error)}") from error
    try:
        _refuse_others(key)  # who came at the same time
    except UsageError:
        path.unlink(missing_ok=True)
        raise
    return made


def release(key: str) -> None:
    """Give a board back to everybody.

    Raises:
        UsageError: another user has reserved it, or nobody.
    """
    if reservation_of(key) is None:
        raise UsageError("it is not reserved")
    _refuse_others(key)
    _path(key, os.geteuid()).unlink(missing_ok=True)


def reservation_of(key: str) -> Reservation | None:
    """Return the reservation of a board, the earliest of several; None without one.

    A file that cannot be read, or is not its owner's, reserves nothing.
    """
    return _earliest(lock_folder().glob(f"{key}.*.reserved"))


def reservations() -> dict[str, Reservation]:
    """Return the reservations of this host by the boards' keys: each as :func:`reservation_of`, in one look."""
    files: dict[str, list[Path]] = {}
    for path in lock_folder().glob("*.*.reserved"):
        files.setdefault(path.name.partition(".")[0], []).append(path)
    found = {key: _earliest(paths) for key, paths in files.items()}
    return {key: kept for key, kept in found.items() if kept is not None}


def _earliest(paths: Iterable[Path]) -> Reservation | None:
    found = []
    for path in paths:
        kept = _read(path)
        if kept is not None:
            with contextlib.suppress(OSError):
                found.append((path.lstat().st_mtime_ns, kept.uid, kept))
    return min(found)[2] if found else None


def _refuse_others(key: str) -> None:
    taken = reservation_of(key)
    if taken is not None and not taken.mine:
        raise UsageError(f"it is {taken.text}")


def _read(path: Path) -> Reservation | None:
    """Return the reservation of one file; remove one of this user's that has ended."""
    try:
        text, uid = read_plain(path)
        row = json.loads(text)
        found = Reservation(uid, str(row["until"]), str(row["why"]))
        ended = datetime.fromisoformat(found.until) <= datetime.now(UTC)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    if path.suffixes[-2:-1] != [f".{uid}"]:
        return None  # somebody speaks in another's name
    if ended and found.mine:
        with contextlib.suppress(OSError):
            path.unlink()
    return None if ended else found


def _path(key: str, uid: int) -> Path:
    return lock_folder() / f"{key}.{uid}.reserved"
