"""The simulated board: its framing and lexer whatever the bytes, and its program's manners."""

import json
import os
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import SLM, AtLink, CommandError, PortLost
from bench.simulator.framing import CommandFramer, DataFramer
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from tests.support.programs import simulator


def commands(data: bytes, pieces: list[int]) -> list[tuple[bytes, bool]]:
    framer = CommandFramer(64)
    edges = sorted({0, len(data), *(piece % (len(data) + 1) for piece in pieces)})
    found = []
    for a, b in pairwise(edges):
        chunk = data[a:b]
        while chunk:
            command, used = framer.take(chunk)
            assert used > 0
            chunk = chunk[used:]
            if command:
                found.append((command.text, command.overflow))
    return found


@given(
    st.lists(st.sampled_from([b"AT", b"\r", b"\n", b'"', b"\x08", b"x" * 70, b"\0"])).map(b"".join),
    st.lists(st.integers(0, 500)),
)
def test_commands_are_framed_alike_however_they_are_cut(data: bytes, pieces: list[int]) -> None:
    assert commands(data, pieces) == commands(data, [])


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\xdfAT\r\n", b"\r\nOK\r\n"),
        (b"AT\r\x08\r\n", b"\r\nOK\r\n"),
        (b'AT"\x08\r\n', b"\r\nOK\r\n"),
    ],
)
def test_noise_and_backspaces_are_taken_as_the_firmware_takes_them(sent: bytes, answer: bytes) -> None:
    with simulator() as boards, AtLink.open(boards[0]["port"]) as at:
        at.write_raw(sent)
        assert at.listen(lambda heard: heard.endswith(answer), timeout=5).endswith(answer)


@pytest.mark.parametrize(
    ("terminator", "sent", "answers"),
    [
        ("cr", b"AT\r", [b"OK"]),
        ("cr", b"AT\r\nAT#XSOCKET?\r\n", [b"OK", b"OK"]),
        ("lf", b"AT\n", [b"OK"]),
        ("lf", b"AT\r\n", [b"ERROR"]),
        ("lf", b"AT#XSOCKET?\r\n", [b"ERROR"]),
        ("lf", b"AT#XSOCKET=0\r\n", [b"OK"]),
        ("crlf", b"AT\nAT\r\n", [b"ERROR"]),
    ],
)
def test_builds_differ_in_what_ends_a_command(terminator: str, sent: bytes, answers: list[bytes]) -> None:
    expected = b"".join(b"\r\n%b\r\n" % answer for answer in answers)
    with simulator("--terminator", terminator) as boards, AtLink.open(boards[0]["port"]) as at:
        at.write_raw(sent)
        assert at.listen(lambda heard: heard.endswith(expected), timeout=5).endswith(expected)


def test_the_client_speaks_to_a_cr_build() -> None:
    with simulator("--terminator", "cr") as boards, AtLink.open(boards[0]["port"], dialect=SLM.ending_in(b"\r")) as at:
        assert at.command("AT#XSLMVER").lines
        assert at.command("AT").ok


def test_a_build_that_reports_flushes_ends_data_mode_all_the_same() -> None:
    with simulator("--data-mode-urc") as boards, AtLink.open(boards[0]["port"]) as at:
        at.enter_data_mode("AT#XSEND")
        at.write(b"x" * 700)
        assert at.wait_for_urc("#XDATAMODE").line == "#XDATAMODE: 700"
        at.write(b"y")
        assert at.leave_data_mode() == 0
        assert at.command("AT").ok


@given(st.lists(st.sampled_from([b"+", b"++", b"a", b"b" * 9])).map(b"".join))
def test_data_mode_finds_the_first_terminator_and_loses_nothing(data: bytes) -> None:
    framer = DataFramer()
    used = 0
    for index in range(len(data)):
        ended, taken = framer.take(data[index : index + 1])
        used += taken
        if ended:
            break
    sent = framer.expire()
    if b"+++" in data:
        assert sent == data[: data.index(b"+++")]
        assert used == data.index(b"+++") + 3
    else:
        held = len(data) - len(data.rstrip(b"+")) if not data.rstrip(b"+") else 0
        assert sent == data[: len(data) - held]


@given(st.binary(max_size=30))
def test_the_lexer_gives_values_or_an_error(text: bytes) -> None:
    try:
        parameters = Parameters.parse(text)
    except AtError:
        return
    assert len(parameters) >= 1


@given(st.lists(st.integers(-99999, 99999) | st.text("abc ,=", max_size=9), min_size=1, max_size=5))
def test_the_lexer_reads_back_what_a_host_writes(values: list[int | str]) -> None:
    text = ",".join(str(value) if isinstance(value, int) else f'"{value}"' for value in values)
    parameters = Parameters.parse(text.encode())
    for index, value in enumerate(values):
        if isinstance(value, int):
            assert parameters.number(index, -100000, 100000) == value
        else:
            assert parameters.string(index) == value.encode()


class TestProgram:
    def test_a_line_a_board_and_an_end_without_traces(self, tmp_path: Path) -> None:
        link = tmp_path / "board"
        command = [sys.executable, "-m", "bench.cli", "simulate", "--link", str(link), "--model", "nrf9160dk"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout
        row = json.loads(process.stdout.readline())
        assert row["firmware"] == "slm-3.1"
        assert row["simulated"] is True
        assert os.path.realpath(link) == row["port"]
        with AtLink.open(str(link)) as at:
            assert at.command("AT+CGMM").lines == ("nRF9160-SICA",)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
            with pytest.raises(PortLost):
                at.command("AT")
        assert process.communicate()[1] == b""
        assert not link.is_symlink()

    def test_boards_are_told_apart(self) -> None:
        with simulator("--count", "3") as boards:
            seen = set()
            for board in boards:
                with AtLink.open(board["port"]) as at:
                    seen.add((at.command("AT+CGSN").lines, at.command("AT+CGPADDR=0").lines))
            assert len(seen) == 3
            assert len({board["address"] for board in boards}) == 3

    def test_firmware_versions_differ_by_their_rows(self) -> None:
        for firmware, sockets in (("slm-3.1", 7), ("slm-2.9", 8), ("page", 8)):
            with simulator("--firmware", firmware) as boards, AtLink.open(boards[0]["port"]) as at:
                for _ in range(sockets):
                    at.command("AT#XSOCKET=1,2,0")
                with pytest.raises(CommandError):
                    at.command("AT#XSOCKET=1,2,0")
                reset = at.command("AT#XRESET")
                assert at.wait_for_urc("Ready", since_ns=reset.sent_ns).line == "Ready"
                assert at.command("AT#XSOCKETSELECT?").lines == ()

    def test_urcs_wait_for_the_end_of_a_command(self) -> None:
        with simulator("--register-after", "1") as boards, AtLink.open(boards[0]["port"]) as at:
            at.command("AT+CEREG=5")
            at.command("AT+CFUN=4")
            at.command("AT+CFUN=1")
            at.command("AT#XSOCKET=1,2,0")
            with pytest.raises(CommandError):
                at.command("AT#XRECV=2", timeout=10)
            finished = at.transcript.transactions[-1].final_ns
            searching = at.wait_for_urc("+CEREG: 2")
            registered = at.wait_for_urc("+CEREG: 1")
            assert searching.received_ns < finished <= registered.received_ns

    def test_the_journal_holds_the_truth(self, tmp_path: Path) -> None:
        journal = tmp_path / "truth.jsonl"
        with simulator("--journal", str(journal)) as boards, AtLink.open(boards[0]["port"]) as at:
            at.command("AT#XSOCKET=1,1,0")
        events = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
        assert {"boot", "uart in", "open"} <= set(events)  # a command may come before the application has booted


class TestSecureSockets:
    def test_a_host_name_that_no_certificate_can_have(self) -> None:
        with (
            simulator("--psk", "42:name:0011") as boards,
            AtLink.open(boards[0]["port"]) as link,
            socket.create_server(("127.0.0.1", 0)) as server,
        ):
            link.command("AT#XSSOCKET=1,1,0,42")
            link.command(f'AT#XSSOCKETOPT=1,2,"{"h" * 300}"')
            with pytest.raises(CommandError):
                link.command(f'AT#XCONNECT="127.0.0.1",{server.getsockname()[1]}')
            assert link.command("AT").ok
