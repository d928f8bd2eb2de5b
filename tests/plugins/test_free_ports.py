"""A board's free ports: several simulated boards share ``::1``, where another program may have a port already."""

import socket

import pytest

from bench.boards import Board, BoardSpec
from bench.privacy import Concealer


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize(("hardware", "skipped"), [(False, 1), (True, 0)])
def test_what_another_program_has_is_left_out(kind: socket.SocketKind, hardware: bool, skipped: int) -> None:
    board = Board(BoardSpec("dk-1", "/dev/null", hardware=hardware), Concealer(b"k" * 32))
    first = board.free_port()
    with socket.socket(socket.AF_INET6, kind) as other:
        other.bind(("::1", first + 1))
        assert board.free_port() == first + 1 + skipped
