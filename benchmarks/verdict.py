"""How long the verdict on a night takes beside one json.loads of each row, its memory, and the size of its page."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, Limit, Row, Unavailable, at_most
from benchmarks.night import Night
from benchmarks.sizes import Sizes

SECTION = "verdict"
_FULL = 116_000
_LIMITS = {"time": at_most(5), "memory": at_most(400, of_ratio=False), "page": at_most(300, of_ratio=False)}


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield time, memory and size of the page, of a good and of a bad night."""
    limits: dict[str, Limit] = _LIMITS if sizes.results >= _FULL else {}
    for name in ("good", "bad"):
        found = _judge(sizes.results, bad=name == "bad")
        loads, took, memory, page = (found[key] for key in ("loads_s", "verdict_s", "peak_bytes", "page_bytes"))
        night = f"of a {name} night, {sizes.results:,} results"
        yield Figure(
            SECTION, f"time {night}", took, "s", "json.loads of each row", took / loads, limit=limits.get("time")
        )
        yield Figure(SECTION, f"peak memory {night}", memory / 1e6, "MB", limit=limits.get("memory"))
        yield Figure(SECTION, f"page {night}", page / 1e3, "kB", limit=limits.get("page"))


def _judge(results: int, *, bad: bool) -> dict[str, float]:
    """Return what :mod:`benchmarks.judge` measures, in a process of its own: its peak memory is of nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        Night(results, bad=bad).write(Path(folder))
        (Path(folder) / "allure-results").mkdir()
        command = [sys.executable, "-m", "benchmarks.judge", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
        if done.returncode:
            raise Unavailable((done.stderr.strip() or "no reason given").splitlines()[-1])
        found: dict[str, float] = json.loads(done.stdout)
        return found
