"""A tar archive whose bytes depend on nothing but the names and contents of its files."""

import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from bench.errors import UsageError, in_words

_MOST_BYTES = 4 << 30
"""Of all files of an archive that is read: more is not a bundle."""
_CHUNK = 1 << 20


def pack(files: Mapping[str, bytes], path: Path) -> None:
    """Write an archive in one step, its files in the order of their names, without times, owners and modes.

    Raises:
        UsageError: it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with (
            temporary.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name in sorted(files):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(files[name]), 0o644
                archive.addfile(entry, io.BytesIO(files[name]))
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {in_words(error)}") from error


def unpack(path: Path) -> dict[str, bytes]:
    """Return the files of an archive by name.

    Raises:
        UsageError: it cannot be read, is not such an archive, or holds something that is not a plain file.
    """
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            for entry in archive:
                if not entry.isfile() or entry.name in files:
                    raise UsageError(f"{path} is not a bundle: {entry.name!r} is not a plain file, or is there twice")
                size += entry.size
                content = archive.extractfile(entry) if size <= _MOST_BYTES else None
                if content is None:
                    raise UsageError(f"{path} is not a bundle: it holds more than {_MOST_BYTES >> 30} GB")
                files[entry.name] = content.read()
            _read_to_the_end(archive)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, UnicodeError, ValueError) as error:
        raise UsageError(f"{path} is not a bundle, or is damaged: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot read the bundle {path}: {in_words(error)}") from error
    return files


def _read_to_the_end(archive: tarfile.TarFile) -> None:
    """Read what is behind the last file: the checksum of the compressed stream is there."""
    while archive.fileobj is not None and archive.fileobj.read(_CHUNK):
        pass
