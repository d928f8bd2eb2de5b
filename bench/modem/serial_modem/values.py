"""The values of commands that only Serial Modem has."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from bench.at import Response, Urc
from bench.modem.socket_values import PollEvent


class SendFlag(IntFlag):
    """The flags of a send."""

    NONE = 0
    DONT_WAIT = 64
    WAIT_ACK = 512
    """The command waits until the network has acknowledged the data, or the send timeout is over."""
    NOTIFY = 8192
    """A URC tells later whether the network has acknowledged the data; until then the socket sends nothing more."""


class Reception(IntFlag):
    """The modes of the link in which received data come by themselves."""

    OFF = 0
    AT_MODE = 1
    DATA_MODE = 2


class SleepMode(IntEnum):
    """The kinds of sleep."""

    DEEP = 1
    IDLE = 2


@dataclass(frozen=True, slots=True)
class Closed:
    """``#XCLOSE: <handle>,<result>``: 0, or a negative errno; the socket is closed in either case."""

    handle: int
    result: int


@dataclass(frozen=True, slots=True)
class AllClosed:
    """The answer to ``AT#XCLOSE``: all sockets that were open, in the board's order."""

    sockets: tuple[Closed, ...]
    response: Response


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """A row of ``AT#XSOCKET?`` or ``AT#XSSOCKET?``. ``role`` is any number: the firmware does not check it.

    ``family`` and ``type`` have the values of Family and SocketType; ``sec_tag`` is -1 for a plain socket.
    """

    handle: int
    family: int
    role: int
    type: int
    sec_tag: int
    cid: int


@dataclass(frozen=True, slots=True)
class Listener:
    """A row of ``AT#XLISTEN?``: a listening socket, its context and its port."""

    handle: int
    cid: int
    port: int


@dataclass(frozen=True, slots=True)
class SocketEvent:
    """``#XAPOLL: <handle>,<events>``: the events of one socket, and the URC with its stamp."""

    handle: int
    events: PollEvent
    urc: Urc


@dataclass(frozen=True, slots=True)
class AskedEvents:
    """A row of ``AT#XAPOLL?``: the events that a socket was asked for."""

    handle: int
    events: PollEvent


@dataclass(frozen=True, slots=True)
class SendNotice:
    """``#XSENDNTF: <handle>,<status>,<size>``: status 0 once the network has acknowledged the data, else -1."""

    handle: int
    status: int
    size: int
    urc: Urc


@dataclass(frozen=True, slots=True)
class Arrived:
    """Data that came by themselves. ``source`` is the sender's address and port, for a socket that is not connected."""

    handle: int
    data: bytes
    source: tuple[str, int] | None
    urc: Urc


@dataclass(frozen=True, slots=True)
class ReceptionOf:
    """A row of ``AT#XRECVCFG?``: automatic reception of one socket."""

    handle: int
    reception: Reception
    in_hex: bool


@dataclass(frozen=True, slots=True)
class Versions:
    """``#XSMVER: <application>,<ncs>[,<customer>]``, as printed; ``customer`` is empty for a build without one."""

    application: str
    ncs: str
    customer: str
    response: Response
