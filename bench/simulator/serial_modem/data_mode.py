"""Data mode of Serial Modem: #XDATACTRL, how sends enter it, and the ``+++`` that the board itself says on errors."""

from collections.abc import Callable

from bench.simulator.at_host import AtHost
from bench.simulator.data_mode import DataMode, DataModeRules, DataSender
from bench.simulator.serial_modem.polling import PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.slots import Slot
from bench.simulator.sockets import DATAGRAM
from bench.simulator.time_limit import TimeLimitCommands

_TERMINATOR = b"+++"


class DataModeCommands(TimeLimitCommands):
    """The command that sets the time limit of data mode, and the way into data mode."""

    def __init__(self, host: AtHost, machine: PollMachine, quirks: Quirks) -> None:
        super().__init__(host)
        self._machine = machine
        self._quirks = quirks

    def enter(self, slot: Slot, send: DataSender, length: int, *, left: Callable[[], None]) -> None:
        """Take the input from the next byte on as data for ``send``, up to ``length`` bytes or ``+++``.

        Args:
            slot: whose data they are; an error of its socket ends data mode.
            send: sends data; raises Refused when that fails.
            length: 0 for no length; a negative one never ends.
            left: called at the end.
        """
        rules = DataModeRules(
            self._host.profile.data_mode_buffer,
            slot.sock is not None and slot.sock.type == DATAGRAM,
            self.settle_time_limit(),
            length,
            keeps_length=self._quirks.keeps_length,
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
