"""The parts of a round trip, from stamps on one clock: command, uplink, peer, downlink, UART."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.at import Response
from bench.peers import JournalEntry

PART_MEANINGS = {
    "accepted": "from the command that sends until the board answered it with OK; overlaps with the uplink",
    "uplink": "from the command that sends until the peer had read the whole message",
    "turn-around": "from there until the peer sent its answer",
    "unasked": "from there until the bench asked the board for the answer; 0 where it had asked before",
    "downlink": "from the later of both moments until the first byte of the answer came from the board's port",
    "UART": "from there until the last byte of the answer had come from the port",
}
"""The parts of a round trip, with what each is for a person. All but ``accepted`` add up to the round trip.

``unasked`` is the part of the answer's way before the board was asked for it. On a path that is slower than the link it
is 0, and ``downlink`` is the whole way down.
"""
PARTS = tuple(PART_MEANINGS)
"""Names of the parts."""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """One message out and back. Stamps in ns of this host's clock.

    Attributes:
        sent_ns: the clock before the command was written.
        accepted_ns: when the command's final result code was read.
        peer_received_ns: when the peer had read all of the message.
        peer_sent_ns: before the peer wrote the answer.
        asked_ns: the clock before the command that fetched the answer was written.
        first_byte_ns: when the answer's first byte was read from the port.
        final_ns: when the final result code after the answer was read.
    """

    sent_ns: int
    accepted_ns: int
    peer_received_ns: int
    peer_sent_ns: int
    asked_ns: int
    first_byte_ns: int
    final_ns: int

    @property
    def total(self) -> int:
        """The duration of the round trip in ns."""
        return self.final_ns - self.sent_ns

    @property
    def parts(self) -> dict[str, int]:
        """Return each part of :data:`PARTS`, in ns."""
        return {
            "accepted": self.accepted_ns - self.sent_ns,
            "uplink": self.peer_received_ns - self.sent_ns,
            "turn-around": self.peer_sent_ns - self.peer_received_ns,
            "unasked": max(0, self.asked_ns - self.peer_sent_ns),
            "downlink": self.first_byte_ns - max(self.asked_ns, self.peer_sent_ns),
            "UART": self.final_ns - self.first_byte_ns,
        }


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message at the board's port: the command that sent it, the command that fetched its echo, and its bytes."""

    send: Response
    receive: Response
    data: bytes


def take_apart(exchanges: Sequence[Exchange], journal: Sequence[JournalEntry], *, stream: bool) -> list[RoundTrip]:
    """Return the round trips of messages that one echo peer answered, in their order.

    In a stream a message is found by its position in all bytes that the peer received and sent. A datagram is found by
    its bytes, which must be unique.

    Raises:
        ValueError: The journal does not hold all messages.
    """
    find = _by_place(journal) if stream else _by_content(journal)
    trips = []
    for exchange in exchanges:
        send, receive = exchange.send, exchange.receive
        came, went = find(exchange.data)
        trips.append(
            RoundTrip(send.sent_ns, send.final_ns, came, went, receive.sent_ns, receive.first_byte_ns, receive.final_ns)
        )
    return trips


Find = Callable[[bytes], tuple[int, int]]


def _by_content(journal: Sequence[JournalEntry]) -> Find:
    came: dict[bytes, int] = {}
    went: dict[bytes, int] = {}
    for entry in journal:
        moments = {"received": came, "sent": went}.get(entry.event)
        if moments is not None and entry.data:
            moments.setdefault(entry.data, entry.t_ns)

    def find(data: bytes) -> tuple[int, int]:
        if data not in came or data not in went:
            raise ValueError(f"the peer's journal has no datagram {data[:16]!r}...")
        return came[data], went[data]

    return find


def _by_place(journal: Sequence[JournalEntry]) -> Find:
    received, sent = _moments(journal, "received"), _moments(journal, "sent")
    position = 0

    def find(data: bytes) -> tuple[int, int]:
        nonlocal position
        start, position = position, position + len(data)
        return _at(received, position), _at(sent, start + 1)

    return find


def _moments(journal: Sequence[JournalEntry], event: str) -> list[tuple[int, int]]:
    """Return the number of bytes that had moved at each stamp."""
    moved = 0
    moments = []
    for entry in journal:
        if entry.event == event:
            moved += entry.size
            moments.append((moved, entry.t_ns))
    return moments


def _at(moments: list[tuple[int, int]], position: int) -> int:
    index = bisect_left(moments, (position, 0))
    if index < len(moments):
        return moments[index][1]
    raise ValueError(f"the peer's journal ends at byte {moments[-1][0] if moments else 0}, before byte {position}")
