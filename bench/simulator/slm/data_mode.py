"""Data mode of Serial LTE Modem: #XDATACTRL, and how #XSEND and #XSENDTO enter it."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.data_mode import DataMode, DataModeRules, DataSender
from bench.simulator.parameters import Parameters

_EOVERFLOW = 139
"""picolibc's number, as #XDATAMODE prints it."""


class DataModeHandlers:
    """The command that sets the time limit of data mode, and the way into data mode."""

    def __init__(self, host: AtHost) -> None:
        self._host = host
        self._say = host.output.say
        self._time_limit = 0

    def enter(self, send: DataSender, *, datagrams: bool) -> None:
        """Make the input from the next byte on data for ``send``."""
        self._time_limit = self._time_limit or self._host.profile.minimum_time_limit
        rules = DataModeRules(self._host.profile.data_mode_buffer, datagrams, self._time_limit)
        self._host.enter_mode(DataMode(rules, send, flushed=self._report_flush, ended=self._report_end))

    def _report_flush(self, size: int) -> None:
        if self._host.profile.reports_flushes:
            self._report(size)

    def _report_end(self, overflowed: bool) -> None:
        self._report(-_EOVERFLOW if overflowed else 0)
        self._host.journal.add("data mode ended", overflowed=overflowed)

    def _report(self, number: int) -> None:
        self._host.output.write(b"\r\n#XDATAMODE: %d\r\n" % number)

    @command("#XDATACTRL", RUN, SET)
    async def set_time_limit(self, parameters: Parameters) -> None:
        """Handle AT#XDATACTRL=<time_limit> in ms."""
        self._time_limit = parameters.number(0, self._host.profile.minimum_time_limit)

    @command("#XDATACTRL", READ)
    async def read_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL?; 0 means that none was set yet."""
        self._say(f"#XDATACTRL: {self._time_limit},{self._host.profile.minimum_time_limit}")

    @command("#XDATACTRL", TEST)
    async def describe_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL=?."""
        self._say("#XDATACTRL=<time_limit>")
