"""How discovery and runs grow with the number of boards: python benchmarks/boards.py [--boards 300] [--run 8].

The first part lists a virtual rack of that many boards with genuine libudev, best of five. The second runs all suites
on one simulated board and on several, and shows the ratio of the wall times; it takes some minutes.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

from bench.boards import attached_boards

RACK = "NRF91_BENCH_RACK"
LISTS = 5


def plug(count: int) -> None:
    """Fills the rack that this process runs in with boards of three kinds in turn."""
    kinds = [
        {"vendor": "1366", "product": "1069", "name": "J-Link", "interfaces": ["00", "02"]},
        {"vendor": "1366", "product": "1055", "name": "J-Link", "interfaces": ["00", "02", "04"]},
        {"vendor": "1915", "product": "910a", "name": "Thingy", "interfaces": ["01", "04"]},
    ]
    serials = ("0010512{:05d}", "0009600{:05d}", "THINGY91X_F3{:09X}")
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(os.environ[RACK])
        answers = control.makefile()
        for index in range(count):
            request = {"op": "device", **kinds[index % 3], "serial": serials[index % 3].format(index + 1000)}
            control.sendall(json.dumps(request).encode() + b"\n")
            assert json.loads(answers.readline())["ok"]


def inside(count: int) -> None:
    """Runs in the rack."""
    plug(count - 1)  # the rack's own board is one
    times = []
    for _ in range(LISTS):
        began = time.perf_counter()
        found = attached_boards()
        times.append(time.perf_counter() - began)
    assert len(found) == count
    print(f"listing {count} boards: {1e3 * min(times):.0f} ms, best of {LISTS}")


def run(count: int) -> float:
    """Wall time of all suites on that many simulated boards."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.cli", "run", "--simulate", str(count), "--out", f"{folder}/out"]
        began = time.perf_counter()
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        took = time.perf_counter() - began
        assert finished.returncode == 0, finished.stdout + finished.stderr
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=300, help="boards to list")
    parser.add_argument("--run", type=int, default=0, help="boards to run all suites on, beside one")
    arguments = parser.parse_args()
    if RACK in os.environ:
        inside(arguments.boards)
        return
    command = [sys.executable, "-m", "bench.cli", "simulate", "--rack", "--", sys.executable, __file__]
    subprocess.run([*command, "--boards", str(arguments.boards)], check=True, stdout=sys.stderr)
    if arguments.run:
        one, many = run(1), run(arguments.run)
        print(f"all suites on {arguments.run} boards: {many:.1f} s, on one: {one:.1f} s, ratio {many / one:.2f}")


if __name__ == "__main__":
    main()
