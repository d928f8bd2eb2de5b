"""A control board: on firmware that is known, beside the boards under test; it tells whether the network was bad."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from bench.boards import Board, BoardSpec, show_tokens
from bench.config import Config
from bench.errors import BenchError
from bench.peers import Peers
from bench.privacy import Concealer, lab_key
from bench.report import EvidenceLost, ResultStream

_EVERY_S = 300.0
_REGISTER_S, _CONNECT_S, _RECEIVE_S = 300.0, 60.0, 30
_END_S = 20.0
_PAYLOAD = b"is the network there?"


@dataclass
class ControlBoard:
    """Probes, for as long as it is entered: registration, a TCP connection to a peer, an echo.

    Attributes:
        spec: the board.
        config: the lab.
        stream: gets a row a probe: ``ok``, ``text``, ``echo_ns``.
        every: seconds between two probes.
    """

    spec: BoardSpec
    config: Config
    stream: ResultStream
    every: float = _EVERY_S
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._probe_now_and_then, name="control board", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_END_S)  # beyond that it waits for a network; what it changed is in its undo journal

    def probe(self) -> str:
        """What is wrong with the network, as this board finds it; empty when nothing is."""
        with self._lock:
            try:
                took = self._echo()
            except BenchError as error:
                said = str(error).partition("\n")[0]
                self.stream.add("control", slot=self.spec.slot, ok=False, text=said)
                return f"the control board {self.spec.slot} fails too: {said}"
            self.stream.add("control", slot=self.spec.slot, ok=True, text="", echo_ns=took)
            return ""

    def _echo(self) -> int:
        """Seconds in ns from the first byte sent to the last one received."""
        board = Board(self.spec, Concealer(lab_key()), connect_timeout=_CONNECT_S, job="control board of a run")
        with board, Peers(self.config.peers) as peers:
            board.registered(_REGISTER_S)
            if peers.config.public:
                show_tokens(board, peers, attempts=3, seconds=_RECEIVE_S)
            echo = peers.tcp_echo()
            with board.modem.tcp_client(echo.host, echo.port) as client:
                began = time.monotonic_ns()
                client.send(_PAYLOAD)
                client.receive_exactly(len(_PAYLOAD), timeout=_RECEIVE_S)
                return time.monotonic_ns() - began

    def _probe_now_and_then(self) -> None:
        with contextlib.suppress(EvidenceLost):  # the run finds out by itself
            while not self._ended.is_set():
                self.probe()
                self._ended.wait(self.every)


def control_board(specs: Sequence[BoardSpec], under_test: Sequence[BoardSpec]) -> BoardSpec | None:
    """The control board of the lab that is attached and not itself under test."""
    taken = {spec.key for spec in under_test}
    return next((spec for spec in specs if spec.control_board and spec.port and spec.key not in taken), None)
