"""The toy's three commands and its dialect.

``AT^OPEN="HOST",PORT`` answers ``^OPEN: <handle>``, ``AT^SEND=<handle>,"HEX"`` sends, ``AT^CLOSE=<handle>`` closes.
What the peer sends comes as the URC ``^DATA: <handle>,<bytes>`` with the payload behind it.
"""

from collections.abc import Sequence

from bench.simulator.at_host import AtHost, HostDialect
from bench.simulator.commands import READ, SET, Grammar, command
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.sockets import IPV4, STREAM, SocketRequest, TableSocket
from bench.simulator.transfer import ReceiveRequest


class ToyCommands:
    """All commands of the toy."""

    def __init__(self, host: AtHost) -> None:
        self._host = host
        self._transfer = host.transfer
        self._sockets = host.transfer.sockets

    @command("^OPEN", SET)
    async def open_connection(self, parameters: Parameters) -> None:
        """AT^OPEN="HOST",PORT."""
        name, port = parameters.string(0).decode(), parameters.number(1)
        sock = self._sockets.open(SocketRequest(IPV4, STREAM))
        try:
            await self._transfer.connect(sock, name, port)
        except Refused:
            self._sockets.close(sock)
            raise
        self._host.start_task(self._report_data(sock))
        self._host.output.say(f"^OPEN: {sock.handle}")

    @command("^OPEN", READ)
    async def list_connections(self, _: Parameters) -> None:
        """AT^OPEN?."""
        for sock in self._sockets.all:
            self._host.output.say(f"^OPEN: {sock.handle}")

    @command("^SEND", SET)
    async def send(self, parameters: Parameters) -> None:
        """AT^SEND=<handle>,"HEX"."""
        sock = self._sockets.find(parameters.number(0))
        try:
            data = bytes.fromhex(parameters.string(1).decode())
        except ValueError as error:
            raise AtError from error
        sent = await self._transfer.send(sock, data)
        self._host.output.say(f"^SEND: {sock.handle},{sent}")

    @command("^CLOSE", SET)
    async def close_connection(self, parameters: Parameters) -> None:
        """AT^CLOSE=<handle>."""
        self._sockets.close(self._sockets.find(parameters.number(0)))

    async def _report_data(self, sock: TableSocket) -> None:
        while self._sockets.holds(sock):
            try:
                received = await self._transfer.receive(sock, ReceiveRequest(self._host.profile.receive_limit, None))
            except Refused:
                return
            if not received.data:
                self._host.output.urc(f"^END: {sock.handle}")
                return
            self._host.output.urc(f"^DATA: {sock.handle},{len(received.data)}".encode() + b"\r\n" + received.data)


def make_families(host: AtHost) -> Sequence[object]:
    """Return the only command family of the toy."""
    return (ToyCommands(host),)


TOY = HostDialect(grammar=Grammar.of(r"\^[A-Z]+"), families=make_families, boot_line=b"TOY UP\r\n", log_name="toy")
