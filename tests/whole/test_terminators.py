"""Builds whose commands end in CR LF, CR or LF: each is found out and spoken to, from the board to a whole run."""

from pathlib import Path

import pytest

from bench.boards import Board, BoardSpec
from bench.privacy import Concealer
from tests.support.lab import Lab
from tests.support.programs import simulator

ENDS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}
SUITE = """
def test_answers(modem):
    assert modem.link.command("AT").ok


def test_data_mode(modem, peers, network):
    sink = peers.tcp_echo(echo=False)
    with modem.tcp_client(sink.host, sink.port) as client:
        client.send_in_data_mode(b"no line feed before")
        assert sink.wait_for("received", size=19, timeout=network.receive_timeout)
        assert sink.received() == b"no line feed before"
"""


@pytest.mark.parametrize("build", ENDS)
def test_a_board_is_spoken_to_as_it_wants(build: str) -> None:
    with simulator("--terminator", build) as boards:
        spec = BoardSpec("dk-1", boards[0]["port"], hardware=False)
        with Board(spec, Concealer(b"k" * 32)) as board:
            assert board.link.dialect.terminator == ENDS[build]
            assert board.identity.application == "slm"
            board.modem.udp_socket()
            board.link.enter_data_mode("AT#XSEND")
            board.known_state()
            assert board.modem.slm.list().sockets == ()


@pytest.mark.parametrize("build", ["cr", "lf"])
def test_a_run_passes(build: str, tmp_path: Path) -> None:
    with simulator("--terminator", build) as boards:
        finished = Lab(tmp_path).run(SUITE, ("--port", boards[0]["port"]))
    assert "2 of 2 passed" in finished.output, finished.output
    assert finished.code == 0
