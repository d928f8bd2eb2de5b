"""The modem core: its parts, its functional mode and registration, and the modem's own commands (3GPP TS 27.007)."""

import asyncio
from collections.abc import Callable

from bench.simulator.air import Air
from bench.simulator.behaviour import Behaviour
from bench.simulator.cell_commands import BAND, CHANNEL, PHYSICAL_CELL, RSRP, SNR, CellCommands
from bench.simulator.commands import READ, RUN, SET, Grammar, command
from bench.simulator.context_commands import ContextCommands
from bench.simulator.credentials import CredentialStore
from bench.simulator.device_keys import KeyCommands
from bench.simulator.identity import IdentityCommands, SimulatedIdentity
from bench.simulator.models import capabilities_of
from bench.simulator.notices import Notices
from bench.simulator.output import Output
from bench.simulator.packet_data import Contexts
from bench.simulator.parameters import Parameters
from bench.simulator.power_saving import SimulatedPowerSaving
from bench.simulator.refusal import AtError
from bench.simulator.registration import FULL, HOME, Registrar, SimulatedRegistration
from bench.simulator.signalling import Signalling
from bench.simulator.sim_card import SimulatedSimCard

GRAMMAR = Grammar.of(r"[+%][^=?]*", any_case=True)
"""The shape of the modem's own commands, which every firmware passes on to it."""

_FUNCTIONAL_MODES = (0, 1, 4, 20, 21, 30, 31, 40, 41)
_SIM_ON, _SIM_OFF = (1, 21, 41), (0, 4, 40)
"""Modes that give the SIM power, and that take it away; the others leave it as it is."""
_LTE_MODES = (0, 1, 4, 20, 21)
"""Modes that switch LTE; the others are about GNSS and the SIM alone."""
_MINIMUM = 0
_TRACKING_AREA = "0001"
_LTE_M, _NB_IOT, _NB_IOT_BY_SATELLITE = 7, 9, 14
_SATELLITE_BAND = 256
_WITH_PLACE, _WITH_CAUSE, _WITH_TIMERS = (2, 3, 4, 5), (3, 5), (4, 5)
"""Levels of AT+CEREG at which its lines say where the board is, why it was refused, and its timers."""


class SimulatedModem:
    """State of the modem core, and the answers to its commands.

    Attributes:
        families: the command families of the modem.
        reports_error_numbers: whether errors of its commands have numbers (AT+CMEE).
        dead: whether its core does not run, and so refuses every command.
    """

    def __init__(
        self,
        identity: SimulatedIdentity,
        registration: SimulatedRegistration,
        credentials: CredentialStore,
        output: Output,
        air: Air,
        behaviour: Behaviour,
        brown_out: Callable[[], None],
    ) -> None:
        """Args: brown_out: called when the supply of the board gives way."""
        self.identity = identity
        self.dead = behaviour.dead_core
        self.capabilities = capabilities_of(identity.model.modem_firmware)
        self.credentials = credentials
        self.reports_error_numbers = False
        self._output = output
        self._air = air
        self._behaviour = behaviour
        contexts = Contexts(registration.access_point)
        self._notices = Notices(output, reset_loop=registration.reset_loop)
        self._sim = SimulatedSimCard(registration.pin, identity, output, behaviour, self._sim_changed)
        self._registrar = Registrar(
            registration, behaviour, self._sim, contexts, air, self._notices, self._status_changed, brown_out
        )
        self._signalling = Signalling(self._registrar, air, output, rai_urc=self.capabilities.rai_urc)
        self._saving = SimulatedPowerSaving(air, output, self._update_power_saving)
        self.families: tuple[object, ...] = (
            self,
            IdentityCommands(identity, output),
            self._sim,
            self._saving,
            self._notices,
            self._signalling,
            ContextCommands(contexts, self._registrar, identity, air, output, behaviour),
            CellCommands(self._registrar, air, output, lambda: self._access),
            KeyCommands(identity, credentials, output, lambda: self._registrar.radio_is_on),
        )
        self._systems = self._default_systems()
        self._level = 0

    async def power_on(self) -> None:
        """Boot. Where the build switches the radio on, attach as AT+CFUN=1 does."""
        self.power_off()
        if self._behaviour.radio_on and self._behaviour.brown_out is None:
            self._set_mode(FULL)

    def power_off(self) -> None:
        """Leave the network without a word, and forget what was to be reported."""
        self._level = 0
        self._notices.restart()
        self._signalling.restart()
        self._sim.forget_notices()
        self._saving.restart()
        self.reports_error_numbers = False
        self._set_mode(_MINIMUM)

    @property
    def attached(self) -> bool:
        """True when the board has an IP address."""
        return self._registrar.attached

    def refuse(self, cause: int | None) -> None:
        """Let the network refuse the board with an EMM cause from now on, or let it in again."""
        self._registrar.refuse(cause)

    def set_coverage(self, *, covered: bool) -> None:
        """Take the network out of reach, or give it back."""
        self._registrar.set_coverage(covered=covered)

    def change_cell(self) -> None:
        """Report that the board is in another cell."""
        self._report_registration()
        self._signalling.report_rai()

    def change_rrc_state(self, state: str) -> None:
        """Report that the signalling connection came up or went down."""
        self._saving.change_rrc_state(state)
        self._signalling.change_rrc_state(state)

    # ---------------------------------------------------------------- functional mode and registration

    @property
    def _access(self) -> int:
        if self._systems[0]:
            return _LTE_M
        return _NB_IOT_BY_SATELLITE if self._systems[4:] == (1,) else _NB_IOT

    def _default_systems(self) -> tuple[int, ...]:
        """Return the systems in use: LTE-M, NB-IoT, GNSS, preference, and NB-IoT by satellite where there is it."""
        return (0, 0, 0, 0, 1) if self.capabilities.satellite else (1, 0, 0, 0)

    def _set_mode(self, mode: int) -> None:
        if mode in _SIM_ON or mode in _SIM_OFF:
            self._sim.power(on=mode in _SIM_ON)
        if mode in _LTE_MODES or not self._registrar.radio_is_on:
            self._registrar.set_mode(mode)
        elif mode in _SIM_OFF:
            self._registrar.search()

    def _sim_changed(self) -> None:
        if self._registrar.radio_is_on:
            self._registrar.search()

    def _status_changed(self) -> None:
        if self._registrar.status == HOME:
            self._saving.agree(self._access)
        self._air.watch_radio()
        self._signalling.report_rai()
        self._report_registration()

    def _report_registration(self) -> None:
        if self._level:
            self._output.urc(f"+CEREG: {self._registration_fields()}")

    def _registration_fields(self) -> str:
        registrar = self._registrar
        text = str(registrar.status)
        if self._level not in _WITH_PLACE or registrar.network is None:
            return text
        text += f',"{_TRACKING_AREA}","{self._air.radio.cell.identity}",{self._access}'
        cause = registrar.cause if self._level in _WITH_CAUSE else None
        told = self._air.radio.saving.active is not None or self._behaviour.reports_steps
        timers = self._level in _WITH_TIMERS and registrar.status == HOME and told
        if cause is not None or timers:
            text += ",," if cause is None else f",0,{cause}"
        if timers:
            text += ',"{}","{}"'.format(*self._saving.timers())
        return text

    @command("+CFUN", SET)
    async def set_functional_mode(self, parameters: Parameters) -> None:
        """Handle AT+CFUN=<fun>."""
        mode = parameters.number(0)
        if mode not in _FUNCTIONAL_MODES:
            raise AtError
        if mode in _SIM_OFF and self.attached:
            await self._leave_network(mode)
        self._set_mode(mode)
        if self._behaviour.reports_steps and self._registrar.radio_is_on:
            self._saving.tell_end_of_flight_mode()

    async def _leave_network(self, mode: int) -> None:
        """Detach, which takes its time, and report it step by step."""
        await asyncio.sleep(self._behaviour.detach)
        if not self._behaviour.reports_steps:
            return
        self._notices.packet_event("ME PDN DEACT 0")
        self._registrar.set_mode(mode)
        self._notices.packet_event("ME DETACH")

    @command("+CFUN", READ)
    async def read_functional_mode(self, _: Parameters) -> None:
        """Handle AT+CFUN?."""
        self._output.say(f"+CFUN: {self._registrar.mode}")

    @command("+CEREG", SET)
    async def set_registration_level(self, parameters: Parameters) -> None:
        """Handle AT+CEREG=<n>."""
        self._level = parameters.number(0, 0, 5)

    @command("+CEREG", READ)
    async def read_registration(self, _: Parameters) -> None:
        """Handle AT+CEREG?."""
        self._output.say(f"+CEREG: {self._level},{self._registration_fields()}")

    @command("+CEER", RUN)
    async def tell_last_error(self, _: Parameters) -> None:
        """Handle AT+CEER."""
        cause = "EMM cause" if self._registrar.refused else "no information"
        self._output.say(f'+CEER: "{cause}"')

    @command("%XSYSTEMMODE", SET)
    async def set_system_mode(self, parameters: Parameters) -> None:
        """Handle AT%XSYSTEMMODE=<LTE-M>,<NB-IoT>,<GNSS>,<preference>[,<NTN>]: only while the radio is off."""
        systems = [parameters.number(index, 0, 1) for index in range(3)]
        satellite = [parameters.optional(4, 0, 0, 1)] if self.capabilities.satellite else []
        if self._registrar.radio_is_on or not any([*systems, *satellite]):
            raise AtError
        self._systems = (*systems, parameters.optional(3, 0, 0, 4), *satellite)

    @command("%XSYSTEMMODE", READ)
    async def read_system_mode(self, _: Parameters) -> None:
        """Handle AT%XSYSTEMMODE?."""
        self._output.say(f"%XSYSTEMMODE: {','.join(map(str, self._systems))}")

    @command("%XMONITOR", RUN)
    async def monitor(self, _: Parameters) -> None:
        """Handle AT%XMONITOR: registration, operator and cell."""
        status = self._registrar.status
        if status != HOME:
            self._output.say(f"%XMONITOR: {status}")
            return
        band = _SATELLITE_BAND if self._access == _NB_IOT_BY_SATELLITE else BAND
        cell = f'"{self._air.radio.cell.identity}",{PHYSICAL_CELL},{CHANNEL},{RSRP},{SNR}'
        place = f'"{self._registrar.plmn}","{_TRACKING_AREA}",{self._access},{band},{cell}'
        names = '"",""' if self._behaviour.reports_steps else '"Simulated network","SIM"'
        active, tau = self._saving.timers()
        timers = f'"{self._saving.cycle(self._access)}","{active}","{tau}","01001001"'
        self._output.say(f"%XMONITOR: {status},{names},{place},{timers}")

    # ---------------------------------------------------------------- power saving

    def _update_power_saving(self, *, reports: bool) -> None:
        """Agree with the network on a new setting, by an update of the registration."""
        if self._registrar.status == HOME:
            self._saving.agree(self._access)
            if reports and self._level in _WITH_TIMERS:
                self._report_registration()

    # ---------------------------------------------------------------- errors, credentials

    @command("+CMEE", SET)
    async def set_error_numbers(self, parameters: Parameters) -> None:
        """Handle AT+CMEE=<n>: 0 plain ERROR, 1 numbers."""
        self.reports_error_numbers = bool(parameters.number(0, 0, 1))

    @command("+CMEE", READ)
    async def read_error_numbers(self, _: Parameters) -> None:
        """Handle AT+CMEE?."""
        self._output.say(f"+CMEE: {int(self.reports_error_numbers)}")

    @command("%CMNG", SET)
    async def manage_credentials(self, parameters: Parameters) -> None:
        """Handle AT%CMNG=<opcode>[,<sec_tag>[,<type>[,<content>]]]: it writes and deletes only while offline."""
        for line in self.credentials.execute(parameters, active=self._registrar.radio_is_on):
            self._output.say(line)
