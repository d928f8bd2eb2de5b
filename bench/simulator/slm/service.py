"""Commands of the firmware itself: #XSLMVER, #XCLAC, #XUUID, #XRESET and #XGETADDRINFO."""

import ipaddress

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.slm.quirks import Quirks
from bench.simulator.slm.selection import Selection
from bench.simulator.slm.sockets import CLOSED
from bench.simulator.transfer import ANY, V4, V6

HOST_LIMIT = 127  # the page says 128; the firmware's buffer holds a NUL as well
_FAMILIES = (ANY, V4, V6)


class ServiceCommands:
    """Commands about the firmware, and names."""

    def __init__(self, host: AtHost, selection: Selection, quirks: Quirks) -> None:
        self._host = host
        self._say = host.output.say
        self._selection = selection
        self._quirks = quirks

    @command("#XSLMVER", RUN, SET)
    async def tell_version(self, _: Parameters) -> None:
        """Handle AT#XSLMVER."""
        self._say(f"#XSLMVER: {self._host.profile.version}")

    @command("#XCLAC", RUN, SET)
    async def list_commands(self, _: Parameters) -> None:
        """Handle AT#XCLAC."""
        self._say("\r\n".join(f"AT{name}" for name in self._host.commands.names if name.startswith("#")))

    @command("#XUUID", RUN, SET)
    async def tell_uuid(self, _: Parameters) -> None:
        """Handle AT#XUUID."""
        self._say(f"#XUUID: {self._host.modem.identity.uuid}")

    @command("#XRESET", RUN, SET)
    async def reset(self, _: Parameters) -> None:
        """Handle AT#XRESET: OK first, then the active socket says that it is closed, then the restart."""
        self._host.reset_after_answer(CLOSED if self._selection.active is not None else None)

    @command("#XGETADDRINFO", RUN, SET)
    async def resolve_name(self, parameters: Parameters) -> None:
        """Handle AT#XGETADDRINFO=<hostname>[,<family>]: 0 both, 1 IPv4, 2 IPv6."""
        if len(parameters) not in (1, 2):
            raise AtError
        name = parameters.string(0, HOST_LIMIT).decode("latin-1")
        family = parameters.optional(1, 0, 0, 2)
        found = await self._host.transfer.resolve(name, _FAMILIES[family])
        if not found:
            raise AtError('#XGETADDRINFO: "EAI_NONAME"')
        if self._quirks.repeats_first_address:
            found = [_misread(found[0], address) for address in found]
        self._say(f'#XGETADDRINFO: "{" ".join(found)}"')


def _misread(first: str, address: str) -> str:
    """Return the first entry, which the firmware prints again, read as if of the family of the present one."""
    source = ipaddress.ip_address(first)
    if ipaddress.ip_address(address).version == 6 and source.version == 4:
        return str(ipaddress.IPv6Address(source.packed + bytes(12)))
    return first
