"""Power saving of a simulated modem: PSM, eDRX and the notice of sleep (3GPP TS 27.007 sections 7.38 and 7.40)."""

import re
import time
from typing import Protocol

from bench.simulator.air import Air
from bench.simulator.commands import READ, SET, command
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.radio import ASLEEP, Saving
from bench.simulator.refusal import AtError

# Units in ms of the timers' upper three bits: GPRS timer 3 (TAU) and 2 (active time), 3GPP TS 24.008 section 10.5.7.
_TAU_UNITS = (600_000, 3_600_000, 36_000_000, 2_000, 30_000, 60_000, 1_152_000_000, None)
_ACTIVE_UNITS = (2_000, 60_000, 360_000, None, None, None, None, None)
_OFF = "11100000"
# eDRX cycles in ms by their four bits, 3GPP TS 24.008 section 10.5.5.32.
_CYCLES = tuple(5120 * factor for factor in (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 512, 1024, 2048))
_WINDOW = "0011"
_ACCESS = {7: 4, 9: 5, 14: 5}  # of +CEREG as of +CEDRXS
_SHORTEST_SLEEP, _LONGEST_SLEEP = 10_240, 3_456_000_000


class Update(Protocol):
    """Agrees with the network on a new setting, if there is one; ``reports``: the registration is reported too."""

    def __call__(self, *, reports: bool) -> None:
        """Agree."""


class SimulatedPowerSaving:
    """The wishes of a modem for power saving, and what its network has granted."""

    def __init__(self, air: Air, output: Output, update: Update) -> None:
        self._air = air
        self._output = output
        self._update = update
        self._psm = False
        self._tau, self._active = "00000110", "00100001"
        self._edrx: dict[int, str] = {}
        self._tells_edrx = False
        self._sleep_threshold: int | None = None
        self._asleep = False

    def restart(self) -> None:
        """Forget the notices, as a boot does; the settings lie in the modem's memory and stay."""
        self._tells_edrx = False
        self._sleep_threshold = None
        self._asleep = False

    def timers(self) -> tuple[str, str]:
        """Return active time and periodic TAU as the network gave them."""
        granted = self._air.radio.saving.active is not None
        return (self._active, self._tau) if granted else (_OFF, _OFF)

    def cycle(self, access: int) -> str:
        """Return the eDRX cycle that the network gave; empty for none."""
        return self._edrx.get(_ACCESS[access], "") if self._air.radio.saving.cycle is not None else ""

    def agree(self, access: int) -> None:
        """Ask the network of an access technology for the settings; its answer holds from now on."""
        cell = self._air.radio.cell
        active = _milliseconds(self._active, _ACTIVE_UNITS) if self._psm and cell.psm else None
        bits = self._edrx.get(_ACCESS[access]) if cell.edrx else None
        cycle = None if bits is None else float(_CYCLES[int(bits, 2)])
        saving = Saving(active, _milliseconds(self._tau, _TAU_UNITS) or 0.0, cycle)
        if saving != self._air.radio.saving:
            self._air.radio.save(time.monotonic_ns(), saving)
            self._air.watch_radio()
        if self._tells_edrx and bits is not None:
            self._output.urc(f'+CEDRXP: {_ACCESS[access]},"{bits}","{bits}","{_WINDOW}"')

    def change_rrc_state(self, state: str) -> None:
        """Fall asleep or wake with the RRC state."""
        was, self._asleep = self._asleep, state == ASLEEP
        long = self._air.radio.saving.periodic
        if self._sleep_threshold is not None and was != self._asleep and long >= self._sleep_threshold:
            self._output.urc(f"%XMODEMSLEEP: 1,{round(long) if self._asleep else 0}")

    def tell_end_of_flight_mode(self) -> None:
        """Report the end of flight mode: %XMODEMSLEEP: 4 before the OK, 4,0 behind it."""
        if self._sleep_threshold is not None:
            self._output.write(b"\r\n%XMODEMSLEEP: 4\r\n")
            self._output.urc("%XMODEMSLEEP: 4,0")

    @command("+CPSMS", SET)
    async def set_psm(self, parameters: Parameters) -> None:
        """Handle AT+CPSMS=<mode>[,,,<TAU>[,<active time>]]: the network answers with an update of the registration."""
        mode = parameters.number(0, 0, 1)
        self._tau = _bits(parameters, 3, 8) or self._tau
        self._active = _bits(parameters, 4, 8) or self._active
        self._psm = mode == 1
        self._update(reports=True)

    @command("+CPSMS", READ)
    async def read_psm(self, _: Parameters) -> None:
        """Handle AT+CPSMS?."""
        self._output.say(f'+CPSMS: {int(self._psm)},,,"{self._tau}","{self._active}"')

    @command("+CEDRXS", SET)
    async def set_edrx(self, parameters: Parameters) -> None:
        """Handle AT+CEDRXS=<mode>[,<AcT>[,<cycle>]]: 0 and 3 switch off, 2 with notices."""
        mode = parameters.number(0, 0, 3)
        self._tells_edrx = mode == 2
        if mode == 3 or not parameters.has(1):
            if mode in (1, 2):
                raise AtError
            self._edrx.clear()
        else:
            self._set_cycle(parameters, on=mode != 0)
        self._update(reports=False)

    def _set_cycle(self, parameters: Parameters, *, on: bool) -> None:
        access = parameters.number(1, 4, 5)
        if on:
            self._edrx[access] = _bits(parameters, 2, 4) or "0010"
        else:
            self._edrx.pop(access, None)

    @command("+CEDRXS", READ)
    async def read_edrx(self, _: Parameters) -> None:
        """Handle AT+CEDRXS?: a line for each access technology that uses it."""
        for access, bits in sorted(self._edrx.items()):
            self._output.say(f'+CEDRXS: {access},"{bits}"')

    @command("%XMODEMSLEEP", SET)
    async def set_notice(self, parameters: Parameters) -> None:
        """Handle AT%XMODEMSLEEP=<n>[,<ms before it wakes>,<shortest sleep>]; the time is not used here."""
        if parameters.number(0, 0, 1) == 0:
            self._sleep_threshold = None
        else:
            self._sleep_threshold = parameters.number(2, _SHORTEST_SLEEP, _LONGEST_SLEEP)


def _bits(parameters: Parameters, index: int, length: int) -> str:
    """Return a text of so many bits; an empty one when it is left out."""
    text = "" if parameters.empty(index) else parameters.string(index).decode("latin-1")
    if text and not re.fullmatch(f"[01]{{{length}}}", text):
        raise AtError
    return text


def _milliseconds(bits: str, units: tuple[int | None, ...]) -> float | None:
    unit = units[int(bits[:3], 2)]
    return None if unit is None else float(unit * int(bits[3:], 2))
