"""Connecting and moving data: #XCONNECT, #XSEND, #XRECV, #XSENDTO, #XRECVFROM."""

import contextlib

from bench.simulator.at_host import AtHost
from bench.simulator.commands import RUN, SET, command
from bench.simulator.data_mode import DataSender
from bench.simulator.flags import DONT_WAIT, PEEK, WAIT_ALL, may_receive_with, may_send_with
from bench.simulator.name_commands import HOST_LIMIT
from bench.simulator.parameters import INT32, Parameters
from bench.simulator.refusal import AtError, Refused
from bench.simulator.slm.data_mode import DataModeHandlers
from bench.simulator.slm.quirks import Quirks
from bench.simulator.slm.selection import Selection
from bench.simulator.sockets import CLIENT, DATAGRAM, RAW, SERVER, STREAM, TableSocket
from bench.simulator.transfer import ReceivedData, ReceiveRequest, Undeliverable


class TrafficCommands:
    """Commands that connect the active socket and move its data."""

    def __init__(self, host: AtHost, selection: Selection, data_mode: DataModeHandlers, quirks: Quirks) -> None:
        self._profile = host.profile
        self._output = host.output
        self._transfer = host.transfer
        self._selection = selection
        self._data_mode = data_mode
        self._quirks = quirks

    @command("#XCONNECT", RUN, SET)
    async def connect(self, parameters: Parameters) -> None:
        """Handle AT#XCONNECT=<url>,<port>."""
        sock = self._selection.need()
        name = parameters.string(0, HOST_LIMIT).decode("latin-1")
        port = parameters.number(1)
        if sock.role != CLIENT:
            raise AtError
        await self._transfer.connect(sock, name, port)
        self._output.say("#XCONNECT: 1")

    # ---------------------------------------------------------------- sending

    @command("#XSEND", RUN, SET)
    async def send(self, parameters: Parameters) -> None:
        """Handle AT#XSEND[=<data>[,<flags>]]; without data it enters data mode."""
        sock = self._selection.active
        if _enters_data_mode(parameters, 0):
            self._data_mode.enter(self._sender(sock), datagrams=sock is not None and sock.type == DATAGRAM)
            return
        data = parameters.string(0, self._profile.string_limit)
        flags = parameters.optional(1, 0)
        if sock is not None and sock.role == SERVER and sock.type == STREAM:
            self._selection.peer_socket(sock)  # a server without a client answers without a line
        try:
            sent = await self._send(sock, data, flags)
        except Refused:
            raise AtError("#XSEND: 0") from None
        self._output.say(f"#XSEND: {sent}")

    @command("#XSENDTO", RUN, SET)
    async def send_to(self, parameters: Parameters) -> None:
        """Handle AT#XSENDTO=<url>,<port>[,<data>[,<flags>]]; without data it enters data mode."""
        name = parameters.string(0, HOST_LIMIT).decode("latin-1")
        port = parameters.number(1)
        sock = self._selection.active
        if _enters_data_mode(parameters, 2):
            self._data_mode.enter(self._datagram_sender(sock, name, port), datagrams=True)
            return
        data = parameters.string(2, self._profile.string_limit)
        flags = parameters.optional(3, 0)
        if sock is None or not may_send_with(flags):
            raise AtError("#XSENDTO: 0")
        try:
            await self._transfer.send_to(sock, data, name, port)
        except Undeliverable:
            raise AtError("#XSENDTO: 0") from None
        self._output.say(f"#XSENDTO: {len(data)}")

    async def _send(self, sock: TableSocket | None, data: bytes, flags: int) -> int:
        """Return the bytes sent; raise Refused if there are none."""
        if sock is None or not may_send_with(flags):
            raise Refused
        return await self._transfer.send(self._selection.peer_socket(sock), data, wait=not flags & DONT_WAIT)

    def _sender(self, sock: TableSocket | None) -> DataSender:
        async def deliver(data: bytes) -> None:
            with contextlib.suppress(Refused):  # a failure is invisible in data mode
                await self._send(sock, data, 0)

        return deliver

    def _datagram_sender(self, sock: TableSocket | None, name: str, port: int) -> DataSender:
        async def deliver(data: bytes) -> None:
            if sock is not None:
                with contextlib.suppress(Refused):
                    await self._transfer.send_to(sock, data, name, port)

        return deliver

    # ---------------------------------------------------------------- receiving

    @command("#XRECV", RUN, SET)
    async def receive(self, parameters: Parameters) -> None:
        """Handle AT#XRECV=<timeout>[,<flags>]."""
        received = await self._receive(parameters)
        if received.data:
            self._output.say(f"#XRECV: {len(received.data)}")
            self._output.say_raw(received.data)

    @command("#XRECVFROM", RUN, SET)
    async def receive_from(self, parameters: Parameters) -> None:
        """Handle AT#XRECVFROM=<timeout>[,<flags>]."""
        received = await self._receive(parameters)
        if received.data:
            address, port = received.peer
            self._output.say(f'#XRECVFROM: {len(received.data)},"{address}",{port}')
            self._output.say_raw(received.data)

    async def _receive(self, parameters: Parameters) -> ReceivedData:
        sock = self._selection.need()
        timeout = parameters.number(0, *INT32)
        flags = parameters.optional(1, 0)
        if timeout < 0:
            raise AtError
        sock.receive_timeout = timeout
        if sock.type != RAW and not may_receive_with(sock, flags):
            raise AtError
        peer = self._selection.peer_socket(sock)
        seconds: float | None = timeout or None
        if peer is not sock and self._quirks.accepted_has_no_timeout:
            seconds = None
        if flags & DONT_WAIT:
            seconds = 0.0
        request = ReceiveRequest(
            self._profile.receive_limit, seconds, peek=bool(flags & PEEK), wait_all=bool(flags & WAIT_ALL)
        )
        return await self._transfer.receive(peer, request)


def _enters_data_mode(parameters: Parameters, index: int) -> bool:
    """Return whether there are no data, or an empty parameter with flags behind it at most."""
    if not parameters.empty(index):
        return False
    if parameters.has(index + 1):
        parameters.number(index + 1)
    return True
