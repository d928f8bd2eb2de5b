"""The values of the socket commands: what goes in and what comes back. Numbers after the Socket AT commands page."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from bench.at import Response


class Family(IntEnum):
    """<op> of an opening #XSOCKET, and <family> of its read form."""

    IPV4 = 1
    IPV6 = 2
    PACKET = 3


class SocketType(IntEnum):
    """<type>."""

    STREAM = 1
    DATAGRAM = 2
    RAW = 3


class Role(IntEnum):
    """<role>."""

    CLIENT = 0
    SERVER = 1


class ReceiveFlag(IntFlag):
    """<flags> of #XRECV and #XRECVFROM."""

    NONE = 0
    PEEK = 2
    DONT_WAIT = 64
    WAIT_ALL = 256


@dataclass(frozen=True, slots=True)
class Opened:
    """``#XSOCKET: <handle>,<type>,<protocol>``."""

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
    """``#XSEND: <size>`` or ``#XSENDTO: <size>``."""

    size: int
    response: Response


@dataclass(frozen=True, slots=True)
class SentInDataMode:
    """Data that went out in data mode: the firmware confirms no size, only that data mode has ended.

    Attributes:
        size: bytes written to the port.
        entered: the answer of the command that entered data mode.
        started_ns: before the first byte was written.
        written_ns: when the port had taken all of them.
        ended_ns: when #XDATAMODE: 0 was read.
    """

    size: int
    entered: Response
    started_ns: int
    written_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Received:
    """``#XRECV`` or ``#XRECVFROM``. No bytes and OK: the peer has closed, or the datagram was empty.

    ``source`` is the sender's address and port, of #XRECVFROM with data only.
    """

    data: bytes
    source: tuple[str, int] | None
    response: Response

    @property
    def ended(self) -> bool:
        """Whether OK came without data: on a stream, the peer has closed its side."""
        return not self.data
