"""The verdict on one folder, timed: ``python -m benchmarks.judge FOLDER`` prints one JSON object."""

import json
import resource
import sys
import time
from pathlib import Path

from bench.evidence.stream import FILE
from bench.run.folder import rebuild, save


def _loads(stream: Path) -> float:
    """Return the seconds of one json.loads of every row."""
    began = time.process_time()
    with stream.open("rb") as file:
        for line in file:
            json.loads(line)
    return time.process_time() - began


def main() -> None:
    """Measure, print. The rows are loaded before and after the verdict, for the host's speed varies."""
    folder = Path(sys.argv[1])
    before = _loads(folder / FILE)
    began = time.process_time()
    save(folder, rebuild(folder))
    took = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {
        "loads_s": (before + _loads(folder / FILE)) / 2,
        "verdict_s": took,
        "peak_bytes": peak,
        "page_bytes": (folder / "verdict.html").stat().st_size,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
