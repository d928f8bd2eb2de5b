"""Serial Modem's data mode: its time limit, its failure, and what enters it. "Serial Modem, sm_data_mode"."""

import re

from bench.at import Urc
from bench.modem.answers import fields_in
from bench.modem.time_limit import TimeLimitCommands

_SENDING = re.compile(rb"\s*AT#XSEND(?:TO)?=(?!\?$)(.*)$", re.IGNORECASE | re.DOTALL)
_DATA_MODE = "2"


def serial_modem_enters_data_mode(command: bytes) -> bool:
    """Return True for a command whose OK enters data mode: a send in mode 2, its second parameter."""
    form = _SENDING.match(command)
    if form is None:
        return False
    mode = fields_in(form[1].decode("latin-1"))[1:2]
    return bool(mode) and mode[0].removeprefix("+") == _DATA_MODE


class SerialModemDataModeCommands(TimeLimitCommands):
    """#XDATACTRL, and the failure of data mode."""

    def wait_failed(self, timeout: float) -> Urc:
        """Wait for the +++ by which the board says that data mode has failed; return it as a URC with its stamp.

        From then on the board drops all data. ``link.leave_data_mode`` ends data mode, and returns -1.

        Raises:
            UrcTimeout: it did not come within ``timeout`` seconds.
        """
        return self._link.wait_for_urc(self._link.dialect.data_mode_failure.decode(), timeout=timeout)
