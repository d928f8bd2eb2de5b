"""The values of the socket commands, of requests and answers.

Numbers as on Nordic's Socket AT commands page, which SLM and its successor share; the lines are those of SLM. In those
of the successor a handle stands before the other fields.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from bench.at import MalformedAnswer, Response

DATA_MODE_BUFFER = 4096
"""Bytes that data mode collects: the largest datagram it can send."""


class Family(IntEnum):
    """The address family of a socket."""

    IPV4 = 1
    IPV6 = 2
    PACKET = 3


class SocketType(IntEnum):
    """The type of a socket."""

    STREAM = 1
    DATAGRAM = 2
    RAW = 3


class Role(IntEnum):
    """The role of a socket."""

    CLIENT = 0
    SERVER = 1


class ReceiveFlag(IntFlag):
    """The flags of a receive."""

    NONE = 0
    PEEK = 2
    DONT_WAIT = 64
    WAIT_ALL = 256


class PeerVerify(IntEnum):
    """The level at which a TLS peer is verified."""

    NONE = 0
    OPTIONAL = 1
    REQUIRED = 2


class SocketOption(IntEnum):
    """The options of any socket. KEEPOPEN and IPV6_DELAYED_ADDR_REFRESH are Serial Modem's alone."""

    REUSEADDR = 2
    RCVTIMEO = 20
    SNDTIMEO = 21
    SILENCE_ALL = 30
    IP_ECHO_REPLY = 31
    IPV6_ECHO_REPLY = 32
    KEEPOPEN = 34
    BINDTOPDN = 40
    TCP_SRV_SESSTIMEO = 55
    RAI = 61
    IPV6_DELAYED_ADDR_REFRESH = 62


class Rai(IntEnum):
    """The values of SO_RAI.

    The page's text for ONGOING is a copy of ONE_RESP's; the vendor's header says that it keeps the modem in connected
    mode longer, as WAIT_MORE does.
    """

    NO_DATA = 1
    LAST = 2
    ONE_RESP = 3
    ONGOING = 4
    WAIT_MORE = 5


class SecureOption(IntEnum):
    """The options of TLS and DTLS sockets. Those from DTLS_CONN_SAVE on are Serial Modem's alone."""

    HOSTNAME = 2
    CIPHERSUITE_USED = 4
    PEER_VERIFY = 5
    SESSION_CACHE = 12
    SESSION_CACHE_PURGE = 13
    DTLS_CID = 14
    DTLS_CID_STATUS = 15
    DTLS_HANDSHAKE_TIMEO = 18
    DTLS_CONN_SAVE = 19
    DTLS_CONN_LOAD = 20
    DTLS_FRAG_EXT = 22


class CidSetting(IntEnum):
    """The values of TLS_DTLS_CID; the page names only the last, the modem library's NRF_SO_SEC_DTLS_CID all."""

    DISABLED = 0
    SUPPORTED = 1
    ENABLED = 2


class CidStatus(IntEnum):
    """The values of TLS_DTLS_CID_STATUS (the modem library's NRF_SO_SEC_DTLS_CID_STATUS)."""

    DISABLED = 0
    DOWNLINK = 1
    UPLINK = 2
    BIDIRECTIONAL = 3


class PollEvent(IntFlag):
    """The events of a poll. OUT comes only where it was asked for; a poll does not ask for it."""

    NONE = 0
    IN = 0x0001
    OUT = 0x0004
    ERR = 0x0008
    HUP = 0x0010
    NVAL = 0x0020


@dataclass(frozen=True, slots=True)
class Opened:
    """A socket that was opened: ``#XSOCKET: <handle>,<type>,<protocol>``."""

    handle: int
    type: SocketType
    protocol: int
    response: Response


@dataclass(frozen=True, slots=True)
class ActiveSocket:
    """``#XSOCKET: <handle>,<family>,<role>,<type>,<cid>``. The firmware does not check <role>, so it is a number."""

    handle: int
    family: Family
    role: int
    type: SocketType
    cid: int
    response: Response


@dataclass(frozen=True, slots=True)
class ActiveSecureSocket:
    """``#XSSOCKET: <handle>,<family>,<role>,<type>,<sec_tag>,<cid>``; ``sec_tag`` is -1 for a plain socket."""

    handle: int
    family: Family
    role: int
    type: SocketType
    sec_tag: int
    cid: int
    response: Response


@dataclass(frozen=True, slots=True)
class ListedSocket:
    """One row of ``AT#XSOCKETSELECT?``; ``sec_tag`` is -1 for a plain socket."""

    handle: int
    family: Family
    role: int
    type: SocketType
    sec_tag: int
    ranking: int
    cid: int


@dataclass(frozen=True, slots=True)
class SocketList:
    """All of ``AT#XSOCKETSELECT?``; ``active`` is None when nothing is open."""

    sockets: tuple[ListedSocket, ...]
    active: int | None
    response: Response


@dataclass(frozen=True, slots=True)
class Sent:
    """Data that were sent by command: ``#XSEND: <size>`` or ``#XSENDTO: <size>``.

    ``notified``: a URC will tell whether the network has acknowledged them, as was asked for (Serial Modem).
    """

    size: int
    response: Response
    notified: bool = False


@dataclass(frozen=True, slots=True)
class SentInDataMode:
    """Data that were sent in data mode: the firmware confirms no size, only that data mode has ended.

    Attributes:
        size: bytes written to the port.
        entered: the answer of the command that entered data mode.
        started_ns: before the first byte was written.
        written_ns: when the port had taken all of them.
        ended_ns: when the report of its end was read.
    """

    size: int
    entered: Response
    started_ns: int
    written_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Received:
    """Data that were received. No bytes and OK: the peer has closed, or the datagram was empty.

    ``source`` is the sender's address and port, where it was asked for and data came.
    """

    data: bytes
    source: tuple[str, int] | None
    response: Response

    @property
    def ended(self) -> bool:
        """Return True for OK without data: on a stream, the peer has closed its side."""
        return not self.data


@dataclass(frozen=True, slots=True)
class AcceptedConnection:
    """A connection that was accepted.

    Attributes:
        handle: of the connection, as the board printed it.
        peer_address: the peer's address, without its port.
        carrier: the handle by which commands reach the connection; SLM uses its listener for that.
        peer_port: the peer's port, where the firmware tells it.
        cid: the context of the connection, where the firmware tells it.
        announced_ns: the stamp of the URC that announced the peer; None where no URC was waited for.
    """

    handle: int
    peer_address: str
    response: Response
    carrier: int
    peer_port: int | None = None
    cid: int | None = None
    announced_ns: int | None = None


@dataclass(frozen=True, slots=True)
class AcceptedHandle:
    """The handle of the connection that was accepted last; 0 stands for none."""

    handle: int
    response: Response


@dataclass(frozen=True, slots=True)
class Polled:
    """The events of sockets in the order in which they came; empty when time was up.

    The response ends when the answer was read, or the URC with the first event.
    """

    events: tuple[tuple[int, PollEvent], ...]
    response: Response

    def of(self, handle: int) -> PollEvent:
        """Return all events of one handle."""
        found = PollEvent.NONE
        for polled, events in self.events:
            if polled == handle:
                found |= events
        return found


@dataclass(frozen=True, slots=True)
class OptionValue:
    """The value of an option, as printed."""

    text: str
    response: Response

    @property
    def number(self) -> int:
        """Return the value as a number; hexadecimal where the firmware prints 0x.

        Raises:
            MalformedAnswer: it is not a number.
        """
        try:
            return int(self.text, 0)
        except ValueError:
            raise MalformedAnswer(f"{self.response.command} was answered by {self.text!r}, expected a number") from None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses of a name."""

    addresses: tuple[str, ...]
    response: Response


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """The time limit of data mode and the shortest one, in ms; a limit of 0 was never set."""

    milliseconds: int
    minimum: int
    response: Response
