"""An exception of the bench's own: its details are kept in a file, a person reads one line."""

import contextlib
import os
import sysconfig
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import InternalError
from bench.shared_files import open_plain
from bench.state import state_folder

FILE = "internal-error.txt"
_PYTHON = sysconfig.get_path("stdlib")
_KEPT = 20


def internal_error(error: BaseException, folder: Path | None = None) -> InternalError:
    """Keep the traceback of an exception, which only its owner may read; return what a person is told.

    Args:
        error: the exception.
        folder: the run's. Without one, or if it cannot be written, the bench's state folder is used.
    """
    text = "".join(traceback.format_exception(error))
    own = state_folder() / "errors"
    places = [own / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{os.getpid()}.txt"]
    if folder is not None:
        places.insert(0, folder / FILE)
    kept = next((path for path in places if _write(path, text)), None)
    _forget_old(own)
    what = f"{type(error).__name__}: {error}".partition("\n")[0]
    where = f"details in {kept}" if kept is not None else f"its details could not be kept:\n{text}"
    return InternalError(f"internal error of the bench: {what}; it says nothing about any board; {where}")


def is_own_mistake(error: BaseException, packages: Iterable[Path]) -> bool:
    """Return whether an exception comes from the bench's own code, or from what that called of Python's library.

    Args:
        error: the exception.
        packages: folders of the bench's code.
    """
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    last = next((file for file in reversed(files) if not _is_of_python(file)), None)
    return last is not None and any(last.is_relative_to(package) for package in packages)


def _is_of_python(file: Path) -> bool:
    return file.is_relative_to(_PYTHON) and not {"site-packages", "dist-packages"} & set(file.parts)


def _write(path: Path, text: str) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return False
    return True


def _forget_old(folder: Path) -> None:
    for path in sorted(folder.glob("*.txt"))[:-_KEPT]:
        with contextlib.suppress(OSError):
            path.unlink()
