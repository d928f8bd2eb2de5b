"""Files and folders as one gzipped tar: what a client sends to a host, and a host to a client."""

import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from bench.errors import LabError, in_words

_SPEED = 3
"""Of gzip: a run's folder is text, and the line between hosts is seldom slower than a faster level saves."""


def pack(target: IO[bytes], files: Mapping[str, Path]) -> None:
    """Write files and whole folders, by their names in the archive; those that are not there are left out.

    Raises:
        OSError: one cannot be read, or the archive not be written.
    """
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=_SPEED) as archive:
        for name, path in files.items():
            if path.exists():
                archive.add(path, arcname=name, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what is neither a file nor a folder, and who owns it here."""
    if not (entry.isfile() or entry.isdir()):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


Take = Callable[[str, IO[bytes]], bool]
"""Takes the name and content of a file; returns False to have it written as any other."""


def unpack(source: IO[bytes], folder: Path, take: Take = lambda *_: False) -> None:
    """Write the files of an archive below a folder; whatever else it holds is refused.

    Args:
        source: the archive.
        folder: where its files go.
        take: is asked for each file first.

    Raises:
        LabError: it is damaged, or a name in it leads out of the folder.
        OSError: a file cannot be written.
    """
    try:
        with tarfile.open(fileobj=source, mode="r:gz") as archive:
            for entry in archive:
                _unpack_one(archive, entry, folder, take)
    except (tarfile.TarError, EOFError) as error:
        raise LabError(f"the archive is damaged: {in_words(error) if isinstance(error, OSError) else error}") from error


def _unpack_one(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, take: Take) -> None:
    name = PurePosixPath(entry.name)
    if name.is_absolute() or ".." in name.parts or not (entry.isfile() or entry.isdir()):
        raise LabError(f"the archive holds {entry.name[:80]!r}, which is not a file below its folder")
    target = folder / name
    if entry.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(entry)
    if content is None or take(entry.name, content):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(content, file)
