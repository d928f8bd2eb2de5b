"""#XCONNECT, #XSEND, #XSENDTO, and #XSENDNTF."""

import re
from dataclasses import dataclass

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.downlink import POLLOUT
from bench.simulator.flags import DONT_WAIT, WAIT_ACK, may_send_with
from bench.simulator.name_commands import HOST_LIMIT
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.serial_modem.data_mode import DataModeCommands
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.slots import Slot, Slots
from bench.simulator.sockets import CLIENT, STREAM, TableSocket
from bench.simulator.transfer import Undeliverable

TEXT, HEX, DATA_MODE = 0, 1, 2
NOTIFY = 8192
"""Flag of a send whose acknowledgement by the network is reported (#XSENDNTF)."""
_HEX_DIGITS = re.compile(rb"[0-9A-Fa-f]{1,2800}")
_NOTIFY_TIMEOUTS = range(1, 601)


@dataclass(frozen=True)
class _Destination:
    name: str
    port: int


class SendingCommands:
    """Commands that connect a socket and send."""

    def __init__(
        self, host: AtHost, slots: Slots, machine: PollMachine, data_mode: DataModeCommands, quirks: Quirks
    ) -> None:
        self._host = host
        self._output = host.output
        self._transfer = host.transfer
        self._notifies = host.modem.capabilities.satellite  # SO_SENDCB: mfw_nrf9151-ntn
        self._slots = slots
        self._machine = machine
        self._data_mode = data_mode
        self._quirks = quirks
        self._destination: _Destination | None = None  # of an #XSENDTO, also of one that failed
        self._notifying: set[TableSocket] = set()

    @command("#XCONNECT", RUN, SET)
    async def connect(self, parameters: Parameters) -> None:
        """Handle AT#XCONNECT=<handle>,<host>,<port>."""
        slot = self._slots.named(parameters)
        name = parameters.string(1, HOST_LIMIT).decode("latin-1")
        port = parameters.number(2, 1)
        sock = slot.need()
        if sock.connected or (self._quirks.role_rules and sock.role != CLIENT):
            raise AtError
        try:
            await self._transfer.connect(sock, name, port)
        finally:
            if self._slots.holds(slot):
                self._machine.watch(slot)
        self._output.say(f"#XCONNECT: {sock.handle},1")

    # ---------------------------------------------------------------- #XSEND

    @command("#XSEND", RUN, SET)
    async def send(self, parameters: Parameters) -> None:
        """Handle AT#XSEND=<handle>,<mode>,<flags>,<data>, or ...,2,<flags>[,<length>], which enters data mode."""
        slot = self._slots.named(parameters)
        mode = parameters.number(1)
        slot.send_flags = parameters.number(2, *INT32)
        if mode == DATA_MODE:
            self._enter_data_mode(slot, parameters.optional(3, 0, *INT32))
            return
        data = _read_data(parameters, mode, 3)
        self._check_notification(slot)
        sent, whole = await self._deliver(slot, data)
        self._report("#XSEND", slot, sent, whole=whole)

    async def _deliver(self, slot: Slot, data: bytes) -> tuple[int, bool]:
        """Send to the connected peer; return how many bytes were taken, and whether that is all."""
        if not data:
            return 0, True
        try:
            sock = self._ready(slot)
            sent = await self._transfer.send(sock, data, wait=not slot.send_flags & DONT_WAIT)
            await self._wait_for_network(slot, sock)
        except Refused:
            return 0, False
        finally:
            self._sent(slot)
        return sent, sent == len(data)

    def _ready(self, slot: Slot) -> TableSocket:
        """Return the socket if the modem takes a send with the slot's flags now; raise Refused if not."""
        sock = slot.need()
        flags = slot.send_flags
        if not may_send_with(flags & ~NOTIFY) or (flags & NOTIFY and flags & WAIT_ACK) or sock in self._notifying:
            raise Refused
        if flags & (NOTIFY | WAIT_ACK) and sock.send_timeout not in _NOTIFY_TIMEOUTS:
            raise Refused
        return sock

    def _check_notification(self, slot: Slot) -> None:
        """Refuse a flag that the modem firmware does not know, before anything else."""
        if slot.send_flags & NOTIFY and not self._notifies:
            raise AtError

    async def _wait_for_network(self, slot: Slot, sock: TableSocket) -> None:
        if slot.send_flags & WAIT_ACK:
            await self._transfer.acknowledged(sock)

    def _sent(self, slot: Slot) -> None:
        """Ask for the next POLLOUT, also after a failed send; after one that is reported, #XSENDNTF asks for it."""
        if not slot.send_flags & NOTIFY:
            self._machine.arm(slot, POLLOUT, also_xapoll=True)

    def _report(self, name: str, slot: Slot, sent: int, *, whole: bool) -> None:
        """Print how much was sent, and whether #XSENDNTF follows; raise AtError with that line if it is not all."""
        if not whole:
            raise AtError(f"{name}: {slot.handle},0,{sent}")
        notifies = bool(slot.send_flags & NOTIFY)
        self._output.say(f"{name}: {slot.handle},{int(notifies)},{sent}")
        if notifies and sent:
            self._notifying.add(slot.need())
            self._host.start_task(self._notify(slot, sent))

    async def _notify(self, slot: Slot, sent: int) -> None:
        """Report that the network has acknowledged a send, or has not in time."""
        sock = slot.need()
        try:
            await self._transfer.acknowledged(sock)
            status = 0
        except Refused:
            status = -1
        self._notifying.discard(sock)
        if self._slots.holds(slot):
            self._output.urc(f"#XSENDNTF: {slot.handle},{status},{sent}")
            self._machine.arm(slot, POLLOUT, also_xapoll=True)

    # ---------------------------------------------------------------- #XSENDTO

    @command("#XSENDTO", RUN, SET)
    async def send_to(self, parameters: Parameters) -> None:
        """Handle AT#XSENDTO=<handle>,<mode>,<flags>,<host>,<port>,<data>, or ...,2,<flags>,<host>,<port>[,<length>]."""
        slot = self._slots.named(parameters)
        mode = parameters.number(1)
        slot.send_flags = parameters.number(2, *INT32)
        name = parameters.string(3, HOST_LIMIT).decode("latin-1")
        if self._quirks.keeps_destination:  # the port that was there before stays until one is read
            self._destination = _Destination(name, self._destination.port if self._destination else 0)
        destination = _Destination(name, parameters.number(4))
        if self._quirks.keeps_destination or mode == DATA_MODE:
            self._destination = destination
        if mode == DATA_MODE:
            self._enter_data_mode(slot, parameters.optional(5, 0, *INT32))
            return
        data = _read_data(parameters, mode, 5)
        self._check_notification(slot)
        self._destination = None
        try:
            await self._deliver_to(slot, data, destination)
        except Undeliverable:
            self._report("#XSENDTO", slot, 0, whole=False)
        else:
            self._report("#XSENDTO", slot, len(data), whole=True)

    async def _deliver_to(self, slot: Slot, data: bytes, to: _Destination) -> None:
        """Send to an address; raise Undeliverable if that fails, Refused where the name has no address."""
        try:
            if slot.sock is not None:
                await self._transfer.address_of(slot.sock, to.name, to.port)
            elif not await self._transfer.resolve(to.name):
                raise Refused
            await self._deliver_to_resolved(slot, data, to)
        finally:
            self._sent(slot)

    async def _deliver_to_resolved(self, slot: Slot, data: bytes, to: _Destination) -> None:
        try:
            sock = self._ready(slot)
            if sock.type == STREAM or sock.secure:  # on a connection, the address does not matter
                if await self._transfer.send(sock, data, wait=not slot.send_flags & DONT_WAIT) < len(data):
                    raise Undeliverable
            else:
                await self._transfer.send_to(sock, data, to.name, to.port)
            await self._wait_for_network(slot, sock)
        except Refused as error:
            raise Undeliverable from error

    # ---------------------------------------------------------------- data mode

    def _enter_data_mode(self, slot: Slot, length: int) -> None:
        self._data_mode.enter(slot, self._sender(slot), length, left=self._forget_destination)

    def _sender(self, slot: Slot) -> "_DataSender":
        return _DataSender(self, slot, self._destination)

    def _forget_destination(self) -> None:
        self._destination = None

    async def deliver_data(self, slot: Slot, data: bytes, to: _Destination | None) -> None:
        """Send what data mode has collected; raise Refused if that fails."""
        if to is not None:
            await self._deliver_to(slot, data, to)
        elif not (await self._deliver(slot, data))[1]:
            raise Refused


@dataclass(frozen=True)
class _DataSender:
    """What data mode sends with. The name of an #XSENDTO is resolved anew for each flush."""

    commands: SendingCommands
    slot: Slot
    to: _Destination | None

    async def __call__(self, data: bytes) -> None:
        await self.commands.deliver_data(self.slot, data, self.to)


def _read_data(parameters: Parameters, mode: int, index: int) -> bytes:
    """Return the data of a send; raise AtError if there are none, or its mode is unknown."""
    if mode not in (TEXT, HEX):
        raise AtError
    text = parameters.string(index)
    return text if mode == TEXT else _from_hex(text)


def _from_hex(text: bytes) -> bytes:
    """Return the bytes of up to 2800 digits; the first of an odd number of them is a byte by itself."""
    if not _HEX_DIGITS.fullmatch(text):
        raise AtError
    return bytes.fromhex(("0" if len(text) % 2 else "") + text.decode())
