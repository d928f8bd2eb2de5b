"""Files where other users of the host can write: no planted link is followed, no stranger's file is believed."""

import contextlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

_MOST_BYTES = 1 << 20


class Untrusted(OSError):
    """A file or folder that somebody else could have put there, or can change."""


def open_plain(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file by its own name; return its descriptor.

    Raises:
        Untrusted: it is a link, a pipe, or anything else but a file.
        OSError: as os.open.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    except OSError as error:
        if path.is_symlink():
            raise Untrusted(f"{path} is a symbolic link: remove it") from error
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise Untrusted(f"{path} is not a regular file: remove it")


def read_plain(path: Path) -> tuple[str, int]:
    """Return the text of a regular file, and the uid of its owner.

    Raises:
        Untrusted, OSError: as :func:`open_plain`.
    """
    with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
        return file.read(_MOST_BYTES).decode(errors="replace"), os.fstat(file.fileno()).st_uid


def replace_plain(path: Path, text: str, mode: int) -> None:
    """Replace a file in one step; what others have put in its place is not followed, nor written to."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def check_own(path: Path, *, private: bool = False) -> None:
    """Check a file of this user's state, if it is there: nobody else may have made it, or write to it.

    Args:
        path: of the file.
        private: nobody else may read it either.

    Raises:
        Untrusted: says what is wrong, and the cure.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise Untrusted(f"{path} is not a regular file: remove it")
    if status.st_uid != os.geteuid():
        raise Untrusted(f"{path} belongs to {user_name(status.st_uid)}, not to you: remove it, or set XDG_STATE_HOME")
    if status.st_mode & (0o077 if private else 0o022):
        raise Untrusted(
            f"others can {'read' if private else 'write to'} {path}: chmod {'600' if private else 'go-w'} it"
        )


def check_shared_folder(folder: Path) -> None:
    """Check a folder in which all users keep files, each of which only its owner may remove.

    Raises:
        Untrusted: it is a link, or others can remove and replace what is in it.
    """
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Untrusted(f"{folder} is not a folder (a symbolic link?): remove it")
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise Untrusted(f"{folder} has no sticky bit, so that anybody can remove a lock that is held: chmod +t it")


def user_name(uid: int) -> str:
    """Return the name of a user, or ``uid 1001`` for one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
