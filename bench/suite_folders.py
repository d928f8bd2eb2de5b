"""The folders of a suite, which may be a whole repository: what tools put there is not walked."""

import os
from collections.abc import Iterator
from pathlib import Path

_NO_SUITES = {"__pycache__", "node_modules", "site-packages", "venv"}


def suite_folders(suite: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield a suite's folder and those below it, each with the names of its files."""
    for place, inner, files in os.walk(suite):
        inner[:] = [name for name in inner if name not in _NO_SUITES and not name.startswith(".")]
        yield Path(place), files
