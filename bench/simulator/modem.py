"""The modem's own commands that a bench asks: identity, functional mode, registration, addresses (3GPP TS 27.007)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from bench.simulator.air import Air
from bench.simulator.credentials import CredentialStore
from bench.simulator.packet_data import AccessPoint, Contexts
from bench.simulator.parameters import AtError, CmeError, Parameters
from bench.simulator.power_saving import PowerSaving
from bench.simulator.profiles import Model, capabilities_of
from bench.simulator.radio import CONNECTED, IDLE, LOST, OFF

_PIN_TRIES = 3
_FUNCTIONAL_MODES = (0, 1, 4, 20, 21, 30, 31, 40, 41)
_RADIO_MODES = (1, 21)
_NOT_REGISTERED, _HOME, _SEARCHING, _DENIED = 0, 1, 2, 3
_TRACKING_AREA, _NETWORK = "0001", "00101"  # the test network of 3GPP TS 23.003
_RAI_WITH_URC = 2
_NOT_ALLOWED, _WRONG_PIN = 3, 16  # +CME ERROR, 3GPP TS 27.007 section 9.2
_LTE_M, _NB_IOT = 7, 9
_EMM_CAUSES, _ESM_CAUSES = 8, 16
_BAND, _CHANNEL, _RSRP, _SNR = 20, 6400, 44, 35


@dataclass(frozen=True)
class Identity:
    """What makes a simulated board one of its kind."""

    model: Model
    imei: str
    imsi: str
    iccid: str
    uuid: str
    address: str
    address6: str


@dataclass(frozen=True)
class Registration:
    """How the simulated network treats this board: seconds until it registers, or the EMM cause of its refusal.

    Also the PIN that its SIM wants, whether the modem believes in a loop of resets, and so does not attach, and the
    access point that the network knows.
    """

    delay: float = 0.0
    deny_cause: int | None = None
    pin: str = ""
    reset_loop: bool = False
    access_point: AccessPoint = field(default_factory=AccessPoint)


class Modem:
    """State of the modem core, and the answers to its commands."""

    def __init__(
        self,
        identity: Identity,
        registration: Registration,
        credentials: CredentialStore,
        urc: Callable[[str], None],
        air: Air,
    ) -> None:
        self.identity = identity
        self.capabilities = capabilities_of(identity.model.modem_firmware)
        self.credentials = credentials
        self.reports_error_numbers = False
        self._registration = registration
        self._urc = urc
        self._air = air
        self._saving = PowerSaving(air, urc)
        self._contexts = Contexts(registration.access_point)
        self._systems = (1, 0, 0, 0)  # LTE-M, NB-IoT, GNSS, preference
        self._covered = True
        self._locked = bool(registration.pin)
        self._tries = _PIN_TRIES
        self._tells_events = False
        self._tells_causes = 0
        self._context = False  # whether the board has an IP address
        self._connected = False
        self._signalling = 0
        self._rai = 0
        self._registering: asyncio.Task[None] | None = None
        self._mode = 1
        self._status = _NOT_REGISTERED
        self._level = 0

    async def power_on(self) -> None:
        """The board was configured to attach at boot (AT+CFUN=1), as a lab's boards are."""
        self._level = self._signalling = self._rai = self._tells_causes = 0
        self._saving.restart()
        self._air.radio.indicates = False
        self.reports_error_numbers = False
        await self._set_mode(1)

    @property
    def reads_its_sim(self) -> bool:
        """Whether the SIM has power."""
        return self._mode != 0

    @property
    def attached(self) -> bool:
        """Whether the board has an IP address."""
        return self._context

    @property
    def _access(self) -> int:
        return _LTE_M if self._systems[0] else _NB_IOT

    def refuse(self, cause: int | None) -> None:
        """From now on the network refuses the board with an EMM cause, or lets it in again, as it is told."""
        self._registration = replace(self._registration, deny_cause=cause)
        if self._mode in _RADIO_MODES and not self._in_progress:
            self._context = False
            self._found()

    def coverage(self, *, covered: bool) -> None:
        """The network is out of reach, or there again. An attached modem keeps its context and looks for it."""
        self._covered = covered
        if self._mode in _RADIO_MODES:
            if self._status == _HOME and not covered:
                self._become(_SEARCHING)
            elif self._status == _SEARCHING and covered and not self._in_progress:
                self._become(_HOME)

    @property
    def _in_progress(self) -> bool:
        return self._registering is not None and not self._registering.done()

    async def answer(self, command: str) -> list[str]:
        """The information lines that answer a command without its ``AT``; raises AtError for an unknown one."""
        name, mark, rest = _split(command)
        handler = _HANDLERS.get((name, mark))
        if handler is None:
            raise AtError
        return await handler(self, Parameters.parse(rest.encode("latin-1")) if mark == "=" else Parameters(()))

    async def _set_mode(self, mode: int) -> None:
        self._mode = mode
        if self._registering:
            self._registering.cancel()
        if mode not in _RADIO_MODES or self._locked or self._registration.reset_loop:
            self._become(_NOT_REGISTERED)
            return
        if self._registration.delay <= 0:
            self._found()
            return
        self._become(_SEARCHING)
        self._registering = asyncio.create_task(self._register())

    async def _register(self) -> None:
        await asyncio.sleep(self._registration.delay)
        self._found()

    def _found(self) -> None:
        """The search is over."""
        refusal = self._contexts.refusal()
        if refusal is not None:
            self._become(_SEARCHING)
            if self._tells_causes & _ESM_CAUSES:
                self._urc(f"+CNEC_ESM: {refusal},0")
        elif self._registration.deny_cause is not None:
            self._become(_DENIED)
            if self._tells_causes & _EMM_CAUSES:
                self._urc(f"+CNEC_EMM: {self._registration.deny_cause}")
        else:
            self._become(_HOME if self._covered else _SEARCHING)

    def _become(self, status: int) -> None:
        changed = status != self._status
        self._status = status
        self._context = status == _HOME or (self._context and status == _SEARCHING)
        if changed:
            state = IDLE if status == _HOME else LOST if self._context else OFF
            self._air.radio.switch(time.monotonic_ns(), state)
            if status == _HOME:
                self._saving.agree(self._access)
            self._air.watch_radio()
            self._tell_rai()
        if changed and self._level:
            self._urc(f"+CEREG: {self._registration_fields()}")

    def _registration_fields(self) -> str:
        text = str(self._status)
        if self._level in (2, 3, 4, 5) and self._status == _HOME:
            text += f',"{_TRACKING_AREA}","{self._cell}",{self._access}'
            if self._level in (4, 5) and self._air.radio.saving.active is not None:
                text += ',,,"{}","{}"'.format(*self._saving.timers())
        elif self._level in (3, 5) and self._status == _DENIED:
            text += f",,,,0,{self._registration.deny_cause}"
        return text

    async def functional_mode(self, parameters: Parameters) -> list[str]:
        """AT+CFUN=<fun>."""
        mode = parameters.number(0)
        if mode not in _FUNCTIONAL_MODES:
            raise AtError
        await self._set_mode(mode)
        return []

    async def functional_mode_read(self, _: Parameters) -> list[str]:
        """AT+CFUN?."""
        return [f"+CFUN: {self._mode}"]

    async def registration_level(self, parameters: Parameters) -> list[str]:
        """AT+CEREG=<n>."""
        self._level = parameters.number(0, 0, 5)
        return []

    async def registration_read(self, _: Parameters) -> list[str]:
        """AT+CEREG?."""
        return [f"+CEREG: {self._level},{self._registration_fields()}"]

    @property
    def _cell(self) -> str:
        return f"{self._air.radio.cell.number:08X}"

    def moved(self) -> None:
        """The board is in another cell."""
        if self._level:
            self._urc(f"+CEREG: {self._registration_fields()}")
        self._tell_rai()

    def rrc_changed(self, state: str) -> None:
        """The signalling connection came up or went down."""
        self._saving.rrc_changed(state)
        was, self._connected = self._connected, state == CONNECTED
        if self._signalling and was != self._connected:
            self._urc(f"+CSCON: {int(self._connected)}")

    def _tell_rai(self) -> None:
        cell = self._air.radio.cell
        if self._rai == _RAI_WITH_URC and self._status == _HOME:
            self._urc(f'%RAI: "{self._cell}","{_NETWORK}",{cell.as_rai},{cell.cp_rai}')

    async def signalling(self, parameters: Parameters) -> list[str]:
        """AT+CSCON=<n>: 1 switches the URC on (3GPP TS 27.007 section 10.1.30)."""
        self._signalling = parameters.number(0, 0, 1)
        return []

    async def signalling_read(self, _: Parameters) -> list[str]:
        """AT+CSCON?."""
        return [f"+CSCON: {self._signalling},{int(self._air.radio.state == CONNECTED)}"]

    async def release_assistance(self, parameters: Parameters) -> list[str]:
        """AT%RAI=<n>: 1 switches it on, 2 also the URC that tells what the cell can do, where the firmware has it."""
        self._rai = parameters.number(0, 0, _RAI_WITH_URC if self.capabilities.rai_urc else 1)
        self._air.radio.indicates = self._rai > 0
        self._tell_rai()
        return []

    async def release_assistance_read(self, _: Parameters) -> list[str]:
        """AT%RAI?."""
        return [f"%RAI: {self._rai}"]

    async def monitor(self, _: Parameters) -> list[str]:
        """AT%XMONITOR: registration, operator and cell."""
        if self._status != _HOME:
            return [f"%XMONITOR: {self._status}"]
        place = f'"{_NETWORK}","{_TRACKING_AREA}",{self._access},{_BAND},"{self._cell}",281,{_CHANNEL},{_RSRP},{_SNR}'
        active, tau = self._saving.timers()
        timers = f'"{self._saving.cycle(self._access)}","{active}","{tau}","01001001"'
        return [f'%XMONITOR: {self._status},"Simulated network","SIM",{place},{timers}']

    async def power_saving_mode(self, parameters: Parameters) -> list[str]:
        """AT+CPSMS=...: the network answers with an update of the registration."""
        self._saving.set_psm(parameters)
        if self._status == _HOME:
            self._saving.agree(self._access)
            if self._level in (4, 5):
                self._urc(f"+CEREG: {self._registration_fields()}")
        return []

    async def power_saving_mode_read(self, _: Parameters) -> list[str]:
        """AT+CPSMS?."""
        return self._saving.psm()

    async def discontinuous_reception(self, parameters: Parameters) -> list[str]:
        """AT+CEDRXS=...."""
        self._saving.set_edrx(parameters)
        if self._status == _HOME:
            self._saving.agree(self._access)
        return []

    async def discontinuous_reception_read(self, _: Parameters) -> list[str]:
        """AT+CEDRXS?."""
        return self._saving.edrx()

    async def sleep_notice(self, parameters: Parameters) -> list[str]:
        """AT%XMODEMSLEEP=...."""
        self._saving.set_notice(parameters)
        return []

    async def system_mode(self, parameters: Parameters) -> list[str]:
        """AT%XSYSTEMMODE=<LTE-M>,<NB-IoT>,<GNSS>,<preference>: only while the radio is off."""
        systems = [parameters.number(index, 0, 1) for index in range(3)]
        if self._mode in _RADIO_MODES or not any(systems):
            raise AtError
        self._systems = (systems[0], systems[1], systems[2], parameters.optional(3, 0, 0, 4))
        return []

    async def system_mode_read(self, _: Parameters) -> list[str]:
        """AT%XSYSTEMMODE?."""
        return ["%XSYSTEMMODE: {},{},{},{}".format(*self._systems)]

    async def pin_read(self, _: Parameters) -> list[str]:
        """AT+CPIN?."""
        return [f"+CPIN: {'SIM PIN' if self._locked and self._tries else 'SIM PUK' if self._locked else 'READY'}"]

    async def pin_tries(self, _: Parameters) -> list[str]:
        """AT+CPINR="SIM PIN"."""
        return [f'+CPINR: "SIM PIN",{self._tries}']

    async def pin(self, parameters: Parameters) -> list[str]:
        """AT+CPIN=<PIN>: after three wrong ones the SIM wants its PUK."""
        given = parameters.string(0).decode("latin-1")
        if not self._locked or not self._tries:
            raise CmeError(_NOT_ALLOWED)
        if given != self._registration.pin:
            self._tries -= 1
            raise CmeError(_WRONG_PIN)
        self._locked, self._tries = False, _PIN_TRIES
        await self._set_mode(self._mode)
        return []

    async def modem_events(self, parameters: Parameters) -> list[str]:
        """AT%MDMEV=<n>: a modem that was reset too often says so."""
        self._tells_events = bool(parameters.number(0, 0, 1))
        if self._tells_events and self._registration.reset_loop:
            self._urc("%MDMEV: RESET LOOP")
        return []

    async def error_causes(self, parameters: Parameters) -> list[str]:
        """AT+CNEC=<n>: 8 tells EMM causes, 16 ESM causes (Nordic's AT commands reference)."""
        self._tells_causes = parameters.number(0, 0, _EMM_CAUSES | _ESM_CAUSES)
        if self._tells_causes & ~(_EMM_CAUSES | _ESM_CAUSES):
            raise AtError
        return []

    async def define_context(self, parameters: Parameters) -> list[str]:
        """AT+CGDCONT=...: only while it is not in use."""
        if self._context:
            raise AtError
        self._contexts.define(parameters)
        return []

    async def contexts(self, _: Parameters) -> list[str]:
        """AT+CGDCONT?."""
        return self._contexts.lines(self._air.carrier.own_address(self.identity.address) if self.attached else "")

    async def authenticate_context(self, parameters: Parameters) -> list[str]:
        """AT+CGAUTH=...."""
        self._contexts.authenticate(parameters)
        return []

    async def extended_error(self, _: Parameters) -> list[str]:
        """AT+CEER."""
        return [f'+CEER: "{"EMM cause" if self._status == _DENIED else "no information"}"']

    async def error_numbers(self, parameters: Parameters) -> list[str]:
        """AT+CMEE=<n>: 0 plain ERROR, 1 numbers."""
        self.reports_error_numbers = bool(parameters.number(0, 0, 1))
        return []

    async def error_numbers_read(self, _: Parameters) -> list[str]:
        """AT+CMEE?."""
        return [f"+CMEE: {int(self.reports_error_numbers)}"]

    async def manage_credentials(self, parameters: Parameters) -> list[str]:
        """AT%CMNG=<opcode>[,<sec_tag>[,<type>[,<content>]]]: written and deleted only while the modem is offline."""
        return self.credentials.command(parameters, active=self._mode in _RADIO_MODES)

    async def addresses(self, parameters: Parameters) -> list[str]:
        """AT+CGPADDR[=<cid>]."""
        cid = parameters.optional(0, 0, 0, 10)
        if not self.attached or cid:
            return [f"+CGPADDR: {cid}"] if cid == 0 else []
        carrier = self._air.carrier
        own = f'"{carrier.own_address(self.identity.address)}"'
        return [f'+CGPADDR: 0,{own},"{self.identity.address6}"' if carrier.ipv6 else f"+CGPADDR: 0,{own}"]


def _split(command: str) -> tuple[str, str, str]:
    """The name in capitals, "", "?", "=?" or "=", and what stands behind an equals sign."""
    for mark in ("=?", "?", "="):
        name, found, rest = command.partition(mark)
        if found and not (mark != "=" and rest):
            return name.upper(), mark, rest
    return command.upper(), "", ""


Handler = Callable[[Modem, Parameters], Awaitable[list[str]]]


def _constant(text: Callable[[Modem], str]) -> Handler:
    async def answer(modem: Modem, _: Parameters) -> list[str]:
        return [text(modem)]

    return answer


def _of_the_sim(text: Callable[["Modem"], str]) -> Handler:
    """What the modem reads from its SIM, which has power while the modem is not switched off."""

    async def answer(modem: "Modem", _: Parameters) -> list[str]:
        if not modem.reads_its_sim:
            raise AtError
        return [text(modem)]

    return answer


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("+CGMI", ""): _constant(lambda modem: "Nordic Semiconductor ASA"),
    ("+CGMM", ""): _constant(lambda modem: modem.identity.model.part),
    ("+CGMR", ""): _constant(lambda modem: modem.identity.model.modem_firmware),
    ("+CGSN", ""): _constant(lambda modem: modem.identity.imei),
    ("+CGSN", "="): _constant(lambda modem: f'+CGSN: "{modem.identity.imei}"'),
    ("+CIMI", ""): _of_the_sim(lambda modem: modem.identity.imsi),
    ("+CPIN", "="): Modem.pin,
    ("+CPIN", "?"): Modem.pin_read,
    ("+CPINR", "="): Modem.pin_tries,
    ("%MDMEV", "="): Modem.modem_events,
    ("+CNEC", "="): Modem.error_causes,
    ("+CGDCONT", "="): Modem.define_context,
    ("+CGDCONT", "?"): Modem.contexts,
    ("+CGAUTH", "="): Modem.authenticate_context,
    ("+CEER", ""): Modem.extended_error,
    ("+CFUN", "="): Modem.functional_mode,
    ("+CFUN", "?"): Modem.functional_mode_read,
    ("+CMEE", "="): Modem.error_numbers,
    ("+CMEE", "?"): Modem.error_numbers_read,
    ("%CMNG", "="): Modem.manage_credentials,
    ("+CEREG", "="): Modem.registration_level,
    ("+CSCON", "="): Modem.signalling,
    ("+CSCON", "?"): Modem.signalling_read,
    ("%RAI", "="): Modem.release_assistance,
    ("%RAI", "?"): Modem.release_assistance_read,
    ("%XMONITOR", ""): Modem.monitor,
    ("+CEREG", "?"): Modem.registration_read,
    ("+CGPADDR", ""): Modem.addresses,
    ("+CGPADDR", "="): Modem.addresses,
    ("%XICCID", ""): _of_the_sim(lambda modem: f"%XICCID: {modem.identity.iccid}"),
    ("%HWVERSION", ""): _constant(lambda modem: f"%HWVERSION: {modem.identity.model.hardware}"),
    ("%SHORTSWVER", ""): _constant(lambda modem: f"%SHORTSWVER: {modem.identity.model.short_version}"),
    ("%XSYSTEMMODE", "="): Modem.system_mode,
    ("%XSYSTEMMODE", "?"): Modem.system_mode_read,
    ("+CPSMS", "="): Modem.power_saving_mode,
    ("+CPSMS", "?"): Modem.power_saving_mode_read,
    ("+CEDRXS", "="): Modem.discontinuous_reception,
    ("+CEDRXS", "?"): Modem.discontinuous_reception_read,
    ("%XMODEMSLEEP", "="): Modem.sleep_notice,
}
