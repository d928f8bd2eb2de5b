"""Budgets: what SIMs and boards spend is counted, told before, and never more than they may."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from bench.boards import BoardSpec, Cost, Lease, Ledger
from tests.support.lab import COMMAND, TALK, Lab
from tests.support.programs import simulator

DAY = date(2026, 11, 23)


@contextlib.contextmanager
def monkeypatched_state(lab: Lab) -> Iterator[None]:
    """This process keeps its ledger where the lab's programs do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", lab.environment["XDG_STATE_HOME"])
        yield


class TestNothingIsLost:
    """What was spent is counted, however a test ends."""

    def spent(self, lab: Lab, slot_sim: str) -> int:
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            today = datetime.now(UTC).date()
            return ledger.spent(slot_sim, today, today).octets

    def test_of_a_killed_test_the_most_counts(self, lab: Lab) -> None:
        """A process that dies says nothing more; the next one of that board charges what it might have spent."""
        death = "        import os; number and os.kill(os.getpid(), 9)\n"
        loop = "        for _ in range(20):"
        suite = TALK.replace('"number", range(20)', '"number", range(2)').replace(loop, death + loop)
        with simulator() as boards:
            run = lab.run(suite, ("--port", boards[0]["port"]))
            assert run.code == 5, run.output
            (sim,) = {row["ids"]["iccid"] for row in run.rows if row["type"] == "board"}
            before = self.spent(lab, sim)
            lab.out = lab.folder / "second"
            assert lab.run("def test_nothing(modem): pass\n", ("--port", boards[0]["port"])).code == 0
            assert self.spent(lab, sim) >= before + 131_072

    def test_who_does_not_have_the_board_counts_nothing_for_it(self, lab: Lab) -> None:
        """A test runs in another process; meanwhile somebody asks for an estimate, and somebody wants the board."""
        with simulator() as boards, monkeypatched_state(lab), Ledger() as ledger:
            spec = BoardSpec("dk-1", boards[0]["port"], hardware=False)
            with Lease(spec.key, "dk-1", "a test"):
                ledger.begin(datetime.now(UTC).date(), spec.key, "sim", Cost(octets=500_000))
                asked = ("run", "--estimate", "--port", spec.port)
                for arguments, code in ((asked, 0), (("run", "--port", spec.port), 3)):
                    finished = subprocess.run(
                        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=lab.folder
                    )
                    assert finished.returncode == code, finished.stdout + finished.stderr
                (lab.folder / "test_lab.py").write_text("def test_a(modem): pass\n")
                by_hand = [sys.executable, "-m", "pytest", "-p", "nrf91_bench_fixtures", "test_lab.py"]
                finished = subprocess.run(
                    [*by_hand, f"--port={spec.port}"], capture_output=True, text=True, timeout=60, check=False,
                    cwd=lab.folder,
                )  # fmt: skip
                assert "is in use by" in finished.stdout
                assert ledger.left_over(spec.key) is not None
                assert ledger.spent("sim", DAY.replace(day=1), datetime.now(UTC).date()) == Cost()

    def test_of_an_interrupted_test_what_it_sent_counts(self, lab: Lab) -> None:
        suite = TALK.replace('"number", range(20)', '"number", range(1)') + "        import time; time.sleep(60)\n"
        process = lab.start(suite)
        lab.until("start", "test_talks")
        deadline = datetime.now(UTC).timestamp() + 30
        while "XRECV" not in "".join(p.read_text(errors="replace") for p in lab.out.rglob(".*.running.jsonl")):
            assert datetime.now(UTC).timestamp() < deadline
        process.send_signal(2)
        process.communicate(timeout=60)
        rows = [json.loads(line) for line in (lab.out / "results.jsonl").read_text().splitlines()]
        (sim,) = {row["ids"]["iccid"] for row in rows if row["type"] == "board"}
        assert self.spent(lab, sim) > 1000
