"""What is wrong with an image shows: a command that it lacks, and one that it answers more slowly."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.at import AtLink, CommandError
from bench.boards import BoardSpec, SimulatedBoards
from bench.config.lab import Config
from bench.flashing import Flashing, FlashRequest
from bench.simulator.profiles import Faults
from tests.support.images import application


@pytest.fixture(scope="module")
def board() -> Iterator[BoardSpec]:
    with SimulatedBoards(1) as running:
        yield running.specs[0]


def programmed(board: BoardSpec, folder: Path, faults: Faults) -> AtLink:
    flashing = Flashing(board, Config(), None, folder)
    flashing.flash(FlashRequest((application(folder / "a.hex", faults=faults),), always=True))
    return AtLink.open(board.port)


def test_a_command_that_it_lacks(board: BoardSpec, tmp_path: Path) -> None:
    with programmed(board, tmp_path, Faults(refuses=("#XGETADDRINFO", "#XSEND"))) as link:
        for command in ('AT#XGETADDRINFO="127.0.0.1"', "AT#XGETADDRINFO=?", 'AT#XSEND="x"'):
            with pytest.raises(CommandError):
                link.command(command)
        assert "AT#XSENDTO" in link.command("AT#XCLAC").lines
        assert "AT#XSEND" not in link.command("AT#XCLAC").lines


def test_commands_that_take_longer(board: BoardSpec, tmp_path: Path) -> None:
    """A command that waits for a second takes so much longer; the rest of its time is the host's."""
    took = {}
    for slower in (0.0, 1.0):
        with programmed(board, tmp_path, Faults(slower=slower)) as link:
            link.command("AT#XSOCKET=1,2,0")
            link.command("AT#XBIND=12345")
            began = time.monotonic()
            with pytest.raises(CommandError):
                link.command("AT#XRECV=1", timeout=30)
            took[slower] = time.monotonic() - began
    assert took[0.0] >= 1.0
    assert took[1.0] >= 2.0
