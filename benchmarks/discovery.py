"""How long it takes to list the boards of a full rack, beside pyudev's own enumeration of the same devices.

The rack is virtual, the libudev genuine: see ``nrf91-bench simulate --rack``.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, Row, Unavailable, at_most
from benchmarks.sizes import Sizes

SECTION = "discovery"
_FULL = 300
_BEYOND_MS = 200.0
_ENUMERATION = "pyudev's enumeration"


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield the steps of a list, and what all of it takes beyond the enumeration; the best of the rounds each."""
    found = _in_rack(sizes.attached)
    bare, attached, listed = (1000 * found[name] for name in ("enumerated", "attached", "listed"))
    boards = f"{sizes.attached} boards"
    yield Figure(SECTION, f"{_ENUMERATION}, {boards}", bare, "ms")
    yield Figure(SECTION, f"attached boards, {boards}", attached, "ms", _ENUMERATION, attached / bare)
    yield Figure(SECTION, f"list with inventory and states, {boards}", listed, "ms", _ENUMERATION, listed / bare)
    limit = at_most(_BEYOND_MS, of_ratio=False) if sizes.attached >= _FULL else None
    beyond = listed - bare
    yield Figure(SECTION, f"that list beyond it, {boards}", beyond, "ms", _ENUMERATION, beyond / bare, limit=limit)


def _in_rack(boards: int) -> dict[str, float]:
    """Return what :mod:`benchmarks.rack` measures, in seconds.

    Raises:
        Unavailable: there can be no rack here.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "seconds.json"
        inside = [sys.executable, "-m", "benchmarks.rack", str(boards), str(out)]
        command = [sys.executable, "-m", "bench.cli", "simulate", "--rack", "--", *inside]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
        if done.returncode:
            raise Unavailable((done.stderr.strip() or "the rack gives no reason").splitlines()[-1])
        found: dict[str, float] = json.loads(out.read_text())
        return found
