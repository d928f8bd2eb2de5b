"""How the firmware finds commands in what its UART receives. Sans-IO."""

from dataclasses import dataclass

_BACKSPACE = (0x08, 0x7F)
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class Command:
    """What stood before a terminator. ``overflow``: it was longer than the buffer and is lost."""

    text: bytes
    overflow: bool = False


class CommandFramer:
    """Collects characters until a terminator outside double quotes: CR LF, or CR or LF where the build says so.

    An open quote makes the firmware deaf until the next one; a backspace takes back the last character, also a quote.
    """

    def __init__(self, limit: int, *, terminator: bytes = b"\r\n") -> None:
        self._limit = limit
        self._terminator = terminator
        self._clear()

    def _clear(self) -> None:
        self._text = bytearray()
        self._quoted = False
        self._overflow = False
        self._last = 0

    def take(self, data: bytes) -> tuple[Command | None, int]:
        """The first command that ``data`` completes, and how many of its bytes are used up by it."""
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

    def _finish(self) -> Command | None:
        text = bytes(self._text)
        overflow = self._overflow
        self._clear()
        text = text[: len(text) - len(self._terminator) + 1]
        overflow = overflow or len(text) > self._limit
        return Command(b"" if overflow else text, overflow) if text or overflow else None


class DataFramer:
    """Collects data until it is sent, and finds the terminator ``+++`` anywhere in the stream, with no guard time."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._plus = 0

    def take(self, data: bytes) -> tuple[bool, int]:
        """Whether the terminator was completed, and how many bytes of ``data`` are used up."""
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
        """What the time limit flushes: all that is buffered, a half terminator behind it included.

        A half terminator with nothing before it is held back without a time limit.
        """
        if not self.buffer:
            return b""
        data = bytes(self.buffer) + b"+" * self._plus
        self.buffer.clear()
        self._plus = 0
        return data
