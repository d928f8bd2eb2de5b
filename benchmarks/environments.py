"""Environments of other libraries: some replace a package that the bench needs, none belongs into the bench's own.

They are made once and kept in the cache folder.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.state import cache_folder
from benchmarks.figure import Unavailable


@dataclass(frozen=True)
class Environment:
    """A virtual environment with some packages."""

    requirements: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Its place in the cache."""
        name = re.sub(r"[^\w.]+", "-", "-".join(self.requirements))
        return cache_folder() / "benchmarks" / f"{name}-python{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def make(self) -> None:
        """Make it, unless it is there.

        Raises:
            Unavailable: pip cannot install it; says why.
        """
        whole = self.folder / "installed"
        if whole.exists():
            return
        shutil.rmtree(self.folder, ignore_errors=True)  # what an interrupted run has left
        _call([sys.executable, "-m", "venv", str(self.folder)])
        _call([str(self.python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *self.requirements])
        whole.touch()


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable((done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1])
