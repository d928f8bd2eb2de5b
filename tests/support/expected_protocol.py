"""A device that is a script: the commands that must come, in order, and the answer to each. No port, no thread."""

import contextlib
import socket
from collections.abc import Iterator, Sequence

from bench.at import AtLink, printable
from bench.modem import SERIAL_LTE_MODEM, CommandTiming, FirmwareDialect, Modem

Exchange = tuple[bytes | None, bytes | None]
"""A command without its terminator (None for what comes unasked) and the answer's lines (None for no answer).

The lines ``b"#XSEND: 3"`` come as the firmware sends them, each between CR LFs, with OK behind them unless the last
one is a final result. Bytes that begin with CR LF come as they are.
"""
_FINAL = (b"OK", b"ERROR", b"+CME ERROR", b"+CMS ERROR")


class UnexpectedCommand(AssertionError):
    """The code under test sent something else than the script says."""


class ScriptedTransport:
    """The transport of a scripted device."""

    def __init__(self, exchanges: Sequence[Exchange], terminator: bytes) -> None:
        self.name = "script"
        self.timed = -1
        self.left = list(exchanges)
        self._terminator = terminator
        self._heard = b""
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)

    def open(self) -> int:
        """Begin, with what comes before the first command."""
        self._say_unasked()
        return self._ours.fileno()

    def write(self, data: bytes) -> int:
        """Compare with the script, and answer."""
        self._heard += data
        while self._heard:
            expected = self._expected()
            if not self._heard.startswith(expected):
                if expected.startswith(self._heard):
                    break
                raise UnexpectedCommand(f"{printable(self._heard)} was sent, expected {printable(expected)}")
            self._heard = self._heard[len(expected) :]
            answer = self.left.pop(0)[1]
            if answer is not None:
                self._theirs.send(_wire(answer))
            self._say_unasked()
        return len(data)

    def set_rate(self, baudrate: int) -> None:
        """Do nothing: a script has no rate."""

    def close(self) -> None:
        """End the script."""
        self._ours.close()
        self._theirs.close()

    def _expected(self) -> bytes:
        if not self.left:
            raise UnexpectedCommand(f"{printable(self._heard)} was sent, expected nothing more")
        command = self.left[0][0] or b""
        # Data mode and its terminator have no end of line.
        return command + self._terminator if command.startswith(b"AT") else command

    def _say_unasked(self) -> None:
        while self.left and self.left[0][0] is None:
            self._theirs.send(self.left.pop(0)[1] or b"")


def _wire(answer: bytes) -> bytes:
    if answer.startswith(b"\r\n"):
        return answer
    lines = [line for line in answer.split(b"\n") if line]
    if not lines or not lines[-1].startswith(_FINAL):
        lines.append(b"OK")
    return b"".join(b"\r\n%b\r\n" % line for line in lines)


def script(*exchanges: Exchange) -> list[Exchange]:
    """These exchanges in this order, as a list that a test can lengthen."""
    return list(exchanges)


@contextlib.contextmanager
def expected_protocol(
    exchanges: Sequence[Exchange], dialect: FirmwareDialect = SERIAL_LTE_MODEM, *, patience: float = 0.05
) -> Iterator[Modem]:
    """Yield a modem whose device follows a script; at the end all of it must have happened.

    Args:
        exchanges: commands and their answers, in order.
        dialect: of the firmware.
        patience: seconds that an answer may take: a script answers at once or never.
    """
    transport = ScriptedTransport(exchanges, dialect.wire.terminator)
    with AtLink(transport, dialect.wire) as link:
        yield Modem(link, dialect, timing=CommandTiming(margin=patience, connect_timeout=patience))
    if transport.left:
        command = transport.left[0][0] or b""
        raise UnexpectedCommand(f"{printable(command)} was expected, and not sent")
