"""Simulated boards: starts ``nrf91-bench simulate`` as the program it is."""

import json
import os
import secrets
import select
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Self

from bench import children
from bench.at import pty_made_ns
from bench.boards.spec import BoardSpec
from bench.errors import LabError

PEER_NAME = "peers.nrf91-bench.test"
"""The name by which simulated boards find the peers."""

_START_SECONDS = 30.0
_ANSWER_SECONDS = 10.0


def ask_simulator(spec: BoardSpec, request: Mapping[str, object]) -> dict[str, Any]:
    """Ask the simulator of a board to do something to it, or to tell; return its answer.

    Raises:
        LabError: it refuses, or is gone.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_ANSWER_SECONDS)
            client.connect(spec.control)
            client.sendall(json.dumps({**request, "board": spec.slot}).encode() + b"\n")
            with client.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise LabError(f"the simulator of {spec.slot} is gone: {error}") from error
    answer: dict[str, Any] = json.loads(line or b"{}")
    if not answer.get("ok"):
        raise LabError(f"the simulator of {spec.slot} refuses {request.get('op')}: {answer.get('error', 'no answer')}")
    return answer


class SimulatedBoards:
    """Boards on ptys for as long as it is entered."""

    def __init__(
        self,
        count: int,
        *,
        firmwares: Sequence[str] = (),
        hosts: dict[str, tuple[str, ...]] | None = None,
        realistic: bool = False,
    ) -> None:
        """Make them; start nothing.

        Args:
            count: how many.
            firmwares: names that ``simulate --firmware`` takes, in turn; none is the default.
            hosts: the addresses of names that resolve.
            realistic: whether they start as slowly, and report as much, as real boards.
        """
        self._arguments = ["simulate", "--count", str(count)]
        for name in firmwares:
            self._arguments += ["--firmware", name]
        if realistic:
            self._arguments.append("--realistic")
        for name, addresses in (hosts or {}).items():
            self._arguments += ["--host", f"{name}={','.join(addresses)}"]
        self._count = count
        self._process: children.Process | None = None
        self._errors: IO[bytes] | None = None
        self._pipe = -1
        self._output = b""
        # Without a file: nothing is left of it when everybody is killed.
        self._control = f"nrf91-bench-{secrets.token_hex(16)}"
        self.specs: tuple[BoardSpec, ...] = ()

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        arguments = (*self._arguments, "--log", "--control", f"@{self._control}")
        self._process, self._pipe = children.spawn(
            children.program("bench.cli", *arguments), stdout=subprocess.PIPE, stderr=self._errors
        )
        try:
            self.specs = tuple(self._spec(index) for index in range(self._count))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            children.end(self._process, self._pipe)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        if self._errors is not None:
            self._errors.close()

    def _spec(self, index: int) -> BoardSpec:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._line(self._process.stdout.fileno())
        if not line:
            assert self._errors is not None
            self._errors.seek(0)
            errors = self._errors.read().decode(errors="replace").strip()
            raise LabError(f"the simulated boards did not start: {errors or f'nothing came for {_START_SECONDS:g} s'}")
        row = json.loads(line)
        port = row["port"]
        made = pty_made_ns(port)
        return BoardSpec(
            f"simulated-{index + 1}",
            port,
            model=row["model"],
            pty_made_ns=made,
            hardware=False,
            control=f"\0{self._control}",
            aux_ports={"log": row["log"]},
        )

    def _line(self, descriptor: int) -> bytes:
        """Return the next line of the program; empty when none comes. Two lines may come in one read."""
        while b"\n" not in self._output:
            if not select.select([descriptor], [], [], _START_SECONDS)[0]:
                return b""
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return b""
            self._output += chunk
        line, _, self._output = self._output.partition(b"\n")
        return line
