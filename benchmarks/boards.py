"""What a run on several simulated boards costs beside a run on one: time, CPU time, files, bytes."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.figure import Figure, Row, Unavailable
from benchmarks.sizes import Sizes

SECTION = "boards"
_SUITES = ("--suite", "dns", "--suite", "closing")
_UNITS = {"wall_s": ("time", "s"), "cpu_s": ("CPU time", "s"), "files": ("files", ""), "octets": ("bytes", "")}


@dataclass(frozen=True)
class Cost:
    """What one run took, all its processes together, and what its folder holds."""

    wall_s: float
    cpu_s: float
    files: int
    octets: int


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield each figure of the larger run, with its ratio to the run on one board."""
    one, many = _run(1), _run(sizes.boards)
    for part in fields(Cost):
        name, unit = _UNITS[part.name]
        value, other = getattr(many, part.name), getattr(one, part.name)
        yield Figure(SECTION, f"{name} of {sizes.boards} boards", value, unit, "1 board", value / other)


def _run(boards: int) -> Cost:
    """Run two suites on so many simulated boards.

    Raises:
        Unavailable: they do not pass.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.cli", "run", "--simulate", str(boards), *_SUITES, "--out", "out"]
        own = {**os.environ, "XDG_STATE_HOME": f"{folder}/state"}  # the lab's ledger keeps none of this
        began, cpu = time.perf_counter(), _children_s()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=own)
        wall, cpu = time.perf_counter() - began, _children_s() - cpu
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
            raise Unavailable(f"the run on {boards} boards ended with {done.returncode}: {last}")
        files = [path for path in (Path(folder) / "out").rglob("*") if path.is_file()]
        return Cost(wall, cpu, len(files), sum(path.stat().st_size for path in files))


def _children_s() -> float:
    """Return the CPU time of all children that have ended, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
