"""The escalation for a board that does not answer, and boards that restart by themselves.

A pty has no baud rate on the wire: a device that answers at one rate only reads the rate that its client has set.
"""

import sys
import termios
import time
from pathlib import Path

import pytest
import serial

from bench.at import SERIAL_MODEM, AtLink, CommandTimeout, DeviceRestarted
from bench.boards import Board, BoardSilent, BoardSpec, Escalation, ResetBudget
from bench.config.lab import Recovery, load
from bench.config.toml_file import ConfigError
from bench.privacy import Concealer
from tests.support.programs import simulator
from tests.support.responder import Answer, Device, device, gated, info, rate_of
from tests.support.serial_modem_host import serial_modem_host

QUICK = Recovery(baudrates=(115200, 9600))


def board_at(port: str) -> Board:
    return Board(BoardSpec("dk-1", port, hardware=False), Concealer(b"k" * 32))


def opened(board: Device, recovery: Recovery, resets: int, said: list[str]) -> Board:
    spec = BoardSpec("dk-1", board.path, serial="1051202135", place="1-4", hardware=False)
    escalation = Escalation(spec, recovery, ResetBudget(resets), lambda text, reset=False: said.append(text))
    return Board(spec, Concealer(b"k" * 32), escalation=escalation, patience=1.5)


class TestEscalation:
    def test_another_baud_rate(self) -> None:
        said: list[str] = []
        with device(gated(lambda board: rate_of(board) == termios.B9600)) as silent:
            with opened(silent, QUICK, 3, said) as board:
                assert board.identity.application_version == "2.9.0"
            assert said == ["dk-1 answers at 9600 baud, not at 115200: set baudrate = 9600 in bench.toml"]
            assert b"AT#XRESET" not in silent.heard

    def test_a_reset_by_command(self) -> None:
        said: list[str] = []
        reset = gated(lambda board: b"AT#XRESET\r\n" in board.heard)
        with device(reset) as silent, opened(silent, QUICK, 3, said) as board:
            assert board.identity.application_version == "2.9.0"
        assert said == ["dk-1 does not answer: AT#XRESET", "dk-1 answers again after AT#XRESET"]

    @pytest.mark.long
    def test_the_labs_own_commands(self, tmp_path: Path) -> None:
        """The reset fails, the power cycle helps; both know which board is meant."""
        said: list[str] = []
        mark = tmp_path / "mark"
        script = "import sys; open(sys.argv[1], 'w').write(' '.join(sys.argv[2:]))"
        recovery = Recovery(
            baudrates=(115200,),
            reset=(sys.executable, "-c", "import sys; sys.exit('no probe ' + sys.argv[1])", "{serial}"),
            power_cycle=(sys.executable, "-c", script, str(mark), "{serial}", "{place}", "{name}", "{port}"),
        )
        with device(gated(lambda _: mark.exists())) as silent, opened(silent, recovery, 5, said) as board:
            assert mark.read_text() == f"1051202135 1-4 dk-1 {silent.path}"
            assert board.identity.application_version == "2.9.0"
        assert said[-1] == "dk-1 answers again after the lab's power cycle"
        assert any("[recovery] reset: " in text and "no probe 1051202135" in text for text in said)

    def test_resets_have_a_budget(self) -> None:
        said: list[str] = []
        with device(gated(lambda _: False)) as silent:
            with pytest.raises(BoardSilent, match=r"no AT#XRESET: this run's resets are used up \(limits\.resets"):
                opened(silent, Recovery(baudrates=(115200,)), 0, said).open()
            assert b"AT#XRESET" not in silent.heard

    def test_what_the_lab_could_add_is_said(self) -> None:
        with device(gated(lambda _: False)) as silent:
            spec = BoardSpec("dk-1", silent.path, hardware=False)
            escalation = Escalation(spec, Recovery(baudrates=(115200,)), ResetBudget(0), lambda _, reset=False: None)
            with pytest.raises(BoardSilent, match="hears nothing; give the bench a command that resets it"):
                Board(spec, Concealer(b"k" * 32), escalation=escalation, patience=1.5).open()


def await_boot(board: Board) -> None:
    """Until the board has said Ready; it stays in the link."""
    while not board.transcript.entries[-1].data.endswith(b"Ready\r\n"):
        time.sleep(0.01)


class TestRestarts:
    def test_in_the_middle_of_a_command(self) -> None:
        with device({b"AT#XSEND": b"\r\nReady\r\n"}) as board, AtLink.open(board.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match=r"restarted by itself in the middle of AT#XSEND: it said Ready"):
                link.command("AT#XSEND", timeout=30)
            assert link.command("AT").ok

    def test_the_boot_before_the_first_answer_is_none(self) -> None:
        booting: dict[bytes, Answer] = {b"AT#XSLMVER": b"Ready\r\n\r\nOK\r\n"}
        with device(booting) as board, AtLink.open(board.path) as link:
            assert link.command("AT#XSLMVER").ok

    def test_a_modem_that_crashes(self) -> None:
        fault = b"\r\n#XMODEM: FAULT,0x4400001,0x12345\r\n"
        with device({b"AT#XSEND": fault}) as board, AtLink.open(board.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match="#XMODEM: FAULT"):
                link.command("AT#XSEND", timeout=30)

    def test_a_restart_that_was_asked_for_is_none(self) -> None:
        with simulator() as boards, AtLink.open(boards[0]["port"]) as link:
            link.command("AT")
            link.urcs()  # it may just have booted
            link.command("AT#XRESET")
            assert link.wait_for_urc("Ready").line == "Ready"
            assert link.take_restarts() == ()

    def test_whoever_empties_the_backlog_does_not_hide_one(self) -> None:
        with simulator() as boards, board_at(boards[0]["port"]) as board:
            board.link.command("AT#XRESET")
            while "Ready" not in [urc.line for urc in board.link.urcs()]:
                time.sleep(0.01)
            with pytest.raises(DeviceRestarted, match="Ready came unasked"):
                board.known_state()

    def test_one_that_comes_while_order_is_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its sockets are being closed when it restarts."""
        with simulator() as boards, board_at(boards[0]["port"]) as board:
            sockets = board.modem.close_sockets

            def close() -> int:
                closed = sockets()
                board.link.command("AT#XRESET")
                await_boot(board)
                return closed

            with monkeypatch.context() as patch:
                patch.setattr(board.modem, "close_sockets", close)
                with pytest.raises(DeviceRestarted, match="Ready came unasked"):
                    board.known_state()

    def test_between_two_commands(self) -> None:
        with simulator() as boards, board_at(boards[0]["port"]) as board:
            board.link.command("AT#XRESET")
            await_boot(board)
            with pytest.raises(DeviceRestarted, match="dk-1 restarted by itself: Ready came unasked"):
                board.known_state()
            board.known_state()

    def test_silence_is_still_a_timeout(self) -> None:
        with device({b"AT#XSEND": b""}) as board, AtLink.open(board.path) as link, pytest.raises(CommandTimeout):
            link.command("AT#XSEND", timeout=0.2)

    @pytest.mark.parametrize("order", [(b"", b"\r\nERROR\r\n"), (b"\r\n#XMODEM: SHUTDOWN,0\r\n", b"\r\nERROR\r\n")])
    def test_the_error_that_ends_a_command_in_a_crash_is_not_the_next_ones(self, order: tuple[bytes, ...]) -> None:
        def crash(one: Device) -> None:
            one.say(b"\r\n#XMODEM: FAULT,0x10,0x119f0a\r\n")
            time.sleep(0.05)
            one.say(*order)
            time.sleep(0.1)
            one.say(b"\r\n#XMODEM: INIT,0\r\n")

        with device({b'AT#XSEND="x"': crash, b"AT+CGMR": info(b"mfw")}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match=r"modem crashed in the middle of AT#XSEND") as failure:
                link.command('AT#XSEND="x"', timeout=30)
            assert failure.value.crashed
            assert link.command("AT+CGMR").lines == ("mfw",)
            assert [urc.line for urc in link.take_restarts()] == ["#XMODEM: FAULT,0x10,0x119f0a"]

    def test_in_an_announced_payload(self) -> None:
        half = b"\r\n#XRECV: 64\r\nhalf a payl\xffReady\r\n"
        with device({b"AT#XRECV=1": half}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(DeviceRestarted, match="restarted by itself in the middle of AT#XRECV=1"):
                link.command("AT#XRECV=1", timeout=0.5)
            assert link.command("AT").ok

    def test_while_a_command_hangs(self) -> None:
        with device({b"AT#XRECV=1": b""}) as one, AtLink.open(one.path) as link:
            link.command("AT")
            with pytest.raises(CommandTimeout):
                link.command("AT#XRECV=1", timeout=0.2)
            one.say(b"\xffReady\r\n")
            assert link.command("AT", timeout=10).ok, "no answer of the command before it is waited for"


class TestModemLines:
    """A pty has none of these lines: what is asked of the serial library is all that can be seen here."""

    @pytest.mark.parametrize("dtr", [True, False])
    def test_dtr_is_what_the_inventory_says(self, monkeypatch: pytest.MonkeyPatch, dtr: bool) -> None:
        set_to: list[bool] = []
        monkeypatch.setattr(serial.Serial, "_update_dtr_state", lambda port: set_to.append(port._dtr_state))
        with device() as board, AtLink.open(board.path, dtr=dtr):
            assert set_to == [dtr]


class TestInventory:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('[[boards]]\nname = "a"\nserial = "1"\nplace = "1-1"\n', "give serial or place"),
            ('[[boards]]\nname = "a"\nport = "/dev/x"\nsec_tags = [5]\n', "boards #1.sec_tags"),
            ('[[models]]\nname = "m"\nvendor = "13667"\nproducts = ["0001"]\n', "line 3, models #1.vendor"),
            ('[[models]]\nname = "m"\nvendor = "1366"\nproducts = ["1"]\n', "models #1.products #1"),
            ('[[models]]\nname = "m"\nvendor = "1366"\nproducts = []\nserial = "("\n', "not a regular expression"),
            ('[[models]]\nname = "m"\nvendor = "1366"\nproducts = []\nports = ["log"]\n', "must be called at"),
            ('[recovery]\nreset = ["probe", "{number}"]\n', "{number} stands for nothing"),
            ("[limits]\nresets = -1\n", "line 2, limits.resets"),
            ("[credentials]\nsec_tags = [9, 1]\n", "the first tag, 9, is above the last, 1"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, says: str) -> None:
        (tmp_path / "bench.toml").write_text(text)
        with pytest.raises(ConfigError) as mistake:
            load(tmp_path / "bench.toml")
        assert says in str(mistake.value)


class TestSerialModem:
    """Whatever an earlier program has left, a board with Serial Modem is opened, and spoken to as its build wants."""

    @pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"], ids=["cr", "crlf", "lf"])
    def test_each_build(self, end: bytes) -> None:
        with serial_modem_host(end) as host, board_at(host.path) as board:
            assert board.link.dialect == SERIAL_MODEM.ending_in(end)
            assert (board.identity.application, board.identity.ncs_version) == ("serial-modem", "3.3.99")
            host.heard = b""
            board.known_state()
            assert host.heard.split(end) == [b"AT#XAPOLL=,0", b"AT#XRECVCFG=,0", b"ATE0", b"AT#XCLOSE", b""]

    @pytest.mark.parametrize(
        "left",
        [b"HELLO", b"A", b"AT#XSE", b'AT#XSEND=0,0,0,"never closed\r', b"AT#XSEND=0,2,0\rdata", b"AT#XSEND=0,2,0,16\r"],
        ids=["noise", "half of AT", "half a command", "an open quote", "data mode", "data mode by length"],
    )
    def test_what_was_left(self, left: bytes) -> None:
        with serial_modem_host() as host:
            host.take(left)
            with board_at(host.path) as board:
                assert board.link.dialect == SERIAL_MODEM
                assert not host.data_mode

    def test_an_answer_that_an_earlier_program_left_unread(self) -> None:
        with serial_modem_host(b"\n") as host:
            host.take(b"AT\r\n")
            with board_at(host.path) as board:
                assert board.link.dialect == SERIAL_MODEM.ending_in(b"\n")

    def test_data_mode_that_has_failed(self) -> None:
        with serial_modem_host() as host:
            host.take(b"AT#XSEND=0,2,0\r")
            host.failed = True
            with board_at(host.path) as board:
                board.link.enter_data_mode("AT#XSEND=0,2,0")
                board.known_state()
                assert not board.link.in_data_mode

    @pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"], ids=["cr", "crlf", "lf"])
    def test_echo_is_switched_off(self, end: bytes) -> None:
        with serial_modem_host(end) as host:
            host.take(b"ATE1" + end)
            assert host.echo
            with board_at(host.path) as board:
                assert board.link.echoes
                assert not host.echo

    def test_the_first_byte_of_data_is_not_a_line_feed(self) -> None:
        with serial_modem_host() as host, board_at(host.path) as board:
            board.modem.sockets.send_in_data_mode(0, b"data")
            assert host.data == b"data+++"
