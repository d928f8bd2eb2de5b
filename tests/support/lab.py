"""A lab of its own for a test: a suite, a run on simulated boards, and what it left."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = [sys.executable, "-m", "bench.cli"]

GOOD = """
def test_answers(modem):
    assert modem.link.command("AT").ok


def test_echo(modem, tcp_echo, measure):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"hello")
        received = client.receive(5)
    assert received.data == b"hello"
    measure("receive", received.response.duration_ns, unit="ns")
"""

TALK = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_talks(modem, udp_echo, number):
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        for _ in range(20):
            client.send(b"x" * 1000)
            assert client.receive(5).data == b"x" * 1000
"""
"""Each test moves some 41 kB."""


@dataclass
class Finished:
    """What a run left."""

    code: int
    output: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return content

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "results.jsonl").read_text().splitlines()]

    @property
    def allure(self) -> dict[str, str]:
        """Test name -> status of every Allure result."""
        found = self.allure_results
        assert len({name_in(result) for result in found}) == len({result["historyId"] for result in found})
        return {name_in(result): result["status"] for result in found}

    @property
    def allure_results(self) -> list[dict[str, Any]]:
        """Every Allure result; of several attempts a report shows the last."""
        found = [json.loads(path.read_text()) for path in (self.folder / "allure-results").glob("*-result.json")]
        return sorted(found, key=lambda result: int(result["start"]))


def name_in(result: dict[str, Any]) -> str:
    """The name of a test in its Allure result, as pytest has it: ``test_answers[1]``."""
    (test,) = (label["value"] for label in result["labels"] if label["name"] == "test")
    return str(test).rpartition("::")[2]


class Lab:
    """A lab with a suite of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"

    def command(self, suite: str, arguments: Sequence[str]) -> list[str]:
        (self.folder / "test_lab.py").write_text(suite)
        return [*COMMAND, "run", "--out", str(self.out), "--suite", str(self.folder / "test_lab.py"), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """A state folder of the test's own."""
        return {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "COLUMNS": "200"}

    def run(self, suite: str = GOOD, arguments: Sequence[str] = ("--simulate", "1")) -> Finished:
        finished = subprocess.run(
            self.command(suite, arguments),
            cwd=self.folder, capture_output=True, text=True, timeout=120, env=self.environment, check=False,
        )  # fmt: skip
        assert "Traceback" not in finished.stdout + finished.stderr
        return Finished(finished.returncode, finished.stdout + finished.stderr, self.out)

    def start(self, suite: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(suite, ("--simulate", "1")),
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment,
        )  # fmt: skip

    def until(self, kind: str, test: str) -> None:
        """Waits until the stream has a row."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stream = self.out / "results.jsonl"
            if stream.exists() and any(
                f'"type":"{kind}"' in line and test in line for line in stream.read_text().splitlines()
            ):
                return
            time.sleep(0.02)
        raise AssertionError(f"no {kind} of {test}")


def processes_of(folder: Path) -> list[psutil.Process]:
    """The other processes whose command lines name a folder, such as a run's."""
    found = []
    for process in psutil.process_iter():
        if process.pid != os.getpid() and any(str(folder) in word for word in words_of(process)):
            found.append(process)
    return found


def worker_of(slot: str, run: Path) -> psutil.Process:
    """The pytest process of a board of a run; other runs may have a board of that name at the same time."""
    (found,) = (
        process
        for process in processes_of(run)
        if any(word.startswith("--bench-slot") and f'"slot":"{slot}"' in word for word in words_of(process))
    )
    return found


def words_of(process: psutil.Process) -> list[str]:
    """The command line of a process; none of one that has ended by now. A forked program has it as one text."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline()).split(" ")
    return []
