"""A board that somebody keeps for himself until a time, also while nothing of his runs: nightly runs leave it alone.

A file beside the board's lock, for all users of the host. It ends by itself at its time.
"""

import contextlib
import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.boards.lease import lock_folder
from bench.errors import LabError, UsageError


@dataclass(frozen=True)
class Reservation:
    """A reservation: the user of a board, its end (UTC, ISO 8601), and its reason."""

    user: str
    until: str
    why: str

    @property
    def text(self) -> str:
        """Return the facts in words."""
        return f"reserved by {self.user} until {self.until[:16].replace('T', ' ')} UTC: {self.why}"

    @property
    def mine(self) -> bool:
        """Return True when it is this user's."""
        return self.user == getpass.getuser()


def reserve(key: str, until: datetime, why: str) -> Reservation:
    """Reserve a board by its key.

    Raises:
        UsageError: the time has passed, or another user has reserved it.
    """
    if until <= datetime.now(UTC):
        raise UsageError(f"{until:%Y-%m-%d %H:%M} UTC has passed")
    taken = reservation_of(key)
    if taken is not None and not taken.mine:
        raise UsageError(f"it is {taken.text}")
    made = Reservation(getpass.getuser(), until.astimezone(UTC).isoformat(timespec="seconds"), why)
    path = _path(key)
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_text(json.dumps(asdict(made)), encoding="utf-8")
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error
    return made


def release(key: str) -> None:
    """Give a board back to everybody.

    Raises:
        UsageError: another user has reserved it, or nobody.
    """
    taken = reservation_of(key)
    if taken is None:
        raise UsageError("it is not reserved")
    if not taken.mine:
        raise UsageError(f"it is {taken.text}")
    _path(key).unlink(missing_ok=True)


def reservation_of(key: str) -> Reservation | None:
    """Return the reservation of a board; None without one. A file that cannot be read reserves nothing."""
    path = _path(key)
    try:
        found = Reservation(**json.loads(path.read_text(encoding="utf-8")))
        ended = datetime.fromisoformat(found.until) <= datetime.now(UTC)
    except (OSError, ValueError, TypeError):
        return None
    if ended:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return found


def _path(key: str) -> Path:
    return lock_folder() / f"{key}.reserved"
