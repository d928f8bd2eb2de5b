"""Processes of this host: who they are, what they have open, what they have locked."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil


def describe_process(pid: int) -> str:
    """Return a process for a person, ``minicom (pid 4711)``; ``a program`` where its name is not known."""
    try:
        name = psutil.Process(pid).name()
    except (psutil.Error, ValueError):  # ValueError: a lock's holder outside this container has no number here
        name = "a program"
    return f"{name} (pid {pid})"


def programs_with(path: str) -> list[str]:
    """Return the other processes that have a file or a port open, as far as this user may look."""
    real = os.path.realpath(path)
    return [
        describe_process(pid)
        for pid in psutil.pids()
        if pid != os.getpid() and any(one == real for one in _has_open(pid))
    ]


def lock_holder(path: Path) -> int | None:
    """Return the process that holds a flock on a file; None when none does, or there is no such file."""
    return lock_holders([path]).get(path)


def lock_holders(paths: Iterable[Path]) -> dict[Path, int]:
    """Return those of some files that are locked (flock), with the process that holds each; takes no lock itself.

    Raises:
        OSError: the kernel's list of locks cannot be read.
    """
    holders = _flocks()
    found = {}
    for path in paths:
        with contextlib.suppress(OSError):  # it is gone, or not for us to look at
            status = path.stat()
            place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
            if place in holders:
                found[path] = holders[place]
    return found


def _flocks() -> dict[str, int]:
    """Return the places of all files that are locked on this host, with the processes that hold them."""
    lines = (line.split() for line in Path("/proc/locks").read_text(encoding="ascii").splitlines())
    # One that waits has an arrow behind its number.
    return {fields[5]: int(fields[4]) for fields in lines if len(fields) > 5 and fields[1] == "FLOCK"}


def _has_open(pid: int) -> Iterator[str]:
    """Yield the paths of all that a process has open; psutil leaves out ports."""
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            yield os.path.realpath(descriptor)
    except OSError:
        return  # it has ended, or is another user's
