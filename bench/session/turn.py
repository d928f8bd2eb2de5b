"""The turn of a test: it waits while the run pauses, and while another board measures time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.evidence import rows
from bench.evidence.run_folder import PAUSE
from bench.session.board_session import BoardSession

_LOOK_SECONDS = 0.2
# Lab errors of a board that was given up come by the hundred a second: the parent must have the time to see the first.
_PATIENCE_SECONDS = 0.5
_PATIENT = range(2, 12)
_LOCK = ".exclusive.lock"


def wait_while_paused(session: BoardSession) -> None:
    """Wait while the run pauses, then give the board a fresh start: what it was given up for may be over."""
    if session.lab_errors_in_a_row in _PATIENT:
        time.sleep(_PATIENCE_SECONDS)
    if (session.folder / PAUSE).exists():
        session.drop_board()
        while (session.folder / PAUSE).exists():
            time.sleep(_LOOK_SECONDS)
        session.reset_failures()


@contextmanager
def exclusive_timing(session: BoardSession, *, alone: bool) -> Iterator[None]:
    """Hold a lock of the run's folder: ``alone`` while time is measured, shared with other boards otherwise.

    The kernel frees the lock when a process dies.
    """
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    descriptor = os.open(session.folder / _LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            session.stream.add(rows.ProgressRow(text="waits until no other board is busy"))
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)
