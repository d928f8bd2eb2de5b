"""What a simulated modem reports of its signalling connection, and of RAI in its cell: +CSCON and %RAI.

3GPP TS 27.007 section 10.1.30; Nordic's AT commands reference.
"""

from bench.simulator.air import Air
from bench.simulator.commands import READ, SET, command
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.radio import CONNECTED
from bench.simulator.registration import Registrar

_RAI_WITH_URC = 2
_E_UTRAN_CONNECTED, _E_UTRAN = 7, 4
"""<state> and <access> of +CSCON."""


class Signalling:
    """The notices of one modem. A restart forgets them."""

    def __init__(self, registrar: Registrar, air: Air, output: Output, *, rai_urc: bool) -> None:
        """Args: rai_urc: whether the modem firmware has the URC about RAI in the cell."""
        self._registrar = registrar
        self._air = air
        self._output = output
        self._rai_urc = rai_urc
        self._connected = False
        self.restart()

    def restart(self) -> None:
        """Report nothing from now on, and indicate nothing to the network."""
        self._level = self._rai = 0
        self._air.radio.indicates = False

    def change_rrc_state(self, state: str) -> None:
        """Report that the signalling connection came up or went down."""
        was, self._connected = self._connected, state == CONNECTED
        if self._level and was != self._connected:
            self._output.urc(f"+CSCON: {self._fields()}")

    def report_rai(self) -> None:
        """Report the kinds of RAI that the cell knows."""
        cell, plmn = self._air.radio.cell, self._registrar.plmn
        if plmn and self._rai == _RAI_WITH_URC:
            self._output.urc(f'%RAI: "{cell.identity}","{plmn}",{cell.as_rai},{cell.cp_rai}')

    @command("+CSCON", SET)
    async def set_signalling_urc(self, parameters: Parameters) -> None:
        """Handle AT+CSCON=<n>: 1 switches the URC on, 2 and 3 add fields."""
        self._level = parameters.number(0, 0, 3)

    @command("+CSCON", READ)
    async def read_signalling(self, _: Parameters) -> None:
        """Handle AT+CSCON?."""
        self._connected = self._air.radio.state == CONNECTED
        self._output.say(f"+CSCON: {self._level},{self._fields()}")

    def _fields(self) -> str:
        """Return the mode, and where they were asked for its state and its access."""
        fields = (int(self._connected), _E_UTRAN_CONNECTED, _E_UTRAN)
        return ",".join(map(str, fields[: max(1, self._level)]))

    @command("%RAI", SET)
    async def set_rai(self, parameters: Parameters) -> None:
        """Handle AT%RAI=<n>: 1 switches RAI on, 2 also the URC about the cell, where the firmware has it."""
        self._rai = parameters.number(0, 0, _RAI_WITH_URC if self._rai_urc else 1)
        self._air.radio.indicates = self._rai > 0
        self.report_rai()

    @command("%RAI", READ)
    async def read_rai(self, _: Parameters) -> None:
        """Handle AT%RAI?."""
        self._output.say(f"%RAI: {self._rai}")
