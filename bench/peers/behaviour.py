"""What a scenario can make a peer do instead of a plain echo."""

import math
from dataclasses import dataclass, fields
from typing import Any

from bench.errors import UsageError

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word", bytes: "bytes"}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an echo peer treats what it receives.

    Attributes:
        echo: whether it answers at all; False is a silent sink.
        hold: keep answers until ``release``.
        delay_ms: answer that much later.
        drop: how many of the next messages (reads of a stream, datagrams) stay unanswered.
        split: answer in pieces of that many bytes (streams); 0 is whole.
        split_gap_ms: the pause between pieces.
        copies: how many times a datagram is answered.
        greeting: sent to whoever connects, base64 on the control channel.
        on_connect: "serve", "close" (FIN) or "reset" (RST) a connection as it is accepted.
        close_after: send FIN once that many bytes have come on a connection; 0 is never.
        reset_after: the same with RST.
        handshake: of a secure peer: "serve", "hold" (answer no ClientHello) or "refuse" (handshake_failure).
        drop_flights: how many of the next flights of a DTLS handshake are not sent.
        keep_data: whether the journal keeps the bytes, or only their number.
        close_notify: whether a secure peer says so before it closes; False just ends.
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
    close_notify: bool = True
    keep_data: bool = True

    def __post_init__(self) -> None:
        if self.on_connect not in ("serve", "close", "reset"):
            raise UsageError(f"on_connect is {self.on_connect!r}; it is serve, close or reset")
        if self.handshake not in ("serve", "hold", "refuse"):
            raise UsageError(f"handshake is {self.handshake!r}; it is serve, hold or refuse")
        for name, default in _DEFAULTS.items():
            value, wanted = getattr(self, name), type(default)
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise UsageError(f"{name} is {value!r}; it is {_KINDS[wanted]}")
            if wanted in (int, float) and not 0 <= value < math.inf:
                raise UsageError(f"{name} is {value}; it is a number from 0")


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Behaviour)}
NAMES = frozenset(_DEFAULTS)
