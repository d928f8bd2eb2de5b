"""Budgets: what SIMs and boards spend is counted, told before, and never more than they may."""

import socket
from datetime import UTC, datetime

from bench.at import AtLink
from bench.boards import BoardSpec, Ledger
from bench.peers import Peers
from tests.support.lab import TALK, Lab
from tests.support.programs import simulator


class TestCounting:
    def test_datagrams_with_their_headers(self) -> None:
        with Peers() as peers, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            echo = peers.udp_echo()
            client.settimeout(5)
            for size in (0, 1, 1200):
                client.sendto(b"x" * size, (echo.host, echo.port))
                client.recv(2000)
            echo.stop()
        assert echo.octets == 2 * (1201 + 3 * 28)

    def test_a_stream_with_its_headers_and_acknowledgements(self) -> None:
        with Peers() as peers:
            echo = peers.tcp_echo()
            with socket.create_connection((echo.host, echo.port), 5) as client:
                for _ in range(10):
                    client.sendall(b"x" * 1000)
                    received = b""
                    while len(received) < 1000:
                        received += client.recv(2000)
            assert echo.wait_for("closed", timeout=5)
            echo.stop()
        headers = echo.octets - 20_000
        assert 52 * 20 <= headers <= 52 * 60, "20 segments with data, and those that open, acknowledge and close"

    def test_a_connection_that_is_open_at_the_end_counts_too(self) -> None:
        with Peers() as peers:
            echo = peers.tcp_echo()
            with socket.create_connection((echo.host, echo.port), 5) as client:
                client.sendall(b"x" * 1000)
                assert client.recv(1000)
                echo.stop()
        assert echo.octets > 2000


class TestStop:
    def test_a_sim_that_runs_dry_ends_in_time(self, lab: Lab) -> None:
        """Each test moves some 41 kB; the first may move three times as much, for all that is known of it."""
        limit = 500_000
        (lab.folder / "bench.toml").write_text(f"[budget]\nbytes_per_day = {limit}\n")
        run = lab.run(TALK, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
        assert run.code == 3, run.output
        assert run.summary["verdict"] == "INCOMPLETE"
        rows = [row for row in run.rows if row["type"] == "finish"]
        refused = [row for row in rows if row["outcome"] == "lab_error"]
        assert {row["error"] for row in refused} == {"BudgetSpent"}
        told = "bytes are spent, and 131,072 may be needed; [budget] bytes_per_day in bench.toml"
        assert told in refused[0]["message"]
        spent = sum(row["spent"]["bytes"] for row in rows)
        assert 0 < spent <= limit
        assert all(row["spent"]["bytes"] == 0 for row in refused)
        assert not [row for row in run.rows if row["type"] == "incident"], "a budget is no incident"
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            (sim,) = {row["ids"]["iccid"] for row in run.rows if row["type"] == "board"}
            today = datetime.now(UTC).date()
            assert ledger.spent(sim, today.replace(day=1), today).octets == spent

    def test_of_a_board_that_is_found_switched_off(self, lab: Lab) -> None:
        """Its SIM has no power then, and is known only when the board has registered: in time for the first test."""
        (lab.folder / "bench.toml").write_text("[budget]\nbytes_per_day = 100_000\n")
        with simulator() as boards:
            with AtLink.open(boards[0]["port"]) as link:
                link.command("AT+CFUN=0")
            key = BoardSpec("board-1", boards[0]["port"], hardware=False).key
            run = lab.run(TALK, ("--port", boards[0]["port"], "--config", str(lab.folder / "bench.toml")))
        rows = [row for row in run.rows if row["type"] == "finish"]
        assert {row.get("error") for row in rows} == {"BudgetSpent"}, "one test may move more than that"
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            today = datetime.now(UTC).date()
            assert ledger.sim_of(key)
            assert ledger.spent(ledger.sim_of(key), today, today).octets == 0
            assert ledger.spent(key, today, today).attaches == 1, "to find out"

    def test_flash_that_may_not_be_written_is_not(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text("[budget]\ncredential_writes_per_day = 3\n")
        suite = "def test_secure(tls, board): pass\ndef test_plain(modem): pass\n"
        run = lab.run(suite, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
        outcomes = {row["test"].partition("::")[2]: row for row in run.rows if row["type"] == "finish"}
        assert outcomes["test_secure"]["error"] == "BudgetSpent"
        assert "credential writes are spent" in outcomes["test_secure"]["message"]
        assert outcomes["test_plain"]["outcome"] == "passed"
        assert all(row["spent"]["credential_writes"] == 0 for row in outcomes.values())


class TestNothingIsLost:
    """What was spent is counted, however a test ends."""

    def spent(self, lab: Lab, slot_sim: str) -> int:
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            today = datetime.now(UTC).date()
            return ledger.spent(slot_sim, today, today).octets

    def test_of_a_test_whose_peers_die_the_most_counts(self, lab: Lab) -> None:
        death = """
            import os
            os.kill(peers.request("hello")["pid"], 9)
"""
        suite = TALK.replace("udp_echo, number", "peers, udp_echo, number").replace("range(20))", "range(1))")
        (lab.folder / "bench.toml").write_text("[limits]\nlab_error_retries = 0\n")
        run = lab.run(suite + death, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert row["error"] == "PeerError"
        assert row["spent"]["bytes"] >= 131_072

    def test_of_a_peer_that_the_test_itself_stops(self, lab: Lab) -> None:
        run = lab.run(TALK.replace('"number", range(20)', '"number", range(1)') + "    udp_echo.stop()\n")
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert row["spent"]["bytes"] > 2000

    def test_sizes_of_the_command_line_are_another_cost(self, lab: Lab) -> None:
        small = lab.run(TALK, ("--simulate", "1", "--", "--volume", "2000", "-k", "0"))
        assert small.code == 0, small.output
        with Ledger(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite") as ledger:
            assert ledger.expected("test_lab.py::test_talks[0]", "simulated volume=2000") is not None
            assert ledger.expected("test_lab.py::test_talks[0]", "simulated") is None

    def test_a_ledger_that_breaks_in_the_middle_is_told(self, lab: Lab) -> None:
        """The tests come to their ends, and the run is not green: it cannot say what it has spent."""
        suite = f"""
import pathlib, sqlite3

def test_breaks_it(modem):
    with sqlite3.connect({str(lab.folder / "state" / "nrf91-bench" / "ledger.sqlite")!r}) as ledger:
        ledger.execute("DROP TABLE begun")
"""
        run = lab.run(suite)
        assert run.code == 5, run.output
        assert run.summary["passed"] == 1
        assert "cannot be kept, and with it what SIMs may spend" in run.summary["reason"]
