"""A running virtual rack for tests: commands run inside it, boards are plugged and unplugged from outside."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import children

MIXED = ("--model", "nrf9151dk", "--model", "thingy91x", "--model", "nrf9160dk")
DK, X, OLD = "001051200001", "THINGY91X_F3000000002", "000960000003"
"""The serial numbers of the boards of a mixed rack."""


class RunningRack:
    """``boards`` are the lines that the simulator printed."""

    def __init__(self, pid: int, control: Path, boards: list[dict[str, Any]]) -> None:
        self.boards = boards
        self._pid = pid
        self.control = control

    def command(self, *command: str) -> list[str]:
        """A command line that runs inside."""
        user = [] if os.geteuid() == 0 else ["-U", "--preserve-credentials"]
        return ["nsenter", "-t", str(self._pid), *user, "-m", "-n", f"--wd={Path.cwd()}", "--", *command]

    @property
    def environment(self) -> Mapping[str, str]:
        """For programs inside."""
        return {**os.environ, "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}

    def run(self, *command: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Runs a command inside."""
        return subprocess.run(
            self.command(*command), capture_output=True, text=True, timeout=timeout, env=self.environment, check=False
        )

    def bench(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Runs nrf91-bench inside."""
        return self.run(sys.executable, "-m", "bench.cli", *arguments, timeout=timeout)

    def listed(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """``boards --json`` by serial number."""
        finished = self.bench("boards", "--json", *arguments)
        assert finished.returncode == 0, finished.stderr
        return {row["serial"]: row for row in json.loads(finished.stdout)}

    def ask(self, operation: str, **fields: object) -> dict[str, Any]:
        """A request to the rack, which must succeed."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.control))
            connection.sendall(json.dumps({"op": operation, **fields}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(connection.makefile().readline())
        assert answer["ok"], answer
        return answer


def refused() -> str:
    """Why this machine makes no namespaces; empty when it does."""
    flags = "-mn" if os.geteuid() == 0 else "-Urmn"
    try:
        finished = subprocess.run(["unshare", flags, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return finished.stderr.strip() if finished.returncode else ""


@contextlib.contextmanager
def running_rack(folder: Path, *arguments: str, boards: int = 1) -> Iterator[RunningRack]:
    """A rack with boards in it."""
    control = folder / "rack.sock"
    process, pipe = children.spawn(
        children.program("bench.cli", "simulate", "--rack", "--control", str(control), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        try:
            lines = [process.stdout.readline() for _ in range(boards)]
            assert all(lines), process.stderr.read().decode()
            yield RunningRack(process.pid, control, [json.loads(line) for line in lines])
        finally:
            code = children.end(process, pipe)
        assert (code, process.stderr.read().decode()) == (0, "")


_WHY_NOT = refused()
WITH_NAMESPACES = pytest.mark.skipif(bool(_WHY_NOT), reason=f"no namespaces here: {_WHY_NOT}")
