"""The command families of Serial Modem on one link; and the commands that block the board."""

from dataclasses import dataclass

from bench.at import AtLink
from bench.at.numbers import whole_number
from bench.modem.commands import CommandFamilies, CommandTiming
from bench.modem.name_resolution import NameResolution
from bench.modem.serial_modem.data_mode import SerialModemDataModeCommands
from bench.modem.serial_modem.device import DeviceCommands
from bench.modem.serial_modem.events import SocketEvents
from bench.modem.serial_modem.options import SerialModemOptionCommands
from bench.modem.serial_modem.polling import SerialModemPollingCommands
from bench.modem.serial_modem.reception import AutomaticReception
from bench.modem.serial_modem.server import SerialModemServerCommands
from bench.modem.serial_modem.sockets import SerialModemSocketCommands
from bench.modem.serial_modem.values import SendFlag
from bench.modem.socket_values import ReceiveFlag


@dataclass(frozen=True, slots=True)
class SerialModemFamilies(CommandFamilies):
    """The command families of Serial Modem, with what only it has.

    Attributes:
        sockets: also listing, hexadecimal data, lengths, the notice of a send.
        server: also listing, an accept that does not wait.
        data_mode: also its failure.
        events: of sockets, by URC.
        reception: automatic reception.
        device: versions, sleep, echo, baud rate.
    """

    sockets: SerialModemSocketCommands
    server: SerialModemServerCommands
    data_mode: SerialModemDataModeCommands
    events: SocketEvents
    reception: AutomaticReception
    device: DeviceCommands


def serial_modem_families(link: AtLink, timing: CommandTiming) -> SerialModemFamilies:
    """Return the command families of a board that runs Serial Modem."""
    events = SocketEvents(link, timing)
    return SerialModemFamilies(
        sockets=SerialModemSocketCommands(link, events, timing),
        server=SerialModemServerCommands(link, events, timing),
        polling=SerialModemPollingCommands(link, events, timing),
        options=SerialModemOptionCommands(link, timing),
        data_mode=SerialModemDataModeCommands(link, timing),
        names=NameResolution(link, timing),
        events=events,
        reception=AutomaticReception(link, timing),
        device=DeviceCommands(link, timing),
    )


def serial_modem_blocks(command: bytes) -> bool:
    """Return True for a command during which the board sends no URC: a receive or a send that waits.

    #XCONNECT and #XGETADDRINFO hold URCs back as well, for as long as they take.
    """
    name, _, rest = command.partition(b"=")
    parameters = rest.split(b",")
    flags = (whole_number(parameters[2]) if len(parameters) > 2 else None) or 0
    if name in (b"AT#XRECV", b"AT#XRECVFROM"):
        return not flags & ReceiveFlag.DONT_WAIT
    return name in (b"AT#XSEND", b"AT#XSENDTO") and bool(flags & SendFlag.WAIT_ACK)
