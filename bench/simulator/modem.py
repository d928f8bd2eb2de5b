"""The modem core: registration, RRC state and RAI, and the modem's own commands that a bench asks (3GPP TS 27.007)."""

from bench.simulator.air import Air
from bench.simulator.commands import READ, RUN, SET, Grammar, command
from bench.simulator.credentials import CredentialStore
from bench.simulator.device_keys import KeyCommands
from bench.simulator.identity import IdentityCommands, SimulatedIdentity
from bench.simulator.models import capabilities_of
from bench.simulator.output import Output
from bench.simulator.packet_data import Contexts
from bench.simulator.parameters import Parameters
from bench.simulator.power_saving import SimulatedPowerSaving
from bench.simulator.radio import CONNECTED
from bench.simulator.refusal import AtError
from bench.simulator.registration import DENIED, FULL, HOME, Registrar, SimulatedRegistration
from bench.simulator.sim_card import SimulatedSimCard

GRAMMAR = Grammar.of(r"[+%][^=?]*", any_case=True)
"""The shape of the modem's own commands, which every firmware passes on to it."""

_FUNCTIONAL_MODES = (0, 1, 4, 20, 21, 30, 31, 40, 41)
_TRACKING_AREA, _NETWORK = "0001", "00101"  # the test network of 3GPP TS 23.003
_RAI_WITH_URC = 2
_LTE_M, _NB_IOT = 7, 9
_EMM_CAUSES, _ESM_CAUSES = 8, 16
_BAND, _CHANNEL, _RSRP, _SNR = 20, 6400, 44, 35
_WITH_PLACE, _WITH_CAUSE, _WITH_TIMERS = (2, 3, 4, 5), (3, 5), (4, 5)
"""Levels of AT+CEREG at which its lines say where the board is, why it was refused, and its timers."""


class SimulatedModem:
    """State of the modem core, and the answers to its commands.

    Attributes:
        families: the command families of the modem.
        reports_error_numbers: whether errors of its commands have numbers (AT+CMEE).
    """

    def __init__(
        self,
        identity: SimulatedIdentity,
        registration: SimulatedRegistration,
        credentials: CredentialStore,
        output: Output,
        air: Air,
    ) -> None:
        self.identity = identity
        self.capabilities = capabilities_of(identity.model.modem_firmware)
        self.credentials = credentials
        self.reports_error_numbers = False
        self._output = output
        self._air = air
        self._contexts = Contexts(registration.access_point)
        self._registrar = Registrar(registration, self._contexts, air, self._status_changed, self._tell_cause)
        self._sim = SimulatedSimCard(registration.pin, identity, output, self._unlock)
        self._saving = SimulatedPowerSaving(air, output, self._update_power_saving)
        keys = KeyCommands(identity, credentials, output, lambda: self._registrar.radio_is_on)
        self.families: tuple[object, ...] = (self, IdentityCommands(identity, output), self._sim, self._saving, keys)
        self._systems = (1, 0, 0, 0)  # LTE-M, NB-IoT, GNSS, preference
        self._reported_causes = 0
        self._connected = False
        self._signalling = 0
        self._rai = 0
        self._level = 0

    async def power_on(self) -> None:
        """Boot, and attach as AT+CFUN=1 does: a lab's boards are configured so."""
        self._level = self._signalling = self._rai = self._reported_causes = 0
        self._saving.restart()
        self._air.radio.indicates = False
        self.reports_error_numbers = False
        self._set_mode(FULL)

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
        self._report_rai()

    def change_rrc_state(self, state: str) -> None:
        """Report that the signalling connection came up or went down."""
        self._saving.change_rrc_state(state)
        was, self._connected = self._connected, state == CONNECTED
        if self._signalling and was != self._connected:
            self._output.urc(f"+CSCON: {int(self._connected)}")

    # ---------------------------------------------------------------- functional mode and registration

    @property
    def _access(self) -> int:
        return _LTE_M if self._systems[0] else _NB_IOT

    @property
    def _cell(self) -> str:
        return f"{self._air.radio.cell.number:08X}"

    def _set_mode(self, mode: int) -> None:
        self._sim.powered = mode != 0
        self._registrar.set_mode(mode)

    async def _unlock(self) -> None:
        self._registrar.blocked = False
        self._set_mode(self._registrar.mode)

    def _status_changed(self) -> None:
        if self._registrar.status == HOME:
            self._saving.agree(self._access)
        self._air.watch_radio()
        self._report_rai()
        self._report_registration()

    def _tell_cause(self) -> None:
        esm = self._registrar.esm_refusal()
        if esm is not None and self._reported_causes & _ESM_CAUSES:
            self._output.urc(f"+CNEC_ESM: {esm},0")
        elif esm is None and self._reported_causes & _EMM_CAUSES:
            self._output.urc(f"+CNEC_EMM: {self._registrar.terms.deny_cause}")

    def _report_registration(self) -> None:
        if self._level:
            self._output.urc(f"+CEREG: {self._registration_fields()}")

    def _registration_fields(self) -> str:
        status = self._registrar.status
        text = str(status)
        if self._level in _WITH_PLACE and status == HOME:
            text += f',"{_TRACKING_AREA}","{self._cell}",{self._access}'
            if self._level in _WITH_TIMERS and self._air.radio.saving.active is not None:
                text += ',,,"{}","{}"'.format(*self._saving.timers())
        elif self._level in _WITH_CAUSE and status == DENIED:
            text += f",,,,0,{self._registrar.terms.deny_cause}"
        return text

    @command("+CFUN", SET)
    async def set_functional_mode(self, parameters: Parameters) -> None:
        """Handle AT+CFUN=<fun>."""
        mode = parameters.number(0)
        if mode not in _FUNCTIONAL_MODES:
            raise AtError
        self._set_mode(mode)

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
        cause = "EMM cause" if self._registrar.status == DENIED else "no information"
        self._output.say(f'+CEER: "{cause}"')

    @command("+CNEC", SET)
    async def set_reported_causes(self, parameters: Parameters) -> None:
        """Handle AT+CNEC=<n>: 8 reports EMM causes, 16 ESM causes (Nordic's AT commands reference)."""
        self._reported_causes = parameters.number(0, 0, _EMM_CAUSES | _ESM_CAUSES)
        if self._reported_causes & ~(_EMM_CAUSES | _ESM_CAUSES):
            raise AtError

    @command("%MDMEV", SET)
    async def set_modem_events(self, parameters: Parameters) -> None:
        """Handle AT%MDMEV=<n>: a modem that was reset too often says so."""
        if parameters.number(0, 0, 1) and self._registrar.terms.reset_loop:
            self._output.urc("%MDMEV: RESET LOOP")

    @command("%XSYSTEMMODE", SET)
    async def set_system_mode(self, parameters: Parameters) -> None:
        """Handle AT%XSYSTEMMODE=<LTE-M>,<NB-IoT>,<GNSS>,<preference>: only while the radio is off."""
        systems = [parameters.number(index, 0, 1) for index in range(3)]
        if self._registrar.radio_is_on or not any(systems):
            raise AtError
        self._systems = (systems[0], systems[1], systems[2], parameters.optional(3, 0, 0, 4))

    @command("%XSYSTEMMODE", READ)
    async def read_system_mode(self, _: Parameters) -> None:
        """Handle AT%XSYSTEMMODE?."""
        self._output.say("%XSYSTEMMODE: {},{},{},{}".format(*self._systems))

    @command("%XMONITOR", RUN)
    async def monitor(self, _: Parameters) -> None:
        """Handle AT%XMONITOR: registration, operator and cell."""
        status = self._registrar.status
        if status != HOME:
            self._output.say(f"%XMONITOR: {status}")
            return
        place = f'"{_NETWORK}","{_TRACKING_AREA}",{self._access},{_BAND},"{self._cell}",281,{_CHANNEL},{_RSRP},{_SNR}'
        active, tau = self._saving.timers()
        timers = f'"{self._saving.cycle(self._access)}","{active}","{tau}","01001001"'
        self._output.say(f'%XMONITOR: {status},"Simulated network","SIM",{place},{timers}')

    # ---------------------------------------------------------------- RRC state, RAI, power saving

    @command("+CSCON", SET)
    async def set_signalling_urc(self, parameters: Parameters) -> None:
        """Handle AT+CSCON=<n>: 1 switches the URC on (3GPP TS 27.007 section 10.1.30)."""
        self._signalling = parameters.number(0, 0, 1)

    @command("+CSCON", READ)
    async def read_signalling(self, _: Parameters) -> None:
        """Handle AT+CSCON?."""
        self._output.say(f"+CSCON: {self._signalling},{int(self._air.radio.state == CONNECTED)}")

    @command("%RAI", SET)
    async def set_rai(self, parameters: Parameters) -> None:
        """Handle AT%RAI=<n>: 1 switches RAI on, 2 also the URC about the cell, where the firmware has it."""
        self._rai = parameters.number(0, 0, _RAI_WITH_URC if self.capabilities.rai_urc else 1)
        self._air.radio.indicates = self._rai > 0
        self._report_rai()

    @command("%RAI", READ)
    async def read_rai(self, _: Parameters) -> None:
        """Handle AT%RAI?."""
        self._output.say(f"%RAI: {self._rai}")

    def _report_rai(self) -> None:
        cell = self._air.radio.cell
        if self._rai == _RAI_WITH_URC and self._registrar.status == HOME:
            self._output.urc(f'%RAI: "{self._cell}","{_NETWORK}",{cell.as_rai},{cell.cp_rai}')

    def _update_power_saving(self, *, reports: bool) -> None:
        """Agree with the network on a new setting, by an update of the registration."""
        if self._registrar.status == HOME:
            self._saving.agree(self._access)
            if reports and self._level in _WITH_TIMERS:
                self._report_registration()

    # ---------------------------------------------------------------- packet data, errors, credentials

    @command("+CGDCONT", SET)
    async def define_context(self, parameters: Parameters) -> None:
        """Handle AT+CGDCONT=...: only while it is not in use."""
        if self.attached:
            raise AtError
        self._contexts.define(parameters)

    @command("+CGDCONT", READ)
    async def list_contexts(self, _: Parameters) -> None:
        """Handle AT+CGDCONT?."""
        for line in self._contexts.lines(self._own_address if self.attached else ""):
            self._output.say(line)

    @command("+CGAUTH", SET)
    async def set_authentication(self, parameters: Parameters) -> None:
        """Handle AT+CGAUTH=...."""
        self._contexts.authenticate(parameters)

    @command("+CGPADDR", RUN, SET)
    async def list_addresses(self, parameters: Parameters) -> None:
        """Handle AT+CGPADDR[=<cid>]."""
        cid = parameters.optional(0, 0, 0, 10)
        if cid:
            return
        line = "+CGPADDR: 0"
        if self.attached:
            line += f',"{self._own_address}"'
            line += f',"{self.identity.address6}"' if self._air.carrier.ipv6 else ""
        self._output.say(line)

    @property
    def _own_address(self) -> str:
        return self._air.carrier.own_address(self.identity.address)

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
