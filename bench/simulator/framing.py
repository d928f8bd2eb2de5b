"""Framing of what the UART of the firmware receives: command lines and data. Sans-IO."""

from dataclasses import dataclass
from typing import Protocol

_BACKSPACE = (0x08, 0x7F)
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The text before a terminator. ``overflow``: it was longer than the buffer and is lost."""

    text: bytes
    overflow: bool = False


class CommandFramer:
    """A buffer of characters up to a terminator outside double quotes: CR LF, or CR or LF where the build says so.

    An open quote makes the firmware deaf until the next one; a backspace takes back the last character, also a quote.
    """

    def __init__(self, limit: int, *, terminator: bytes = b"\r\n") -> None:
        self._limit = limit
        self._terminator = terminator
        self._clear()

    @property
    def quiet_s(self) -> float:
        """No time: URCs come between the characters of a command."""
        return 0.0

    def _clear(self) -> None:
        self._text = bytearray()
        self._quoted = False
        self._overflow = False
        self._last = 0

    def take(self, data: bytes) -> tuple[CommandLine | None, int]:
        """Return the first command that ``data`` completes, and how many bytes of ``data`` are used up."""
        for index, byte in enumerate(data):
            if byte in _BACKSPACE:
                if self._text and self._text.pop() == _QUOTE:
                    self._quoted = not self._quoted
                self._last = self._text[-1] if self._text else 0
                continue
            if self._ends(byte):
                command = self._finish()
                if command is not None:
                    return command, index + 1
                continue
            if byte == _QUOTE:
                self._quoted = not self._quoted
            if len(self._text) <= self._limit:
                self._text.append(byte)
            else:
                self._overflow = True
            self._last = byte
        return None, len(data)

    def _ends(self, byte: int) -> bool:
        if self._quoted or byte != self._terminator[-1]:
            return False
        return len(self._terminator) == 1 or self._last == self._terminator[0]

    def _finish(self) -> CommandLine | None:
        text = bytes(self._text)
        overflow = self._overflow
        self._clear()
        text = text[: len(text) - len(self._terminator) + 1]
        overflow = overflow or len(text) > self._limit
        return CommandLine(b"" if overflow else text, overflow) if text or overflow else None


class Framer(Protocol):
    """Finds command lines in what arrives."""

    @property
    def quiet_s(self) -> float:
        """Seconds that URCs wait behind a character that has ended no command."""

    def take(self, data: bytes) -> tuple[CommandLine | None, int]:
        """Return the first command that ``data`` completes, and how many bytes of ``data`` are used up."""


class DataFramer:
    """A buffer of data until they are sent. Finds ``+++`` anywhere in the stream, without a guard time.

    Where a length is given, the data end with it instead, and ``+++`` is data; a negative one never ends.
    """

    def __init__(self, length: int = 0) -> None:
        self.buffer = bytearray()
        self._left = length
        self._plus = 0

    def forget_length(self) -> None:
        """Let ``+++`` end the data from now on."""
        self._left = 0

    def take(self, data: bytes) -> tuple[bool, int]:
        """Return whether the data end with ``data``, and how many of its bytes are used up."""
        return self._count(data) if self._left else self._search(data)

    def _count(self, data: bytes) -> tuple[bool, int]:
        piece = data[: self._left] if self._left > 0 else data
        self._left -= len(piece)
        self.buffer += piece
        return self._left == 0, len(piece)

    def _search(self, data: bytes) -> tuple[bool, int]:
        for index, byte in enumerate(data):
            if byte == ord("+"):
                self._plus += 1
                if self._plus == 3:
                    self._plus = 0
                    return True, index + 1
            else:
                self.buffer += b"+" * self._plus
                self.buffer.append(byte)
                self._plus = 0
        return False, len(data)

    def expire(self) -> bytes:
        """Return and forget what the time limit flushes: the buffer, and half a terminator behind it.

        A half terminator with nothing before it is held back without a time limit.
        """
        if not self.buffer:
            return b""
        data = bytes(self.buffer) + b"+" * self._plus
        self.buffer.clear()
        self._plus = 0
        return data
