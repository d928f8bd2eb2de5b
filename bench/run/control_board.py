"""A control board: on firmware that is known, beside the boards under test; it tells whether the network was bad."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from bench.boards import (
    Board,
    BoardSpec,
    Budget,
    Cost,
    Lease,
    Ledger,
    cost_of_commands,
    found_again,
    known_boards,
    show_tokens,
)
from bench.config.lab import Config
from bench.errors import BenchError, DeviceError
from bench.evidence import EvidenceLost, ResultStream, rows
from bench.modem import NotRegistered
from bench.peers import Peers
from bench.privacy import Concealer, lab_key

_EVERY_S = 300.0
_FRESH_S = 60.0  # so long a finding holds, and so long one that is asked for is waited for
_REGISTER_S, _CONNECT_S, _RECEIVE_S = 300.0, 60.0, 30
_END_S = 20.0
_FREE_S = 1.0
_LOOK_S = 0.1
_PAYLOAD = b"is the network there?"
_MOST = Cost(octets=4000)


@dataclass
class ControlBoard:
    """Probes, for as long as it is entered: registration, a TCP connection to a peer, an echo.

    Attributes:
        spec: the board.
        config: the lab.
        stream: gets a row a probe: ``ok`` (null where it could not tell), ``text``, ``echo_ns``.
        stopped: whether nobody waits for an answer any more.
        lease: of the run on the board, where it has one.
        occupied: whether the board runs tests now, and cannot be asked.
    """

    spec: BoardSpec
    config: Config
    stream: ResultStream
    stopped: Callable[[], bool]
    lease: Lease | None = None
    occupied: Callable[[], bool] = lambda: False
    _found: tuple[float, str | None] = (-math.inf, None)
    _asked: threading.Event = field(default_factory=threading.Event)
    _ended: bool = False
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._probe_now_and_then, name="control board", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._asked.set()
        if self._thread is not None:
            self._thread.join(_END_S)  # beyond that it waits for a network; what it changed is in its undo journal

    def probe(self) -> str | None:
        """Return what is wrong with the network, as this board found a moment ago or finds now; empty for nothing.

        None where it cannot tell: it is unplugged, in use, runs tests, or has spent its budget.
        """
        if self.occupied():
            return None
        asked = time.monotonic()
        if asked - self._found[0] > _FRESH_S:
            self._asked.set()
            while self._found[0] < asked and time.monotonic() - asked < _FRESH_S and not self.stopped():
                time.sleep(_LOOK_S)
        return self._found[1]

    def _probe_now_and_then(self) -> None:
        with contextlib.suppress(EvidenceLost):  # the run finds out by itself
            while not self._ended:
                occupied = self.occupied()
                if not occupied:
                    self._probe()
                self._asked.wait(_FREE_S if occupied else _EVERY_S)
                self._asked.clear()

    def _probe(self) -> None:
        said: str | None = ""
        try:
            took = self._echo()
        except BenchError as error:
            text = error.headline
            # Its firmware is known to be good, so what it could not do is the network's fault; all else is its own.
            tells = isinstance(error, NotRegistered | DeviceError)
            said = f"the control board {self.spec.slot} fails too: {text}" if tells else None
            self.stream.add(rows.ControlRow(slot=self.spec.slot, ok=False if tells else None, text=text))
        else:
            self.stream.add(rows.ControlRow(slot=self.spec.slot, ok=True, echo_ns=took))
        self._found = time.monotonic(), said

    def _echo(self) -> int:
        """Return the time in ns from the first byte sent to the last one received; count what it costs."""
        spec = self.spec = found_again(self.spec, self.config, 0).attached_by(self.config)
        board = Board(
            spec, Concealer(lab_key()), connect_timeout=_CONNECT_S, job="control board of a run", lease=self.lease
        )
        peers = Peers(spec.peers_of(self.config))
        with Ledger() as ledger:
            budget = Budget(self.config.budget, ledger, spec.key, ledger.sim_of(spec.key))
            budget.allow(_MOST)
            try:
                with board, peers:
                    if spec.access_point or board.modem.registration.functional_mode() != "1":
                        budget.allow(Cost(attaches=1))
                    board.registered(_REGISTER_S)
                    sim = board.short_ids().get("iccid", "")
                    ledger.remember_sim(spec.key, sim)
                    budget = replace(budget, sim=sim)
                    budget.allow(_MOST)
                    return self._echo_between(board, peers)
            finally:
                sent = [one.command for one in board.transcript.transactions]
                budget.spend(Cost(octets=peers.octets) + cost_of_commands(sent))

    def _echo_between(self, board: Board, peers: Peers) -> int:
        if peers.config.public:
            show_tokens(board, peers, attempts=3, seconds=_RECEIVE_S)
        with peers.tcp_echo() as echo, board.modem.tcp_client(echo.host, echo.port) as client:
            began = time.monotonic_ns()
            client.send(_PAYLOAD)
            client.receive_exactly(len(_PAYLOAD), timeout=_RECEIVE_S)
            return time.monotonic_ns() - began


def control_boards(config: Config, under_test: Sequence[BoardSpec]) -> list[BoardSpec]:
    """Return the control boards that are attached and not themselves under test."""
    if not any(entry.control_board for entry in config.boards):
        return []
    taken = {spec.key for spec in under_test}
    with contextlib.suppress(BenchError):
        known = known_boards(config)
        return [spec for spec in known if spec.control_board and spec.port and spec.key not in taken]
    return []
