"""The output of the firmware on its UART: answers of commands, URCs between them, and an echo."""

from collections.abc import Callable
from typing import Protocol


class Sender(Protocol):
    """A UART to print on."""

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""


def _encode(line: str | bytes) -> bytes:
    return line.encode("latin-1") if isinstance(line, str) else line


class Output:
    """The printing side of one board. URCs wait while a command or data mode holds them back.

    Attributes:
        echoes: whether what the host types is printed (ATE1).
    """

    def __init__(self, uart: Sender, *, blank_line: bool = True, urc_buffer: int | None = None) -> None:
        """Make the output of a firmware.

        Args:
            uart: where it prints.
            blank_line: whether an empty line stands between an information line and the final result.
            urc_buffer: bytes of URCs that can wait; None for any number.
        """
        self._uart = uart
        self._urc_buffer = urc_buffer
        self._blank_line = blank_line
        self._answer = bytearray()
        self._urcs: list[bytes] = []
        self._held = False
        self._waiting: list[Callable[[], None]] = []
        self.echoes = False

    def change(self, *, blank_line: bool, urc_buffer: int | None) -> None:
        """Go on as the output of another firmware."""
        self._blank_line, self._urc_buffer = blank_line, urc_buffer

    def write(self, data: bytes) -> None:
        """Print bytes at once, outside any answer."""
        self._uart.send(data)

    def echo(self, data: bytes) -> None:
        """Print what the host has typed, if it wants to see it."""
        if self.echoes and data:
            self._uart.send(data)

    # ---------------------------------------------------------------- answers

    def start_answer(self) -> None:
        """Forget what a command before this one has left."""
        self._answer.clear()

    def say(self, line: str | bytes) -> None:
        """Add an information line to the answer of the present command."""
        self._answer += b"\r\n" + _encode(line) + b"\r\n"

    def say_raw(self, data: bytes) -> None:
        """Add raw bytes to the answer, behind the line that announced them."""
        self._answer += data

    def glue(self) -> None:
        """Take back the last line end of the present answer."""
        if self._blank_line and self._answer.endswith(b"\r\n"):
            del self._answer[-2:]

    def finish_answer(self, result: str) -> None:
        """Print the answer with its final result code."""
        answer = bytes(self._answer)
        self._answer.clear()
        if answer and not self._blank_line and answer.endswith(b"\r\n"):
            answer = answer[:-2]
        self._uart.send(answer + b"\r\n" + result.encode() + b"\r\n")

    # ---------------------------------------------------------------- URCs

    def urc(self, line: str | bytes) -> None:
        """Print a URC: now if nothing holds it back, otherwise when that has ended."""
        text = _encode(line)
        if self._urc_buffer is not None and sum(map(len, self._urcs)) + len(text) > self._urc_buffer:
            self._urcs.clear()
        self._urcs.append(text)
        if not self._held:
            self.release_urcs()

    def hold_urcs(self) -> None:
        """Keep URCs until :meth:`release_urcs`."""
        self._held = True

    @property
    def idle(self) -> bool:
        """True when nothing holds URCs back."""
        return not self._held

    def when_idle(self, action: Callable[[], None]) -> None:
        """Call ``action`` when nothing holds URCs back: now, or behind those that wait."""
        if self.idle:
            action()
        else:
            self._waiting.append(action)

    def release_urcs(self) -> None:
        """Print the URCs that wait, and from now on each as it comes."""
        self._held = False
        for line in self._urcs:
            self._uart.send(b"\r\n" + line + b"\r\n")
        self._urcs.clear()
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def restart(self) -> None:
        """Drop the URCs that wait, hold no more and echo nothing: the firmware starts anew."""
        self._held = self.echoes = False
        self._urcs.clear()
        self._waiting.clear()
