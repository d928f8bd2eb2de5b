"""The command families of SLM on one link, around one selected socket; and the commands that block the board."""

from bench.at import AtLink
from bench.at.numbers import whole_number
from bench.modem.commands import CommandFamilies, CommandTiming
from bench.modem.name_resolution import NameResolution
from bench.modem.slm.active import SelectedSocket
from bench.modem.slm.options import SlmOptionCommands
from bench.modem.slm.polling import SlmPollingCommands
from bench.modem.slm.server import SlmServerCommands
from bench.modem.slm.sockets import SlmSocketCommands
from bench.modem.socket_values import ReceiveFlag
from bench.modem.time_limit import TimeLimitCommands


def slm_families(link: AtLink, timing: CommandTiming) -> CommandFamilies:
    """Return the command families of a board that runs SLM."""
    selected = SelectedSocket(link, margin=timing.margin)
    return CommandFamilies(
        sockets=SlmSocketCommands(link, selected, timing),
        server=SlmServerCommands(link, selected, timing),
        polling=SlmPollingCommands(link, timing),
        options=SlmOptionCommands(link, selected, timing),
        data_mode=TimeLimitCommands(link, timing),
        names=NameResolution(link, timing),
    )


def slm_blocks(command: bytes) -> bool:
    """Return True for a command during which the board sends no URC: a receive, poll or accept that waits."""
    name, _, rest = command.partition(b"=")
    parameters = rest.split(b",")
    flags = whole_number(parameters[1]) if len(parameters) > 1 else None
    quiet = bool((flags or 0) & ReceiveFlag.DONT_WAIT)
    return (
        (name in (b"AT#XRECV", b"AT#XRECVFROM") and not quiet)
        or (name == b"AT#XPOLL" and parameters[0] != b"0")
        or name == b"AT#XACCEPT"
    )
