"""The behaviour of a peer, where a scenario wants more than a plain echo."""

import math
from dataclasses import dataclass, fields
from typing import Any

from bench.errors import UsageError

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", bytes: "bytes"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The way that an echo peer treats received data.

    Attributes:
        echo: whether it answers at all; False is a silent sink.
        hold: keep answers until ``release``.
        delay_ms: delay of each answer.
        drop: number of the next messages (reads of a stream, datagrams) that stay unanswered.
        split: answer in pieces of that many bytes (streams); 0 does not split.
        split_gap_ms: the pause between pieces.
        copies: number of answers to each datagram.
        greeting: data sent to each new client, base64 on the control channel.
        on_connect: "serve", "close" (FIN) or "reset" (RST) a connection as it is accepted.
        close_after: send FIN when a connection has received that many bytes; 0 is never.
        reset_after: the same with RST.
        handshake: of a secure peer: "serve", "hold" (answer no ClientHello) or "refuse" (handshake_failure).
        drop_flights: number of the next flights of a DTLS handshake that are not sent.
        keep_data: whether the journal keeps the bytes, or only their number.
        reads: whether it reads at all (TCP). One that does not from the beginning has a small receive window, so that
            what is sent to it soon finds no room.
        close_notify: whether a secure peer sends close_notify before it closes.
    """

    echo: bool = True
    hold: bool = False
    delay_ms: float = 0.0
    drop: int = 0
    split: int = 0
    split_gap_ms: float = 20.0
    copies: int = 1
    greeting: bytes = b""
    on_connect: str = "serve"
    close_after: int = 0
    reset_after: int = 0
    handshake: str = "serve"
    drop_flights: int = 0
    reads: bool = True
    close_notify: bool = True
    keep_data: bool = True

    def __post_init__(self) -> None:
        if self.on_connect not in ("serve", "close", "reset"):
            raise UsageError(f"on_connect is {self.on_connect!r}; available: serve, close, reset")
        if self.handshake not in ("serve", "hold", "refuse"):
            raise UsageError(f"handshake is {self.handshake!r}; available: serve, hold, refuse")
        for name, default in _DEFAULTS.items():
            value, wanted = getattr(self, name), type(default)
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise UsageError(f"{name} is {value!r}; it must be {_KINDS[wanted]}")
            if wanted in (int, float) and not 0 <= value < math.inf:
                raise UsageError(f"{name} is {value}; it must be a number from 0")


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Behaviour)}
NAMES = frozenset(_DEFAULTS)
