"""The control socket of a simulator: it does to simulated boards what a lab's equipment does to real ones.

A request is one JSON object a line, and so is its answer, ``{"ok": true, ...}`` or ``{"ok": false, "error": TEXT}``:

* ``{"op": "coverage", "board": NAME, "covered": false}``: takes the network out of the board's reach, or gives it back.
* ``{"op": "trouble", "board": NAME, "what": WHAT, "value": VALUE}``: ``deaf`` (true, false), ``restart``, ``fault``,
  ``refuse`` (an EMM cause, or null), ``vanish`` (its port hangs up for good).
* ``{"op": "current", "board": NAME, "since_ns": T}``: the current of the board since then by the model of its radio:
  ``steps``, a list of (moment in ns, mA from then on), and ``until_ns``.
* ``{"op": "flash", "board": NAME or serial number, "step": STEP}``: what a programmer does: ``find``, ``erase`` (with
  ``kind``), ``write`` (with ``image``, the text of :mod:`bench.simulator.image`), ``reset``, ``recovery``.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from bench.errors import UsageError, in_words
from bench.simulator.board import SimulatedBoard
from bench.simulator.image import SimulatedImage
from bench.simulator.radio import CURRENT_MA, OFF

Request = dict[str, Any]
Answer = dict[str, Any]


_LONGEST = 107
"""Bytes of the path of a UNIX socket."""


def socket_address(path: Path) -> str:
    """Return the address of a UNIX socket; ``@NAME`` is an abstract one, as ss(8) shows it."""
    text = str(path)
    return f"\0{text[1:]}" if text.startswith("@") else text


def peer_uid(connection: socket.socket) -> int:
    """Return the uid of the other end of a UNIX socket."""
    size = struct.calcsize("3i")
    return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1])


class Control:
    """A UNIX socket that answers requests about boards, of this user and of root.

    Attributes:
        path: path of the socket; ``@NAME`` is one without a file, which nothing has to remove.
        operations: the handlers of requests by name; more may be added.
    """

    def __init__(self, path: Path, boards: Sequence[SimulatedBoard]) -> None:
        self.path = path
        self.operations: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "coverage": self._coverage,
            "trouble": self._trouble,
            "current": self._current,
            "flash": self._flash,
        }
        self._boards = {board.name: board for board in boards}

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while entered.

        Raises:
            UsageError: no socket can be made at the path.
        """
        try:
            server = await asyncio.start_unix_server(self._client, socket_address(self.path))
        except (OSError, ValueError) as error:  # ValueError: a NUL in its path
            cure = "; its path may have at most 107 bytes" if len(os.fsencode(self.path)) > _LONGEST else ""
            raise UsageError(f"cannot make the control socket {self.path}: {in_words(error)}{cure}") from error
        try:
            async with server:
                yield
        finally:
            if not str(self.path).startswith("@"):
                self.path.unlink(missing_ok=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if peer_uid(writer.get_extra_info("socket")) not in (0, os.geteuid()):
                return
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # it has gone, or a line is too long
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            operation = self.operations.get(str(request.get("op")))
            if operation is None:
                raise ValueError(f"unknown operation {request.get('op')!r}; available: {', '.join(self.operations)}")
            return {"ok": True, **await operation(request)}
        except Exception as error:  # noqa: BLE001 - a bad request is answered, the boards go on
            return {"ok": False, "error": in_words(error)}

    async def _coverage(self, request: Request) -> Answer:
        covered = request["covered"]
        if not isinstance(covered, bool):
            raise TypeError("covered must be true or false")
        self._boards[request["board"]].set_coverage(covered=covered)
        return {}

    async def _trouble(self, request: Request) -> Answer:
        board, what = self._boards[request["board"]], str(request["what"])
        if what == "vanish":
            await board.power_off()
        else:
            board.inject_fault(what, request.get("value"))
        return {}

    async def _flash(self, request: Request) -> Answer:
        name = str(request["board"])
        board = next((each for each in self._boards.values() if each.is_called(name)), None)
        if board is None:
            raise ValueError(f"no board has the serial number {name}; there are {', '.join(self._boards)}")
        match request["step"]:
            case "erase":
                board.erase(str(request["kind"]))
            case "write":
                board.write(SimulatedImage.decode(str(request["image"]).encode()))
            case "reset":
                board.restart()
            case "recovery":
                board.enter_recovery()
            case "find":
                _ = board.parts  # one that has no power cannot be found
            case other:
                raise ValueError(f"unknown step {other!r}")
        return {"board": board.name}

    async def _current(self, request: Request) -> Answer:
        since, now = int(request["since_ns"]), time.monotonic_ns()
        changes = self._boards[request["board"]].radio_states()
        before = [state for t_ns, state in changes if t_ns <= since]
        steps = [(since, before[-1] if before else OFF), *((t_ns, state) for t_ns, state in changes if t_ns > since)]
        return {"steps": [(t_ns, CURRENT_MA[state]) for t_ns, state in steps], "until_ns": now}
