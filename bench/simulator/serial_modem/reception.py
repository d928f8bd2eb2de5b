"""#XRECVCFG: automatic reception, socket by socket."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.downlink import POLLIN
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.delivery import IN_AT_MODE, IN_DATA_MODE
from bench.simulator.serial_modem.polling import PollMachine, is_everyone
from bench.simulator.serial_modem.slots import Slots


class ReceptionCommands:
    """The command that switches automatic reception."""

    def __init__(self, host: AtHost, slots: Slots, machine: PollMachine) -> None:
        self._say = host.output.say
        self._slots = slots
        self._machine = machine

    @command("#XRECVCFG", RUN, SET)
    async def configure(self, parameters: Parameters) -> None:
        """Handle AT#XRECVCFG=[<handle>],<flags>[,<hex>]: 1 in AT mode, 2 in data mode, where there is no hex."""
        everyone = is_everyone(parameters)
        slots = self._slots.all if everyone else [self._slots.named(parameters)]
        flags = parameters.number(1, 0, IN_AT_MODE | IN_DATA_MODE)
        as_hex = bool(parameters.optional(2, 0, 0, 1))
        if as_hex and flags & IN_DATA_MODE:
            raise AtError
        if everyone:
            self._slots.defaults.receives, self._slots.defaults.hex = flags, as_hex
        for slot in slots:
            slot.reporting.receives, slot.reporting.hex = flags, as_hex
            if flags:  # what waits already is delivered too
                self._machine.arm(slot, POLLIN, also_xapoll=False)

    @command("#XRECVCFG", READ)
    async def list_configured(self, _: Parameters) -> None:
        """Handle AT#XRECVCFG?."""
        for slot in self._slots.all:
            if slot.reporting.receives:
                self._say(f"#XRECVCFG: {slot.handle},{slot.reporting.receives},{int(slot.reporting.hex)}")

    @command("#XRECVCFG", TEST)
    async def describe_reception(self, _: Parameters) -> None:
        """Handle AT#XRECVCFG=?."""
        self._say("#XRECVCFG: <handle>,(0,1,2,3),(0,1)")
