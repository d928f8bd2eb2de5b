"""The server role: #XBIND, #XLISTEN, and #XACCEPT, which never waits."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.downlink import POLLIN
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.slots import Slots
from bench.simulator.sockets import NO_SEC_TAG, RAW, STREAM


class BindCommands:
    """The command that gives a socket a local port."""

    def __init__(self, host: AtHost, slots: Slots) -> None:
        self._transfer = host.transfer
        self._slots = slots

    @command("#XBIND", RUN, SET)
    async def bind(self, parameters: Parameters) -> None:
        """Handle AT#XBIND=<handle>,<port>."""
        slot = self._slots.named(parameters)
        sock = slot.need()
        port = parameters.number(1)
        if sock.type == RAW:
            raise AtError
        self._transfer.bind(sock, port)
        slot.local_port = port


class ListenCommands:
    """Commands of a listening socket; its role does not matter."""

    def __init__(self, host: AtHost, slots: Slots, machine: PollMachine) -> None:
        self._say = host.output.say
        self._transfer = host.transfer
        self._slots = slots
        self._machine = machine

    @command("#XLISTEN", RUN, SET)
    async def listen(self, parameters: Parameters) -> None:
        """Handle AT#XLISTEN=<handle>: of a plain stream socket that is bound to a port other than 0."""
        slot = self._slots.named(parameters)
        sock = slot.need()
        if sock.type != STREAM or sock.sec_tag != NO_SEC_TAG or not slot.local_port:
            raise AtError
        self._transfer.listen(sock)
        self._machine.watch(slot)

    @command("#XLISTEN", READ)
    async def list_listeners(self, _: Parameters) -> None:
        """Handle AT#XLISTEN?."""
        for slot in self._slots.all:
            sock = slot.need()
            if sock.listening:
                self._say(f"#XLISTEN: {sock.handle},{sock.cid},{slot.local_port}")

    @command("#XLISTEN", TEST)
    async def describe_listen(self, _: Parameters) -> None:
        """Handle AT#XLISTEN=?."""
        self._say("#XLISTEN: <handle>")

    @command("#XACCEPT", RUN, SET)
    async def accept(self, parameters: Parameters) -> None:
        """Handle AT#XACCEPT=<handle>; after a failed one the next client is not reported."""
        listener = self._slots.named(parameters)
        client, peer = self._transfer.accept(listener.need())
        self._machine.start(self._slots.add(client))
        self._machine.arm(listener, POLLIN, also_xapoll=True)
        self._say(f'#XACCEPT: {client.handle},{client.cid},"{peer[0]}",{peer[1]}')

    @command("#XACCEPT", TEST)
    async def describe_accept(self, _: Parameters) -> None:
        """Handle AT#XACCEPT=?."""
        self._say("#XACCEPT: <handle>")
