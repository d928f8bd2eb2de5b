"""The line discipline of Serial Modem: it searches for ``AT``, and echoes what it reads if told to."""

from bench.simulator.framing import CommandLine
from bench.simulator.output import Output
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.serial_modem.quirks import Quirks

_BACKSPACE = (0x08, 0x7F)
_QUOTE = ord('"')
_ECHO_LIMIT = 4096  # SM_AT_ECHO_MAX_LEN
_QUIET_WITH_ECHO_S = 1.0  # SM_URC_DELAY_WITH_INCOMPLETE_ECHO_MS


class SearchingFramer:
    """A buffer of characters from ``AT`` up to a terminator outside double quotes (Serial Modem, sm_at_host.c).

    What stands before ``AT`` is dropped without a word. An open quote makes the firmware deaf until the next one.
    """

    def __init__(self, profile: FirmwareProfile, quirks: Quirks, output: Output) -> None:
        self._terminator = profile.terminator
        self._limit = profile.command_limit
        self._at_once = quirks.overflow_at_once
        self._quiet_s = quirks.quiet_ms / 1000
        self._output = output
        self._echoed = 0
        self._clear()

    def _clear(self) -> None:
        self._text = bytearray()
        self._quoted = False
        self._overflow = False

    @property
    def quiet_s(self) -> float:
        """Seconds that URCs wait behind a character: longer where they would spoil the echo of half a command."""
        return _QUIET_WITH_ECHO_S if self._output.echoes and self._text else self._quiet_s

    def take(self, data: bytes) -> tuple[CommandLine | None, int]:
        """Return the first command that ``data`` completes, and how many bytes of ``data`` are used up."""
        for index, byte in enumerate(data):
            line = self._accept(byte)
            if line is not None:
                self._echo(data[: index + 1])
                self._echoed = 0
                return line, index + 1
        self._echo(data)
        return None, len(data)

    def _echo(self, data: bytes) -> None:
        self._output.echo(data[: max(0, _ECHO_LIMIT - self._echoed)])
        self._echoed += len(data)

    def _accept(self, byte: int) -> CommandLine | None:
        if self._at_once and len(self._text) > self._limit:  # whatever the character is
            self._clear()
            return CommandLine(b"", overflow=True)
        if byte in _BACKSPACE:
            self._delete()
        elif len(self._text) < 2:
            self._search(byte)
        elif self._ends(byte):
            return self._finish()
        else:
            self._store(byte)
        return None

    def _delete(self) -> None:
        if self._text and self._text.pop() == _QUOTE:
            self._quoted = not self._quoted

    def _search(self, byte: int) -> None:
        """Take an A, and a T behind it. Any other character behind the A is lost with it, also a second A."""
        if byte in (b"Tt" if self._text else b"Aa"):
            self._text.append(byte)
        else:
            self._clear()

    def _store(self, byte: int) -> None:
        if byte == _QUOTE:
            self._quoted = not self._quoted
        if len(self._text) <= self._limit:
            self._text.append(byte)
        else:
            self._overflow = True

    def _ends(self, byte: int) -> bool:
        if self._quoted or byte != self._terminator[-1]:
            return False
        return len(self._terminator) == 1 or self._text.endswith(self._terminator[:1])

    def _finish(self) -> CommandLine:
        text = bytes(self._text)[: len(self._text) - len(self._terminator) + 1]
        overflow = self._overflow or len(text) > self._limit
        self._clear()
        return CommandLine(b"" if overflow else text, overflow)
