"""The messages between a lab's client and the program on a board's host: JSON lines, a type each.

The host speaks first (:class:`Hello`). Then both sides speak when they have something to say; what belongs to one board
of one run names both. The end of the client's line means that the client is gone: the host ends its runs in order.
"""

from typing import Any

import msgspec
from msgspec import Struct

from bench.errors import LabError

PROTOCOL = 1

Json = dict[str, Any]


class BadMessage(LabError):
    """What came is not a message: another version of the bench, or a login script that prints text."""


class HostBoard(Struct, frozen=True, kw_only=True):
    """A board of a host, as ``boards --json`` shows it there.

    Attributes:
        state: a word of :class:`bench.boards.board_state.BoardState`.
        details: by whom, or why.
        interface: number of the USB interface of its AT port, two hexadecimal digits; empty where it is not known.
        control: it is a control board, which nobody is lent.
    """

    name: str = ""
    model: str = ""
    serial: str = ""
    at: str = ""
    labels: list[str] = []
    state: str = ""
    details: str = ""
    interface: str = ""
    control: bool = False


# -------------------------------------------------------------------- from the host


class FromHost(Struct, frozen=True, kw_only=True, tag_field="message", tag=str.lower):
    """What a host says."""


class Hello(FromHost, frozen=True, kw_only=True):
    """The host introduces itself.

    Attributes:
        key: digest of its key for short ids; empty while it has none.
        config: digest of its bench.toml; empty without one.
        utc: its wall clock, ISO 8601.
        trouble: why its boards cannot be listed; empty when they can.
        ports: how many ports its peers may use; None for any.
    """

    version: str
    protocol: int
    free_bytes: int = 0
    boards: list[HostBoard] = []
    key: str = ""
    config: str = ""
    utc: str = ""
    trouble: str = ""
    ports: int | None = None


class Rows(FromHost, frozen=True, kw_only=True):
    """Rows that a board's run has appended to its stream."""

    run: str
    board: str
    rows: list[Json]


class Ended(FromHost, frozen=True, kw_only=True):
    """A board's run is over on this host.

    Attributes:
        begun: it has written evidence; otherwise it was refused, and ``said`` tells why.
        exit_code: of ``nrf91-bench run``; negative for a signal.
        said: the last lines that it printed for a person.
    """

    run: str
    board: str
    exit_code: int
    begun: bool
    said: str = ""


class Piece(FromHost, frozen=True, kw_only=True):
    """A piece of a run's folder, a gzipped tar; the last one is empty.

    Attributes:
        exit_code: of the run, as far as this host knows; None for one that it has not seen the end of.
        said: the last lines that it printed.
    """

    run: str
    board: str
    data: bytes
    exit_code: int | None = None
    said: str = ""


class Failed(FromHost, frozen=True, kw_only=True):
    """A request could not be fulfilled; ``running`` when it may be later, because the run goes on."""

    run: str = ""
    board: str = ""
    why: str = ""
    running: bool = False


class Seen(FromHost, frozen=True, kw_only=True):
    """The boards as they are now, to the question of that number."""

    number: int
    boards: list[HostBoard]
    trouble: str = ""


class KeyTaken(FromHost, frozen=True, kw_only=True):
    """The key was kept; its digest."""

    key: str


# -------------------------------------------------------------------- from the client


class FromClient(Struct, frozen=True, kw_only=True, tag_field="message", tag=str.lower):
    """What a client asks for."""


class Start(FromClient, frozen=True, kw_only=True):
    """Play a board's part of a run.

    Attributes:
        firmware: conditions of a selector that the board must fulfil, which only asking it can tell.
        arguments: of ``nrf91-bench run``, beside the board, the folder and the lab's file, which the host adds.
        person: for whom, shown to whoever wants the board meanwhile.
        files: the client's own files, a gzipped tar; they are unpacked into the working folder of the run.
    """

    run: str
    board: str
    firmware: str = ""
    arguments: list[str] = []
    person: str = ""
    files: bytes = b""


class End(FromClient, frozen=True, kw_only=True):
    """End a board's part in order: the board is restored, its evidence kept."""

    run: str
    board: str


class Fetch(FromClient, frozen=True, kw_only=True):
    """Send the folder of a board's part."""

    run: str
    board: str


class Drop(FromClient, frozen=True, kw_only=True):
    """The folder has arrived: it may be removed after the days that the host keeps it."""

    run: str
    board: str


class TakeKey(FromClient, frozen=True, kw_only=True):
    """Keep the lab's key for short ids; ``replace`` takes the place of another one."""

    key: bytes
    replace: bool = False


class Look(FromClient, frozen=True, kw_only=True):
    """Say how the boards are now."""

    number: int


Message = Hello | Rows | Ended | Piece | Failed | Seen | KeyTaken
Request = Start | End | Fetch | Drop | TakeKey | Look

_ENCODER = msgspec.json.Encoder()
_MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_REQUESTS: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)


def encode(message: Message | Request) -> bytes:
    """Return a message as a line."""
    return _ENCODER.encode(message) + b"\n"


def parse_message(line: bytes) -> Message:
    """Return what a host said.

    Raises:
        BadMessage: the line is not a message.
    """
    try:
        return _MESSAGES.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadMessage(f"expected a message of the bench, got {line[:80]!r} ({error})") from error


def parse_request(line: bytes) -> Request:
    """Return what a client asks for.

    Raises:
        BadMessage: the line is not a request.
    """
    try:
        return _REQUESTS.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadMessage(f"expected a request of the bench, got {line[:80]!r} ({error})") from error
