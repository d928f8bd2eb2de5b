"""Commands of the firmware itself: #XSLMVER, #XCLAC, #XUUID and #XRESET."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.parameters import Parameters
from bench.simulator.slm.selection import Selection
from bench.simulator.slm.sockets import CLOSED


class ServiceCommands:
    """Commands about the firmware."""

    def __init__(self, host: AtHost, selection: Selection) -> None:
        self._host = host
        self._say = host.output.say
        self._selection = selection

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
