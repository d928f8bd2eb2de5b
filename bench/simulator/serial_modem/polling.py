"""#XAPOLL, and the machine that reports what happens to sockets, each event once (Serial Modem, sm_at_socket.c)."""

import asyncio

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.data_mode import DataMode
from bench.simulator.downlink import POLLERR, POLLHUP, POLLIN, POLLOUT
from bench.simulator.output import Output
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.delivery import IN_DATA_MODE, Delivery
from bench.simulator.serial_modem.slots import FREE, Slot, Slots

POLLNVAL = 0x0020
_TROUBLE = POLLERR | POLLHUP | POLLNVAL
_ALL = POLLIN | POLLOUT | _TROUBLE
_LISTED = POLLIN | POLLOUT
_EVENTS = (0, POLLIN, POLLOUT, POLLIN | POLLOUT)
_STOP, _START = 0, 1
_ROOM_S = 0.02
"""Until the next look at a connection that takes no more data now."""


class PollMachine:
    """The reports of all sockets: #XAPOLL, automatic reception, and the end of data mode by its socket."""

    def __init__(self, host: AtHost, slots: Slots, delivery: Delivery) -> None:
        self._output: Output = host.output
        self._transfer = host.transfer
        self._slots = slots
        self._delivery = delivery
        self._loop = asyncio.get_running_loop()
        self._data_mode: tuple[Slot, DataMode] | None = None

    # ---------------------------------------------------------------- what commands do

    def start(self, slot: Slot) -> None:
        """Ask for everything of a socket that was opened or accepted."""
        self.arm(slot, _ALL, also_xapoll=True)
        self.watch(slot)

    def watch(self, slot: Slot) -> None:
        """Hear of what happens to a socket; again after anything that gives it another state."""
        self._transfer.watch(slot.need(), lambda: self._look_soon(slot))
        self._look_soon(slot)

    def arm(self, slot: Slot, bits: int, *, also_xapoll: bool) -> None:
        """Ask for events of a socket, and with ``also_xapoll`` report those that #XAPOLL wants."""
        state = slot.reporting
        if state.disabled or slot.sock is None:
            return
        if also_xapoll:
            state.armed |= state.requested & bits
        state.events |= bits
        state.told = state.events
        self._look_soon(slot)

    def request(self, slot: Slot, events: int) -> None:
        """Start the URCs of a socket."""
        slot.reporting.requested = events | _TROUBLE
        self.arm(slot, events | _TROUBLE, also_xapoll=True)

    def enter_data_mode(self, slot: Slot, mode: DataMode) -> None:
        """Report the events of a socket to a data mode until that ends; what waits already is handed on."""
        self._data_mode = slot, mode
        if slot.reporting.receives & IN_DATA_MODE:
            self.arm(slot, POLLIN, also_xapoll=False)

    def leave_data_mode(self) -> None:
        """Report to the host again."""
        self._data_mode = None

    # ---------------------------------------------------------------- what the modem reports

    def _look_soon(self, slot: Slot) -> None:
        self._loop.call_soon(self._look, slot)

    def _look(self, slot: Slot) -> None:
        state = slot.reporting
        if slot.sock is None or not self._slots.holds(slot) or not state.told:
            return
        events = self._transfer.poll(slot.sock)
        found = events & state.told
        if not found:
            air = slot.sock.air
            if state.told & POLLOUT and slot.sock.connected and air is not None and not air.has_room:
                self._loop.call_later(_ROOM_S, self._look, slot)
            return
        state.told = 0
        if self._output.idle:
            self._tell_host(slot, found)
            return
        state.delayed |= found  # also what a data mode hears of now
        self._output.when_idle(lambda: self._ask_anew(slot))
        if self._data_mode is not None and self._data_mode[0] is slot:
            self._tell_data_mode(slot, self._data_mode[1], found)

    def _ask_anew(self, slot: Slot) -> None:
        """Ask again for what came while URCs had to wait: the modem reports it anew."""
        state = slot.reporting
        delayed, state.delayed = state.delayed, 0
        if delayed:
            state.disabled = False
            self.arm(slot, delayed, also_xapoll=True)

    def _tell_host(self, slot: Slot, found: int) -> None:
        state = slot.reporting
        hit = found & state.armed
        state.armed &= ~hit
        if hit:
            self._output.urc(f"#XAPOLL: {slot.handle},{hit}")
        self._go_on(slot, found, data_mode=False)

    def _tell_data_mode(self, slot: Slot, mode: DataMode, found: int) -> None:
        self._go_on(slot, found, data_mode=True)
        if found & _TROUBLE:
            mode.fail()

    def _go_on(self, slot: Slot, found: int, *, data_mode: bool) -> None:
        state = slot.reporting
        state.events &= ~(found & (POLLIN | POLLOUT))
        if found & _TROUBLE:
            state.disabled = True
        if found & POLLIN and self._delivery.deliver(slot, data_mode=data_mode):
            self.arm(slot, POLLIN, also_xapoll=True)
        self.arm(slot, 0, also_xapoll=False)


class PollCommands:
    """The command that asks for reports."""

    def __init__(self, host: AtHost, slots: Slots, machine: PollMachine) -> None:
        self._say = host.output.say
        self._slots = slots
        self._machine = machine

    @command("#XAPOLL", RUN, SET)
    async def poll(self, parameters: Parameters) -> None:
        """Handle AT#XAPOLL=[<handle>],<op>[,<events>]: 1 starts, 0 stops; without a handle also for sockets to come."""
        everyone = is_everyone(parameters)
        slots = self._slots.all if everyone else [self._slots.named(parameters)]
        operation = parameters.number(1)
        if operation == _STOP:
            # What is armed already is still reported once.
            self._slots.defaults.requested = 0 if everyone else self._slots.defaults.requested
            for slot in slots:
                slot.reporting.requested = 0
            return
        events = parameters.number(2)
        if operation != _START or events not in _EVENTS:
            raise AtError
        if everyone:
            self._slots.defaults.requested = events | _TROUBLE
        for slot in slots:
            self._machine.request(slot, events)

    @command("#XAPOLL", READ)
    async def list_requests(self, _: Parameters) -> None:
        """Handle AT#XAPOLL?."""
        for slot in self._slots.all:
            if slot.reporting.requested:
                self._say(f"#XAPOLL: {slot.handle},{slot.reporting.requested & _LISTED}")

    @command("#XAPOLL", TEST)
    async def describe_poll(self, _: Parameters) -> None:
        """Handle AT#XAPOLL=?."""
        self._say("#XAPOLL: <handle>,(0,1),(0,1,4,5)")


def is_everyone(parameters: Parameters) -> bool:
    """Return whether the first parameter means all sockets: it is empty, or the handle of a free place."""
    return parameters.has(0) and (parameters.empty(0) or parameters.number(0, *INT32) == FREE)
