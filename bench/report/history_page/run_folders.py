"""The folders of runs, as far as a history page needs them: which page shows the verdict of which run."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.errors import in_words
from bench.evidence.stream import FILE as STREAM
from bench.evidence.summary import FILE as SUMMARY
from bench.report.history import run_uid

_VERDICT = "verdict.html"
_MOST_BYTES = 64 << 20
_MOST_TOLD = 5


class BoardFile(msgspec.Struct):
    """A board, as a run's summary has it."""

    slot: str = ""
    model: str = ""
    ids: dict[str, str] = {}
    firmware: str = ""
    simulated: bool = False
    control: bool = False


class SummaryFile(msgspec.Struct):
    """What a page reads of a run's summary."""

    run: str = ""
    verdict: str = ""
    exit_code: int = 0
    started: str = ""
    ended: str = ""
    simulated: bool = False
    passed: int = 0
    failed: int = 0
    lab_errors: int = 0
    script_errors: int = 0
    skipped: int = 0
    died: int = 0
    known_issues: int = 0
    boards: list[BoardFile] = []


@dataclass(frozen=True)
class RunFolder:
    """A run's folder.

    Attributes:
        page: its verdict page; None where there is none.
    """

    uid: str
    summary: SummaryFile
    page: Path | None


@dataclass
class RunFolders:
    """The runs in a folder, by their identity, and what could not be read."""

    runs: dict[str, RunFolder]
    notes: list[str]


def read_run_folders(folder: Path) -> RunFolders:
    """Read all runs in a folder. What is not a run is passed over; what cannot be read is noted, and stops nothing."""
    found = RunFolders({}, [])
    try:
        paths = sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        return found
    except OSError as error:
        found.notes.append(f"the folder of runs cannot be read: {folder}: {in_words(error)}")
        return found
    unreadable = []
    for path in paths:
        try:
            run = _read(path)
        except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
            unreadable.append(f"{path.name} ({in_words(error)})")
            continue
        if run is not None:
            found.runs[run.uid] = run
    if unreadable:
        found.notes.append(_told(unreadable))
    return found


def _read(path: Path) -> RunFolder | None:
    """Return the run of a folder; None where it is none, or has no summary yet."""
    if not (path / STREAM).is_file() or not (path / SUMMARY).is_file():
        return None
    with (path / SUMMARY).open("rb") as file:
        content = file.read(_MOST_BYTES)
    page = path / _VERDICT
    return RunFolder(run_uid(path), msgspec.json.decode(content, type=SummaryFile), page if page.is_file() else None)


def _told(unreadable: Iterable[str]) -> str:
    names = list(unreadable)
    more = f", and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return f"runs that cannot be read: {', '.join(names[:_MOST_TOLD])}{more}"
