"""The client's own files of a run: plan, known issues, limits and suites go to the boards' hosts, with their digests.

On a host the working folder of a run holds them so that each test has the same id there as here.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.config.known_issues import FILE as KNOWN_ISSUES
from bench.config.lab import Config
from bench.config.limits import FILE as LIMITS
from bench.config.limits import limits_text
from bench.config.plan import FILE as PLAN
from bench.config.plan import digest
from bench.errors import UsageError, in_words
from bench.evidence.ids import MARKS, TestIds
from bench.host.archive import pack
from bench.packages import SUITES, package_folder
from bench.run.request import RunRequest
from bench.run.suites import SuiteSelection

_BESIDE = (*(mark for mark in MARKS if mark != ".git"), "conftest.py", "__init__.py", KNOWN_ISSUES)
"""Files of the folders above a suite by which pytest, or the bench, changes what it does."""
_LEFT_OUT = ("__pycache__", "reports", "node_modules")
_MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class OwnFiles:
    """What goes to a host.

    Attributes:
        archive: the files, a gzipped tar; empty for none.
        digests: name -> SHA-256, shortened.
        arguments: options of the run on the host that name them.
    """

    archive: bytes
    digests: dict[str, str]
    arguments: tuple[str, ...]


def own_files(
    request: RunRequest, lab: Config, plan: Path | None, selection: SuiteSelection, scratch: Path
) -> OwnFiles:
    """Return the client's own files of a run.

    Args:
        request: the run.
        lab: whose limits count, those of ``--limits`` included.
        plan: the run's own copy of its plan.
        selection: of suites.
        scratch: a folder for what is made up.

    Raises:
        UsageError: they are too large, or cannot be read.
    """
    files: dict[str, Path] = {}
    arguments: list[str] = []
    if plan is not None:
        files[PLAN] = plan
        arguments += ["--plan", PLAN]
    if lab.measurements:
        (scratch / LIMITS).write_text(limits_text(lab.measurements), encoding="utf-8")
        files[LIMITS] = scratch / LIMITS
        arguments += ["--limits", LIMITS]
    if Path(KNOWN_ISSUES).is_file():
        files[KNOWN_ISSUES] = Path(KNOWN_ISSUES).absolute()
    ids = TestIds(package_folder(SUITES), Path.cwd())
    for suite in selection.paths:
        if suite.parent == package_folder(SUITES):
            continue
        files |= _files_of(suite, ids)
    arguments += _suite_arguments(request, plan, selection, ids)
    arguments += [word for test in selection.tests for word in ("--test", test)]
    return OwnFiles(_packed(files), {name: digest(path) for name, path in sorted(files.items())}, tuple(arguments))


def _suite_arguments(request: RunRequest, plan: Path | None, selection: SuiteSelection, ids: TestIds) -> Iterator[str]:
    """Yield the suites as a host is to name them; a bundled one has its name everywhere."""
    bundled = package_folder(SUITES)
    if selection.bundled and (plan is not None or not request.suites) and not selection.tests:
        return
    for suite in selection.paths:
        yield "--suite"
        if suite.parent == bundled:
            yield suite.stem.removeprefix("test_")
        else:
            yield f"./{_place_of(suite, ids)}"


def _place_of(path: Path, ids: TestIds) -> str:
    """Return where a file or folder goes, such that the ids of its tests stay what they are."""
    if path.is_dir():
        return ids.of(path / "any", "").removesuffix("/any").removeprefix("./")
    return ids.of(path, "").removeprefix("./")


def _files_of(suite: Path, ids: TestIds) -> dict[str, Path]:
    """Return the files that a suite may need, by their places: itself, what is beside it, what rules it from above."""
    found: list[Path] = []
    if suite.is_dir():
        for place, folders, names in os.walk(suite):
            folders[:] = [name for name in folders if name not in _LEFT_OUT and not name.startswith(".")]
            found += [Path(place) / name for name in names if not name.startswith(".")]
    else:
        found += [path for path in suite.parent.iterdir() if path.suffix in (".py", ".toml") and path.is_file()]
        found = [path for path in found if path == suite or not path.name.startswith("test_")]
    folder = suite if suite.is_dir() else suite.parent
    places = {_place_of(path, ids): path for path in found}
    for above in (folder, *folder.parents):
        for name in _BESIDE:
            place = _place_of(above / name, ids) if (above / name).is_file() else ""
            if place and not Path(place).is_absolute():
                places.setdefault(place, above / name)
        if above == Path.cwd() or any((above / mark).exists() for mark in MARKS):
            break
    places.pop("bench.toml", None)  # each host has its own
    return places


def _packed(files: dict[str, Path]) -> bytes:
    """Return files as an archive.

    Raises:
        UsageError: they are too large, or cannot be read.
    """
    if not files:
        return b""
    buffer = io.BytesIO()
    try:
        size = sum(path.stat().st_size for path in files.values())
        if size > _MOST_BYTES:
            raise UsageError(
                f"the suites' folders hold {size / 1e6:.0f} MB, more than the {_MOST_BYTES / 1e6:.0f} MB that go to a"
                " board's host: put the suite into a folder of its own"
            )
        pack(buffer, files)
    except OSError as error:
        raise UsageError(f"cannot read the run's own files: {in_words(error)}") from error
    return buffer.getvalue()
