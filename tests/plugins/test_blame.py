"""Whom to blame: the device, the lab, or what is known; never green for the wrong reason."""

import contextlib
from pathlib import Path

import pytest

from bench.boards import Board, BoardSpec, SimulatedBoards, ask_simulator
from bench.privacy import Concealer
from tests.support.lab import Finished, Lab
from tests.support.port_server import port_server
from tests.support.programs import control_socket, simulator

CONTROL = """
import json, socket, pytest

def befall(request):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect({control!r})
        client.sendall(json.dumps({{"board": "simulated-1", **request}}).encode() + b"\\n")
        assert json.loads(client.makefile("rb").readline())["ok"]

RESTART = {{"op": "trouble", "what": "restart"}}
NO_NETWORK = {{"op": "coverage", "covered": False}}

@pytest.fixture(autouse=True)
def covered():
    yield
    befall({{"op": "coverage", "covered": True}})
"""
CONFIG = "[network]\nregistration_timeout = 20.0\nsurvey = false\n[limits]\nlab_error_retries = {retries}\n"


def played(lab: Lab, suite: str, *arguments: str, retries: int = 0, hardware: bool = False) -> Finished:
    config = lab.folder / "bench.toml"
    config.write_text(CONFIG.format(retries=retries))
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(control_socket())
        boards = stack.enter_context(simulator("--control", str(control), *arguments))
        port = boards[0]["port"]
        if hardware:
            port = f"tcp://127.0.0.1:{stack.enter_context(port_server(port))}"
            with config.open("a") as file:
                file.write(f'[[boards]]\nname = "dk-1"\nport = "{port}"\n')
        text = CONTROL.format(control=str(control)) + suite
        return lab.run(text, ("--port", port, "--config", str(config)))


CRASH = """
def test_crashes(modem):
    befall(RESTART)
    import time; time.sleep(0.5)
    with modem.udp_socket() as socket:
        socket.receive(1)
"""


class TestRestart:
    def test_a_board_that_registers_slowly_afterwards_has_failed_all_the_same(self, lab: Lab) -> None:
        run = played(lab, CRASH, "--register-after", "3", retries=5)
        assert run.code == 1, run.output
        assert (run.summary["failed"], run.summary["lab_errors"]) == (1, 0)

    def test_it_is_named_before_its_consequences(self, lab: Lab) -> None:
        """What the body saw is an error of a command; that the board had restarted is found afterwards."""
        body = "    from bench.errors import DeviceError\n    raise DeviceError('no answer')\n"
        suite = CRASH.partition("    with")[0] + body
        run = played(lab, suite)
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert "restarted by itself" in row["message"].partition("\n")[0]
        assert "no answer" in row["message"]
        assert row["support"]

    def test_in_data_mode(self, lab: Lab) -> None:
        """Nothing that the board says there is an answer; what the body saw stands below."""
        suite = """
import time

def test_crashes(modem, tcp_echo):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port):
        modem.link.enter_data_mode("AT#XSEND")
        modem.link.write(b"hello")
        befall(RESTART)
        time.sleep(0.5)
        modem.link.leave_data_mode(timeout=1)
"""
        run = played(lab, suite)
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert row["outcome"] == "failed"
        first, second, *_ = row["message"].splitlines()
        assert "restarted by itself" in first
        assert "data mode did not end" in second

    @pytest.mark.parametrize("hardware", [True, False])
    def test_what_rests_on_a_stack_is_no_excuse(self, lab: Lab, hardware: bool) -> None:
        run = played(lab, CRASH.replace("def test", "@pytest.mark.stack\ndef test"), hardware=hardware)
        assert run.code == 1, run.output

    def test_a_known_issue_is_none(self, lab: Lab) -> None:
        """The body fails as is known; that the board has restarted is found afterwards, and is news."""
        known = '[[issue]]\ntest = "*::test_crashes"\nreason = "slow"\nreference = "X-1"\nowner = "anna"\n'
        (lab.folder / "known_issues.toml").write_text(known + "expires = 2099-01-01\n")
        run = played(lab, CRASH.partition("    with")[0] + "    assert False, 'slow'\n")
        assert run.code == 1, run.output
        assert run.summary["known_issues"] == 0
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert "restarted by itself" in row["message"]


GONE = """
def test_talks(modem, udp_echo):
    befall(NO_NETWORK)
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        client.send(b"?")
        assert client.receive(1).data == b"?"
"""


class TestNoNetwork:
    def test_a_failure_without_a_network_proves_nothing(self, lab: Lab) -> None:
        run = played(lab, GONE)
        assert run.code == 3, run.output
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert row["error"] == "NetworkLost"
        assert row["message"].startswith("the board had lost its network: ")

    def test_nor_is_it_green_when_it_passes_later(self, lab: Lab) -> None:
        """It failed, and nobody knows whose fault that was: a second try would hide it."""
        run = played(lab, GONE, retries=5)
        assert run.code == 3, run.output
        assert [row["attempt"] for row in run.rows if row["type"] == "finish"] == [1]

    def test_nor_does_a_known_issue(self, lab: Lab) -> None:
        known = '[[issue]]\ntest = "*::test_talks"\nreason = "deaf"\nreference = "X-1"\nowner = "anna"\n'
        (lab.folder / "known_issues.toml").write_text(known + "expires = 2099-01-01\n")
        run = played(lab, GONE)
        assert run.code == 3, run.output
        assert (run.summary["lab_errors"], run.summary["known_issues"]) == (1, 0)

    def test_nor_an_observation_of_a_stack(self, lab: Lab) -> None:
        run = played(lab, GONE.replace("def test", "@pytest.mark.stack\ndef test"), hardware=True)
        assert run.code == 3, run.output


class TestStack:
    """What a stack does otherwise a person decides on; what it does not do at all is a failure."""

    @pytest.mark.parametrize(
        ("body", "outcome"),
        [
            ("assert modem.link.command('AT').lines == ('hello',)", "skipped"),
            ("modem.link.command('AT#XNOSUCH')", "skipped"),
            ("modem.udp_socket(); modem.link.command('AT#XRECV=20', timeout=0.5)", "failed"),
            ("pytest.fail('took too long')", "failed"),
        ],
    )
    def test_only_behaviour_is_observed(self, lab: Lab, body: str, outcome: str) -> None:
        run = played(lab, f"@pytest.mark.stack\ndef test_it(modem):\n    {body}\n", hardware=True)
        (row,) = (row for row in run.rows if row["type"] == "finish")
        assert row["outcome"] == outcome, run.output


class TestPublicPeers:
    def test_a_board_that_was_opened_anew_shows_itself_anew(self, lab: Lab) -> None:
        """Its address may be another one now."""
        suite = """
from bench.boards import ask_simulator

def test_one(modem, tcp_echo, bench_session):
    ask_simulator(bench_session.spec, {"op": "trouble", "what": "restart"})
    import time; time.sleep(1)

def test_two(modem, peers):
    echo = peers.tcp_echo()
    with modem.tcp_client(echo.host, echo.port) as client:
        client.send(b"hello")
        assert client.receive_exactly(5) == b"hello"
"""
        (lab.folder / "bench.toml").write_text("[peers]\npublic = true\n")
        run = lab.run(suite, ("--simulate", "1", "--config", str(lab.folder / "bench.toml")))
        shown = [path.read_text() for path in (run.folder / "allure-results").glob("*test_two*timeline-attachment.txt")]
        assert shown
        assert "AT#XSENDTO" in shown[0], "no token was shown again"
        assert {row["test"].partition("::")[2]: row["outcome"] for row in run.rows if row["type"] == "finish"}[
            "test_two"
        ] == "passed"


def test_a_pin_does_not_rewrite_what_peers_sent(tmp_path: Path) -> None:
    """Its command is masked; four digits stand in many a payload by chance."""
    pin = tmp_path / "pin"
    pin.touch(mode=0o600)
    pin.write_text("0000")
    with simulator("--pin", "0000") as boards:
        spec = BoardSpec("dk-1", boards[0]["port"], hardware=False, pin=f"file:{pin}")
        concealer = Concealer(b"k" * 32)
        with Board(spec, concealer) as board:
            board.registered(10)
            sent = b"".join(entry.data for entry in board.transcript.entries)
        assert b"0000" not in sent.partition(b"AT+CPIN=")[2].partition(b"\r")[0]
        assert concealer.conceal(b"amount 10000000") == b"amount 10000000"
        assert concealer.conceal(b"PIN 0000") == b"PIN ****"


def test_what_is_kept_for_support_has_no_address(lab: Lab) -> None:
    suite = """
from bench.boards import ask_simulator

def test_faults(modem, bench_session):
    ask_simulator(bench_session.spec, {"op": "trouble", "what": "fault"})
    modem.link.wait_for_urc("#XMODEM: INIT", timeout=5)
    modem.registration.wait(5)  # a modem that has crashed comes up with its radio off
"""
    run = lab.run(suite)
    (row,) = (row for row in run.rows if row["type"] == "finish")
    answers = (run.folder / row["support"] / "answers.txt").read_text()
    assert '+CGDCONT: 0,"IPV4V6","","x.x.x.x"' in answers


def test_a_simulated_board_can_be_troubled() -> None:
    """Else the tests above would prove nothing."""
    with SimulatedBoards(1) as boards, Board(boards.specs[0], Concealer(b"k" * 32)) as board:
        ask_simulator(boards.specs[0], {"op": "trouble", "what": "restart"})
        assert board.link.wait_for_urc("Ready", timeout=10).line == "Ready"
