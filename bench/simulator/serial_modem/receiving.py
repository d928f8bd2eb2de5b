"""#XRECV and #XRECVFROM."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.downlink import POLLIN
from bench.simulator.flags import DONT_WAIT, PEEK, WAIT_ALL, may_receive_with
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.delivery import header, payload
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.slots import Slots
from bench.simulator.sockets import RAW
from bench.simulator.transfer import ReceiveRequest

_RAW, _HEX = 0, 1


class ReceivingCommands:
    """Commands that receive."""

    def __init__(self, host: AtHost, slots: Slots, machine: PollMachine) -> None:
        self._output = host.output
        self._transfer = host.transfer
        self._limit = host.profile.receive_limit
        self._slots = slots
        self._machine = machine

    @command("#XRECV", RUN, SET)
    async def receive(self, parameters: Parameters) -> None:
        """Handle AT#XRECV=<handle>,<mode>,<flags>,<timeout>[,<length>]."""
        await self._receive("#XRECV", parameters)

    @command("#XRECVFROM", RUN, SET)
    async def receive_from(self, parameters: Parameters) -> None:
        """Handle AT#XRECVFROM=<handle>,<mode>,<flags>,<timeout>[,<length>]."""
        await self._receive("#XRECVFROM", parameters)

    async def _receive(self, name: str, parameters: Parameters) -> None:
        """Print what comes within the timeout in seconds, 0 for ever; nothing but OK when the peer has closed."""
        slot = self._slots.named(parameters)
        mode = parameters.number(1)
        flags = parameters.number(2, *INT32)
        timeout = parameters.number(3, 0, INT32[1])
        limit = parameters.optional(4, self._limit, 0, self._limit)
        if mode not in (_RAW, _HEX):
            raise AtError
        sock = slot.need()
        sock.receive_timeout = timeout
        if sock.type != RAW and not may_receive_with(sock, flags):
            raise AtError
        if not limit:
            return
        seconds = 0.0 if flags & DONT_WAIT else float(timeout) if timeout else None
        request = ReceiveRequest(limit, seconds, peek=bool(flags & PEEK), wait_all=bool(flags & WAIT_ALL))
        received = await self._transfer.receive(sock, request)
        if received.data:
            self._output.say(header(name, slot, received, as_hex=mode == _HEX))
            self._output.say_raw(payload(received, as_hex=mode == _HEX))
            self._machine.arm(slot, POLLIN, also_xapoll=True)
