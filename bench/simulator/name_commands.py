"""The resolution of names, which both applications spell alike: #XGETADDRINFO."""

from collections.abc import Callable

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.transfer import ANY, V4, V6

HOST_LIMIT = 127
"""Characters of the longest name. The documentation says 128; the firmwares' buffers hold a NUL as well."""
_FAMILIES = (ANY, V4, V6)


class NameCommands:
    """The command that resolves a name."""

    def __init__(self, host: AtHost, *, unknown: str, printed: Callable[[list[str]], list[str]]) -> None:
        """Args: unknown: stands where the addresses of an unknown name would be; printed: what a firmware prints."""
        self._host = host
        self._unknown = unknown
        self._printed = printed

    @command("#XGETADDRINFO", RUN, SET)
    async def resolve_name(self, parameters: Parameters) -> None:
        """Handle AT#XGETADDRINFO=<hostname>[,<family>]: 0 both, 1 IPv4, 2 IPv6."""
        if len(parameters) not in (1, 2):
            raise AtError
        name = parameters.string(0, HOST_LIMIT).decode("latin-1")
        family = parameters.optional(1, 0, 0, 2)
        found = await self._host.transfer.resolve(name, _FAMILIES[family])
        if not found:
            raise AtError(f'#XGETADDRINFO: "{self._unknown}"')
        self._host.output.say(f'#XGETADDRINFO: "{" ".join(self._printed(found))}"')
