"""Which tests a run runs: the bench's own suites by name, or a lab's by path."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import children
from bench.boards import BoardSpec
from bench.errors import UsageError, in_words
from bench.evidence.ids import TestIds
from bench.packages import SUITES, bundled_suites, package_folder
from bench.suggestion import unknown

_WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Plugins of pytest that a run does not load: Hypothesis works without its own, whose import takes a second of CPU."""


@dataclass(frozen=True, slots=True)
class SuiteSelection:
    """Test files or folders.

    Attributes:
        paths: of them.
        root: the folder that pytest calls its root.
        bundled: all of them are the bench's own, so no configuration of a lab applies.
        tests: ids of those of their tests that are meant; none is all.
    """

    paths: tuple[Path, ...]
    root: Path
    bundled: bool
    tests: tuple[str, ...] = ()

    @property
    def arguments(self) -> list[str]:
        """Return what is meant, as pytest takes it."""
        return [self.locate(test) for test in self.tests] if self.tests else [str(path) for path in self.paths]

    def locate(self, test: str) -> str:
        """Return a test's id as pytest takes it, with the path of its file."""
        return TestIds(package_folder(SUITES), Path.cwd()).locate(test, self.paths)


def pytest_command(
    selection: SuiteSelection, tests: Sequence[str], spec: BoardSpec, folder: Path, config: Path | None
) -> list[str]:
    """Return the command line of a board's pytest process.

    Args:
        selection: the suites.
        tests: a part of them, as pytest takes it; none is all that are selected.
        spec: the board.
        folder: of the run.
        config: the lab's file.
    """
    return [
        *children.program("pytest", "-p", "nrf91_bench_fixtures", *_WITHOUT, "--continue-on-collection-errors"),
        f"--rootdir={selection.root}",
        *(("-c", os.devnull, "--strict-markers") if selection.bundled else ()),
        f"--bench-slot={spec.to_json()}",
        f"--bench-out={folder}",
        *((f"--bench-config={config.resolve()}",) if config else ()),
        *(tests or selection.arguments),  # last: lists of processes show only so much
    ]


def select(names: Sequence[str]) -> SuiteSelection:
    """Return the suites that were named; all of the bench's without a name.

    A name is a suite's (``tcp_client``), the first word of several (``tcp``), or the path of a lab's own file
    or folder.

    Raises:
        UsageError: there is no such suite.
    """
    own = bundled_suites()
    folder = package_folder(SUITES)
    if not names:
        return SuiteSelection(tuple(own.values()), folder, bundled=True)
    chosen: list[Path] = []
    for name in names:
        fitting = _find_suite(name, own)
        chosen += [path for path in fitting if path not in chosen]
    if all(path.parent == folder for path in chosen):
        return SuiteSelection(tuple(chosen), folder, bundled=True)
    folders = [path if path.is_dir() else path.parent for path in chosen]
    return SuiteSelection(tuple(chosen), Path(os.path.commonpath(folders)), bundled=False)


def _find_suite(name: str, own: Mapping[str, Path]) -> list[Path]:
    fitting = [path for suite, path in own.items() if name and (suite == name or suite.startswith(f"{name}_"))]
    if fitting:
        return fitting
    path = Path(name)
    try:
        if not name or not path.exists():
            raise UsageError(f"{unknown('suite', name, own)}; or give the path of your own")
        if not path.is_dir() and path.suffix != ".py":
            raise UsageError(f"the suite {name} is neither a Python file nor a folder")
        if not os.access(path, os.R_OK):
            raise UsageError(f"the suite {name} cannot be read: permission denied")
    except (OSError, ValueError) as error:
        raise UsageError(f"the suite {name!r} cannot be read: {in_words(error)}") from error
    return [path.resolve()]
