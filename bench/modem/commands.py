"""The command families of an application firmware, as the typed sockets use them.

Every call names the handle that it is about. A firmware without handles in its commands selects the socket first; one
whose board never waits in a command waits on the host for a URC. Times: ``timeout`` is the time that is asked for,
``at_most`` the time after which an event is certain, needed where a call may wait for ever.
"""

from dataclasses import dataclass
from typing import Protocol

from bench.at import Response
from bench.errors import DeviceError
from bench.modem.socket_values import (
    AcceptedConnection,
    AcceptedHandle,
    Family,
    Opened,
    OptionValue,
    PeerVerify,
    Polled,
    Received,
    ReceiveFlag,
    Resolved,
    Role,
    SecureOption,
    Sent,
    SentInDataMode,
    SocketOption,
    SocketType,
    TimeLimit,
)

DATA_MODE_RESULT_OK = 0
"""The result that a firmware reports at the end of data mode when all data were sent."""


class DataModeError(DeviceError):
    """Data mode ended with an error: data were dropped."""


@dataclass(frozen=True, slots=True)
class CommandTiming:
    """The time that commands may take.

    Attributes:
        margin: seconds that an answer may take beyond the time that a command asks for.
        connect_timeout: seconds that a connection may take.
    """

    margin: float = 5.0
    connect_timeout: float = 60.0


class SocketCommands(Protocol):
    """Opening, closing, connecting, sending and receiving."""

    def open(
        self,
        type: SocketType,  # noqa: A002 - the documentation's word
        *,
        family: Family | None = None,
        role: Role = Role.CLIENT,
        cid: int | None = None,
    ) -> Opened:
        """Open a plain socket; without a family, of the one that is usual for the type: IPv4 for all but raw ones."""

    def open_secure(
        self,
        type: SocketType,  # noqa: A002 - the documentation's word
        sec_tag: int,
        *,
        family: Family = Family.IPV4,
        role: Role = Role.CLIENT,
        peer_verify: PeerVerify | None = None,
        cid: int | None = None,
    ) -> Opened:
        """Open a TLS (STREAM) or DTLS (DATAGRAM) socket."""

    def close(self, handle: int) -> Response:
        """Close a socket, plain or secure."""

    def close_all(self) -> int:
        """Close every open socket; return their number."""

    def connect(self, handle: int, host: str, port: int, *, at_most: float | None = None) -> Response:
        """Connect a socket; ``at_most`` where that may take another time than the network's usual."""

    def fits_string(self, data: bytes) -> bool:
        """Return True for data that one command can carry; other data go in data mode."""

    def send(self, handle: int, data: bytes, flags: int | None = None) -> Sent:
        """Send by command."""

    def send_to(self, handle: int, host: str, port: int, data: bytes, flags: int | None = None) -> Sent:
        """Send a datagram to a destination by command."""

    def enter_data_mode(self, handle: int, *, to: tuple[str, int] | None = None) -> Response:
        """Switch the link to data mode: from now on all bytes go to the socket."""

    def send_in_data_mode(self, handle: int, data: bytes, *, to: tuple[str, int] | None = None) -> SentInDataMode:
        """Send in data mode, and leave it."""

    def receive(
        self, handle: int, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None
    ) -> Received:
        """Receive data that have come, or come within ``timeout`` seconds; 0 waits for ever."""

    def receive_from(
        self, handle: int, timeout: int, flags: ReceiveFlag | None = None, *, at_most: float | None = None
    ) -> Received:
        """Receive as :meth:`receive` does, with the sender's address."""


class ServerCommands(Protocol):
    """The server role."""

    def bind(self, handle: int, port: int) -> Response:
        """Bind a socket to a port of the board."""

    def listen(self, handle: int) -> Response:
        """Let a bound socket listen."""

    def accept(self, handle: int, timeout: int, *, at_most: float | None = None) -> AcceptedConnection:
        """Accept a connection that has come, or comes within ``timeout`` seconds; 0 waits for ever."""

    def read_accepted(self, handle: int) -> AcceptedHandle:
        """Return the handle of the connection that was accepted last.

        Raises:
            UsageError: the firmware cannot be asked for it; :meth:`accept` has returned it.
        """


class PollingCommands(Protocol):
    """Readiness of sockets."""

    def poll(self, timeout_ms: int, *handles: int, at_most: float | None = None) -> Polled:
        """Return the events of some sockets, of all without ``handles``: 0 returns at once, -1 waits for ever.

        The response ends when the first event was read, also where the call waits on the host.
        """


class OptionCommands(Protocol):
    """Socket options. Secure options have ``secure`` in their names."""

    def get(self, handle: int, option: SocketOption | int) -> OptionValue:
        """Read an option."""

    def set(self, handle: int, option: SocketOption | int, value: int | None = None) -> Response:
        """Set an option; without a value, send none."""

    def test(self) -> Response:
        """Return the answer of the test form."""

    def get_secure(self, handle: int, option: SecureOption | int) -> OptionValue:
        """Read a TLS or DTLS option."""

    def set_secure(self, handle: int, option: SecureOption | int, value: int | str | None = None) -> Response:
        """Set a TLS or DTLS option; without a value, send none."""

    def test_secure(self) -> Response:
        """Return the answer of the test form."""


class DataModeCommands(Protocol):
    """The settings of data mode."""

    def set_time_limit(self, milliseconds: int) -> Response:
        """Set the time that data mode waits for more data before it sends."""

    def read_time_limit(self) -> TimeLimit:
        """Return that time, and the shortest that can be set."""

    def test(self) -> Response:
        """Return the answer of the test form."""


class NameCommands(Protocol):
    """Name resolution."""

    def resolve(self, hostname: str, family: Family | int | None = None) -> Resolved:
        """Resolve a name; family 0 is both."""


@dataclass(frozen=True, slots=True)
class CommandFamilies:
    """The command families of one firmware on one link."""

    sockets: SocketCommands
    server: ServerCommands
    polling: PollingCommands
    options: OptionCommands
    data_mode: DataModeCommands
    names: NameCommands
