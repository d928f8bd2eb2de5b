"""The inside of a virtual rack: fill it, list it: ``python -m benchmarks.rack BOARDS FILE``, as its command.

Writes the shortest times of all rounds, in seconds, as JSON.
"""

import argparse
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyudev

from bench.boards import AttachedBoard, attached_boards
from bench.boards.lease import FOLDER, key_of
from bench.boards.listing import list_boards
from bench.config.lab import Config

_CONTROL = "NRF91_BENCH_RACK"
_ROUNDS = 5
_KINDS = (
    {"vendor": "1366", "product": "1069", "name": "J-Link", "interfaces": ["00", "02"]},
    {"vendor": "1366", "product": "1055", "name": "J-Link", "interfaces": ["00", "02", "04"]},
    {"vendor": "1915", "product": "910a", "name": "Thingy", "interfaces": ["01", "04"]},
)
_SERIALS = ("0010512{:05d}", "0009600{:05d}", "THINGY91X_F3{:09X}")


def _plug(count: int) -> None:
    """Fill the rack with boards of three kinds in turn."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(os.environ[_CONTROL])
        answers = control.makefile()
        for index in range(count):
            request = {"op": "device", **_KINDS[index % 3], "serial": _SERIALS[index % 3].format(index + 1000)}
            control.sendall(json.dumps(request).encode() + b"\n")
            assert json.loads(answers.readline())["ok"]


def _inventory(boards: Sequence[AttachedBoard]) -> Config:
    """Return a lab that has them all, every other one by its port."""
    by = [{"port": board.ports["at"]} if rank % 2 else {"serial": board.serial} for rank, board in enumerate(boards)]
    return Config.model_validate({"boards": [{"name": f"dk-{rank}", **one} for rank, one in enumerate(by)]})


def _enumerate() -> Sequence[object]:
    return list(pyudev.Context().list_devices(subsystem="tty"))


def _measure(lab: Config) -> dict[str, float]:
    steps: dict[str, Callable[[], Sequence[object]]] = {
        "enumerated": _enumerate,
        "attached": attached_boards,
        "listed": lambda: list_boards(lab, attached_boards()),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_ROUNDS):
        for name, step in steps.items():
            began = time.perf_counter()
            found = step()
            times[name].append(time.perf_counter() - began)
            assert found
    return {name: min(taken) for name, taken in times.items()}


def main() -> None:
    """Fill, list, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", type=int)
    parser.add_argument("file", type=Path)
    asked = parser.parse_args()
    _plug(asked.boards - 1)  # the rack's own board is one
    boards = attached_boards()
    assert len(boards) == asked.boards
    with tempfile.TemporaryDirectory() as locks:
        os.environ[FOLDER] = locks
        for board in boards:  # as after the first night, for a lock's file stays
            (Path(locks) / f"{key_of(board.serial, '')}.lock").touch()
        asked.file.write_text(json.dumps(_measure(_inventory(boards))))


if __name__ == "__main__":
    main()
