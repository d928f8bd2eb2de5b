"""The noise floor of the bench: the duration of a round trip without a board, on this host, in this minute.

A separate program (:mod:`bench.measure.reflector`) answers on a pty and on a loopback UDP socket. A board accounts only
for the time above this floor.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import tty
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from bench import children
from bench.clock import NS_PER_S, duration_text, now_ns
from bench.errors import LabError
from bench.measure.statistics import Estimate, describe

HOST_NOISE = "host noise"
"""How the text of a floor begins."""
_SAMPLES = 400
_WARM_UP = 20
_MESSAGE = b"AT#XNOISEFLOOR\r\n"
_PATIENCE_S = 5.0
_FRESH_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Floor:
    """Round trips of 16 bytes to another process and back, in ns, by statistic (p50, p99 ...)."""

    pty: dict[str, Estimate]
    loopback: dict[str, Estimate]
    measured_ns: int

    @property
    def text(self) -> str:
        """The floor as text, to stand beside a result."""
        texts = (f"{name} {_quantiles(found)}" for name, found in (("pty", self.pty), ("loopback", self.loopback)))
        return f"{HOST_NOISE} p50/p99: {', '.join(texts)}"

    @property
    def worse(self) -> dict[str, float]:
        """The p50 and p99 of the slower of both ways, in ns."""
        return {name: max(self.pty[name].value, self.loopback[name].value) for name in ("p50", "p99")}


def _quantiles(found: dict[str, Estimate]) -> str:
    return "/".join(duration_text(found[name].value) for name in ("p50", "p99"))


class NoiseFloor:
    """A meter of the noise floor; it works while it is entered."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._pty = -1
        self._socket: socket.socket | None = None
        self._last: Floor | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            process, pipe = children.spawn(children.program("bench.measure.reflector"), stdout=subprocess.PIPE)
            stack.callback(children.end, process, pipe)
            assert process.stdout is not None
            stack.enter_context(process.stdout)
            line = process.stdout.readline()
            if not line:
                raise LabError("the echo program for the host's noise floor did not start")
            where = json.loads(line)
            self._pty = os.open(where["pty"], os.O_RDWR | os.O_NOCTTY)
            stack.callback(os.close, self._pty)
            tty.setraw(self._pty)
            self._socket = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            self._socket.connect(("127.0.0.1", where["port"]))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._last = None

    def floor(self) -> Floor:
        """Return the floor of this minute; measure it again when the last one is older.

        Raises:
            LabError: The echo program does not answer.
        """
        if self._last is None or now_ns() - self._last.measured_ns > _FRESH_NS:
            assert self._socket is not None  # entered
            pty = describe(_round_trips(self._pty, lambda data: os.write(self._pty, data)))
            loopback = describe(_round_trips(self._socket.fileno(), self._socket.send))
            self._last = Floor(pty, loopback, now_ns())
        return self._last


def _round_trips(descriptor: int, send: Callable[[bytes], int]) -> list[int]:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    taken = []
    for _ in range(_WARM_UP + _SAMPLES):
        started = now_ns()
        send(_MESSAGE)
        missing = len(_MESSAGE)
        while missing:
            if not poll.poll(_PATIENCE_S * 1000):
                raise LabError(f"the echo program for the host's noise floor was silent for {_PATIENCE_S:g} s")
            missing -= len(os.read(descriptor, 4096))
        taken.append(now_ns() - started)
    return taken[_WARM_UP:]
