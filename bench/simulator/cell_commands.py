"""What a simulated modem tells of its cell, its network and itself: +COPS, +CESQ, %CONEVAL, %XTEMP and their like.

3GPP TS 27.007 sections 7.3, 8.69, 10.1.9 and 10.1.10; Nordic's AT commands reference.
"""

from typing import Protocol

from bench.simulator.air import Air
from bench.simulator.commands import READ, RUN, SET, command
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.registration import Registrar

BAND, CHANNEL, PHYSICAL_CELL = 20, 6400, 281
RSRP, RSRQ, SNR = 44, 31, 35
"""Indices of +CESQ and %XMONITOR: -97 dBm, -4.5 dB, 11 dB."""
_AUTOMATIC, _MANUAL, _NUMERIC = 0, 1, 2
_TEMPERATURE, _MILLIVOLTS = 25, 5042
_CONNECTED, _NO_CELL = 1, 1


class Access(Protocol):
    """Tells the access technology that is in use: 7 LTE-M, 9 NB-IoT."""

    def __call__(self) -> int:
        """Return it."""


class CellCommands:
    """The commands of one modem."""

    def __init__(self, registrar: Registrar, air: Air, output: Output, access: Access) -> None:
        self._registrar = registrar
        self._air = air
        self._say = output.say
        self._access = access

    @command("+COPS", READ)
    async def read_selection(self, _: Parameters) -> None:
        """Handle AT+COPS?."""
        selected = self._registrar.selected
        mode = _MANUAL if selected else _AUTOMATIC
        network = self._registrar.plmn or selected
        if not network:
            self._say(f"+COPS: {mode}")
        else:
            access = f",{self._access()}" if self._registrar.plmn else ""
            self._say(f'+COPS: {mode},{_NUMERIC},"{network}"{access}')

    @command("+COPS", SET)
    async def select_network(self, parameters: Parameters) -> None:
        """Handle AT+COPS=0, and AT+COPS=1,2,"<plmn>"."""
        mode = parameters.number(0, _AUTOMATIC, _MANUAL)
        if mode == _AUTOMATIC:
            self._registrar.selected = ""
        else:
            parameters.number(1, _NUMERIC, _NUMERIC)
            plmn = parameters.string(2, 6).decode("latin-1")
            if not plmn.isdigit() or len(plmn) < 5:
                raise AtError
            self._registrar.selected = plmn
        if self._registrar.radio_is_on:
            self._registrar.search()

    @command("+CESQ", RUN)
    async def tell_signal(self, _: Parameters) -> None:
        """Handle AT+CESQ: 255 is not known."""
        quality = f"{RSRQ},{RSRP}" if self._registrar.plmn else "255,255"
        self._say(f"+CESQ: 99,99,255,255,{quality}")

    @command("%CESQ", SET)
    async def set_signal_notice(self, parameters: Parameters) -> None:
        """Handle AT%CESQ=<n>: the level of this cell never changes, so that nothing is ever reported."""
        parameters.number(0, 0, 1)

    @command("+CGATT", READ)
    async def tell_attach(self, _: Parameters) -> None:
        """Handle AT+CGATT?."""
        self._say(f"+CGATT: {int(self._registrar.attached)}")

    @command("+CGACT", READ)
    async def tell_active_contexts(self, _: Parameters) -> None:
        """Handle AT+CGACT?."""
        self._say(f"+CGACT: 0,{int(self._registrar.attached)}")

    @command("%XCBAND", RUN)
    async def tell_band(self, _: Parameters) -> None:
        """Handle AT%XCBAND: 0 is none."""
        self._say(f"%XCBAND: {BAND if self._registrar.network is not None else 0}")

    @command("%XBANDLOCK", READ)
    async def tell_locked_bands(self, _: Parameters) -> None:
        """Handle AT%XBANDLOCK?: no band is locked, neither for good nor until the next start."""
        self._say('%XBANDLOCK: "",""')

    @command("%CONEVAL", RUN)
    async def evaluate_connection(self, _: Parameters) -> None:
        """Handle AT%CONEVAL: result, RRC state, energy, RSRP, RSRQ, SNR, cell, PLMN, ids, repetitions and power."""
        plmn = self._registrar.plmn
        if not plmn:
            self._say(f"%CONEVAL: {_NO_CELL}")
            return
        cell = f'"{self._air.radio.cell.identity}","{plmn}",{PHYSICAL_CELL},{CHANNEL}'
        self._say(f"%CONEVAL: 0,{_CONNECTED},7,{RSRP},{RSRQ},{SNR},{cell},{BAND},1,0,0,16,2,130")

    @command("%XTEMP", READ)
    async def tell_temperature(self, _: Parameters) -> None:
        """Handle AT%XTEMP?."""
        self._say(f"%XTEMP: {_TEMPERATURE}")

    @command("%XVBAT", RUN)
    async def tell_voltage(self, _: Parameters) -> None:
        """Handle AT%XVBAT."""
        self._say(f"%XVBAT: {_MILLIVOLTS}")
