"""Sockets that a scenario uses without thinking of the active handle: each selects itself when it must."""

from typing import Self

from bench.at import CommandError, Response
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, UsageError
from bench.modem.slm.server import ServerCommands
from bench.modem.slm.sockets import SocketCommands, fits_string
from bench.modem.socket_values import (
    Accepted,
    Family,
    Opened,
    Received,
    ReceiveFlag,
    Role,
    Sent,
    SentInDataMode,
    SocketType,
)


class ShortRead(DeviceError):
    """Fewer bytes arrived than were due before time was up or the peer closed."""


class ActiveHandle:
    """Which socket the firmware has selected, as far as the bench knows."""

    def __init__(self, commands: SocketCommands) -> None:
        self._commands = commands
        self.handle: int | None = None

    def use(self, handle: int) -> None:
        """Selects ``handle`` unless it is selected."""
        if self.handle != handle:
            self._commands.select(handle)
            self.handle = handle

    def unknown(self) -> None:
        """After a close or an error the firmware may have selected another."""
        self.handle = None


class Socket:
    """An open socket of the board. Entered, it closes itself at the end."""

    def __init__(self, commands: SocketCommands, active: ActiveHandle, opened: Opened) -> None:
        self.commands = commands
        self.opened = opened
        self.handle = opened.handle
        self._active = active
        self._open = True
        active.handle = opened.handle

    @classmethod
    def open(
        cls,
        commands: SocketCommands,
        active: ActiveHandle,
        kind: SocketType,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Self:
        """Opens a socket, which becomes the active one."""
        active.unknown()  # a failed open changes the selection too
        return cls(commands, active, commands.open(kind, family=family, role=role, cid=cid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except (DeviceError, UsageError):  # UsageError: data mode did not end
            # The first failure is the one to report; the board is brought to order before the next test.
            if kind is None:
                raise

    def select(self) -> None:
        """Makes this the active socket."""
        self._active.use(self.handle)

    def close(self) -> Response | None:
        """Closes it; None when it is closed already."""
        if not self._open:
            return None
        self.select()
        self._open = False
        self._active.unknown()
        return self.commands.close()

    def connect(self, host: str, port: int) -> Response:
        """#XCONNECT: a stream's connection, or a datagram socket's default destination."""
        self.select()
        return self.commands.connect(host, port)

    def send(self, data: bytes) -> Sent | SentInDataMode:
        """Sends by command where the bytes fit a string, in data mode otherwise."""
        self.select()
        return self.commands.send(data) if fits_string(data) else self.commands.send_in_data_mode(data)

    def send_string(self, data: bytes, flags: int | None = None) -> Sent:
        """Sends by command."""
        self.select()
        return self.commands.send(data, flags)

    def send_in_data_mode(self, data: bytes) -> SentInDataMode:
        """Sends in data mode."""
        self.select()
        return self.commands.send_in_data_mode(data)

    def receive(self, timeout: int = 10, flags: ReceiveFlag | None = None, *, at_most: float | None = None) -> Received:
        """One #XRECV."""
        self.select()
        return self.commands.receive(timeout, flags, at_most=at_most)


class TcpClient(Socket):
    """A TCP client socket."""

    def receive_exactly(self, size: int, *, timeout: int = 30) -> bytes:
        """Reads until ``size`` bytes have come.

        Raises:
            ShortRead: the peer closed, or ``timeout`` seconds were over.
        """
        deadline = now_ns() + timeout * NS_PER_S
        data = b""
        while len(data) < size:
            left = (deadline - now_ns()) // NS_PER_S
            try:
                received = self.receive(max(1, left)) if left >= 0 else None
            except CommandError as error:
                raise ShortRead(f"{len(data)} of {size} bytes came within {timeout} s, then: {error}") from error
            if received is None:
                raise ShortRead(f"{len(data)} of {size} bytes came within {timeout} s")
            if received.ended:
                raise ShortRead(f"the peer closed after {len(data)} of {size} bytes")
            data += received.data
        return data


class TcpServer(Socket):
    """A TCP socket in the server role. Data move through the connection that was accepted last."""

    def __init__(self, commands: SocketCommands, active: ActiveHandle, opened: Opened, server: ServerCommands) -> None:
        super().__init__(commands, active, opened)
        self._server = server

    def bind(self, port: int) -> Response:
        """#XBIND."""
        self.select()
        return self._server.bind(port)

    def listen(self) -> Response:
        """#XLISTEN."""
        self.select()
        return self._server.listen()

    def accept(self, timeout: int = 10, *, at_most: float | None = None) -> Accepted:
        """#XACCEPT."""
        self.select()
        return self._server.accept(timeout, at_most=at_most)

    def accepted_handle(self) -> int:
        """The handle of the accepted connection; 0 when there was none."""
        self.select()
        return self._server.read_accepted().handle


class UdpSocket(Socket):
    """A UDP socket: connected or not."""

    def send_to(self, host: str, port: int, data: bytes) -> Sent | SentInDataMode:
        """#XSENDTO by command where the bytes fit a string, in data mode otherwise."""
        self.select()
        if fits_string(data):
            return self.commands.send_to(host, port, data)
        return self.commands.send_in_data_mode(data, to=(host, port))

    def receive_from(self, timeout: int = 10, flags: ReceiveFlag | None = None) -> Received:
        """One #XRECVFROM."""
        self.select()
        return self.commands.receive_from(timeout, flags)
