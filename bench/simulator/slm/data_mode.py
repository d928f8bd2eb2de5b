"""Data mode of Serial LTE Modem: #XDATACTRL, and how #XSEND and #XSENDTO enter it."""

from bench.simulator.data_mode import DataMode, DataModeRules, DataSender
from bench.simulator.time_limit import TimeLimitCommands

_EOVERFLOW = 139
"""picolibc's number, as #XDATAMODE prints it."""


class DataModeHandlers(TimeLimitCommands):
    """The command that sets the time limit of data mode, and the way into data mode."""

    def enter(self, send: DataSender, *, datagrams: bool) -> None:
        """Make the input from the next byte on data for ``send``."""
        rules = DataModeRules(self._host.profile.data_mode_buffer, datagrams, self.settle_time_limit())
        self._host.enter_mode(DataMode(rules, send, flushed=self._report_flush, ended=self._report_end))

    def _report_flush(self, size: int) -> None:
        if self._host.profile.reports_flushes:
            self._report(size)

    def _report_end(self, overflowed: bool) -> None:
        self._report(-_EOVERFLOW if overflowed else 0)
        self._host.journal.add("data mode ended", overflowed=overflowed)

    def _report(self, number: int) -> None:
        self._host.output.write(b"\r\n#XDATAMODE: %d\r\n" % number)
