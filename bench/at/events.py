"""The events in a byte stream. Six frozen values are the whole vocabulary."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Information:
    """A line that answers the pending command: an information text response (V.250 section 5.7.1)."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """An unsolicited result code (URC): a line that answers no command, and the raw bytes that it announced."""

    line: bytes
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """The raw bytes that the information line before it announced, taken by their number."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FinalResult:
    """The line that ends an answer: ``OK``, ``ERROR``, ``+CME ERROR: 3`` ... (3GPP TS 27.007 section 9)."""

    code: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """The command itself, sent back by a device whose echo is on."""

    line: bytes


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that break the rules of the dialect, and which rule."""

    data: bytes
    reason: str


Event = Information | Unsolicited | Payload | FinalResult | Echo | Malformed
