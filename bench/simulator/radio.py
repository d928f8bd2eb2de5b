"""The radio of a simulated board: RRC states, their timers, and what RAI does to them.

Pure: the caller gives the time, in ns, so that a night of rounds can be computed in a moment. Times are not scaled: a
simulated cell simply has a short inactivity timer. States are those of 3GPP TS 36.331 (idle, connected) and the way
between them.
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields

from bench.clock import NS_PER_MS
from bench.errors import UsageError
from bench.simulator.numbers import LONGEST_MS, check_range, parse_numbers

_LONGER = 100.0

OFF, LOST, IDLE, ASLEEP, CONNECTING, CONNECTED = "off", "lost", "idle", "asleep", "connecting", "connected"
UNREACHED = (OFF, LOST)
"""States in which nothing passes, either way."""
NO_DATA, LAST, ONE_RESP, ONGOING, WAIT_MORE = 1, 2, 3, 4, 5

# mA at 3.7 V, of the order of a modem's data sheet: they give a figure for the charge, not a measurement.
CURRENT_MA = {OFF: 0.002, LOST: 12.0, IDLE: 0.9, ASLEEP: 0.003, CONNECTING: 45.0, CONNECTED: 32.0}
# The number of changes of state that are kept for questions about the current.
_REMEMBERED = 20_000


_YES_OR_NO = ("as_rai", "cp_rai", "psm", "edrx")


@dataclass(frozen=True)
class Cell:
    """A cell, by how it treats its boards.

    Attributes:
        number: of the cell, 28 bits.
        setup: ms from the first packet in idle mode to a connection.
        inactivity: ms without a packet after which the network releases the connection.
        release: ms from the end that a board announces to the release.
        grant: probability that an announced end is honoured; 0 is a cell that ignores it.
        longer: factor by which the connection is kept longer for a board that announces more traffic.
        as_rai: whether the cell says that it knows RAI of the access stratum.
        cp_rai: whether it says that it knows RAI of the control plane.
        psm: whether it grants power saving mode.
        edrx: whether it grants extended discontinuous reception.
    """

    number: int = 0xA101
    setup: float = 20.0
    inactivity: float = 700.0
    release: float = 60.0
    grant: float = 1.0
    longer: float = 1.5
    as_rai: int = 1
    cp_rai: int = 0
    psm: int = 1
    edrx: int = 1

    def __post_init__(self) -> None:
        check_range(self, ("grant",), "a probability", 0, 1)
        check_range(self, ("setup", "inactivity", "release"), "a number of ms", 0, LONGEST_MS)
        check_range(self, ("longer",), "a factor", 1, _LONGER)
        if not 0 <= self.number < 1 << 28:
            raise UsageError(f"number is {self.number}; a cell's identity has 28 bits")
        for name in _YES_OR_NO:
            if getattr(self, name) not in (0, 1):
                raise UsageError(f"{name} is {getattr(self, name)}; it is 0 or 1")

    @property
    def identity(self) -> str:
        """Return its identity as a modem writes it: eight hexadecimal digits."""
        return f"{self.number:08X}"

    @classmethod
    def parse(cls, text: str) -> "Cell":
        """Return the cell of a text such as ``inactivity=5000,setup=100,grant=0.5``; each may be left out.

        Raises:
            UsageError: an unknown name, or a value that is not a number or out of range.
        """
        names = [field.name for field in fields(cls)]
        return cls(**parse_numbers(text, names, whole=("number", *_YES_OR_NO)))  # type: ignore[arg-type]


Changed = Callable[[int, str], None]
"""Called with the moment and the new state."""


class Assistance:
    """The announcement of one socket about its traffic (the socket option SO_RAI)."""

    def __init__(self) -> None:
        self.value = 0
        self._responses = 0

    def announce(self, value: int) -> None:
        """Set the option; LAST and ONE_RESP speak of the next packet that is sent."""
        self.value = value
        self._responses = 0

    def ended_by(self, *, uplink: bool) -> bool:
        """Note that a packet of this socket has passed; return whether it was the last, as announced."""
        if uplink and self.value == LAST:
            self.value = 0
            return True
        if uplink and self.value == ONE_RESP:
            self._responses = 1
        elif not uplink and self.value == ONE_RESP and self._responses:
            self.value = 0
            return True
        return False

    @property
    def keeps(self) -> bool:
        """True when the socket has announced more traffic."""
        return self.value in (ONGOING, WAIT_MORE)


@dataclass(frozen=True)
class Saving:
    """The agreement of board and network about power saving; None for what is not agreed on.

    Attributes:
        active: ms in idle mode until power saving mode (T3324).
        periodic: ms after which a sleeping board updates its tracking area (T3412 extended).
        cycle: ms between two moments at which an idle board can be paged (eDRX).
    """

    active: float | None = None
    periodic: float = 0.0
    cycle: float | None = None


class SimulatedRadio:
    """The radio of one board.

    Attributes:
        cell: the cell where the board is.
        state: OFF, LOST, IDLE, ASLEEP, CONNECTING or CONNECTED.
        indicates: whether the modem passes the announcements of sockets on to the network (AT%RAI).
        saving: what is agreed on for idle mode.
        charge_uc: electric charge used until the last change of state, in microcoulombs, by the model of currents.
        changes: the last changes of state, (moment, state).
    """

    def __init__(self, cell: Cell, seed: str, changed: Changed = lambda _t, _state: None) -> None:
        self.cell = cell
        self.state = OFF
        self.indicates = False
        self.saving = Saving()
        self.charge_uc = 0.0
        self.changes: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        self._random = random.Random(seed)
        self._changed = changed
        # The next change that comes by itself: the moment and the state.
        self._next: tuple[int, str] | None = None
        self._since_ns = 0
        # Packets for which the connection is being set up: (more is announced, it was the last).
        self._waiting: list[tuple[bool, bool]] = []

    @property
    def due_ns(self) -> int | None:
        """The moment of the next change that comes by itself; None when there is none."""
        return None if self._next is None else self._next[0]

    def advance(self, now_ns: int) -> None:
        """Make the changes of state that are due until now."""
        while self._next is not None and self._next[0] <= now_ns:
            (due, state), self._next = self._next, None
            if state == CONNECTED:
                self._become(CONNECTED, due)
                waiting, self._waiting = self._waiting or [(False, False)], []
                for keeps, ends in waiting:
                    self._touch(due, keeps=keeps, ends=ends)
            elif state == CONNECTING:
                self._connect(due)
            elif state == ASLEEP:
                self._become(ASLEEP, due)
                self._next = (due + round(self.saving.periodic * NS_PER_MS), CONNECTING)
            else:
                self._rest(due)

    def switch(self, now_ns: int, state: str) -> None:
        """Switch the radio on, into idle mode (IDLE), off (OFF), or out of coverage (LOST)."""
        self.advance(now_ns)
        self._next = None
        self._waiting.clear()
        if state == IDLE:
            self._rest(now_ns)
        else:
            self._become(state, now_ns)

    def save(self, now_ns: int, saving: Saving) -> None:
        """Agree anew with the network on power saving: a tracking area update, so the board connects."""
        self.advance(now_ns)
        self.saving = saving
        if self.state in (IDLE, ASLEEP):
            self._connect(now_ns)

    def packet(self, now_ns: int, assistance: Assistance, *, uplink: bool) -> int | None:
        """Return when a packet can pass: at once, or when the connection stands.

        Return None when that moment is not known: without coverage, or while the board sleeps or listens only at times.
        The caller asks again when the state has changed.
        """
        self.advance(now_ns)
        if self.state in UNREACHED or (self.state == ASLEEP and not uplink):
            return None
        if self.state == IDLE and not uplink and self.saving.cycle is not None:
            paging = (self._paging_occasion(now_ns, self.saving.cycle), CONNECTING)
            self._next = paging if self._next is None else min(self._next, paging)
            return None
        # The announcements until now are about this packet; later ones are not, though it has not left yet.
        keeps, ends = assistance.keeps, assistance.ended_by(uplink=uplink)
        if self.state == CONNECTED:
            self._touch(now_ns, keeps=keeps, ends=ends)
            return now_ns
        if self.state != CONNECTING:
            self._connect(now_ns)
        self._waiting.append((keeps, ends))
        ready = self.due_ns
        self.advance(now_ns)  # a cell may connect at once
        return ready

    def ended(self, now_ns: int) -> None:
        """Note that no more traffic will come from now on (NO_DATA)."""
        self.advance(now_ns)
        if self.state == CONNECTED:
            self._ask_for_release(now_ns)

    def _connect(self, now_ns: int) -> None:
        self._become(CONNECTING, now_ns)
        self._next = (now_ns + round(self.cell.setup * NS_PER_MS), CONNECTED)

    def _rest(self, now_ns: int) -> None:
        self._become(IDLE, now_ns)
        if self.saving.active is not None:
            self._next = (now_ns + round(self.saving.active * NS_PER_MS), ASLEEP)

    @staticmethod
    def _paging_occasion(now_ns: int, cycle: float) -> int:
        """Return the next paging occasion, which board and network compute from the board's identity."""
        length = round(cycle * NS_PER_MS)
        return (now_ns // length + 1) * length

    def _touch(self, now_ns: int, *, keeps: bool, ends: bool) -> None:
        kept = self.cell.longer if keeps else 1.0
        self._next = (now_ns + round(self.cell.inactivity * kept * NS_PER_MS), IDLE)
        if ends:
            self._ask_for_release(now_ns)

    def _ask_for_release(self, now_ns: int) -> None:
        granted = self._random.random() < self.cell.grant
        if self.indicates and granted and self._next is not None:
            self._next = min(self._next, (now_ns + round(self.cell.release * NS_PER_MS), IDLE))

    def _become(self, state: str, now_ns: int) -> None:
        if self._since_ns:
            self.charge_uc += CURRENT_MA[self.state] * max(0, now_ns - self._since_ns) / 1e6
        self._since_ns = now_ns
        if state != self.state:
            self.state = state
            self.changes.append((now_ns, state))
            self._changed(now_ns, state)
