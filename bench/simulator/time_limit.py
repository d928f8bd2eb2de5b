"""The time that data mode waits for more data, which both applications spell alike: #XDATACTRL."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.parameters import Parameters


class TimeLimitCommands:
    """The command that sets the time limit of data mode."""

    def __init__(self, host: AtHost) -> None:
        self._host = host
        self._time_limit = 0

    def settle_time_limit(self) -> int:
        """Return the time limit in ms; where none was set, it is the minimum from now on."""
        self._time_limit = self._time_limit or self._host.profile.minimum_time_limit
        return self._time_limit

    @command("#XDATACTRL", RUN, SET)
    async def set_time_limit(self, parameters: Parameters) -> None:
        """Handle AT#XDATACTRL=<time_limit> in ms."""
        self._time_limit = parameters.number(0, self._host.profile.minimum_time_limit)

    @command("#XDATACTRL", READ)
    async def read_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL?; 0 means that none was set yet. Another baud rate does not change the minimum."""
        self._host.output.say(f"#XDATACTRL: {self._time_limit},{self._host.profile.minimum_time_limit}")

    @command("#XDATACTRL", TEST)
    async def describe_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL=?."""
        self._host.output.say("#XDATACTRL=<time_limit>")
