"""The breaker: boards that fail together are one incident, with its likely cause."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bench.at import AtLink
from bench.boards import BoardSpec, Lease, Ledger
from tests.support.lab import Lab
from tests.support.programs import simulator
from tests.support.rack import WITH_NAMESPACES, RunningRack

SUITE = """
import pytest


@pytest.mark.parametrize("number", range(40))
def test_answers(modem, peers, number):
    assert modem.link.command("AT").ok
"""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@WITH_NAMESPACES
def test_a_hub_that_dies_is_one_incident(rack: RunningRack, lab: Lab) -> None:
    """Two boards vanish in the middle of a run and do not come back."""
    (lab.folder / "bench.toml").write_text(
        "[limits]\nincident_seconds = 3\nreplug_seconds = 0.5\nstagger_seconds = 0\n"
    )
    command = lab.command(
        SUITE.replace("    assert", "    time.sleep(0.1)\n    assert").replace(
            "import pytest", "import time\n\nimport pytest"
        ),
        ("--config", str(lab.folder / "bench.toml"), "--board", "nrf9151dk-1", "--board", "thingy91x-1"),
    )
    with subprocess.Popen(
        rack.command(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**rack.environment, **lab.environment},
    ) as run:  # fmt: skip
        lab.until("finish", "test_answers[2]")
        for number in (1, 2):
            rack.ask("unplug", board=f"simulated-{number}")
        output, _ = run.communicate(timeout=120)
    summary = json.loads((lab.out / "summary.json").read_text())
    assert run.returncode in (3, 5), output
    assert summary["verdict"] == "INCOMPLETE"
    assert summary["lab_errors"] < 30, "a thousand lab errors instead of one incident"
    assert "likely cause: hub or power (nrf9151dk-1, thingy91x-1 are gone)" in summary["incidents"][0]
    assert "incident: hub or power, not over after" in summary["reason"]
    assert ">Incidents</h2>" in (lab.out / "verdict.html").read_text()


def test_peers_that_cannot_be_started_are_one_incident(lab: Lab) -> None:
    (lab.folder / "bench.toml").write_text("[limits]\nincident_seconds = 2\n")
    suite = SUITE.replace("def test_answers(modem, peers, number):", "def test_answers(modem, number):").replace(
        'assert modem.link.command("AT").ok', "from bench.peers import PeerError; raise PeerError('no peers')"
    )
    run = lab.run(suite, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
    assert run.summary["lab_errors"] <= 10
    assert "likely cause: peer" in run.summary["incidents"][0]
    assert [row["text"] for row in rows_of(run.folder) if row["type"] == "incident"]


class TestControlBoard:
    CONFIG = """
[limits]
incident_seconds = 2
[network]
registration_timeout = 1.0
[[boards]]
name = "golden"
port = "{port}"
control_board = true
"""

    @pytest.mark.parametrize(
        ("fate", "cause", "said"),
        [
            ((), "device", "Control board: the network was good in "),
            (("--deny", "3"), "network", "Control board: the network was bad in "),
        ],
    )
    def test_beside_boards_that_cannot_register(self, lab: Lab, fate: tuple[str, ...], cause: str, said: str) -> None:
        with simulator(*fate) as golden, simulator("--deny", "11", "--count", "2") as boards:
            (lab.folder / "bench.toml").write_text(self.CONFIG.format(port=golden[0]["port"]))
            ports = [argument for board in boards for argument in ("--port", board["port"])]
            run = lab.run(SUITE, (*ports, "--config", str(lab.folder / "bench.toml")))
        assert run.code in (3, 5), run.output
        assert f"likely cause: {cause}" in run.summary["incidents"][0]
        assert said in (run.folder / "verdict.html").read_text()
        assert said in (run.folder / "verdict.md").read_text()
        assert {row["slot"] for row in run.rows if row["type"] == "control"} == {"golden"}
        assert "golden" not in {row["slot"] for row in run.rows if row["type"] == "finish"}

    def test_one_that_is_in_use_says_nothing_of_the_network(self, lab: Lab) -> None:
        with simulator() as golden, simulator("--deny", "11", "--count", "2") as boards:
            key = BoardSpec("golden", golden[0]["port"], hardware=False).key
            (lab.folder / "bench.toml").write_text(self.CONFIG.format(port=golden[0]["port"]))
            ports = [argument for board in boards for argument in ("--port", board["port"])]
            with Lease(key, "golden", "another run"):
                run = lab.run(SUITE, (*ports, "--config", str(lab.folder / "bench.toml")))
        assert "likely cause: network (the cause cannot be seen from here)" in run.summary["incidents"][0]
        page = (run.folder / "verdict.html").read_text()
        assert re.search(r"it could say nothing in \d+, first .*golden is in use by", page)
        assert "the network was bad" not in page

    def test_it_pays_for_what_it_spends(self, lab: Lab) -> None:
        with simulator() as golden, simulator("--count", "2") as boards:
            with AtLink.open(golden[0]["port"]) as link:
                link.command("AT+CFUN=0")
            key = BoardSpec("golden", golden[0]["port"], hardware=False).key
            (lab.folder / "bench.toml").write_text(self.CONFIG.format(port=golden[0]["port"]))
            ports = [argument for board in boards for argument in ("--port", board["port"])]
            suite = "import time\ndef test_slow(modem):\n    time.sleep(5)\n"
            run = lab.run(suite, (*ports, "--config", str(lab.folder / "bench.toml")))
        assert [row["ok"] for row in run.rows if row["type"] == "control"] == [True]
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            today = datetime.now(UTC).date()
            assert ledger.spent(key, today, today).attaches == 1
            assert ledger.sim_of(key)
            assert 0 < ledger.spent(ledger.sim_of(key), today, today).octets < 4000
