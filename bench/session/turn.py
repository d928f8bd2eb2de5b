"""The turn of a test: it waits while the run pauses, and while another board measures time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.boards.lease import lock_folder
from bench.errors import LabError, in_words
from bench.evidence import rows
from bench.evidence.run_folder import PAUSE
from bench.session.board_session import BoardSession
from bench.shared_files import open_plain

_LOOK_SECONDS = 0.2
# Lab errors of a board that was given up come by the hundred a second: the parent must have the time to see the first.
_PATIENCE_SECONDS = 0.5
_PATIENT = range(2, 12)
_DOOR, _ROOM = "timing-door.lock", "timing.lock"


def wait_while_paused(session: BoardSession) -> None:
    """Wait while the run pauses, then give the board a fresh start: what it was given up for may be over.

    A board that waits for its network does so here first.
    """
    session.wait_for_network()
    if session.lab_errors_in_a_row in _PATIENT and not session.given_up_for_good:
        time.sleep(_PATIENCE_SECONDS)
    if (session.folder / PAUSE).exists():
        session.drop_board()
        while (session.folder / PAUSE).exists():
            time.sleep(_LOOK_SECONDS)
        session.reset_failures()


@contextmanager
def exclusive_timing(session: BoardSession, *, alone: bool) -> Iterator[None]:
    """Hold a lock of this host: ``alone`` while time is measured, shared with all other boards of all runs otherwise.

    A process that wants it alone first locks the door, so that no other can enter while it waits for those inside.
    The kernel frees a lock when its process dies.
    """
    folder = lock_folder()
    with _opened(folder / _DOOR) as door, _opened(folder / _ROOM) as room:
        _take(session, door, fcntl.LOCK_EX)
        _take(session, room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Yield the descriptor of a lock file of all users of this host.

    Raises:
        LabError: it cannot be opened.
    """
    try:
        try:
            descriptor = open_plain(path, os.O_RDONLY)
        except FileNotFoundError:
            descriptor = open_plain(path, os.O_RDONLY | os.O_CREAT, 0o644)
            os.fchmod(descriptor, 0o644)  # whatever the umask: other users lock it too
    except OSError as error:
        why = in_words(error)
        raise LabError(f"cannot lock {path}, by which only one board of this host measures time: {why}") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(session: BoardSession, descriptor: int, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        session.stream.add(rows.ProgressRow(text="waits until no other board of this host is busy"))
        fcntl.flock(descriptor, kind)
