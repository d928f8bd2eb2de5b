"""One physical board, one user: a lock that the kernel frees when its holder dies, however it dies.

The lock is flock(2) on a file named by the board's key, so nothing has to be tidied up; the file's text only says who
holds it. A process may inherit a lease from the one that started it: the lock stands until both are gone.
"""

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil

from bench.at import pty_made_ns
from bench.errors import LabError, in_words
from bench.processes import describe_process, lock_holder, lock_holders
from bench.shared_files import Untrusted, check_shared_folder, open_plain, read_plain, user_name
from bench.visible import visible_line

INHERITED = "NRF91_BENCH_LEASED"
"""Names the boards, by key, whose leases a process has from its parent."""
FOR = "NRF91_BENCH_FOR"
"""Names the person at another host for whom this process uses boards here."""
FOLDER = "NRF91_BENCH_LOCKS"
"""Overrides where the locks are."""
_FOLDERS = (Path("/run/lock"), Path("/var/lock"), Path("/tmp"))
_LOOK_S = 0.5
_LONGEST = 4096  # characters of a stranger's text
_KEY = re.compile(r"(serial|port)-")
_PTY = re.compile(r"port-dev-pts-\d+-\d+$")


class BoardLeased(LabError):
    """Somebody else uses the board."""

    takes_patience = False
    board_absent = True


@dataclass(frozen=True)
class Holder:
    """The holder of a board.

    Attributes:
        job: what it does, such as its command line.
        user: whose process it is.
        pid: its process.
        since: the time since when it has the board (UTC, ISO 8601).
        slot: the board's name there.
        folder: of its run, absolute; empty where it is not a run.
    """

    job: str
    user: str
    pid: int
    since: str
    slot: str = ""
    folder: str = ""

    @property
    def text(self) -> str:
        """Return the facts in words."""
        return f"{self.user} (pid {self.pid}) since {self.since}: {self.job}"


_UNKNOWN = Holder("unknown", "unknown", 0, "unknown")
"""Of a lock without a signature that can be read."""


def key_of(serial: str, port: str) -> str:
    """Return the key of a board: its serial number, where it has one; its port otherwise.

    A pty's number is given anew as soon as it is free, so the moment at which it was made belongs to its key.
    """
    if serial:
        digits = re.sub(r"[^A-Za-z0-9]+", "-", serial.lstrip("0").upper())
        if digits.strip("-"):
            return f"serial-{digits}"
    place = port if "://" in port else os.path.realpath(port)
    made = pty_made_ns(place)
    return "port-" + re.sub(r"[^A-Za-z0-9]+", "-", f"{place}-{made}" if made else place).strip("-")


def lock_folder() -> Path:
    """Return the folder of the locks of this host: one for all its users.

    Raises:
        LabError: none can be written, or the one that is there is not to be trusted.
    """
    named = os.environ.get(FOLDER)
    for folder in [Path(named)] if named else [base / "nrf91-bench" for base in _FOLDERS]:
        try:
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=bool(named), mode=0o700)
            if folder.lstat().st_uid == os.geteuid() and not folder.is_symlink():
                folder.chmod(0o1777)  # other users lock the same boards
            check_shared_folder(folder)
        except Untrusted as error:
            raise LabError(f"{error}; or set {FOLDER} to another folder, for all users of the host") from error
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise LabError(f"there is no folder for locks that can be written; set {FOLDER}")


class Lease:
    """A board of ours, for as long as it is entered, or from :meth:`acquire` to :meth:`release`."""

    def __init__(
        self, key: str, name: str, job: str, *, folder: Path | None = None, part_of: "Lease | None" = None
    ) -> None:
        """Make a lease that nobody holds yet.

        Args:
            key: from :func:`key_of`.
            name: for messages.
            job: of the holder, for a message to other users.
            folder: of the holder's run, where others may look how far it is.
            part_of: a lease of this process on the same board: while it is held, so is this one.
        """
        self._part_of = part_of
        self.key = key
        self.name = name
        self.job = job
        self.folder = folder
        self.fd = -1

    @property
    def held(self) -> bool:
        """Return True when the board is ours, or was our parent's when it started us."""
        if self._part_of is not None and self._part_of.held:
            return True
        return self.fd >= 0 or self.key in os.environ.get(INHERITED, "").split(",")

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(
        self,
        *,
        wait: float = 0.0,
        waiting: Callable[[Holder | None], None] = lambda _: None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Self:
        """Take the board, unless this process has inherited it; harmless when it is ours.

        Args:
            wait: seconds to wait for whoever has it.
            waiting: is called once with the holder.
            stopped: whether to wait no longer.

        Raises:
            BoardLeased: names the holder.
        """
        if self.held:
            return self
        path = lock_folder() / f"{self.key}.lock"
        try:
            descriptor = _open(path)
        except OSError as error:
            raise LabError(f"cannot lock {self.name}: {path}: {in_words(error)}") from error
        try:
            self._lock(descriptor, path, wait, waiting, stopped)
        except BaseException:
            os.close(descriptor)
            raise
        if not _same(descriptor, path):  # somebody tidied the file away meanwhile: others lock another one
            os.close(descriptor)
            return self.acquire(wait=wait, waiting=waiting, stopped=stopped)
        with contextlib.suppress(OSError):  # another user's file: the lock counts, not the mode
            os.fchmod(descriptor, 0o666)
        self._sign(descriptor)
        self.fd = descriptor
        return self

    @property
    def inherited(self) -> bool:
        """Return True when our parent has it, from before it started us."""
        return self.fd < 0 and self.held

    def release(self) -> None:
        """Give the board back; harmless when it is not ours."""
        if self.fd >= 0:
            if is_key_of_pty(self.key):  # such a key never comes again
                with contextlib.suppress(OSError):
                    (lock_folder() / f"{self.key}.lock").unlink()
            os.close(self.fd)
            self.fd = -1

    def _lock(
        self,
        descriptor: int,
        path: Path,
        wait: float,
        waiting: Callable[[Holder | None], None],
        stopped: Callable[[], bool],
    ) -> None:
        deadline = time.monotonic() + wait
        reported = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _signature(path)
                if time.monotonic() >= deadline or stopped():
                    raise BoardLeased(
                        f"{self.name} is in use by {holder.text if holder else 'another process'}; wait for it"
                        " (`nrf91-bench run --wait SECONDS` does) or choose another board"
                    ) from None
                if not reported:
                    reported = True
                    waiting(holder)
                time.sleep(min(_LOOK_S, max(0.0, deadline - time.monotonic())))
            else:
                return

    def _sign(self, descriptor: int) -> None:
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        folder = "" if self.folder is None else str(self.folder)
        holder = Holder(self.job, user_name(os.getuid()), os.getpid(), since, self.name, folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)


def _same(descriptor: int, path: Path) -> bool:
    """Return True when the name still stands for the file that we have open."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _open(path: Path) -> int:
    """Return the lock file; an existing one without O_CREAT, which the kernel refuses on another user's file."""
    try:
        return open_plain(path, os.O_RDWR)
    except FileNotFoundError:
        return open_plain(path, os.O_RDWR | os.O_CREAT, 0o666)


def holder_of(key: str) -> Holder | None:
    """Return the present holder of a board; None when it is free. Takes no lock, so that it disturbs nobody."""
    try:
        path = lock_folder() / f"{key}.lock"
        pid = lock_holder(path)
    except (OSError, LabError):
        return None
    return None if pid is None else _signature(path, pid) or _UNKNOWN


def holders() -> dict[str, Holder]:
    """Return the boards of this host that are in use, by key, with their holders. Takes no lock."""
    try:
        locked = lock_holders(lock_folder().glob("*.lock"))
    except (OSError, LabError):
        return {}
    return {path.stem: _signature(path, pid) or _UNKNOWN for path, pid in locked.items() if _KEY.match(path.stem)}


def is_key_of_pty(key: str) -> bool:
    """Return whether a key is that of a simulated board, known by its pseudo-terminal alone."""
    return bool(_PTY.match(key))


def inherited(leases: Sequence[Lease]) -> dict[str, str]:
    """Return the environment that tells a child which of them it has; their descriptors must be passed too."""
    return {INHERITED: ",".join(lease.key for lease in leases if lease.held)}


def terminal_lock(port: str) -> str:
    """Return the terminal program that holds a port by a lock file, or nothing (FHS 3.0, section 5.9)."""
    path = Path("/var/lock") / f"LCK..{Path(os.path.realpath(port)).name}"
    try:
        pid = int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return ""
    if not psutil.pid_exists(pid):
        return ""
    return f"{describe_process(pid)[:-1]}, {path})"


def _signature(path: Path, pid: int | None = None) -> Holder | None:
    """Return who holds a lock: the user as the kernel knows the process, the rest as the holder wrote it."""
    try:
        row = json.loads(read_plain(path)[0])
        own = int(row["pid"])
        user = _user_of(pid or lock_holder(path) or own) or visible_line(str(row["user"]))
        texts = (visible_line(str(row.get(name, "")))[:_LONGEST] for name in ("since", "slot", "folder"))
        return Holder(visible_line(str(row["job"]))[:_LONGEST], user, own, *texts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None  # it is being written, or is not a signature


def _user_of(pid: int) -> str:
    try:
        return user_name(psutil.Process(pid).uids().real)
    except (psutil.Error, ValueError):  # it has ended, or is in another container
        return ""
