"""The application itself: versions, UUID, sleep, bootloader, echo, baud rate. "Serial Modem, at_generic"."""

import contextlib
from collections.abc import Iterator

from bench.at import AtLink, Response
from bench.modem.answers import Answers
from bench.modem.commands import CommandTiming
from bench.modem.serial_modem.values import SleepMode, Versions

_BOOT_VERSION, _BOOT_SLOT = 0, 1
# Within this time a UART has changed its rate.
_SETTLING_SECONDS = 0.05


class DeviceCommands:
    """#XSMVER, #XUUID, #XSLEEP, #XBOOTINFO, ATE, +IPR."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def versions(self) -> Versions:
        """AT#XSMVER."""
        response = self._link.command("AT#XSMVER", timeout=self._margin)
        application, ncs, *more = Answers(self._link, response).one("#XSMVER", fields=2)
        return Versions(application, ncs, "".join(more[:1]), response)

    def uuid(self) -> str:
        """AT#XUUID: 36 characters."""
        return self._answers("AT#XUUID").one("#XUUID")[0]

    def sleep(self, mode: SleepMode | int) -> Response:
        """AT#XSLEEP=<mode>. The board sleeps after its OK. DTR ends idle sleep; then Ready comes first."""
        return self._link.command(f"AT#XSLEEP={int(mode)}", timeout=self._margin)

    def test_sleep(self) -> Response:
        """AT#XSLEEP=?."""
        return self._link.command("AT#XSLEEP=?", timeout=self._margin)

    def boot_loader_version(self) -> int:
        """AT#XBOOTINFO=0: the version number of the bootloader; versions 1.0 do not have it."""
        return self._boot_info(_BOOT_VERSION)

    def boot_slot(self) -> int:
        """AT#XBOOTINFO=1: the slot of the bootloader; versions 1.0 do not have it."""
        return self._boot_info(_BOOT_SLOT)

    def test_boot_info(self) -> Response:
        """AT#XBOOTINFO=?."""
        return self._link.command("AT#XBOOTINFO=?", timeout=self._margin)

    def echo(self, on: bool) -> Response:
        """ATE1 or ATE0: whether the board echoes each character. Then half a command holds URCs back for a second."""
        return self._link.command("ATE1" if on else "ATE0", timeout=self._margin)

    def baud_rate(self) -> int:
        """AT+IPR?."""
        answers = self._answers("AT+IPR?")
        return answers.number(answers.one("+IPR")[0], "the baud rate")

    def set_baud_rate(self, rate: int) -> Response:
        """AT+IPR=<rate>. OK comes at the old rate; ``link.set_rate`` lets the host follow. A reset undoes it."""
        return self._link.command(f"AT+IPR={rate}", timeout=self._margin)

    @contextlib.contextmanager
    def at_rate(self, rate: int) -> Iterator[None]:
        """Set another baud rate, of the board and of the host; go back to the one before at the end.

        A UART that changes its rate may lose a character: after each change a terminator goes first.

        Raises:
            UsageError: this host cannot set the rate of the port; the board keeps its own.
            CommandError: the board does not know the rate.
        """
        before = self.baud_rate()
        for one in (rate, before):  # the board must not be told of a rate that the port does not have
            self._link.set_rate(one)
        self._change_rate(rate)
        try:
            yield
        finally:
            self._change_rate(before)

    def _change_rate(self, rate: int) -> None:
        self.set_baud_rate(rate)
        self._link.set_rate(rate)
        self._link.write_raw(self._link.dialect.terminator)
        self._link.listen(lambda _: False, timeout=_SETTLING_SECONDS)
        self._link.forget()

    def test_baud_rate(self) -> Response:
        """AT+IPR=?."""
        return self._link.command("AT+IPR=?", timeout=self._margin)

    def _boot_info(self, operation: int) -> int:
        answers = self._answers(f"AT#XBOOTINFO={operation}")
        return answers.number(answers.one("#XBOOTINFO")[-1], "a number")

    def _answers(self, command: str) -> Answers:
        return Answers(self._link, self._link.command(command, timeout=self._margin))
