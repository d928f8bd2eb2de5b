"""A night of thirty boards: whatever happens to some of them, it is called by its name, and the others go on.

Every board is as it was afterwards, no budget is exceeded, and nothing is green that was not.
"""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.boards import Board, BoardSpec, Cost, Ledger
from bench.boards.profile import read_profile
from bench.privacy import Concealer, lab_key
from tests.support.lab import COMMAND, Lab, words_of, worker_of
from tests.support.programs import simulator

HUB_A, HUB_B = 26, 4
TESTS = 6
DEAF, RESTARTS, FAULTS, UNCOVERED, REFUSED, PEERLESS, DRY = (f"board-{number}" for number in range(1, 8))
VANISHED = [f"board-{number}" for number in range(HUB_A + 1, HUB_A + HUB_B + 1)]
LIMIT = 4_000_000
SUITE = f"""
import time, pytest

@pytest.fixture(autouse=True)
def pace():
    yield
    time.sleep(0.4)

@pytest.mark.parametrize("number", range({TESTS}))
def test_talks(modem, tcp_echo, number):
    with modem.power_saving.psm(active=2, periodic=600, timeout=20), modem.radio.rai():
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for _ in range(3):
                time.sleep(0.1)
                client.send(b"all is well")
                assert client.receive_exactly(11, timeout=20) == b"all is well"
"""
CONFIG = f"""
[limits]
lab_error_retries = 0
replug_seconds = 0.5
resets = 1
[recovery]
baudrates = [115200]
[network]
registration_timeout = 3.0
[budget]
bytes_per_day = {LIMIT}
"""


class Night:
    """The fleet, and what befalls it while the run goes on."""

    def __init__(self, lab: Lab, fleet: list[dict[str, str]], control: Path) -> None:
        self.lab = lab
        self.ports = [board["port"] for board in fleet]
        self._control = control

    def port(self, slot: str) -> str:
        return self.ports[int(slot.removeprefix("board-")) - 1]

    def trouble(self, slot: str, what: str, value: object = None) -> None:
        self._ask({"op": "trouble", "board": slot.replace("board", "simulated"), "what": what, "value": value})

    def coverage(self, slot: str, *, covered: bool) -> None:
        self._ask({"op": "coverage", "board": slot.replace("board", "simulated"), "covered": covered})

    def _ask(self, request: dict[str, object]) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(self._control))
            client.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(client.makefile("rb").readline())
        assert answer["ok"], answer

    def run(self) -> "subprocess.Popen[str]":
        (self.lab.folder / "bench.toml").write_text(CONFIG)
        ports = [argument for port in self.ports for argument in ("--port", port)]
        return subprocess.Popen(
            [*self.lab.command(SUITE, ports), "--config", str(self.lab.folder / "bench.toml")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.lab.environment,
        )  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        stream = self.lab.out / "results.jsonl"
        return [json.loads(line) for line in stream.read_text().splitlines()] if stream.exists() else []

    def peers_of(self, slot: str) -> int:
        """The process of the peers of a board's tests."""
        worker = worker_of(slot, self.lab.out)
        server = worker.parent()
        assert server is not None
        return next(one.pid for one in server.children() if {"bench.peers", str(worker.pid)} <= set(words_of(one)))

    def golden(self, slots: list[str]) -> dict[str, dict[str, str]]:
        """What each board's settings are."""
        found = {}
        for slot in slots:
            with Board(BoardSpec(slot, self.port(slot), hardware=False), Concealer(b"k" * 32)) as board:
                found[slot] = dict(read_profile(board.link))
        return found


@pytest.fixture
def night(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Night, Callable[[], None]]]:
    """The night, and what pulls the plug of the second hub."""
    monkeypatch.setenv("XDG_STATE_HOME", lab.environment["XDG_STATE_HOME"])
    control = tmp_path / "control"
    command = [*COMMAND, "simulate", "--count", str(HUB_B)]
    with ExitStack() as stack:
        fleet = stack.enter_context(simulator("--count", str(HUB_A), "--control", str(control)))
        hub = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(hub.kill)
        assert hub.stdout is not None
        more = [json.loads(hub.stdout.readline()) for _ in range(HUB_B)]
        yield Night(lab, [*fleet, *more], control), hub.kill


@pytest.mark.long
def test_thirty_boards(night: tuple[Night, Callable[[], None]], lab: Lab) -> None:
    fleet, pull_the_plug = night
    hub_a = [f"board-{number}" for number in range(1, HUB_A + 1)]
    before = fleet.golden(hub_a)
    sim = _dry_sim(fleet)
    befalls: dict[str, Callable[[], object]] = {
        DEAF: lambda: fleet.trouble(DEAF, "deaf", value=True),
        RESTARTS: lambda: fleet.trouble(RESTARTS, "restart"),
        FAULTS: lambda: fleet.trouble(FAULTS, "fault"),
        UNCOVERED: lambda: fleet.coverage(UNCOVERED, covered=False),
        REFUSED: lambda: fleet.trouble(REFUSED, "refuse", 11),
        PEERLESS: lambda: os.kill(fleet.peers_of(PEERLESS), signal.SIGKILL),
        VANISHED[0]: pull_the_plug,
    }
    run = fleet.run()
    deadline = time.monotonic() + 600
    while befalls and run.poll() is None:
        assert time.monotonic() < deadline, "the night does not end"
        passed = Counter(row["slot"] for row in fleet.rows() if row["type"] == "finish" and row["outcome"] == "passed")
        for slot in [slot for slot in befalls if passed[slot] >= 2]:
            befalls.pop(slot)()
        time.sleep(0.25)
    assert not befalls, f"nothing befell {sorted(befalls)}"
    output, _ = run.communicate(timeout=600)

    summary = json.loads((lab.out / "summary.json").read_text())
    rows = [row for row in fleet.rows() if row["type"] == "finish"]
    ended: dict[str, Counter[str]] = defaultdict(Counter)
    kinds: dict[str, set[str]] = defaultdict(set)
    messages: dict[str, str] = defaultdict(str)
    for row in rows:
        ended[row["slot"]][row["outcome"]] += 1
        if row["outcome"] != "passed":
            kinds[row["slot"]].add(row.get("error", row["outcome"]))
            messages[row["slot"]] += row.get("message", "") + "\n"

    # Nothing is green that was not, and every planned test has come to an end.
    assert run.returncode == 1, output
    assert summary["verdict"] == "FAILED"
    assert summary["planned"] == 30 * TESTS
    assert sum(summary[name] for name in ("passed", "failed", "lab_errors", "skipped", "died")) == 30 * TESTS

    # Those that nothing befell are green.
    well = {f"board-{number}" for number in range(8, HUB_A + 1)}
    assert {slot for slot in well if ended[slot] == Counter(passed=TESTS)} == well, messages

    # The others are called by what befell them.
    assert kinds[DEAF] <= {"failed", "BoardSilent"}
    assert "BoardSilent" in kinds[DEAF]
    assert "failed" in kinds[RESTARTS]
    for slot in (RESTARTS, FAULTS):
        assert "modem crashed: #XMODEM: FAULT" in messages[slot] or "restarted by itself" in messages[slot]
        assert (lab.out / "support" / slot).is_dir()
    assert kinds[UNCOVERED] <= {"NetworkLost", "NotRegistered"}
    assert "out of reach" in messages[UNCOVERED] or "searching for a network" in messages[UNCOVERED]
    assert kinds[REFUSED] <= {"NetworkLost", "NotRegistered"}
    assert "EMM cause 11 (PLMN not allowed), of this network" in messages[REFUSED]
    assert kinds[PEERLESS] <= {"PeerError"}
    told = [row["text"] for row in fleet.rows() if row["type"] == "progress" and row["text"].startswith(PEERLESS)]
    # In a test it costs that one; between two it costs none, and is told.
    assert kinds[PEERLESS] or any("the peers' program here has ended" in text for text in told), told
    assert kinds[DRY] == {"BudgetSpent"}
    for slot in VANISHED:
        assert kinds[slot] <= {"PortLost", "PortNotFound", "SimulatorEnded"}, messages[slot]
    for slot in (RESTARTS, FAULTS, PEERLESS):  # what passes is over after a test or two
        assert ended[slot]["passed"] >= TESTS - 3, ended[slot]

    # One incident, of the hub; the others are single boards' affairs.
    assert len(summary["incidents"]) <= HUB_B - 1, summary["incidents"]
    assert all("likely cause: hub or power" in text for text in summary["incidents"])
    assert re.search(r"board-(27|28|29|30), .*are gone", summary["incidents"][-1])

    # No SIM has spent more than it may.
    with Ledger() as ledger:
        today = datetime.now(UTC).date()
        assert 0 < ledger.spent(sim, today, today).octets <= LIMIT
        assert all(row["spent"]["bytes"] < LIMIT for row in rows)

    # Every board is as it was, also the one that could not be restored at the time.
    fleet.trouble(DEAF, "deaf", value=False)
    fleet.coverage(UNCOVERED, covered=True)
    fleet.trouble(REFUSED, "refuse", None)
    assert fleet.golden(hub_a) == before


def _dry_sim(fleet: Night) -> str:
    """Lets the SIM of one board have spent nearly all; returns its short id."""
    concealer = Concealer(lab_key())
    with Board(BoardSpec(DRY, fleet.port(DRY), hardware=False), concealer) as board:
        sim = board.short_ids()["iccid"]
    with Ledger() as ledger:
        ledger.remember_sim(board.spec.key, sim)
        ledger.spend(datetime.now(UTC).date(), sim, Cost(octets=LIMIT - 1000))
    return sim
