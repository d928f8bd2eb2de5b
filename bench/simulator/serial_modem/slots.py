"""The list of sockets as Serial Modem keeps it: what it remembers of each beside the socket itself."""

from dataclasses import dataclass, field

from bench.simulator.at_host import AtHost
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.sockets import RAW, SocketRequest, TableSocket

FREE = -1
"""The handle of a free place of the list, which the look-up finds (Serial Modem, sm_at_socket.c:find_socket)."""


@dataclass
class Reporting:
    """The reports of a socket: what is asked for, and what was reported (Serial Modem, sm_at_socket.c).

    Attributes:
        events: what the modem is to report, each once.
        told: what it watches at this moment; nothing when it has reported.
        requested: what #XAPOLL has asked for.
        armed: what it reports next time.
        delayed: what came while URCs had to wait.
        disabled: whether an error or an end has come, after which nothing is asked any more.
        receives: automatic reception: 1 in AT mode, 2 in data mode.
        hex: whether received data are printed as hex.
    """

    events: int = 0
    told: int = 0
    requested: int = 0
    armed: int = 0
    delayed: int = 0
    disabled: bool = False
    receives: int = 0
    hex: bool = False


@dataclass(eq=False)
class Slot:
    """A place of the list. A free one has no socket.

    Attributes:
        sock: the socket.
        local_port: the port that it was bound to; 0 for none.
        send_flags: flags of the last send.
        reporting: its reports.
    """

    sock: TableSocket | None
    local_port: int = 0
    send_flags: int = 0
    reporting: Reporting = field(default_factory=Reporting)

    @property
    def handle(self) -> int:
        """The handle of the socket."""
        return FREE if self.sock is None else self.sock.handle

    def need(self) -> TableSocket:
        """Return the socket; raise AtError when there is none."""
        if self.sock is None:
            raise AtError
        return self.sock


@dataclass
class Defaults:
    """The reports of sockets that are opened or accepted from now on."""

    requested: int = 0
    receives: int = 0
    hex: bool = False


class Slots:
    """All places since the last boot, and what a new socket begins with."""

    def __init__(self, host: AtHost, quirks: Quirks) -> None:
        self.defaults = Defaults()
        self._sockets = host.transfer.sockets
        self._places = host.profile.sockets
        self._free_found = quirks.free_slots_found
        self._slots: dict[TableSocket, Slot] = {}

    @property
    def all(self) -> list[Slot]:
        """The slots of all open sockets in their order; accepted ones have a place too."""
        self._slots = {sock: slot for sock, slot in self._slots.items() if self._sockets.holds(sock)}
        return sorted(self._slots.values(), key=lambda slot: slot.handle)

    def holds(self, slot: Slot) -> bool:
        """Return whether the socket of a slot is still open."""
        return slot.sock is not None and self._sockets.holds(slot.sock)

    def named(self, parameters: Parameters) -> Slot:
        """Return the slot whose handle is the first parameter; raise AtError when there is none.

        It is looked up before any other parameter is read.
        """
        handle = parameters.number(0, *INT32)
        for slot in self.all:
            if slot.handle == handle:
                return slot
        if handle == FREE and self._free_found and len(self.all) < self._places:
            return Slot(None)
        raise AtError

    def open(self, request: SocketRequest) -> Slot:
        """Open a socket; raise Refused if it cannot be opened."""
        if request.cid:
            raise Refused  # AT%XGETPDNID knows no such connection: the simulated network gives one, of context 0
        return self.add(self._sockets.open(request))

    def add(self, sock: TableSocket) -> Slot:
        """Give a socket a place."""
        slot = Slot(sock)
        slot.reporting.requested = self.defaults.requested
        slot.reporting.receives, slot.reporting.hex = self.defaults.receives, self.defaults.hex
        self._slots[sock] = slot
        return slot

    def close(self, slot: Slot) -> None:
        """Close a socket."""
        if slot.sock is not None:
            self._sockets.close(slot.sock)


def takes_no_address(slot: Slot) -> bool:
    """Return whether received data are printed without an address: a connected or a raw socket."""
    return slot.sock is not None and (slot.sock.connected or slot.sock.type == RAW)
