"""The server role: #XBIND, #XLISTEN, #XACCEPT."""

import asyncio

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, command
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError
from bench.simulator.slm.quirks import Quirks
from bench.simulator.slm.selection import Selection
from bench.simulator.sockets import SERVER, TableSocket


class ServerHandlers:
    """Commands of a listening socket."""

    def __init__(self, host: AtHost, selection: Selection, quirks: Quirks) -> None:
        self._say = host.output.say
        self._transfer = host.transfer
        self._selection = selection
        self._quirks = quirks

    @command("#XBIND", RUN, SET)
    async def bind(self, parameters: Parameters) -> None:
        """Handle AT#XBIND=<port>."""
        port = parameters.number(0)
        self._transfer.bind(self._selection.need(), port)

    @command("#XLISTEN", RUN, SET)
    async def listen(self, _: Parameters) -> None:
        """Handle AT#XLISTEN."""
        self._transfer.listen(self._server())

    @command("#XACCEPT", RUN, SET)
    async def accept(self, parameters: Parameters) -> None:
        """Handle AT#XACCEPT=<timeout>: 0 and less block for ever."""
        timeout = parameters.number(0, *INT32)
        server = self._server()
        seconds = timeout if timeout > 0 else None
        if server.air is not None and not server.listening:
            await asyncio.sleep(seconds or 0)
            raise AtError
        if not await self._transfer.wait_ready([server], seconds):
            raise AtError
        client, peer = self._transfer.accept(server)
        self._selection.serve(server, client)
        self._say(f'#XACCEPT: {client.handle},"{peer[0]}"')

    @command("#XACCEPT", READ)
    async def read_accepted(self, _: Parameters) -> None:
        """Handle AT#XACCEPT?."""
        client = self._selection.served(self._server())
        self._say(f"{self._quirks.accept_read_prefix}: {client.handle if client else 0}")

    def _server(self) -> TableSocket:
        sock = self._selection.need()
        if sock.role != SERVER:
            raise AtError
        return sock
