"""Sockets as objects: each knows its handle and the command families of its board's firmware."""

from typing import Self

from bench.at import CommandError, Response
from bench.clock import NS_PER_S, now_ns
from bench.errors import DeviceError, UsageError
from bench.modem.commands import CommandFamilies
from bench.modem.socket_values import (
    AcceptedConnection,
    Family,
    Opened,
    OptionValue,
    PollEvent,
    Received,
    ReceiveFlag,
    Role,
    SecureOption,
    Sent,
    SentInDataMode,
    SocketOption,
    SocketType,
)


class ShortRead(DeviceError):
    """Fewer bytes arrived than were due before time was up or the peer closed."""


class Socket:
    """An open socket of the board. Entered, it closes itself at the end."""

    def __init__(self, commands: CommandFamilies, opened: Opened) -> None:
        self.commands = commands
        self.opened = opened
        self.handle = opened.handle
        self._open = True

    @classmethod
    def open(
        cls,
        commands: CommandFamilies,
        kind: SocketType,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Self:
        """Open a socket."""
        return cls(commands, commands.sockets.open(kind, family=family, role=role, cid=cid))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except (DeviceError, UsageError):  # UsageError: data mode did not end
            # The first failure is the one to report; the board is brought to order before the next test.
            if kind is None:
                raise

    @property
    def carrier(self) -> int:
        """Return the handle through which data move."""
        return self.handle

    def close(self) -> Response | None:
        """Close the socket; return None when it is closed already."""
        if not self._open:
            return None
        self._open = False
        return self.commands.sockets.close(self.handle)

    def bind(self, port: int) -> Response:
        """Bind the socket to a port of the board; 0 lets the board choose."""
        return self.commands.server.bind(self.handle, port)

    def connect(self, host: str, port: int) -> Response:
        """Connect a stream, or give a datagram socket its default destination."""
        return self.commands.sockets.connect(self.handle, host, port)

    def send(self, data: bytes) -> Sent | SentInDataMode:
        """Send by command where one can carry the bytes, in data mode otherwise."""
        if self.commands.sockets.fits_string(data):
            return self.send_string(data)
        return self.send_in_data_mode(data)

    def send_string(self, data: bytes, flags: int | None = None) -> Sent:
        """Send by command."""
        return self.commands.sockets.send(self.carrier, data, flags)

    def send_in_data_mode(self, data: bytes) -> SentInDataMode:
        """Send in data mode."""
        return self.commands.sockets.send_in_data_mode(self.carrier, data)

    def enter_data_mode(self) -> Response:
        """Enter data mode and stay there: ``link.write`` sends, ``link.leave_data_mode`` ends it."""
        return self.commands.sockets.enter_data_mode(self.carrier)

    def receive(self, timeout: int = 10, flags: ReceiveFlag | None = None, *, at_most: float | None = None) -> Received:
        """Receive once; no data within ``timeout`` seconds raise CommandError."""
        return self.commands.sockets.receive(self.carrier, timeout, flags, at_most=at_most)

    def poll(self, timeout_ms: int, *, at_most: float | None = None) -> PollEvent:
        """Return the events of this socket, as soon as there is one or time is up."""
        return self.commands.polling.poll(timeout_ms, self.handle, at_most=at_most).of(self.handle)

    def set_option(self, option: SocketOption | SecureOption | int, value: int | str | None = None) -> Response:
        """Set an option, a secure one by the command for these; a number alone is a plain one."""
        if isinstance(option, SecureOption):
            return self.commands.options.set_secure(self.handle, option, value)
        if isinstance(value, str):
            raise UsageError(f"option {option} takes a number, not {value!r}")
        return self.commands.options.set(self.handle, option, value)

    def get_option(self, option: SocketOption | SecureOption | int) -> OptionValue:
        """Read an option, a secure one by the command for these; a number alone is a plain one."""
        if isinstance(option, SecureOption):
            return self.commands.options.get_secure(self.handle, option)
        return self.commands.options.get(self.handle, option)


class TcpClient(Socket):
    """A TCP client socket."""

    def receive_exactly(self, size: int, *, timeout: int = 30) -> bytes:
        """Read until ``size`` bytes have come.

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

    def __init__(self, commands: CommandFamilies, opened: Opened) -> None:
        super().__init__(commands, opened)
        self._accepted: AcceptedConnection | None = None
        self._carriers: list[int] = []  # of connections with a handle of their own

    @property
    def carrier(self) -> int:
        """Return the handle through which data move: that of the connection, if the firmware has one for it."""
        return self.handle if self._accepted is None else self._accepted.carrier

    def close(self) -> Response | None:
        """Close the accepted connections that have handles of their own, and the listener."""
        while self._carriers:
            self.commands.sockets.close(self._carriers.pop(0))
        self._accepted = None
        return super().close()

    def listen(self) -> Response:
        """Listen."""
        return self.commands.server.listen(self.handle)

    def accept(self, timeout: int = 10, *, at_most: float | None = None) -> AcceptedConnection:
        """Accept a connection; none within ``timeout`` seconds raises CommandError."""
        self._accepted = self.commands.server.accept(self.handle, timeout, at_most=at_most)
        if self.carrier != self.handle:
            self._carriers.append(self.carrier)
        return self._accepted

    def accept_client(self, timeout: int = 10, *, at_most: float | None = None) -> TcpClient:
        """Accept a connection and return it as a socket of its own, which :meth:`close` of the listener leaves open.

        Data of the listener still move through the connection that :meth:`accept` returned last.

        Raises:
            UsageError: the firmware has no handle for a connection; the connection stays with this socket.
        """
        before, accepted = self._accepted, self.accept(timeout, at_most=at_most)
        if accepted.carrier == self.handle:
            raise UsageError("the firmware reaches a connection through its listener: use accept")
        self._carriers.remove(accepted.carrier)
        self._accepted = before
        return TcpClient(
            self.commands, Opened(accepted.carrier, self.opened.type, self.opened.protocol, accepted.response)
        )

    def accepted_handle(self) -> int:
        """Return the handle of the accepted connection; 0 when there was none."""
        return self.commands.server.read_accepted(self.handle).handle


class UdpSocket(Socket):
    """A UDP socket: connected or not."""

    def send_to(self, host: str, port: int, data: bytes) -> Sent | SentInDataMode:
        """Send a datagram by command where one can carry the bytes, in data mode otherwise."""
        sockets = self.commands.sockets
        if sockets.fits_string(data):
            return sockets.send_to(self.handle, host, port, data)
        return sockets.send_in_data_mode(self.handle, data, to=(host, port))

    def receive_from(self, timeout: int = 10, flags: ReceiveFlag | None = None) -> Received:
        """Receive one datagram and its sender's address."""
        return self.commands.sockets.receive_from(self.handle, timeout, flags)
