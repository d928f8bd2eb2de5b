"""Simulated boards: starts ``nrf91-bench simulate`` as the program it is."""

import json
import os
import select
import subprocess
import tempfile
from typing import IO, Self

from bench import children
from bench.at import pty_made_ns
from bench.boards.selection import BoardSpec
from bench.errors import LabError

PEER_NAME = "peers.nrf91-bench.test"
"""The name by which simulated boards find the peers."""

_START_SECONDS = 30.0


class SimulatedBoards:
    """Boards on ptys for as long as it is entered."""

    def __init__(
        self, count: int, *, firmware: str | None = None, hosts: dict[str, tuple[str, ...]] | None = None
    ) -> None:
        self._arguments = ["simulate", "--count", str(count)]
        if firmware:
            self._arguments += ["--firmware", firmware]
        for name, addresses in (hosts or {}).items():
            self._arguments += ["--host", f"{name}={','.join(addresses)}"]
        self._count = count
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._pipe = -1
        self._output = b""
        self.specs: tuple[BoardSpec, ...] = ()

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile()
        self._process, self._pipe = children.spawn(
            children.program("bench.cli", *self._arguments), stdout=subprocess.PIPE, stderr=self._errors
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
            said = self._errors.read().decode(errors="replace").strip()
            raise LabError(f"the simulated boards did not start: {said or f'nothing came for {_START_SECONDS:g} s'}")
        row = json.loads(line)
        port = row["port"]
        made = pty_made_ns(port)
        return BoardSpec(f"simulated-{index + 1}", port, model=row["model"], pty_made_ns=made, hardware=False)

    def _line(self, descriptor: int) -> bytes:
        """The next line of the program; empty when none comes. Two lines may come in one read."""
        while b"\n" not in self._output:
            if not select.select([descriptor], [], [], _START_SECONDS)[0]:
                return b""
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return b""
            self._output += chunk
        line, _, self._output = self._output.partition(b"\n")
        return line
