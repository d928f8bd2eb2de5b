"""Which tests a run runs: the bench's own suites by name, or a lab's by path."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench import children
from bench.boards import BoardSpec
from bench.errors import UsageError


@dataclass(frozen=True, slots=True)
class SuiteSelection:
    """Test files or folders, and the folder that test ids are relative to.

    ``bundled``: all of them are the bench's own, so no configuration of a lab applies.
    """

    paths: tuple[Path, ...]
    root: Path
    bundled: bool


def pytest_command(
    selection: SuiteSelection, tests: Sequence[str], spec: BoardSpec, folder: Path, config: Path | None
) -> list[str]:
    """Return the command line of a board's pytest process.

    Args:
        selection: the suites.
        tests: those of them that are meant; none is all.
        spec: the board.
        folder: of the run.
        config: the lab's file.
    """
    return [
        *children.program("pytest", *(tests or map(str, selection.paths))),
        *("-p", "nrf91_bench_fixtures", "-p", "no:cacheprovider", "--continue-on-collection-errors"),
        f"--rootdir={selection.root}",
        *(("-c", os.devnull, "-W", "error", "--strict-markers") if selection.bundled else ()),
        f"--bench-slot={spec.to_json()}",
        f"--bench-out={folder}",
        *((f"--bench-config={config.resolve()}",) if config else ()),
    ]


def package_folder(package: str) -> Path:
    """Return the folder of a package of the bench: the checkout's in a checkout, the installed one otherwise."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the package {package} is missing: install nrf91-bench again")
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def available() -> dict[str, Path]:
    """Return the bench's own suites: name -> file."""
    folder = package_folder("nrf91_bench_suites")
    return {path.stem.removeprefix("test_"): path for path in sorted(folder.glob("test_*.py"))}


def select(names: Sequence[str]) -> SuiteSelection:
    """Return the suites that were named; all of the bench's without a name.

    A name is a suite's (``tcp_client``), the first word of several (``tcp``), or the path of a lab's own file
    or folder.

    Raises:
        UsageError: there is no such suite.
    """
    own = available()
    folder = package_folder("nrf91_bench_suites")
    if not names:
        return SuiteSelection(tuple(own.values()), folder, bundled=True)
    chosen: list[Path] = []
    for name in names:
        fitting = [path for suite, path in own.items() if suite == name or suite.startswith(f"{name}_")]
        if not fitting and Path(name).exists():
            fitting = [Path(name).resolve()]
        if not fitting:
            raise UsageError(f"unknown suite {name!r}; available: {', '.join(own)}; or give the path of your own")
        chosen += [path for path in fitting if path not in chosen]
    if all(path.parent == folder for path in chosen):
        return SuiteSelection(tuple(chosen), folder, bundled=True)
    folders = [path if path.is_dir() else path.parent for path in chosen]
    return SuiteSelection(tuple(chosen), Path(os.path.commonpath(folders)), bundled=False)
