"""Data mode of Serial Modem: #XDATACTRL, how sends enter it, and the ``+++`` that the board itself says on errors."""

from collections.abc import Callable

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.data_mode import DataMode, DataModeRules, DataSender
from bench.simulator.parameters import Parameters
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.slots import Slot
from bench.simulator.sockets import DATAGRAM

_TERMINATOR = b"+++"


class DataModeCommands:
    """The command that sets the time limit of data mode, and the way into data mode."""

    def __init__(self, host: AtHost, machine: PollMachine, quirks: Quirks) -> None:
        self._host = host
        self._say = host.output.say
        self._machine = machine
        self._quirks = quirks
        self._time_limit = 0

    def enter(self, slot: Slot, send: DataSender, length: int, *, left: Callable[[], None]) -> None:
        """Take the input from the next byte on as data for ``send``, up to ``length`` bytes or ``+++``.

        Args:
            slot: whose data they are; an error of its socket ends data mode.
            send: sends data; raises Refused when that fails.
            length: 0 for no length; a negative one never ends.
            left: called at the end.
        """
        profile = self._host.profile
        self._time_limit = self._time_limit or profile.minimum_time_limit
        datagrams = slot.sock is not None and slot.sock.type == DATAGRAM
        rules = DataModeRules(
            profile.data_mode_buffer, datagrams, self._time_limit, length, keeps_length=self._quirks.keeps_length
        )

        def end(failed: bool) -> None:
            self._machine.leave_data_mode()
            left()
            self._host.output.write(b"\r\n#XDATAMODE: %d\r\n" % -failed)
            self._host.journal.add("data mode ended", failed=failed)

        mode = DataMode(rules, send, flushed=lambda _: None, ended=end, lost=self._complain)
        self._machine.enter_data_mode(slot, mode)
        self._host.enter_mode(mode)

    def _complain(self) -> None:
        """Say that data are lost, and that the host must end data mode now."""
        self._host.output.write(_TERMINATOR)

    @command("#XDATACTRL", RUN, SET)
    async def set_time_limit(self, parameters: Parameters) -> None:
        """Handle AT#XDATACTRL=<time_limit> in ms."""
        self._time_limit = parameters.number(0, self._host.profile.minimum_time_limit)

    @command("#XDATACTRL", READ)
    async def read_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL?; 0 means that none was set yet. AT+IPR does not change the minimum."""
        self._say(f"#XDATACTRL: {self._time_limit},{self._host.profile.minimum_time_limit}")

    @command("#XDATACTRL", TEST)
    async def describe_time_limit(self, _: Parameters) -> None:
        """Handle AT#XDATACTRL=?."""
        self._say("#XDATACTRL=<time_limit>")
