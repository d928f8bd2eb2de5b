"""Budgets: what SIMs and boards spend is counted, told before, and never more than they may."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest

from bench.boards import Cost, Ledger, cost_of_commands
from bench.errors import LabError

DAY = date(2026, 11, 23)


class TestCost:
    def test_commands(self) -> None:
        sent = ["AT+CFUN=4", "AT+CFUN=1", "at+cfun=21", "AT%CMNG=0,16842753,0,***", "AT%CMNG=3,1,0", "AT%CMNG=1"]
        assert cost_of_commands(sent) == Cost(attaches=2, credential_writes=2)
        assert cost_of_commands(["AT#XRESET", "AT+CFUN=15"]) == Cost(attaches=1, resets=1)


class TestLedger:
    def test_days_and_months(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            for day in (DAY.replace(month=10), DAY.replace(day=1), DAY, DAY):
                ledger.spend(day, "sim", Cost(octets=100))
            assert ledger.spent("sim", DAY, DAY) == Cost(octets=200)
            assert ledger.spent("sim", DAY.replace(day=1), DAY) == Cost(octets=300)
            assert ledger.spent("another", DAY, DAY) == Cost()

    def test_a_clock_that_jumps_makes_nobody_forget(self, tmp_path: Path) -> None:
        """What is older than any budget goes, by the newest entry: for this host's clock all of it is years ago."""
        day = date(2020, 5, 1)
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            ledger.spend(day, "sim", Cost(octets=100))
            ledger.spend(day - timedelta(days=63), "sim", Cost(octets=7))
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            assert ledger.spent("sim", date(2020, 1, 1), day) == Cost(octets=100)

    def test_many_boards_write_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"

        def board(number: int) -> None:
            with Ledger(path) as ledger:
                for _ in range(20):
                    ledger.spend(DAY, "sim", Cost(octets=number))

        with ThreadPoolExecutor(8) as many:
            list(many.map(board, [1] * 8))
        with Ledger(path) as ledger:
            assert ledger.spent("sim", DAY, DAY).octets == 160

    def test_a_transaction_is_kept_whole_or_not_at_all(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            with contextlib.suppress(KeyError), ledger.transaction():
                ledger.spend(DAY, "sim", Cost(octets=100))
                raise KeyError
            assert ledger.spent("sim", DAY, DAY) == Cost()
            with ledger.transaction():
                ledger.spend(DAY, "sim", Cost(octets=100))
                ledger.over("board")
            assert ledger.spent("sim", DAY, DAY) == Cost(octets=100)

    def test_what_a_killed_process_has_written_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "ledger.sqlite"
        if (pid := os.fork()) == 0:
            try:
                with Ledger(path) as ledger:
                    ledger.spend(DAY, "sim", Cost(octets=100))
                    with ledger.transaction():
                        ledger.spend(DAY, "sim", Cost(octets=7))
                        os.kill(os.getpid(), signal.SIGKILL)
            finally:
                os._exit(1)  # a copy of the test run must not go on with it
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
        with Ledger(path) as ledger:
            assert ledger.spent("sim", DAY, DAY) == Cost(octets=100)

    def test_the_most_that_a_test_has_cost(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            assert ledger.expected("test", "lte-m") is None
            ledger.note("test", "lte-m", Cost(octets=50, milliseconds=9))
            ledger.note("test", "lte-m", Cost(octets=70, milliseconds=3))
            assert ledger.expected("test", "lte-m") == Cost(octets=70, milliseconds=9)
            assert ledger.expected("test", "nb-iot") is None

    def test_one_that_cannot_be_kept_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "ledger.sqlite").write_bytes(b"no database" * 100)
        with (
            pytest.raises(LabError, match="cannot be kept, and with it what SIMs may spend"),
            Ledger(tmp_path / "ledger.sqlite"),
        ):
            pass
