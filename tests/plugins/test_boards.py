"""Boards: opened from any state a crash can leave, identified, registered, refused with reason."""

import json
import os
import time
from collections.abc import Iterator

import pytest

from bench.at import AtLink, CommandTimeout
from bench.boards import (
    Board,
    BoardSilent,
    BoardSpec,
    BoardUnintelligible,
    SimulatedBoards,
    found_again,
    named_port,
)
from bench.boards.recovery import synchronise
from bench.config.lab import Config
from bench.errors import LabError
from bench.modem import DialectUnsupported, NotRegistered
from bench.privacy import Concealer
from tests.support.programs import simulator
from tests.support.responder import SLM_IDENTITY, Device, device


@pytest.fixture
def simulated() -> Iterator[str]:
    with simulator() as boards:
        yield boards[0]["port"]


def board_at(port: str) -> Board:
    return Board(BoardSpec("slot-1", port, hardware=False), Concealer(b"k" * 32))


def test_a_pty_that_took_the_number_of_a_board_that_ended_is_another() -> None:
    with simulator() as boards:
        spec = named_port(boards[0]["port"], 1, Config())
        assert found_again(spec, Config(), 0) == spec
    master, slave = os.openpty()
    try:
        with pytest.raises(LabError, match=f"the simulator of board-1 has ended, and its port {spec.port} with it"):
            found_again(spec, Config(), 0)
    finally:
        os.close(master)
        os.close(slave)


class TestKnownState:
    """Whatever a killed run left behind, the next one finds a board in order."""

    def crash(self, port: str, *writes: bytes) -> None:
        descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
        for data in writes:
            os.write(descriptor, data)
            time.sleep(0.1)
        os.close(descriptor)

    @pytest.mark.parametrize(
        "left_over",
        [
            (b"AT#XSOCKET=1,1,0\r\n", b"AT#XSOCKET=1,2,0\r\n"),
            (b"AT#XSOCKET=1,2,0\r\n", b"AT#XSEND\r\n", b"half of the da"),
            (b"AT#XSEND\r\n", b"ends in plus++"),
            (b'AT#XSEND="an open quote\r\n', b"AT\r\n"),
            (b"AT#XSOCKET=1,", b""),
            (b"AT#XSOCKET=1,2,0\r\n", b"AT#XRECV=3\r\n"),
            (b"\xff\x00garbage",),
        ],
        ids=[
            "sockets",
            "data mode",
            "half a terminator",
            "open quote",
            "half a command",
            "blocking command",
            "garbage",
        ],
    )
    def test_is_reached_from(self, simulated: str, left_over: tuple[bytes, ...]) -> None:
        self.crash(simulated, *left_over)
        with board_at(simulated) as board:
            assert board.link.command("AT").ok
            assert board.modem.slm.list().sockets == ()
            assert board.identity.part == "nRF9151-LACA"

    def test_is_left_behind_too(self, simulated: str) -> None:
        with board_at(simulated) as board:
            board.modem.registration.wait(5)
            board.modem.tcp_socket()
            board.link.enter_data_mode("AT#XSEND")
        with AtLink.open(simulated) as link:
            assert link.command("AT#XSOCKETSELECT?").lines == ()
            assert link.command("AT+CEREG?").lines == ("+CEREG: 0,1",)

    def test_an_echo_is_switched_off(self) -> None:
        answers = {**SLM_IDENTITY, b"ATE0": b"ATE0\r\r\nOK\r\n"}
        answers[b"AT+CFUN?"] = b"AT+CFUN?\r\r\n+CFUN: 1\r\n\r\nOK\r\n"
        with device(answers) as board, board_at(board.path):
            assert b"ATE0\r\n" in board.heard

    def test_a_command_that_hangs_is_recovered_between_tests(self, simulated: str) -> None:
        with board_at(simulated) as board:
            board.modem.udp_socket()
            with pytest.raises(CommandTimeout):
                board.link.command("AT#XRECV=2", timeout=0.2)
            board.known_state()
            assert board.modem.slm.list().sockets == ()

    def test_events_reception_and_echo_of_serial_modem_are_switched_off(self) -> None:
        """They would outlive every socket: a scenario, or a run that was killed, leaves none of them behind."""
        with simulator("--firmware", "serial-modem") as boards, board_at(boards[0]["port"]) as board:
            application = board.modem.serial_modem
            self.speak_unasked(board.link)
            board.known_state()
            board.modem.udp_socket()
            assert application.events.read() == ()
            assert application.reception.read() == ()
            board.link.write_raw(b"AT\r")
            assert board.link.listen(lambda heard: heard.endswith(b"OK\r\n"), timeout=5) == b"\r\nOK\r\n"

    def test_so_are_those_that_a_killed_run_has_left(self) -> None:
        with simulator("--firmware", "serial-modem") as boards:
            with AtLink.open(boards[0]["port"]) as link:
                self.speak_unasked(link)
            with board_at(boards[0]["port"]) as board:
                board.modem.udp_socket()
                assert board.modem.serial_modem.events.read() == ()

    @staticmethod
    def speak_unasked(link: AtLink) -> None:
        for command in ("AT#XAPOLL=,1,5", "AT#XRECVCFG=,1", "ATE1"):
            link.command(command)


class TestRefusals:
    def test_a_silent_board(self) -> None:
        with device({b"+++AT": b""}) as silent:
            silent.stall()
            with AtLink.open(silent.path) as link, pytest.raises(BoardSilent, match="AT port") as failure:
                synchronise(link, timeout=1.5)
            assert isinstance(failure.value, LabError)

    def test_a_board_that_answers_garbage(self) -> None:
        with device() as board:
            board.answers = {}

            def babble(board: Device) -> None:
                board.say(b"\x80\xfe\x00baud?\xff")

            board.answers = {b"+++AT": babble, b'"': babble}
            with AtLink.open(board.path) as link, pytest.raises(BoardUnintelligible, match="baud rate"):
                synchronise(link, timeout=1.5)

    def test_serial_modem_firmware(self) -> None:
        version = b'\r\n#XSMVER: "v1.99.0-67-ga9e396bc3d58","3.3.99"\r\n\r\nOK\r\n'
        answers = {**SLM_IDENTITY, b"AT#XSMVER": version, b"AT#XCLOSE": b"\r\nOK\r\n"}
        with device(answers) as board, board_at(board.path) as opened:
            assert opened.identity.application == "serial-modem"
            assert opened.identity.application_version == "1.99.0.post67+ga9e396bc3d58"
            assert b"AT#XSLMVER" not in board.heard
            assert opened.modem.serial_modem.sockets.close_all() == 0

    def test_serial_modem_of_another_age(self) -> None:
        answers = {**SLM_IDENTITY, b"AT#XSMVER": b'\r\n#XSMVER: "v0.3.0","3.2.0"\r\n\r\nOK\r\n'}
        with device(answers) as board, pytest.raises(DialectUnsupported, match=r"Serial Modem v0\.3\.0, .* 1\.0 and"):
            board_at(board.path).open()

    def test_another_modem(self) -> None:
        answers = {name: answer for name, answer in SLM_IDENTITY.items() if name != b"AT#XSLMVER"}
        with (
            device(answers) as board,
            pytest.raises(DialectUnsupported, match="does not run Serial Modem or Serial LTE Modem"),
        ):
            board_at(board.path).open()

    def test_a_board_of_another_make_is_opened_by_its_answers_alone(self) -> None:
        with device(SLM_IDENTITY) as board, board_at(board.path) as opened:
            assert opened.identity.application_version == "2.9.0"
            assert opened.identity.iccid == "8944501234567890123F"
            assert opened.identity.uuid == ""
            assert opened.simulated
            assert "351358811124772" not in json.dumps(opened.short_ids())
            assert "351358811124772" not in opened.transcript.tail(opened.link.port.conceal, 100)


class TestRegistration:
    def test_waits_for_the_network(self) -> None:
        with simulator("--register-after", "0.4") as boards, board_at(boards[0]["port"]) as board:
            board.link.command("AT+CFUN=4")
            board.modem.registration.wait(10)
            assert board.link.command("AT+CEREG?").lines[0].startswith("+CEREG: 5,1")

    def test_says_the_reject_cause_at_once(self) -> None:
        with (
            simulator("--deny", "8") as boards,
            board_at(boards[0]["port"]) as board,
            pytest.raises(NotRegistered, match=r"EMM cause 8 \(EPS and non-EPS services not allowed"),
        ):
            board.modem.registration.wait(60)

    def test_has_a_deadline(self) -> None:
        with simulator("--register-after", "60") as boards, board_at(boards[0]["port"]) as board:
            with pytest.raises(NotRegistered, match="searching for a network") as failure:
                board.modem.registration.wait(0.3)
            assert isinstance(failure.value, LabError)


class TestSelection:
    def test_many_simulated_boards_start_whatever_comes_in_one_read(self) -> None:
        for _ in range(3):
            with SimulatedBoards(5) as boards:
                assert len({spec.port for spec in boards.specs}) == 5
