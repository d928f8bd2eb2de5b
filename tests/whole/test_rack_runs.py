"""Runs on a virtual rack: boards that are pulled, plugged in late, in use, reserved, or missing."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import worker_of
from tests.support.rack import DK, OLD, WITH_NAMESPACES, RunningRack, X

pytestmark = WITH_NAMESPACES

SUITE = """
import pytest

@pytest.mark.parametrize("number", range(12))
def test_answers(modem, number):
    for _ in range(20):
        modem.link.command("AT#XSLMVER")
    with modem.udp_socket() as socket, pytest.raises(Exception, match="ERROR"):
        socket.receive(1)
"""


GATED = """
import pathlib, time
import pytest

@pytest.mark.parametrize("number", range(12))
def test_answers(modem, number):
    while number == 5 and not pathlib.Path(%r).exists():
        time.sleep(0.05)
    assert modem.link.command("AT").ok
"""


PULLED = """
import json, socket, pytest

def rack(operation):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(%r)
        connection.sendall(json.dumps({"op": operation, "board": "simulated-1"}).encode() + b"\\n")
        assert json.loads(connection.makefile().readline())["ok"]

@pytest.fixture(autouse=True)
def replugged(request):
    if request.node.name.endswith("[1]"):
        rack("unplug")
        rack("plug")

@pytest.mark.parametrize("number", range(4))
def test_answers(modem, number):
    assert modem.link.command("AT").ok
"""
INVENTORY = f"""
replug_seconds = 1.0
[[boards]]
name = "old"
serial = "{OLD}"
[[boards]]
name = "one"
serial = "{DK}"
model = "nrf9151dk"
[[boards]]
name = "two"
serial = "{X}"
labels = ["roof"]
"""


class TestRun:
    inventory = ""

    def start(self, rack: RunningRack, folder: Path, *arguments: str, suite: str = SUITE) -> "subprocess.Popen[str]":
        (folder / "test_lab.py").write_text(suite)
        (folder / "bench.toml").write_text(f"[limits]\nlab_error_retries = {0 if '--once' in arguments else 5}\n")
        with (folder / "bench.toml").open("a") as file:
            file.write(self.inventory)
        options = [argument for argument in arguments if argument != "--once"]
        command = [sys.executable, "-m", "bench.cli", "run", "--out", str(folder / "out")]
        command += ["--suite", str(folder / "test_lab.py"), "--config", str(folder / "bench.toml"), *options]
        environment = {**rack.environment, "COLUMNS": "200", "XDG_STATE_HOME": str(folder / "state")}
        run = subprocess.Popen(
            rack.command(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.started.append(run)
        return run

    @pytest.fixture(autouse=True)
    def _no_run_outlives_its_test(self) -> Iterator[None]:
        self.started: list[subprocess.Popen[str]] = []
        yield
        for run in self.started:
            if run.poll() is None:
                run.kill()
                run.communicate()

    def rows(self, folder: Path) -> list[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in (folder / "out" / "results.jsonl").read_text().splitlines()]
        return []

    def until(self, folder: Path, test: str, slot: str) -> None:
        deadline = time.monotonic() + 60
        while not any(r["type"] == "start" and test in r["test"] and r["slot"] == slot for r in self.rows(folder)):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_a_board_that_is_replugged_under_another_name(self, rack: RunningRack, tmp_path: Path) -> None:
        gate = tmp_path / "gate"
        run = self.start(rack, tmp_path, "--board", "all", "--once", suite=GATED % str(gate))
        self.until(tmp_path, "test_answers[5]", "nrf9151dk-1")
        refusal = rack.bench("run", "--board", "thingy91x-1", "--out", str(tmp_path / "second"))
        rack.ask("unplug", board="simulated-1")
        gate.touch()
        self.until(tmp_path, "test_answers[6]", "thingy91x-1")
        rack.ask("plug", board="simulated-1", tty=30, place="1-9")
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 3, output
        outcomes = {(r["slot"], r["test"]): r for r in self.rows(tmp_path) if r["type"] == "finish"}
        bad = {key: row for key, row in outcomes.items() if row["outcome"] != "passed"}
        assert len(outcomes) == 36
        assert [slot for slot, _ in bad] == ["nrf9151dk-1"]
        (row,) = bad.values()
        assert row["outcome"] == "lab_error"
        assert "/dev/ttyACM0 vanished at " in row["message"]
        assert (tmp_path / "out" / row["transcript"]).read_text()
        assert "nrf9151dk-1 is at /dev/ttyACM30 now" in (tmp_path / "out" / "results.jsonl").read_text()
        assert refusal.returncode == 3
        assert "thingy91x-1 is in use by" in refusal.stderr

    def test_of_a_night_one_board_is_missing_and_one_is_in_use(self, rack: RunningRack, tmp_path: Path) -> None:
        """The others are tested, and those two are lab errors."""
        self.inventory = INVENTORY
        rack.ask("unplug", board="simulated-1")
        taken = (
            "import time\nfrom bench.boards import BoardSpec, Lease\n"
            f"key = BoardSpec('old', '', serial={OLD!r}).key\n"
            "with Lease(key, 'old', 'by hand'):\n    print('taken', flush=True)\n    time.sleep(300)\n"
        )
        with subprocess.Popen(
            rack.command(sys.executable, "-c", taken), stdout=subprocess.PIPE, text=True, env=rack.environment
        ) as user:
            assert user.stdout
            assert user.stdout.readline() == "taken\n"
            run = self.start(rack, tmp_path, "--once")
            output, _ = run.communicate(timeout=120)
            user.kill()
        assert run.returncode == 3, output
        assert f"absent    one (serial {DK}) is not attached: its tests look for it" in output
        assert re.search(r"in use    old is in use by \w+ .*: by hand", output)
        ended = Counter(
            (r["slot"], r["outcome"], r.get("error", "")) for r in self.rows(tmp_path) if r["type"] == "finish"
        )
        assert ended == {
            ("one", "lab_error", "PortNotFound"): 12,
            ("old", "lab_error", "BoardLeased"): 12,
            ("two", "passed", ""): 12,
        }

    def test_a_board_that_is_plugged_in_late(self, rack: RunningRack, tmp_path: Path) -> None:
        """What kind it is, and what the inventory says of it, is known from then on."""
        self.inventory = INVENTORY.replace("1.0", "60.0")
        rack.ask("unplug", board="simulated-1")
        run = self.start(rack, tmp_path)
        self.until(tmp_path, "test_answers[1]", "two")
        rack.ask("plug", board="simulated-1", tty=30)
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        (board,) = (row for row in self.rows(tmp_path) if row["type"] == "board" and row["slot"] == "one")
        assert (board["port"], board["model"]) == ("/dev/ttyACM30", "nrf9151dk")
        told = [row["text"] for row in self.rows(tmp_path) if row["type"] == "progress"]
        assert "one is at /dev/ttyACM30 now, it was not attached before" in told

    def test_a_missing_board_that_was_named_is_told_at_once(self, rack: RunningRack, tmp_path: Path) -> None:
        self.inventory = INVENTORY
        rack.ask("unplug", board="simulated-1")
        run = self.start(rack, tmp_path, "--board", "one", "--board", "two")
        output, _ = run.communicate(timeout=120)
        assert (run.returncode, f"board one (serial {DK}) is not attached; plug it in" in output) == (3, True)
        assert not (tmp_path / "out").exists()

    def test_a_missing_board_can_be_reserved(self, rack: RunningRack, tmp_path: Path) -> None:
        """It lies on its owner's desk; the key is the one it is found by when it comes back."""
        (tmp_path / "bench.toml").write_text(f"[limits]{INVENTORY}")
        rack.ask("unplug", board="simulated-1")
        config = "--config", str(tmp_path / "bench.toml")
        kept = rack.bench("boards", "reserve", "one", "--until", "1h", "--why", "on my desk", *config)
        assert kept.returncode == 0, kept.stderr
        rack.ask("plug", board="simulated-1")
        rows = json.loads(rack.bench("boards", "--json", *config).stdout)
        assert ["on my desk" in row["details"] for row in rows if row["name"] == "one"] == [True]

    def test_a_lab_error_is_tried_again_and_shown_as_such(self, rack: RunningRack, tmp_path: Path) -> None:
        run = self.start(rack, tmp_path, "--board", "model=nrf9151dk")
        self.until(tmp_path, "test_answers[5]", "nrf9151dk-1")
        rack.ask("unplug", board="simulated-1")
        time.sleep(0.5)
        rack.ask("plug", board="simulated-1")
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        assert "again     nrf9151dk-1: 1 test that ended in a lab error" in output
        attempts = [(r["attempt"], r["outcome"]) for r in self.rows(tmp_path) if r["type"] == "finish"]
        assert attempts.count((1, "lab_error")) == attempts.count((2, "passed")) == 1
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert (summary["planned"], summary["passed"], summary["retried"]) == (12, 12, 1)
        assert "12 of 12 passed on 1 board, 0 failed, 0 lab errors, 0 skipped, 1 passed when tried again" in output
        test = f"{tmp_path.name}/test_lab.py::test_answers[5]"  # a project that is not in the working folder
        assert f"retried   nrf9151dk-1  {test}   first lab error: /dev/ttyACM0 vanished at" in output
        page = (tmp_path / "out" / "verdict.html").read_text()
        assert "first lab error: /dev/ttyACM0 vanished at" in page

    def test_a_board_that_is_lost_between_two_tests_is_opened_anew(self, rack: RunningRack, tmp_path: Path) -> None:
        """It costs the test that was about to begin, and no other."""
        run = self.start(rack, tmp_path, "--board", "model=nrf9151dk", "--once", suite=PULLED % str(rack.control))
        output, _ = run.communicate(timeout=120)
        finished = [r for r in self.rows(tmp_path) if r["type"] == "finish"]
        assert [r["outcome"] for r in finished] == ["passed", "lab_error", "passed", "passed"], output
        assert finished[1]["error"] == "PortLost"

    def test_one_boards_death_does_not_stop_the_others(self, rack: RunningRack, tmp_path: Path) -> None:
        run = self.start(rack, tmp_path, "--board", "nrf9151dk-1", "--board", "thingy91x-1")
        self.until(tmp_path, "test_answers[3]", "nrf9151dk-1")
        worker_of("nrf9151dk-1", tmp_path / "out").kill()
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 5, output
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert summary["died"] >= 1
        finished = [r for r in self.rows(tmp_path) if r["type"] == "finish" and r["slot"] == "thingy91x-1"]
        assert [row["outcome"] for row in finished] == ["passed"] * 12

    def test_waiting_for_a_board_in_use(self, rack: RunningRack, tmp_path: Path) -> None:
        first = self.start(rack, tmp_path, "--board", "nrf9160dk-1")
        self.until(tmp_path, "test_answers[1]", "nrf9160dk-1")
        (tmp_path / "two").mkdir()
        second = self.start(
            rack, tmp_path / "two", "--board", f"serial={OLD}", "--wait", "60", "--", "-k", "answers[1]"
        )
        state = rack.listed()[OLD]["state"]
        output, _ = second.communicate(timeout=120)
        assert first.wait(60) == 0
        first.communicate()
        assert second.returncode == 0, output
        assert state == "in use"
        assert "waiting   for nrf9160dk-1, which" in output

    def test_an_interruption_while_it_waits(self, rack: RunningRack, tmp_path: Path) -> None:
        first = self.start(rack, tmp_path, "--board", "nrf9160dk-1")
        self.until(tmp_path, "test_answers[1]", "nrf9160dk-1")
        (tmp_path / "two").mkdir()
        second = self.start(rack, tmp_path / "two", "--board", "nrf9160dk-1", "--wait", "60")
        assert second.stdout
        line = second.stdout.readline()
        assert line.startswith("waiting   for nrf9160dk-1, which")
        second.send_signal(signal.SIGTERM)
        output, _ = second.communicate(timeout=60)
        assert (second.returncode, "interrupted before the first test" in output) == (5, True), output
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)

    def test_a_board_is_selected_by_its_firmware(self, rack: RunningRack, tmp_path: Path) -> None:
        run = self.start(rack, tmp_path, "--board", "firmware=mfw_nrf9160", "--", "-k", "answers[1]")
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
        assert {r["slot"] for r in self.rows(tmp_path) if r["type"] == "finish"} == {"nrf9160dk-1"}
