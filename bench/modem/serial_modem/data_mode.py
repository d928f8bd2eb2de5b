"""Serial Modem's data mode: its time limit, its failure, and what enters it. "Serial Modem, sm_data_mode"."""

import re

from bench.at import AtLink, Response, Urc
from bench.modem.answers import Answers, fields_in
from bench.modem.commands import CommandTiming
from bench.modem.socket_values import TimeLimit

_SENDING = re.compile(rb"\s*AT#XSEND(?:TO)?=(?!\?$)(.*)$", re.IGNORECASE | re.DOTALL)
_DATA_MODE = "2"


def serial_modem_enters_data_mode(command: bytes) -> bool:
    """Return True for a command whose OK enters data mode: a send in mode 2, its second parameter."""
    form = _SENDING.match(command)
    if form is None:
        return False
    mode = fields_in(form[1].decode("latin-1"))[1:2]
    return bool(mode) and mode[0].removeprefix("+") == _DATA_MODE


class SerialModemDataModeCommands:
    """#XDATACTRL, and the failure of data mode. The sockets have the sending in data mode."""

    def __init__(self, link: AtLink, timing: CommandTiming) -> None:
        self._link = link
        self._margin = timing.margin

    def set_time_limit(self, milliseconds: int) -> Response:
        """AT#XDATACTRL=<time_limit>."""
        return self._link.command(f"AT#XDATACTRL={milliseconds}", timeout=self._margin)

    def read_time_limit(self) -> TimeLimit:
        """AT#XDATACTRL?."""
        response = self._link.command("AT#XDATACTRL?", timeout=self._margin)
        answers = Answers(self._link, response)
        limit, minimum = (answers.number(field, "ms") for field in answers.one("#XDATACTRL", fields=2)[:2])
        return TimeLimit(limit, minimum, response)

    def test(self) -> Response:
        """AT#XDATACTRL=?."""
        return self._link.command("AT#XDATACTRL=?", timeout=self._margin)

    def wait_failed(self, timeout: float) -> Urc:
        """Wait for the +++ by which the board says that data mode has failed; return it as a URC with its stamp.

        From then on the board drops all data. ``link.leave_data_mode`` ends data mode, and returns -1.

        Raises:
            UrcTimeout: it did not come within ``timeout`` seconds.
        """
        return self._link.wait_for_urc(self._link.dialect.data_mode_failure.decode(), timeout=timeout)
