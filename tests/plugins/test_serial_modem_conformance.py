"""The simulated Serial Modem against what its repository says, byte for byte.

data/serial-modem.jsonl holds exchanges that were read from the firmware's code and documentation, not recorded. They
are "sure" where the firmware alone decides; all are played. A name that ends in a letter goes on where the one before
it has stopped.
"""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bench.simulator.board import SimulatedBoard
from tests.support.board_on_a_loop import Host, board_on_a_loop

EXCHANGES = Path(__file__).parent / "data" / "serial-modem.jsonl"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in EXCHANGES.read_text().splitlines()]
CASES: dict[str, list[dict[str, Any]]] = {}
for row in ROWS:
    CASES.setdefault(re.sub("-[a-z]$", "", row["case"]), []).append(row)

# What v1 does otherwise, and why its rows are not those of 1.99.0.
NOT_OF_V1 = {
    "version": "its own version",
    "version-set": "its own version",
    "line-8189": "4096 characters are the most",
    "line-8190": "4096 characters are the most",
    "line-too-long": "ERROR comes at the terminator",
    "bootinfo-test": "there is no #XBOOTINFO",
    "xsocket-open": "one socket less",
    "srv": "there are no #XLISTEN and #XACCEPT",
}


class Replay:
    """One case on a fresh board: sends, compares, and plays the other end."""

    def __init__(self, board: SimulatedBoard, host: Host) -> None:
        self._board = board
        self._host = host
        self._connections: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._client: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as spare:
            self._listening = spare.getsockname()[1]
        self._before: dict[str, Callable[[], Awaitable[None]]] = {
            "tcp-y": self._close_peer,
            "dm-m": self._close_peer,
            "poll-n": self._close_peer,
            "srv-n": self._dial,
            "bind-no-address-a": lambda: host.exchange(b"AT+CFUN=4\r", b"\r\nOK\r\n"),
        }

    async def __aenter__(self) -> "Replay":
        self._server = await asyncio.start_server(self._echo, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for writer in self._connections:
            writer.close()
        if self._client is not None:
            self._client.close()

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.append(writer)
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def _close_peer(self) -> None:
        self._connections.pop().close()

    async def _dial(self) -> None:
        self._client = socket.create_connection((self._board.identity.address, self._listening), 5)

    def _fill(self, text: str) -> bytes:
        """Put the addresses and ports of this host in the place of those of the examples."""
        assert self._server
        here = {"198.51.100.7": "127.0.0.1", ",5001": f",{self._server.sockets[0].getsockname()[1]}"}
        here |= {",1234": f",{self._listening}"}
        if self._client is not None:
            here |= {",40001": f",{self._client.getsockname()[1]}"}
        for example, own in here.items():
            text = text.replace(example, own)
        return text.encode("latin-1")

    async def play(self, row: dict[str, Any]) -> None:
        if row["case"] in self._before:
            await self._before[row["case"]]()
        await self._host.write(self._fill(row["send"]))
        expected = self._fill(row["answer"])
        await self._host.expect(expected)
        assert await self._host.rest() == b"", row["case"]


async def play(firmware: str, rows: list[dict[str, Any]]) -> None:
    async with board_on_a_loop(firmware=firmware, address="127.0.0.1") as (board, host), Replay(board, host) as replay:
        for row in rows:
            if row["case"] != "boot":  # the board has said already that it is ready
                await replay.play(row)


@pytest.mark.parametrize("case", CASES)
def test_answers_as_the_repository_says(case: str) -> None:
    asyncio.run(play("serial-modem", CASES[case]))


@pytest.mark.parametrize("case", [case for case in CASES if case not in NOT_OF_V1])
def test_v1_answers_alike_where_nothing_was_changed(case: str) -> None:
    asyncio.run(play("serial-modem-1.0", CASES[case]))


def test_the_rows_are_all_there() -> None:
    assert len(ROWS) == 168
    assert set(NOT_OF_V1) <= set(CASES)
