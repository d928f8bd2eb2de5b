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
    select,
)
from bench.boards.catalog import MODELS, Catalog
from bench.boards.discovery import same_serial
from bench.boards.recovery import synchronise
from bench.config.lab import BoardEntry, Config
from bench.errors import LabError, UsageError
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
        with pytest.raises(LabError, match=f"has vanished: the program behind {spec.port} has ended"):
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
        answers = {**SLM_IDENTITY, b"AT#XSMVER": b'\r\n#XSMVER: "v1.0.0","3.3.99"\r\n\r\nOK\r\n'}
        with device(answers) as board, pytest.raises(DialectUnsupported, match="dialect not supported yet"):
            board_at(board.path).open()

    def test_another_modem(self) -> None:
        answers = {name: answer for name, answer in SLM_IDENTITY.items() if name != b"AT#XSLMVER"}
        with device(answers) as board, pytest.raises(DialectUnsupported, match="does not run Serial LTE Modem"):
            board_at(board.path).open()

    def test_a_board_of_another_make_is_opened_by_its_answers_alone(self) -> None:
        with device(SLM_IDENTITY) as board, board_at(board.path) as opened:
            assert opened.identity.slm_version == "2.9.0"
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
            simulator("--deny", "15") as boards,
            board_at(boards[0]["port"]) as board,
            pytest.raises(NotRegistered, match=r"denied, EMM cause 15 \(no suitable cells"),
        ):
            board.modem.registration.wait(60)

    def test_has_a_deadline(self) -> None:
        with simulator("--register-after", "60") as boards, board_at(boards[0]["port"]) as board:
            with pytest.raises(NotRegistered, match="searching for a network") as failure:
                board.modem.registration.wait(0.3)
            assert isinstance(failure.value, LabError)


class TestSelection:
    def test_a_pty_is_never_hardware(self, simulated: str) -> None:
        config = Config(boards=(BoardEntry(name="mine", port=simulated, hardware=True),))
        assert not named_port(simulated, 1, config).hardware
        assert named_port(simulated, 1, config).slot == "mine"
        assert not named_port(simulated, 1, Config()).hardware

    def test_a_tcp_port_is_hardware_only_if_the_lab_says_so(self) -> None:
        assert not named_port("tcp://rack:4001", 1, Config()).hardware
        config = Config(boards=(BoardEntry(name="rack", port="tcp://rack:4001"),))
        assert named_port("tcp://rack:4001", 1, config).hardware

    def test_by_name_and_not_twice(self, simulated: str) -> None:
        config = Config(boards=(BoardEntry(name="one", port="/dev/a"), BoardEntry(name="two", port="/dev/b")))
        assert [spec.slot for spec in select(config, ["two"], [])] == ["two"]
        assert [spec.slot for spec in select(config, [], [])] == ["one", "two"]
        with pytest.raises(UsageError, match=r"no board is three; known boards: one, two"):
            select(config, ["three"], [])
        with pytest.raises(UsageError, match="chosen twice"):
            select(config, [], [simulated, simulated])

    def test_a_port_that_is_none(self) -> None:
        for port, says in (("/dev/ttyNOSUCH", "there is no port"), ("tcp://127.0.0.1", "tcp://HOST:PORT")):
            with pytest.raises(UsageError, match=says):
                select(Config(), [], [port])

    def test_many_simulated_boards_start_whatever_comes_in_one_read(self) -> None:
        for _ in range(3):
            with SimulatedBoards(5) as boards:
                assert len({spec.port for spec in boards.specs}) == 5

    def test_by_what_a_selector_says_it_means(self, simulated: str) -> None:
        entries = (
            BoardEntry(name="one", port="/dev/a", model="nrf9151dk", labels=("roof",)),
            BoardEntry(name="two", port="/dev/b", model="nrf9160dk", labels=("roof", "old")),
        )
        config = Config(boards=entries)
        for selector, slots in (
            ("model=nrf9151dk", ["one"]),
            ("label=roof", ["one", "two"]),
            ("old", ["two"]),
            ("name=two", ["two"]),
        ):
            assert [spec.slot for spec in select(config, [selector], [])] == slots
        asked = select(config, ["firmware=1.3"], [], lambda spec: "mfw_nrf9160_1.3.7" if spec.slot == "two" else "")
        assert [spec.slot for spec in asked] == ["two"]
        with pytest.raises(UsageError, match="unknown kind 'colour'; available: name, model"):
            select(config, ["colour=red"], [])

    def test_configured_boards_that_are_not_attached(self) -> None:
        entries = BoardEntry(name="dk-1", serial="1051202135"), BoardEntry(name="dk-2", place="1-1.4")
        first, second = select(Config(boards=entries), [], [])
        assert (first.port, first.sought) == ("", "serial 1051202135")
        assert (second.port, second.sought) == ("", "place 1-1.4")
        assert first.key != second.key


class TestCatalog:
    @pytest.mark.parametrize(
        ("vendor", "product", "serial", "model"),
        [
            (0x1366, 0x1069, "001051202135", "nrf9151dk"),
            (0x1366, 0x1059, "001051216197", "nrf9151dk"),
            (0x1366, 0x1069, "001050978819", "nrf9161dk"),
            (0x1366, 0x1055, "000960087317", "nrf9160dk"),
            (0x1915, 0x910A, "THINGY91X_F39CC1B120C", "thingy91x"),
            (0x1915, 0x9100, "THINGY91_0123456789AB", "thingy91"),
            (0x1366, 0x0105, "000821001234", None),
            (0x1366, 0x1051, "001057712345", None),
            (0x1915, 0x910A, "something", None),
        ],
    )
    def test_models_are_told_by_usb_id_and_serial(
        self, vendor: int, product: int, serial: str, model: str | None
    ) -> None:
        found = Catalog().recognise(vendor, product, serial)
        assert (found.name if found else None) == model

    def test_every_model_has_one_at_port(self) -> None:
        assert all(model.ports.count("at") == 1 for model in MODELS)

    def test_serials_are_compared_as_the_tools_print_them(self) -> None:
        assert same_serial("001051202135", "1051202135")
        assert not same_serial("001051202135", "1051202136")
        assert not same_serial("", "")
