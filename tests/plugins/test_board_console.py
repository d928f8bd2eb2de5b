"""``nrf91-bench boards console``: at a terminal, at a pipe, and the conversation alone."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.at.transcript import read_jsonl
from bench.boards import Board, BoardSpec, Lease, SimulatedBoards, ask_simulator, holder_of
from bench.boards.recovery import synchronise
from bench.cli.board_console import BoardConsole, Kind, Line
from bench.privacy import Concealer
from tests.support.responder import SLM_IDENTITY, Answer, Device, device, gated
from tests.support.terminal import CTRL_C, CTRL_D, ENTER, UP, typed

PIN = "73519482"
PEM = ["-----BEGIN PRIVATE KEY-----", "c2VjcmV0c2VjcmV0", "", "-----END PRIVATE KEY-----"]
IMEI = "351358811124772"
SILENT: dict[bytes, Answer] = {**SLM_IDENTITY, b"AT+HANG": b""}


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lease and no history of anybody."""
    monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "locks").mkdir()


@pytest.fixture
def board() -> Iterator[BoardSpec]:
    """A simulated board of this test alone, whose surroundings can be changed."""
    with SimulatedBoards(1) as boards:
        yield boards.specs[0]


def piped(port: str, *lines: str, options: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    finished = subprocess.run(
        [sys.executable, "-m", "bench.cli", "boards", "console", port, *options],
        input="".join(f"{line}\n" for line in lines), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in finished.stdout + finished.stderr
    return finished


def history(folder: Path) -> Path:
    return folder / "state/nrf91-bench/console-history"


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """Answers what one client sends up to ``!`` with ``pong``; its port, and what it got."""
    got: list[bytes] = []

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            heard = b""
            while not heard.endswith(b"!") and (chunk := client.recv(100)):
                heard += chunk
            got.append(heard)
            client.sendall(b"\x1bpong\n")
            client.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], got
        thread.join()


class TestPipe:
    def test_commands_and_their_answers(self, board: BoardSpec, tmp_path: Path) -> None:
        done = piped(board.port, "AT+CFUN?", "", "AT+NOPE", "AT+CMEE=1", f'AT+CPIN="{PIN}"')
        lines = done.stdout.splitlines()
        assert (done.returncode, done.stderr) == (0, "")
        assert lines[0].startswith(f"board-1 at {board.port}   ")
        assert lines[0].endswith("   SIMULATED")
        assert lines[1] == "mfw_nrf91x1_2.0.2, SLM 3.1.0"
        assert "Ctrl-D" in lines[2]
        told = [line.partition("   ")[0] for line in lines[3:10]]
        assert told == ["> AT+CFUN?", "+CFUN: 1", "OK", "> AT+NOPE", "ERROR", "> AT+CMEE=1", "OK"]
        assert lines[5].endswith("s")
        assert lines[10] == f'> AT+CPIN="{"*" * len(PIN)}"'
        assert lines[11].startswith("+CME ERROR: ")
        assert lines[12] == "board-1 is not as it was found: error numbers was +CMEE: 0 and is +CMEE: 1"
        assert not history(tmp_path).exists()

    def test_data_mode_and_a_payload(self, board: BoardSpec, server: tuple[int, list[bytes]]) -> None:
        port, got = server
        opening = ("AT#XSOCKET=1,1,0", f'AT#XCONNECT="127.0.0.1",{port}', "AT#XSEND")
        data = ("a+++b", "AT", r"line\r\n", r"\x00\\!")
        done = piped(board.port, *opening, *data, "+++", "AT#XRECV=30", "AT#XSOCKET=0")
        shown = [line.partition("   ")[0] for line in done.stdout.splitlines()]
        lines = [line for line in shown if not line.startswith("> ")][5:]
        assert got == [b"ATline\r\n\x00\\!"]
        assert lines[0:2] == ["#XCONNECT: 1", "OK"]
        assert lines[3].startswith("data mode: ")
        assert lines[4].startswith("not sent: ")
        assert lines[5:8] == ["2 bytes sent", "6 bytes sent", "3 bytes sent"]
        assert lines[8].endswith(" urc  #XDATAMODE: 0")
        assert lines[9:13] == [
            "the board has left data mode",
            "#XRECV: 6",
            r"payload, 6 bytes: \x1bpong\n",
            "OK",
        ]
        assert lines[13].startswith("#XSOCKET: 0")

    def test_the_end_in_data_mode(self, board: BoardSpec, server: tuple[int, list[bytes]]) -> None:
        """The next user finds a board that takes commands, and no socket."""
        opening = ("AT#XSOCKET=1,1,0", f'AT#XCONNECT="127.0.0.1",{server[0]}', "AT#XSEND", "x!")
        assert piped(board.port, *opening).returncode == 0
        after = piped(board.port, "AT#XSOCKETSELECT?").stdout
        assert "#XSOCKETSELECT: 0," not in after
        assert "OK" in after

    def test_secrets_and_identities_in_the_transcript(self, board: BoardSpec, tmp_path: Path) -> None:
        opened = f'AT%CMNG=0,42,2,"{PEM[0]}'
        masked, plain = tmp_path / "masked.txt", tmp_path / "plain.jsonl"
        for path, options in ((masked, ()), (plain, ("--plain",))):
            commands = ("AT+CFUN=4", opened, *PEM[1:-1], f'{PEM[-1]}"', "AT+CFUN=1", f'AT+CPIN="{PIN}"', "AT+CGSN")
            done = piped(board.port, *commands, options=("--transcript", str(path), *options))
            assert done.returncode == 0, done.stderr
            assert f"the transcript goes to {path}" in done.stdout
            kept = path.read_text()
            assert not [secret for secret in (PIN, *filter(None, PEM)) if secret in kept]
            assert 'AT+CPIN="********' in kept or r"AT+CPIN=\"********" in kept
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        imei = done.stdout.splitlines()[-2]
        assert imei.isdigit()
        assert imei not in masked.read_text()
        received = b"".join(entry.data for entry in read_jsonl(plain) if entry.direction == "rx")
        assert imei.encode() in received
        assert masked.read_text().startswith("# 2")

    def test_no_transcript_is_overwritten(self, board: BoardSpec, tmp_path: Path) -> None:
        path = tmp_path / "kept.txt"
        path.write_text("mine")
        done = piped(board.port, options=("--transcript", str(path)))
        assert (done.returncode, "is not overwritten" in done.stderr, path.read_text()) == (2, True, "mine")
        assert piped(board.port, options=("--plain",)).returncode == 2

    def test_a_board_in_use(self, board: BoardSpec, tmp_path: Path) -> None:
        path = tmp_path / "nothing.txt"
        with Lease(board.key, "board-1", "a look at it"):
            done = piped(board.port, "AT", options=("--transcript", str(path)))
        assert done.returncode == 3
        assert f"(pid {os.getpid()})" in done.stderr
        assert "a look at it" in done.stderr
        assert not path.exists()

    def test_a_board_that_is_away(self, tmp_path: Path) -> None:
        config = tmp_path / "bench.toml"
        config.write_text('[[boards]]\nname = "away"\nserial = "1051202135"\n')
        done = piped("away", options=("--config", str(config)))
        assert (done.returncode, "away (serial 1051202135) is not attached" in done.stderr) == (3, True)

    def test_a_command_without_an_answer(self) -> None:
        with device(SILENT) as silent:
            done = piped(silent.path, "AT+HANG", "AT+CGMI", options=("--timeout", "0.3"))
        assert done.returncode == 0
        assert "AT+HANG had no final result after 0.3 s" in done.stdout
        assert "AT+CGMI was not sent: AT+HANG, sent" in done.stdout
        assert "still runs a command" in done.stdout

    def test_what_a_terminal_would_obey_is_spelt_out(self) -> None:
        with device({**SLM_IDENTITY, b"AT+X": b"\r\n+X: \x1b[2J\x07\xff\r\n\r\n\x9bURC\r\n\r\nOK\r\n"}) as hostile:
            done = piped(hostile.path, "AT+X")
        assert r"+X: \x1b[2J\x07" in done.stdout
        assert not [letter for letter in done.stdout if letter != "\n" and not letter.isprintable()]

    def test_an_open_quote_at_the_end(self) -> None:
        with device(SLM_IDENTITY) as one:
            done = piped(one.path, 'AT#XSEND="never closed')
        assert "a command was not sent" in done.stdout
        assert b"never" not in one.heard

    def test_a_board_that_vanishes(self, board: BoardSpec) -> None:
        program = subprocess.Popen(
            [sys.executable, "-m", "bench.cli", "boards", "console", board.port],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert program.stdout
        while "Ctrl-D" not in (line := program.stdout.readline()):
            assert line
        vanish(board)
        assert program.wait(60) == 3  # its input is open still
        _, errors = program.communicate()
        assert f"{board.port} vanished at " in errors
        assert "Traceback" not in errors


def vanish(board: BoardSpec) -> None:
    ask_simulator(board, {"op": "trouble", "what": "vanish"})


class TestTerminal:
    def test_an_urc_while_a_line_is_typed(self, board: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            terminal.until("SIMULATED")
            terminal.until("board-1>")
            terminal.type("AT+CEREG=1" + ENTER)
            terminal.until("OK   ")
            terminal.until("board-1>")
            terminal.type("AT+CM")
            terminal.until("AT+CM")
            ask_simulator(board, {"op": "coverage", "covered": False})
            terminal.until(" urc  +CEREG: 2")
            terminal.until("board-1> AT+CM")
            terminal.type("EE?" + ENTER)
            terminal.until("+CMEE: 0")
            terminal.until("OK   ")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0

    def test_the_history_of_the_last_session(self, board: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            for command in ("AT+CFUN?", "AT+CFUN?", f'AT+CPIN="{PIN}"', f'AT%CMNG=0,1,3,"{PIN}'):
                terminal.until("board-1>")
                terminal.type(command + ENTER)
            terminal.until("(open quote)>")
            terminal.type(PIN + '"' + ENTER)
            terminal.until("ERROR")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0
        kept = history(tmp_path)
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert PIN not in kept.read_text()
        assert kept.read_text().count("+AT") == 1
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type(UP)
            terminal.until("AT+CFUN?")
            terminal.type(ENTER)
            terminal.until("+CFUN: 1")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0

    def test_an_interrupted_command(self, tmp_path: Path) -> None:
        with device(SILENT) as silent, typed("boards", "console", silent.path, folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type("half a line" + CTRL_C)
            terminal.until("board-1>")
            terminal.type("AT+HANG" + ENTER)
            until(lambda: b"AT+HANG" in silent.heard)
            terminal.type(CTRL_C)
            terminal.until("interrupted; the next command first waits for its answer")
            terminal.until("board-1>")
            silent.say(b"\r\nOK\r\n")
            terminal.until("the late answer has come")
            terminal.type("AT+CGMI" + ENTER)
            terminal.until("Nordic Semiconductor ASA")
            terminal.until("OK   ")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0

    def test_data_mode(self, board: BoardSpec, server: tuple[int, list[bytes]], tmp_path: Path) -> None:
        port, got = server
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            for command in ("AT#XSOCKET=1,1,0", f'AT#XCONNECT="127.0.0.1",{port}', "AT#XSEND"):
                terminal.until("board-1>")
                terminal.type(command + ENTER)
            terminal.until("board-1 data>")
            terminal.type("ping!" + ENTER)
            terminal.until("5 bytes sent")
            terminal.until("board-1 data>")
            terminal.type("+++" + ENTER)
            terminal.until("left data mode")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0
        assert got == [b"ping!"]
        assert "ping" not in history(tmp_path).read_text()

    def test_pasted_lines(self, board: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type("\x1b[200~AT+CFUN?\nAT+CMEE?\x1b[201~" + ENTER)
            terminal.until("+CFUN: 1")
            terminal.until("+CMEE: 0")
            terminal.until("board-1>")
            terminal.type(CTRL_D)
            assert terminal.end() == 0

    def test_a_board_that_vanishes_while_a_line_is_typed(self, board: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "console", board.port, folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type("AT+CF")
            terminal.until("AT+CF")
            vanish(board)
            terminal.until(f"{board.port} vanished at ")
            assert terminal.end() == 3
        assert "Traceback" not in terminal.seen
        assert "Unhandled" not in terminal.seen

    def test_a_terminal_that_moves_no_cursor(self, board: BoardSpec, tmp_path: Path) -> None:
        with typed("boards", "console", board.port, folder=tmp_path, environment={"TERM": "dumb"}) as terminal:
            terminal.until("Ctrl-D")
            terminal.type("AT+CFUN?\n")
            terminal.until("+CFUN: 1")
            terminal.until("OK   ")
            terminal.type(CTRL_D)
            assert terminal.end() == 0
        assert "\x1b" not in terminal.raw.decode()

    def test_a_terminal_that_hangs_up(self, board: BoardSpec, tmp_path: Path) -> None:
        kept = tmp_path / "kept.txt"
        with typed("boards", "console", board.port, "--transcript", str(kept), folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type("AT#XSOCKET=1,1,0" + ENTER)
            terminal.until("OK   ")
            terminal.until("board-1>")
            terminal.hang_up()
            terminal.process.wait(60)
        assert 'XSOCKET: 0,"closed"' in kept.read_text()
        assert holder_of(board.key) is None

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_it_in_order(self, board: BoardSpec, tmp_path: Path, number: signal.Signals) -> None:
        kept = tmp_path / "kept.txt"
        with typed("boards", "console", board.port, "--transcript", str(kept), folder=tmp_path) as terminal:
            terminal.until("board-1>")
            terminal.type("AT#XSOCKET=1,1,0" + ENTER)
            terminal.until("OK   ")
            terminal.until("board-1>")
            terminal.process.send_signal(number)
            assert terminal.end() == 128 + number
        assert "Traceback" not in terminal.seen
        assert 'XSOCKET: 0,"closed"' in kept.read_text()
        assert holder_of(board.key) is None


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def attend_until(console: BoardConsole, condition: Callable[[], bool]) -> None:
    def look() -> bool:
        console.attend()
        return condition()

    until(look)


class TestConversation:
    """Alone, with a scripted device."""

    @contextlib.contextmanager
    def begun(self, one: Device, timeout: float = 5.0) -> Iterator[tuple[BoardConsole, list[Line]]]:
        shown: list[Line] = []
        with Board(BoardSpec("dk", one.path, hardware=False), Concealer(b"k" * 32)) as board:
            yield BoardConsole(board, shown.append, lambda _: None, timeout=timeout), shown

    def test_a_restart_ends_the_wait_for_an_answer(self) -> None:
        with device(SILENT) as one, self.begun(one, timeout=0.1) as (console, shown):
            console.take("AT+HANG")
            assert shown[-1].text == "the next command first waits for its answer"
            one.say(b"\r\nReady\r\n")
            attend_until(console, lambda: shown[-1].text.startswith("the board has restarted"))
            console.take("AT+CGMM")
        assert [line.text for line in shown if line.kind is Kind.ANSWER] == ["nRF9161-LACA"]

    def test_data_mode_that_the_board_leaves(self) -> None:
        with device({**SLM_IDENTITY, b"AT#XSEND": b"\r\nOK\r\n"}) as one, self.begun(one) as (console, shown):
            console.take("at#xsend")
            assert console.prompt == "dk> "  # refused: it knows the command in capitals only
            console.take("AT#XSEND")
            assert console.prompt == "dk data> "
            one.say(b"\r\n#XDATAMODE: 5\r\n")
            attend_until(console, lambda: shown[-1].text.endswith(" urc  #XDATAMODE: 5"))
            assert console.prompt == "dk data> "
            one.say(b"\r\n#XDATAMODE: -1\r\n")
            attend_until(console, lambda: shown[-1].text == "the board has left data mode")
            assert console.prompt == "dk> "

    def test_what_an_interruption_leaves(self) -> None:
        with device(SILENT) as one, self.begun(one, timeout=0.1) as (console, shown):
            console.interrupt()
            console.take("AT+HANG")
            console.interrupt()
        texts = [line.text for line in shown]
        assert (texts[0], texts[-1]) == ("interrupted", "interrupted; an earlier command still has no answer")

    def test_an_urc_amid_a_command_is_shown_before_its_answer(self) -> None:
        with (
            device({**SLM_IDENTITY, b"AT+CGMI": b"\r\n+CEREG: 5\r\n\r\nNordic\r\n\r\nOK\r\n"}) as one,
            self.begun(one) as (console, shown),
        ):
            console.take("AT+CGMI")
        assert [line.kind for line in shown[-3:]] == [Kind.URC, Kind.ANSWER, Kind.OK]

    def test_a_board_out_of_step_gets_no_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answers to probes may still come, and must not be taken for that of the next command."""
        shut: list[bool] = []
        with device(gated(lambda _: not shut)) as one, self.begun(one) as (console, shown):
            monkeypatch.setattr("bench.cli.board_console.synchronise", partial(synchronise, timeout=0.3))
            shut.append(True)
            one.answers[b"AT"] = b""
            console.take("+++")
            assert shown[-1].kind is Kind.ERROR
            console.take("AT+CGMM")
            assert shown[-1].text == "the command was not sent"
            shut.clear()
            one.answers[b"AT"] = b"\r\nOK\r\n"
            monkeypatch.undo()
            console.take("AT+CGMI")
        assert b"AT+CGMM" not in one.heard.rpartition(b"AT#XSOCKETSELECT?")[2]
        assert [line.text for line in shown if line.kind is Kind.ANSWER] == ["Nordic Semiconductor ASA"]

    def test_order_where_data_mode_is_not_known(self) -> None:
        """What the table does not know, +++ ends all the same."""
        with device(SLM_IDENTITY) as one, self.begun(one) as (console, shown):
            console.take("+++")
        assert shown[-1].text == "the board takes commands"
