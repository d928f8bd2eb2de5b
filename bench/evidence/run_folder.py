"""The folders of runs: a fresh one each time, never another run's; what they take, and how much room is left."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from bench.config.plan import FILE as PLAN_FILE
from bench.errors import UsageError, in_words
from bench.evidence.stream import FILE
from bench.evidence.summary import FILE as SUMMARY
from bench.visible import is_text

DEFAULT = Path("reports") / "runs"
ALLURE_RESULTS, TRANSCRIPTS = "allure-results", "transcripts"
"""Folders of a run that are there before its first test."""
PIN = "PINNED"
"""A file of this name keeps a run for ever."""
PAUSE = ".pause"
"""While a file of this name is there, no test of the run begins."""
_FORECAST_RUNS = 10
_LOOKED_AT = 3  # before each run: a run of thirty boards has so many files that a look takes a while


@dataclass(frozen=True)
class RunOnDisk:
    """A run's folder on disk."""

    folder: Path
    started: datetime
    pinned: bool

    @cached_property
    def size(self) -> int:
        """Bytes of its files, counted once: it has thousands of them. What cannot be read counts nothing."""
        return _size(self.folder)


class _Started(msgspec.Struct):
    """What this module needs of a summary."""

    started: datetime


def new_run_folder(wanted: Path | None = None) -> Path:
    """Make ``wanted``, or ``reports/runs/<UTC time>-<pid>``; return its path.

    Raises:
        UsageError: it exists and holds something, or cannot be made.
    """
    folder = wanted or DEFAULT / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}"
    if not is_text(str(folder)):
        raise UsageError(f"cannot make the run's folder {str(folder)!r}: its name is not UTF-8")
    try:
        folder.mkdir(parents=True, exist_ok=wanted is not None)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: every run needs a fresh folder, name another with --out")
        (folder / TRANSCRIPTS).mkdir()
        (folder / ALLURE_RESULTS).mkdir()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot make the run's folder {folder}: {in_words(error)}") from error
    return folder.resolve()


def discard_run_folder(folder: Path, *, keep: bool, only_unbegun: bool) -> None:
    """Empty the folder of a run in which no test ran, and remove it.

    Args:
        folder: of the run.
        keep: keep the folder itself, which somebody else has made.
        only_unbegun: leave one that has a result stream.
    """
    with contextlib.suppress(OSError):
        if only_unbegun and (folder / FILE).exists():
            return
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        if not keep:
            folder.rmdir()


def check_run_folder(folder: Path) -> None:
    """Check that a folder holds a run that can be read.

    Raises:
        UsageError: it does not, or this user may not read it.
    """
    try:
        with (folder / FILE).open("rb"):
            return
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} is not the folder of a run: it has no {FILE}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the run in {folder}: {in_words(error)}") from error


def runs_in(folder: Path) -> list[RunOnDisk]:
    """Return the runs in a folder, the oldest first.

    A folder that is not a run, or that cannot be read, is not listed, and so never removed.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return sorted(filter(None, map(_run_of, paths)), key=lambda run: run.started)


def _run_of(path: Path) -> RunOnDisk | None:
    """Return the run of a folder; None where it is not one, or somebody else's that we may not look into."""
    try:
        if path.is_symlink() or not (path / FILE).is_file() or not (path / SUMMARY).is_file():
            return None
        pinned = (path / PIN).exists() or (path / PLAN_FILE).exists()
        return RunOnDisk(path, _start_of(path), pinned)
    except OSError:
        return None


def forecast(folder: Path) -> str:
    """Return how much room there is, and for how many runs such as the last ones."""
    place = folder if folder.exists() else Path.cwd()
    free = shutil.disk_usage(place).free
    last = [run.size for run in runs_in(folder)[-_FORECAST_RUNS:]]
    room = f", room for some {free // max(1, sum(last) // len(last)):,} runs such as the last" if last else ""
    return f"{free / 1e9:.1f} GB are free{room}"


def too_little_room(folder: Path) -> str:
    """Return why the next run may not fit on the disk; empty when it fits, by the size of the last ones."""
    last = [run.size for run in runs_in(folder)[-_LOOKED_AT:]]
    free = shutil.disk_usage(folder).free if folder.exists() else 0
    if last and free < 2 * max(last):
        return (
            f"{free / 1e6:.0f} MB are free, the largest of the last runs took {max(last) / 1e6:.0f} MB: prune old ones"
        )
    return ""


def _start_of(folder: Path) -> datetime:
    """Return when a run began, as its summary says; by the folder's date where it has none."""
    try:
        started = msgspec.json.decode((folder / SUMMARY).read_bytes(), type=_Started).started
        return started if started.tzinfo else started.replace(tzinfo=UTC)
    except (OSError, ValueError):
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC)


def _size(folder: Path | str) -> int:
    total = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # removed meanwhile
                if entry.is_dir(follow_symlinks=False):
                    total += _size(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    return total
