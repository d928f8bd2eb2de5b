"""A run of the benchmarks as one JSON object, for a trend: facts of the host, then the rows."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import __version__
from benchmarks.figure import Figure, LeftOut, Row
from benchmarks.sizes import Sizes


def facts() -> dict[str, Any]:
    """Return what a reader must know of the host before comparing two runs."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "bench": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load": list(os.getloadavg()),
    }


def record(rows: Sequence[Row], sizes: Sizes, host: dict[str, Any]) -> dict[str, Any]:
    """Return the object; ``host`` from :func:`facts` before the first section, for they raise the load themselves."""
    return {
        **host,
        "sizes": asdict(sizes),
        "rows": [{**asdict(row), "kept": row.kept} for row in rows if isinstance(row, Figure)],
        "left_out": [asdict(row) for row in rows if isinstance(row, LeftOut)],
    }


def append(path: Path, entry: dict[str, Any]) -> None:
    """Append a run to a file of JSON lines."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
