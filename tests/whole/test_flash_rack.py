"""Boards on USB that are programmed: found by the serial number, and found again when they come back elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import STAND_IN, application
from tests.support.lab import GOOD
from tests.support.rack import DK, WITH_NAMESPACES, RunningRack, X

pytestmark = [WITH_NAMESPACES, pytest.mark.long]

# A programmer after which the board leaves the bus, and is back with another name.
REPLUGS = """
import json, socket, subprocess, sys

code = subprocess.call({stand_in!r} + sys.argv[1:])
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({control!r})
    lines = connection.makefile()
    for request in ({{"op": "unplug"}}, {{"op": "plug", "tty": 40}}):
        connection.sendall(json.dumps({{**request, "board": "simulated-1"}}).encode() + b"\\n")
        assert json.loads(lines.readline())["ok"]
sys.exit(code)
"""


def lab_of(folder: Path, nrfutil: list[str]) -> None:
    (folder / "test_lab.py").write_text(GOOD)
    (folder / "bench.toml").write_text(f"[flash]\nnrfutil = {json.dumps(nrfutil)}\n")


def played(rack: RunningRack, folder: Path, board: str) -> dict[str, Any]:
    options = (
        "--config",
        str(folder / "bench.toml"),
        "--suite",
        str(folder / "test_lab.py"),
        "--out",
        str(folder / "out"),
    )
    done = rack.bench("run", "--board", board, "--image", str(folder / "a.hex"), *options, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    summary: dict[str, Any] = json.loads((folder / "out" / "summary.json").read_text())
    return summary


def test_a_board_is_programmed_by_its_serial_number(rack: RunningRack, tmp_path: Path) -> None:
    application(tmp_path / "a.hex", "3.2.1")
    lab_of(tmp_path, [*STAND_IN, "--control", str(rack.control)])
    summary = played(rack, tmp_path, X)
    assert "--serial-number THINGY91X_F3000000002" in (tmp_path / "out" / "flash-thingy91x-1.txt").read_text()
    (board,) = summary["boards"]
    assert board["application_version"] == "3.2.1"


def test_a_board_that_comes_back_at_another_port_is_found_again(rack: RunningRack, tmp_path: Path) -> None:
    application(tmp_path / "a.hex", "3.2.1")
    script = tmp_path / "nrfutil.py"
    stand_in = [*STAND_IN, "--control", str(rack.control)]
    script.write_text(REPLUGS.format(stand_in=stand_in, control=str(rack.control)))
    lab_of(tmp_path, [STAND_IN[0], str(script)])
    summary = played(rack, tmp_path, DK)
    (board,) = summary["boards"]
    assert (board["application_version"], board["port"]) == ("3.2.1", "/dev/ttyACM40")
