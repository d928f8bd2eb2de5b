"""A client in the environment of its library: ``python -m benchmarks.guest NAME (block COUNT | traps) DEVICE``.

Prints one JSON object on standard output, where nothing else gets: a library may print what it reads.
"""

import argparse
import gc
import json
import os
from dataclasses import asdict

from benchmarks import clients, traps
from benchmarks.block import run_block


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[client.name for client in clients.GUESTS])
    parser.add_argument("what", choices=["block", "traps"])
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=1)
    asked = parser.parse_args()
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    gc.disable()  # as in what it is compared with
    make = next(client for client in clients.GUESTS if client.name == asked.name)
    if asked.what == "block":
        found = asdict(run_block(asked.program, make, asked.count))
    else:
        found = {"passed": traps.passed(asked.program, make)}
    os.write(answer, json.dumps(found).encode() + b"\n")


if __name__ == "__main__":
    main()
