"""#XPOLL."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.downlink import POLLOUT
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.sockets import TableSocket

_MOST = 7


class PollCommands:
    """The command that waits for sockets."""

    def __init__(self, host: AtHost) -> None:
        self._say = host.output.say
        self._transfer = host.transfer

    @command("#XPOLL", RUN, SET)
    async def poll(self, parameters: Parameters) -> None:
        """Handle AT#XPOLL=<timeout>[,<handle1>...]: milliseconds, 0 at once, -1 until something happens."""
        timeout = parameters.number(0, *INT32)
        polled = self._polled(parameters)
        found = self._events(polled)
        if not found and timeout:
            await self._transfer.wait_ready(polled, timeout / 1000 if timeout > 0 else None)
            found = self._events(polled)
        for handle, events in found:
            self._say(f'#XPOLL: {handle},"0x{events:04x}"')

    def _polled(self, parameters: Parameters) -> list[TableSocket]:
        """Return the sockets named, in that order, the first seven; all when none is named."""
        opened = {sock.handle: sock for sock in self._transfer.sockets.opened}
        if len(parameters) == 1:
            return list(opened.values())
        polled = []
        for index in range(1, min(len(parameters), _MOST + 1)):
            sock = opened.get(parameters.number(index, *INT32))
            if sock is None:
                raise AtError
            polled.append(sock)
        return polled

    def _events(self, polled: list[TableSocket]) -> list[tuple[int, int]]:
        found = ((sock.handle, self._transfer.poll(sock) & ~POLLOUT) for sock in polled)
        return [(handle, events) for handle, events in found if events]
