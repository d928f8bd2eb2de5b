"""``nrf91-bench run`` from its command line to its exit code, on simulated boards and on a device that is none."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.at import AtLink
from bench.report import kept_file, kept_tests
from tests.support.lab import COMMAND, GOOD, Finished, Lab, processes_of
from tests.support.programs import simulator
from tests.support.responder import SLM_IDENTITY, device


class TestGreen:
    def test_a_whole_run(self, lab: Lab) -> None:
        run = lab.run()
        assert run.code == 0, run.output
        summary = run.summary
        assert (summary["verdict"], summary["simulated"]) == ("PASSED", True)
        assert (summary["planned"], summary["passed"]) == (2, 2)
        assert run.allure == {"test_answers": "passed", "test_echo": "passed"}
        kinds = [row["type"] for row in run.rows]
        assert kinds.index("plan") < kinds.index("start") < kinds.index("finish")
        assert kinds.count("measurement") == 1
        assert "SIMULATED" in run.output
        assert "verdict   PASSED" in run.output

    def test_two_boards_are_told_apart(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "2"))
        assert run.code == 0, run.output
        assert run.summary["planned"] == 4
        assert {board["slot"] for board in run.summary["boards"]} == {"simulated-1", "simulated-2"}
        assert len(list((run.folder / "allure-results").glob("*-result.json"))) == 4

    def test_plain_pytest_in_a_labs_own_folder(self, tmp_path: Path) -> None:
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["nrf91_bench_fixtures"]\n')
        (tmp_path / "test_own.py").write_text(GOOD)
        command = [sys.executable, "-m", "pytest", "--simulate", "--bench-out", "out", str(tmp_path)]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert (tmp_path / "out" / "results.jsonl").exists()


class TestNotGreen:
    def test_a_lab_error_is_not_a_failure(self, lab: Lab) -> None:
        suite = """
import os, signal

def test_peer_dies(peers, tcp_echo):
    os.kill(peers.request("hello")["pid"], signal.SIGKILL)
    tcp_echo.journal()

def test_and_the_next_has_a_new_one(modem, tcp_echo):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"x")
"""
        run = lab.run(suite)
        assert run.code == 3, run.output
        assert (run.summary["lab_errors"], run.summary["passed"], run.summary["failed"]) == (1, 1, 0)
        assert run.allure["test_peer_dies"] == "broken"

    @pytest.mark.parametrize(
        "hook",
        [
            "def pytest_unconfigure():\n    raise RuntimeError",
            "def pytest_unconfigure():\n    os._exit(7)",
            "def pytest_sessionfinish():\n    os._exit(0)",
        ],
    )
    def test_a_process_that_ends_for_no_reason_of_a_tests(self, lab: Lab, hook: str) -> None:
        (lab.folder / "conftest.py").write_text(f"import os\n\n{hook}\n")
        run = lab.run()
        assert run.code == 5, run.output
        assert run.summary["verdict"] == "INCOMPLETE"


class TestStopped:
    SUITE = """
def test_first(modem):
    pass

def test_long(modem):
    modem.udp_socket()
    modem.link.command("AT#XRECV=60", timeout=90)

def test_never(modem):
    pass
"""

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_politely(self, lab: Lab, number: signal.Signals) -> None:
        process = lab.start(self.SUITE)
        lab.until("start", "test_long")
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 5, output
        run = Finished(process.returncode, output, lab.out)
        assert (run.summary["passed"], run.summary["died"]) == (1, 2)
        assert "interrupted" in run.summary["reason"]
        assert run.allure == {"test_first": "passed", "test_long": "broken", "test_never": "broken"}
        assert "Traceback" not in output
        assert processes_of(lab.out) == []

    def test_while_the_board_registers(self, lab: Lab) -> None:
        """It is left as it was found, and the port is free."""
        with simulator("--register-after", "40") as boards:
            port = boards[0]["port"]
            with AtLink.open(port) as link:
                before = link.command("AT+CEREG?").lines
            process = subprocess.Popen(
                lab.command(self.SUITE, ("--port", port)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, env=lab.environment,
            )  # fmt: skip
            lab.until("progress", "waits for the network")
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
            assert process.returncode == 5, output
            with AtLink.open(port) as link:
                assert link.command("AT+CEREG?").lines == before
        assert not list((lab.folder / "state").rglob("*.jsonl")), "nothing is left to be undone"

    def test_by_sigkill(self, lab: Lab) -> None:
        process = lab.start(self.SUITE)
        lab.until("start", "test_long")
        time.sleep(0.5)
        process.kill()
        process.communicate()
        assert json.loads((lab.out / "summary.json").read_text())["verdict"] == "INCOMPLETE"
        deadline = time.monotonic() + 30
        while processes_of(lab.out):
            assert time.monotonic() < deadline, processes_of(lab.out)
            time.sleep(0.05)
        again = subprocess.run(
            [*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False
        )
        assert again.returncode == 5, again.stdout + again.stderr
        run = Finished(again.returncode, again.stdout, lab.out)
        assert (run.summary["passed"], run.summary["died"]) == (1, 2)
        assert "INCOMPLETE" in run.output
        kept = list(kept_tests(kept_file(lab.out, "simulated-1")))
        assert "AT#XRECV=60" in kept[-1].evidence.transcript()


class TestUsage:
    def test_a_busy_port(self, lab: Lab) -> None:
        with device(SLM_IDENTITY) as board, AtLink.open(board.path):
            run = lab.run("def test_x(board):\n    pass\n", ("--port", board.path))
        assert run.code == 3
        assert "is in use by" in run.output

    def test_a_wrong_argument_for_pytest(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "1", "--", "--nonsense"))
        assert run.code == 2
        assert "unrecognized arguments: --nonsense" in run.output

    def test_arguments_for_pytest(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "1", "--", "-k", "answers"))
        assert run.code == 0, run.output
        assert run.summary["planned"] == 1


class TestBroken:
    def test_a_suite_that_does_not_import(self, lab: Lab) -> None:
        run = lab.run("import no_such_module\n")
        assert run.code == 6
        assert "no_such_module" in run.output

    def test_a_module_that_does_not_import_beside_one_that_does(self, lab: Lab) -> None:
        (lab.folder / "more").mkdir()
        (lab.folder / "more" / "test_broken.py").write_text("import no_such_module\n")
        arguments = ("--simulate", "1", "--suite", str(lab.folder / "more"), "--", "--continue-on-collection-errors")
        run = lab.run(arguments=arguments)
        assert run.code == 6, run.output
