"""The id of a test: the same whatever else runs beside it, and on every host that has the same files.

It is the path of its file and its name there, ``test_dns.py::test_by_name[TCP]``. The path is

* of the bench's own suites the file's name;
* below the working folder relative to that: there are the lab's bench.toml, its plans and its history;
* in a project elsewhere (a folder with one of :data:`MARKS`) relative to the folder that holds it: ``team/test_a.py``;
* else the whole path, without its first slash.
"""

from collections.abc import Iterable
from pathlib import Path

MARKS = (".git", "pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg")
"""Files of which each tells that its folder is a project's."""


def suite_of(test: str) -> str:
    """Return the suite of a test's id: ``dns`` for ``test_dns.py::test_by_name``."""
    file = test.partition("::")[0].rpartition("/")[2]
    return file.removesuffix(".py").removeprefix("test_")


class TestIds:
    """The ids of tests.

    Args:
        bundled: folder of the bench's own suites.
        here: the working folder.
    """

    __test__ = False

    def __init__(self, bundled: Path, here: Path) -> None:
        self._bundled = bundled
        self._here = here
        self._bases: dict[Path, Path] = {}

    def of(self, file: Path, name: str) -> str:
        """Return the id of a test by its file and its name there; the name is empty for the file itself."""
        base = self._base_of(file.parent)
        path = file.relative_to(base).as_posix()
        if base != self._bundled and (self._bundled / path).exists():
            path = f"./{path}"  # a lab's own test_dns.py is not the bench's
        return f"{path}::{name}" if name else path

    def locate(self, test: str, chosen: Iterable[Path]) -> str:
        """Return an id with the path of its file in front, as pytest takes it.

        Args:
            test: the id.
            chosen: files and folders of the suites among which it is.
        """
        path, colons, name = test.partition("::")
        bases = [self._bundled, *(self._base_of(suite if suite.is_dir() else suite.parent) for suite in chosen)]
        files = [base / path for base in (*bases, self._here)]
        found = next((file for file in files if file.is_file() and self.of(file, "") == path), files[0])
        return f"{found}{colons}{name}"

    def _base_of(self, folder: Path) -> Path:
        if folder not in self._bases:
            self._bases[folder] = self._find_base(folder)
        return self._bases[folder]

    def _find_base(self, folder: Path) -> Path:
        if folder == self._bundled or self._bundled in folder.parents:
            return self._bundled
        if folder == self._here or self._here in folder.parents:
            return self._here
        project = next((one for one in (folder, *folder.parents) if _is_project(one)), None)
        return project.parent if project is not None else Path(folder.anchor)


def _is_project(folder: Path) -> bool:
    try:
        return any((folder / mark).exists() for mark in MARKS)
    except OSError:  # a folder above that we may not look into
        return False


def names_of(test: str) -> tuple[str, ...]:
    """Return what a person may call a test: its id, whole or without its file, its class and its parameters."""
    base, mark, values = test.partition("[")
    name = base.rpartition("::")[2]
    return test, base, test.partition("::")[2], base.partition("::")[2], f"{name}{mark}{values}", name
