"""``nrf91-bench run`` from its command line to its exit code, on simulated boards and on a device that is none."""

import gzip
import json
import shutil
import stat

import pytest

from bench.report import kept_file, kept_tests
from tests.support.lab import GOOD, Lab
from tests.support.port_server import port_server
from tests.support.programs import control_socket, simulator
from tests.support.responder import SLM_IDENTITY, device


class TestGreen:
    def test_every_test_leaves_its_time_line_and_all_of_its_bytes(self, lab: Lab) -> None:
        run = lab.run()
        finish = next(row for row in run.rows if row["type"] == "finish" and "echo" in row["test"])
        assert 'bench > board  AT#XSEND="hello"' in (run.folder / finish["transcript"]).read_text()
        (kept,) = [kept for kept in kept_tests(kept_file(run.folder, "simulated-1")) if kept.test == finish["test"]]
        assert '>> AT#XSEND="hello"' in kept.evidence.transcript()
        assert "received #1" in kept.evidence.timeline()
        assert kept.evidence.timings().startswith("command,sent_ms,first_byte_us,final_us,final\n")
        results = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        echo = next(result for result in results if result["name"] == "Echo")
        attachments = {
            a["name"]: (run.folder / "allure-results" / a["source"]).read_text() for a in echo["attachments"]
        }
        assert set(attachments) == {"timeline"}, "its measurement is told whole in the description"
        assert echo["description"].startswith("* receive: ")
        timeline = attachments["timeline"]
        order = [timeline.index(text) for text in ('AT#XSEND="hello"', "received #1", "sent #1", "#XRECV: 5")]
        assert order == sorted(order)
        labels = {(label["name"], label["value"]) for label in echo["labels"]}
        assert {("story", "simulated-1"), ("tag", "SIMULATED")} <= labels
        assert {"name": "board", "value": "simulated-1"} in echo["parameters"]

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
                data = path.read_bytes()
                everything += (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
        for secret in ("359404230000000", "001010000000000", "8900100000000000000", "0000A101"):
            assert secret not in everything
        assert "imei-" in everything

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
        assert "nRF9161-LACA" in (run.folder / "verdict.html").read_text()

    def test_no_two_results_look_like_one_that_was_retried(self, lab: Lab) -> None:
        """allure-pytest shows every bytes parameter as its class, and a report keeps only one of alike results."""
        suite = """
import pytest

@pytest.mark.parametrize("data", [b"one", b"two", (1, 2)])
def test_with(modem, data):
    assert data
"""
        run = lab.run(suite)
        assert run.code == 0, run.output
        results = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        assert len({json.dumps(result["parameters"], sort_keys=True) for result in results}) == 3


class TestNotGreen:
    def test_a_device_failure(self, lab: Lab) -> None:
        suite = GOOD + "\n\ndef test_wrong(modem):\n    modem.link.command('AT#NOSUCH')\n"
        run = lab.run(suite)
        assert run.code == 1
        assert (run.summary["verdict"], run.summary["failed"], run.summary["passed"]) == ("FAILED", 1, 2)
        assert run.allure["test_wrong"] == "failed"
        assert "AT#NOSUCH answered ERROR" in run.output
        assert "transcript" in run.output

    def test_a_skip_needs_a_pass_beside_it(self, lab: Lab) -> None:
        run = lab.run("import pytest\n\ndef test_skip(board):\n    pytest.skip('no SIM in this lab')\n")
        assert run.code == 5
        assert "no SIM in this lab" in run.output
        assert run.allure == {"test_skip": "skipped"}

    def test_what_the_firmware_does_not_have_is_left_out_with_that_reason(self, lab: Lab) -> None:
        needs = """

@pytest.mark.needs("selected socket", "#XRECVCFG")
def test_reception(modem):
    modem.serial_modem

@pytest.mark.needs("selected socket")
def test_selected(modem):
    modem.slm.list()

@pytest.mark.needs("#XRECVCGF")
def test_misspelt(modem):
    pass
"""
        run = lab.run("import pytest\n" + GOOD + needs)
        outcomes = {row["test"].rpartition("::")[2]: row for row in run.rows if row["type"] == "finish"}
        assert outcomes["test_reception"]["outcome"] == "skipped"
        assert outcomes["test_reception"]["message"] == "this firmware (SLM 3.1.0) has no #XRECVCFG"
        assert outcomes["test_reception"]["left_out"]
        assert outcomes["test_selected"]["outcome"] == "passed"
        assert "0 skipped, 1 left out" in run.output
        assert "left out  1 x this firmware (SLM 3.1.0) does not have: #XRECVCFG" in run.output
        assert outcomes["test_misspelt"]["outcome"] == "script_error"
        assert "no firmware has a feature '#XRECVCGF'" in outcomes["test_misspelt"]["message"]

    def test_a_network_without_ipv6_skips_with_that_reason(self, lab: Lab) -> None:
        config = lab.folder / "bench.toml"
        config.write_text("[network]\nipv6 = false\n")
        suite = GOOD + "\n\ndef test_six(ipv6):\n    assert ipv6\n"
        run = lab.run(suite, ("--simulate", "1", "--config", str(config)))
        assert run.code == 0
        assert run.summary["skipped"] == 1
        assert "no IPv6 on this network" in run.output

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
            config.write_text(f'[[boards]]\nname = "dk-1"\nport = "tcp://127.0.0.1:{port}"\n')
            run = lab.run(suite, ("--port", f"tcp://127.0.0.1:{port}", "--config", str(config)))
        assert run.code == 0, run.output
        assert (run.summary["simulated"], run.summary["skipped"], run.summary["failed"]) == (False, 1, 0)
        assert "observation, for a person to adopt" in run.output
        shutil.rmtree(lab.out)
        assert lab.run(suite).code == 1

    def test_a_mistake_in_a_script_says_where(self, lab: Lab) -> None:
        run = lab.run("def test_typo(modem):\n    modem.tcp_clinet()\n")
        assert run.code == 6
        assert "AttributeError" in run.output
        assert "at test_lab.py:2: modem.tcp_clinet()" in run.output

    def test_a_secret_is_nowhere(self, lab: Lab) -> None:
        run = lab.run("def test_pin(modem):\n    modem.link.command('AT+CPIN=\"7351\"')\n")
        assert run.code == 1
        everything = run.output
        for path in run.folder.rglob("*"):
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o600:
                data = path.read_bytes()
                everything += (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")
        assert 'AT+CPIN="7351"' not in everything
        assert 'AT+CPIN="****"' in everything


class TestUsage:
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


@pytest.mark.parametrize("death", ["pytest.exit('enough')", "raise KeyboardInterrupt"])
def test_a_test_that_ends_the_run_is_never_green(lab: Lab, death: str) -> None:
    """How it dies by force is an affair of processes."""
    suite = f"""
import pytest

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


LOSE_COVERAGE = """
import json, socket

def covered(yes):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect({control!r})
        client.sendall(json.dumps({{"op": "coverage", "board": "simulated-1", "covered": yes}}).encode() + b"\\n")
        assert json.loads(client.makefile("rb").readline())["ok"]

def pytest_sessionstart():
    covered(False)
"""
"""A conftest that takes the network away before the first test; a suite gives it back by covered(True)."""


class TestBoardThatDoesNotRegister:
    def test_the_next_test_gets_the_port_and_tries_again(self, lab: Lab) -> None:
        """The first is ended by its time limit; only when that is over does the network come into reach."""
        conftest = (
            LOSE_COVERAGE
            + """
def pytest_runtest_logfinish(nodeid):
    covered(True)
"""
        )
        suite = "import pytest\n\n@pytest.mark.timeout(3)\ndef test_a(modem): pass\n\ndef test_b(modem): pass\n"
        with control_socket() as control, simulator("--control", str(control)) as boards:
            (lab.folder / "conftest.py").write_text(conftest.format(control=str(control)))
            run = lab.run(suite, ("--port", boards[0]["port"]))
        assert [row["outcome"] for row in run.rows if row["type"] == "finish"] == ["failed", "passed"], run.output

    def test_it_is_given_up_after_two_tries(self, lab: Lab) -> None:
        """A network in trouble is worth another try, and no third where nobody waits for it."""
        config = lab.folder / "bench.toml"
        config.write_text("[network]\nregistration_timeout = 0.3\n[limits]\nincident_seconds = 0\n")
        suite = "".join(f"def test_{number}(modem): pass\n" for number in range(4))
        with simulator("--deny", "22") as boards:
            run = lab.run(suite, ("--port", boards[0]["port"], "--config", str(config)))
        told = [row.get("message", "").partition("\n")[0] for row in run.rows if row["type"] == "finish"]
        assert run.code == 3
        assert ["was not registered after" in text for text in told] == [True, True, True, True]
        assert ["was given up after 2 attempts" in text for text in told] == [False, False, True, True]

    def test_a_network_that_comes_back_is_waited_for(self, lab: Lab) -> None:
        """The board of a network in trouble is not given up for the run: it waits, and goes on."""
        conftest = (
            LOSE_COVERAGE
            + """
def pytest_runtest_logfinish(nodeid):
    if "test_1" in nodeid:
        covered(True)
"""
        )
        config = lab.folder / "bench.toml"
        config.write_text("[network]\nregistration_timeout = 0.3\n[limits]\nincident_seconds = 4\n")
        suite = "".join(f"def test_{number}(modem): pass\n" for number in range(6))
        with control_socket() as control, simulator("--control", str(control)) as boards:
            (lab.folder / "conftest.py").write_text(conftest.format(control=str(control)))
            run = lab.run(suite, ("--port", boards[0]["port"], "--config", str(config)))
        rows = [row for row in run.rows if row["type"] == "finish" and row["attempt"] == 1]
        assert [row["outcome"] for row in rows[:2]] == ["lab_error", "lab_error"]
        assert {row["outcome"] for row in rows[2:]} == {"passed"}, run.output
        told = [row["text"] for row in run.rows if row["type"] == "progress"]
        assert "tries its network again in 4 s; at most 4 s are left for that" in told


class TestExpectedFailures:
    def test_a_strict_one_that_passes_says_its_reason(self, lab: Lab) -> None:
        suite = """
import pytest

@pytest.mark.xfail(strict=True, reason="the modem drops the second packet")
def test_a(modem):
    pass

def test_b(modem):
    pass
"""
        run = lab.run(suite)
        assert (run.code, run.summary["unexpected_passes"]) == (1, 1)
        assert "passed although: the modem drops the second packet" in run.output

    def test_of_unittest_are_known_issues(self, lab: Lab) -> None:
        suite = """
import unittest

import pytest

@pytest.mark.usefixtures("board")
class TestOld(unittest.TestCase):
    @unittest.expectedFailure
    def test_fails(self):
        self.assertEqual(1, 2)

    @unittest.expectedFailure
    def test_passes(self):
        pass

    def test_good(self):
        pass
"""
        run = lab.run(suite)
        outcomes = {row["test"].rpartition("::")[2]: row["outcome"] for row in run.rows if row["type"] == "finish"}
        assert outcomes == {"test_fails": "passed", "test_passes": "failed", "test_good": "passed"}
        assert (run.code, run.summary["known_issues"], run.summary["skipped"]) == (1, 1, 0)
        assert "XFailed" not in run.output

    def test_a_suite_of_nothing_else_is_not_passed(self, lab: Lab) -> None:
        run = lab.run("import pytest\n\n@pytest.mark.xfail(reason='r')\ndef test_a(modem):\n    assert False\n")
        assert (run.code, run.summary["verdict"]) == (5, "INCOMPLETE")
        assert "which proves nothing" in run.output


class TestIdentity:
    def test_equal_parameters_are_told_apart(self, lab: Lab) -> None:
        suite = """
import allure
import pytest

class Case:
    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return "Case"

@pytest.mark.parametrize("size", [512, 512], ids=["first", "again"])
def test_twice(modem, size):
    pass

@pytest.mark.parametrize("case", [Case(1), Case(2)])
def test_objects(modem, case):
    allure.dynamic.parameter("case", "the same")

@pytest.mark.parametrize("size", [1, 2])
def test_plainly(modem, size):
    allure.dynamic.parameter("size", 5)
"""
        run = lab.run(suite)
        assert run.code == 0, run.output
        results = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        assert len({result["historyId"] for result in results}) == 6
        shown = [sorted((one["name"], one["value"]) for one in result["parameters"]) for result in results]
        assert sum(("id", "first") in one for one in shown) == 1
        assert not any("id" in dict(one) for one in shown if ("size", "1") in one or ("size", "2") in one)

    def test_ids_of_the_stream_and_of_allure_agree(self, lab: Lab) -> None:
        run = lab.run("class TestA:\n    def test_a(self, modem):\n        pass\n")
        (result,) = [json.loads(p.read_text()) for p in (run.folder / "allure-results").glob("*-result.json")]
        assert result["fullName"] == "test_lab.TestA#test_a"
        assert {row["test"] for row in run.rows if "test" in row} == {"test_lab.py::TestA::test_a"}

    def test_two_files_of_one_name_are_told(self, lab: Lab) -> None:
        for folder in ("a", "b"):
            (lab.folder / folder).mkdir()
            (lab.folder / folder / "test_x.py").write_text("def test_a(modem):\n    pass\n")
        run = lab.run("def test_a(modem):\n    pass\n", ("--simulate", "1", "--", "a", "b"))
        assert run.code == 6
        assert "b/test_x.py cannot be read: two test files are called test_x.py: rename one, or put an" in run.output


class TestEnds:
    def test_who_ends_the_run_says_why(self, lab: Lab) -> None:
        run = lab.run("import pytest\n\ndef test_a(modem):\n    pytest.exit('no more SIMs', returncode=0)\n")
        assert run.code == 5
        assert "test_lab.py::test_a ended the run: no more SIMs" in run.output

    def test_an_interruption_inside_of_another_plugin_is_no_failure(self, lab: Lab) -> None:
        """A wrapper that catches everything makes a failed report of it."""
        (lab.folder / "conftest.py").write_text(
            """
import os
import signal

import pytest

@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_runtest_call(item):
    outcome = yield
    if item.name == "test_b":
        try:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
        except KeyboardInterrupt as error:
            outcome.force_exception(RuntimeError(f"caught {error!r}"))
"""
        )
        suite = "def test_a(modem):\n    pass\n\ndef test_b(modem):\n    pass\n\ndef test_c(modem):\n    pass\n"
        run = lab.run(suite)
        outcomes = {row["test"].rpartition("::")[2]: row["outcome"] for row in run.rows if row["type"] == "finish"}
        assert outcomes == {"test_a": "passed"}
        assert (run.code, run.summary["failed"], run.summary["died"]) == (5, 0, 2)
