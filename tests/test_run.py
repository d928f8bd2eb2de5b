"""``nrf91-bench run`` from its command line to its exit code, on simulated boards and on a device that is none."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.at import AtLink
from tests.support.lab import COMMAND, GOOD, Finished, Lab
from tests.support.port_server import port_server
from tests.support.programs import simulator
from tests.support.responder import SLM_IDENTITY, device


def processes_of(folder: Path) -> list[str]:
    """Command lines that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text and int(path.parts[2]) != os.getpid():
            found.append(text)
    return found


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

    def test_every_test_leaves_transcript_journal_timeline_and_timings(self, lab: Lab) -> None:
        run = lab.run()
        finish = next(row for row in run.rows if row["type"] == "finish" and "echo" in row["test"])
        transcript = (run.folder / finish["transcript"]).read_text()
        assert '>> AT#XSEND="hello"' in transcript
        results = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        echo = next(result for result in results if result["name"] == "test_echo")
        attachments = {
            a["name"]: (run.folder / "allure-results" / a["source"]).read_text() for a in echo["attachments"]
        }
        assert set(attachments) == {"timeline", "transcript", "peer journal", "timings", "measured"}
        assert "<script" not in attachments["measured"]
        assert echo["description"].startswith("* receive: ")
        timeline = attachments["timeline"]
        order = [timeline.index(text) for text in ('AT#XSEND="hello"', "received #1", "sent #1", "#XRECV: 5")]
        assert order == sorted(order)
        assert attachments["timings"].startswith("command,sent_ms,first_byte_us,final_us,final\n")
        labels = {(label["name"], label["value"]) for label in echo["labels"]}
        assert {("story", "simulated-1"), ("tag", "SIMULATED")} <= labels
        assert {"name": "board", "value": "'simulated-1'"} in echo["parameters"]

    def test_identities_are_nowhere_in_the_evidence(self, lab: Lab) -> None:
        suite = """
def test_prints_everything(modem, board):
    for command in ("AT+CGSN", "AT+CGSN=1", "AT+CIMI", "AT%XICCID", "AT+CEREG=5", "AT+CEREG?"):
        modem.link.command(command)
    assert board.identity.imei == "nobody's"
"""
        run = lab.run(suite)
        assert run.code == 1
        everything = run.output
        for path in run.folder.rglob("*"):
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o600:
                everything += path.read_text(errors="replace")
        for secret in ("359404230000000", "001010000000000", "8900100000000000000", "0000A101"):
            assert secret not in everything
        assert "imei-" in everything

    def test_two_boards_are_told_apart(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "2"))
        assert run.code == 0, run.output
        assert run.summary["planned"] == 4
        assert {board["slot"] for board in run.summary["boards"]} == {"simulated-1", "simulated-2"}
        assert len(list((run.folder / "allure-results").glob("*-result.json"))) == 4

    def test_a_device_that_is_no_simulator(self, lab: Lab) -> None:
        suite = """
def test_who(board, modem):
    assert board.identity.part == "nRF9161-LACA"
    assert modem.link.command("AT").ok
"""
        with device(SLM_IDENTITY) as board:
            run = lab.run(suite, ("--port", board.path))
        assert run.code == 0, run.output
        assert run.summary["simulated"] is True
        assert "nRF9161-LACA" in run.output

    def test_no_two_results_look_like_one_that_was_retried(self, lab: Lab) -> None:
        """allure-pytest shows every bytes parameter as its class, and a report keeps only one of alike results."""
        suite = """
import pytest

@pytest.mark.parametrize("data", [b"one", b"two", (1, 2)])
def test_with(data):
    assert data
"""
        run = lab.run(suite)
        assert run.code == 0, run.output
        results = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        assert len({json.dumps(result["parameters"], sort_keys=True) for result in results}) == 3

    def test_plain_pytest_in_a_labs_own_folder(self, tmp_path: Path) -> None:
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["nrf91_bench_fixtures"]\n')
        (tmp_path / "test_own.py").write_text(GOOD)
        command = [sys.executable, "-m", "pytest", "--simulate", "--bench-out", "out", str(tmp_path)]
        finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert (tmp_path / "out" / "results.jsonl").exists()


class TestNotGreen:
    def test_a_device_failure(self, lab: Lab) -> None:
        suite = GOOD + "\n\ndef test_wrong(modem):\n    modem.link.command('AT#NOSUCH')\n"
        run = lab.run(suite)
        assert run.code == 1
        assert (run.summary["verdict"], run.summary["failed"], run.summary["passed"]) == ("FAILED", 1, 2)
        assert run.allure["test_wrong"] == "failed"
        assert "AT#NOSUCH answered ERROR" in run.output
        assert "transcript" in run.output

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

    def test_a_board_that_vanishes(self, lab: Lab) -> None:
        suite = """
import os, signal
from pathlib import Path

def test_unplugged(modem):
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if b"bench.cli\\0simulate" in path.read_bytes() and path.parts[2] in SIMULATORS:
            os.kill(int(path.parts[2]), signal.SIGKILL)
            while path.read_bytes():  # until it is a zombie, it may still answer
                pass
    modem.link.command("AT#XRECV=9")

def test_next(modem):
    modem.link.command("AT")

def test_without_a_board():
    assert True
"""
        # The simulator is a child of the run, whose process group is its own: found by its parent.
        suite = suite.replace("path.parts[2] in SIMULATORS", "_parent(path) == _parent(Path('/proc/self/cmdline'))")
        suite += """

def _parent(path):
    return path.with_name("stat").read_text().rpartition(")")[2].split()[1]
"""
        run = lab.run(suite)
        assert run.code == 3, run.output
        assert (run.summary["lab_errors"], run.summary["passed"]) == (2, 1)
        assert "has vanished: the program behind /dev/pts/" in run.output
        assert run.allure == {"test_unplugged": "broken", "test_next": "broken", "test_without_a_board": "passed"}

    def test_a_skip_needs_a_pass_beside_it(self, lab: Lab) -> None:
        run = lab.run("import pytest\n\ndef test_skip(board):\n    pytest.skip('no SIM in this lab')\n")
        assert run.code == 5
        assert "no SIM in this lab" in run.output
        assert run.allure == {"test_skip": "skipped"}

    def test_a_network_without_ipv6_skips_with_that_reason(self, lab: Lab) -> None:
        config = lab.folder / "bench.toml"
        config.write_text("[network]\nipv6 = false\n")
        suite = GOOD + "\n\ndef test_six(ipv6):\n    assert ipv6\n"
        run = lab.run(suite, ("--simulate", "1", "--config", str(config)))
        assert run.code == 0
        assert run.summary["skipped"] == 1
        assert "no IPv6 on this network" in run.output

    @pytest.mark.parametrize(
        "death",
        ["os.kill(os.getpid(), signal.SIGKILL)", "os._exit(0)", "pytest.exit('enough')", "raise KeyboardInterrupt"],
    )
    def test_a_test_that_dies_is_never_green(self, lab: Lab, death: str) -> None:
        suite = f"""
import os, signal, pytest

def test_before(modem):
    pass

def test_dies(modem):
    {death}

def test_after(modem):
    pass
"""
        run = lab.run(suite)
        assert run.code == 5, run.output
        assert (run.summary["verdict"], run.summary["passed"], run.summary["died"]) == ("INCOMPLETE", 1, 2)
        assert run.allure.get("test_dies") == "broken"
        assert run.allure["test_before"] == "passed"

    def test_a_suite_that_does_not_import(self, lab: Lab) -> None:
        run = lab.run("import no_such_module\n")
        assert run.code == 5
        assert "no_such_module" in run.output

    def test_a_limit_that_is_exceeded_fails_the_test(self, lab: Lab) -> None:
        suite = """
from bench.measure import at_most

def test_slow(measure):
    measure("time", 5e9, unit="ns", limit=at_most(seconds=1))
"""
        run = lab.run(suite)
        assert run.code == 1
        assert "time was 5 s, expected at most 1 s" in run.output
        assert "OUTSIDE" in run.output

    def test_an_expected_failure_does_not_excuse_the_lab(self, lab: Lab) -> None:
        suite = """
import os, signal, pytest
from bench.errors import LabError

def test_good(modem):
    pass

@pytest.mark.xfail
def test_lab(modem):
    raise LabError("the hub is gone")

@pytest.mark.xfail(reason="hangs", run=False)
def test_not_run(modem):
    pass

@pytest.mark.xfail(reason="known")
def test_known(modem):
    modem.link.command("AT#NOSUCH")

@pytest.mark.xfail(reason="cured")
def test_cured(modem):
    pass
"""
        run = lab.run(suite)
        assert run.code == 1
        counts = {name: run.summary[name] for name in ("passed", "failed", "lab_errors", "skipped", "known_issues")}
        assert counts == {"passed": 2, "failed": 1, "lab_errors": 1, "skipped": 1, "known_issues": 1}
        assert run.summary["unexpected_passes"] == 1
        assert run.allure["test_cured"] == "failed"
        assert run.allure["test_lab"] == "broken"

    @pytest.mark.parametrize(
        "hook",
        [
            "def pytest_unconfigure():\n    raise RuntimeError",
            "def pytest_unconfigure():\n    os._exit(7)",
            "def pytest_sessionfinish():\n    os._exit(0)",
            "def pytest_sessionfinish():\n    os._exit(1)",
        ],
    )
    def test_a_process_that_ends_for_no_reason_of_a_tests(self, lab: Lab, hook: str) -> None:
        (lab.folder / "conftest.py").write_text(f"import os\n\n{hook}\n")
        run = lab.run()
        assert run.code == 5, run.output
        assert run.summary["verdict"] == "INCOMPLETE"

    def test_a_module_that_does_not_import_beside_one_that_does(self, lab: Lab) -> None:
        (lab.folder / "more").mkdir()
        (lab.folder / "more" / "test_broken.py").write_text("import no_such_module\n")
        arguments = ("--simulate", "1", "--suite", str(lab.folder / "more"), "--", "--continue-on-collection-errors")
        run = lab.run(arguments=arguments)
        assert run.code == 5, run.output

    def test_what_rests_on_a_network_stack_is_an_observation_on_hardware_only(self, lab: Lab) -> None:
        suite = """
import pytest

def test_good(modem):
    pass

@pytest.mark.stack
def test_other_stack(modem):
    assert not "the peer's end sets another event"
"""
        with device(SLM_IDENTITY) as board, port_server(board.path) as port:
            config = lab.folder / "bench.toml"
            config.write_text(f'[[boards]]\nname = "rack-1"\nport = "tcp://127.0.0.1:{port}"\n')
            run = lab.run(suite, ("--config", str(config)))
        assert run.code == 0, run.output
        assert (run.summary["simulated"], run.summary["skipped"], run.summary["failed"]) == (False, 1, 0)
        assert "observation, for a person to adopt" in run.output
        shutil.rmtree(lab.out)
        assert lab.run(suite).code == 1

    def test_a_mistake_in_a_script_says_where(self, lab: Lab) -> None:
        run = lab.run("def test_typo(modem):\n    modem.tcp_clinet()\n")
        assert run.code == 1
        assert "AttributeError" in run.output
        assert "(test_lab.py, line 2)" in run.output

    def test_a_secret_is_nowhere(self, lab: Lab) -> None:
        run = lab.run("def test_pin(modem):\n    modem.link.command('AT+CPIN=\"7351\"')\n")
        assert run.code == 1
        everything = run.output
        for path in run.folder.rglob("*"):
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o600:
                everything += path.read_text(errors="replace")
        assert 'AT+CPIN="7351"' not in everything
        assert "AT+CPIN=******" in everything


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
            lab.until("progress", "waiting for the network")
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
            assert process.returncode == 5, output
            with AtLink.open(port) as link:
                assert link.command("AT+CEREG?").lines == before
        assert not list((lab.folder / "state").rglob("*.jsonl")), "nothing is left to be undone"

    def test_a_board_whose_registration_takes_longer_than_a_test_may(self, lab: Lab) -> None:
        """The next test gets the port, and tries again."""
        with simulator("--register-after", "6") as boards:
            suite = "def test_a(modem): pass\ndef test_b(modem): pass\n"
            run = lab.run(suite, ("--port", boards[0]["port"], "--", "--timeout=4"))
        assert [row["outcome"] for row in run.rows if row["type"] == "finish"] == ["failed", "passed"], run.output

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
        assert "AT#XRECV=60" in "".join(path.read_text() for path in (lab.out / "transcripts").rglob("*.jsonl"))


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "--simulate 1"),
            (["--simulate", "many"], "never, auto, or a number"),
            (["--port", "/dev/ttyNOSUCH"], "there is no port /dev/ttyNOSUCH"),
            (["--port", "tcp://127.0.0.1"], "write tcp://HOST:PORT"),
            (["--board", "dk-9"], "no board is dk-9"),
            (["--simulate", "1", "--suite", "smtp"], "no suite is smtp: there are"),
            (["--simulate", "1", "--config", "/none.toml"], "cannot read /none.toml"),
            (["--simulate", "1", "--out", "/proc/nowhere"], "cannot make the run's folder"),
        ],
    )
    def test_mistakes_end_with_2_and_a_cure(self, tmp_path: Path, arguments: list[str], says: str) -> None:
        finished = subprocess.run(
            [*COMMAND, "run", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 2
        assert says in finished.stderr
        assert "Traceback" not in finished.stderr

    def test_scenarios_that_need_flow_control_say_so(self, lab: Lab) -> None:
        suite = """
import pytest
from dataclasses import replace

@pytest.fixture(autouse=True)
def hardware(bench_session, request):
    spec = bench_session.spec
    bench_session.spec = replace(spec, hardware=True, flow_control=request.node.name == "test_with")
    yield
    bench_session.spec = spec

def test_with(flow_control): pass
def test_without(flow_control): pass
"""
        rows = {row["test"].partition("::")[2]: row for row in lab.run(suite).rows if row["type"] == "finish"}
        assert rows["test_with"]["outcome"] == "passed"
        assert rows["test_without"]["outcome"] == "skipped"
        assert "wire RTS and CTS" in rows["test_without"]["message"]

    def test_a_folder_is_used_once(self, lab: Lab) -> None:
        lab.out.mkdir()
        (lab.out / "old").touch()
        run = lab.run()
        assert run.code == 2
        assert "fresh folder" in run.output

    def test_a_busy_port(self, lab: Lab) -> None:
        with device(SLM_IDENTITY) as board, AtLink.open(board.path):
            run = lab.run("def test_x(board):\n    pass\n", ("--port", board.path))
        assert run.code == 3
        assert "is in use by" in run.output

    def test_report_of_what_is_no_run(self, tmp_path: Path) -> None:
        finished = subprocess.run([*COMMAND, "report", str(tmp_path)], capture_output=True, text=True, check=False)
        assert finished.returncode == 2
        assert "no folder of a run" in finished.stderr

    def test_a_wrong_argument_for_pytest(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "1", "--", "--nonsense"))
        assert run.code == 2
        assert "unrecognized arguments: --nonsense" in run.output

    def test_arguments_for_pytest(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "1", "--", "-k", "answers"))
        assert run.code == 0, run.output
        assert run.summary["planned"] == 1
