"""The SIM of a simulated modem: its power, its PIN and its numbers (3GPP TS 27.007 section 8.3, Nordic's %XSIM)."""

import asyncio
from collections.abc import Callable

from bench.simulator.behaviour import Behaviour, SimKind
from bench.simulator.commands import READ, RUN, SET, command
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, CmeError

_PIN_TRIES = 3
_NOT_ALLOWED, _WRONG_PIN = 3, 16  # +CME ERROR, 3GPP TS 27.007 section 9.2
_OFF, _LOCKED, _FAILED = "0", "0,1", "0,9"
"""%XSIM of a SIM that is not ready: without power, locked, missing."""


class SimulatedSimCard:
    """The SIM card of one modem. It boots when it gets power, and answers nothing before it is up."""

    def __init__(
        self, pin: str, identity: SimulatedIdentity, output: Output, behaviour: Behaviour, changed: Callable[[], None]
    ) -> None:
        """Args: pin: empty for a SIM without one. changed: called when it is up, or the right PIN was given."""
        self._pin = pin
        self._identity = identity
        self._output = output
        self._behaviour = behaviour
        self._changed = changed
        self._tries = _PIN_TRIES
        self._powered = self._up = False
        self._locked = bool(pin)
        self._tells = False
        self._boot: asyncio.Task[None] | None = None

    @property
    def boots(self) -> bool:
        """Whether it has power and does not answer yet."""
        return self._powered and not self._up

    @property
    def usable(self) -> bool:
        """Whether the modem can register with it."""
        return self._answers and not self._locked

    @property
    def _answers(self) -> bool:
        return self._up and self._behaviour.sim is SimKind.READY

    def forget_notices(self) -> None:
        """Report nothing from now on, as after a restart."""
        self._tells = False

    def power(self, *, on: bool) -> None:
        """Give it power, so that it boots, or take its power away. Without power it forgets that it was unlocked."""
        if on == self._powered:
            return
        self._powered = on
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None
        if not on:
            self._up, self._locked = False, bool(self._pin)
            self._tell(_OFF)
        elif self._behaviour.sim_boot:
            self._boot = asyncio.create_task(self._come_up())
        else:
            self._up = True

    async def _come_up(self) -> None:
        await asyncio.sleep(self._behaviour.sim_boot)
        self._up = True
        self._tell(self._state)
        self._changed()

    @property
    def _state(self) -> str:
        if not self._up:
            return _OFF
        if not self._answers:
            return _FAILED
        return _LOCKED if self._locked else "1"

    def _tell(self, state: str) -> None:
        if self._tells:
            self._output.urc(f"%XSIM: {state}")

    @command("%XSIM", SET)
    async def set_notice(self, parameters: Parameters) -> None:
        """Handle AT%XSIM=<n>: 1 reports the state of the SIM."""
        self._tells = bool(parameters.number(0, 0, 1))

    @command("%XSIM", READ)
    async def tell_state(self, _: Parameters) -> None:
        """Handle AT%XSIM?."""
        self._output.say(f"%XSIM: {self._state}")

    @command("+CPIN", READ)
    async def tell_pin_state(self, _: Parameters) -> None:
        """Handle AT+CPIN?."""
        self._need_answers()
        state = "READY" if not self._locked else "SIM PIN" if self._tries else "SIM PUK"
        self._output.say(f"+CPIN: {state}")

    @command("+CPINR", SET)
    async def tell_pin_tries(self, _: Parameters) -> None:
        """Handle AT+CPINR="SIM PIN"."""
        self._need_answers()
        self._output.say(f'+CPINR: "SIM PIN",{self._tries}')

    @command("+CPIN", SET)
    async def take_pin(self, parameters: Parameters) -> None:
        """Handle AT+CPIN=<PIN>: after three wrong ones the SIM wants its PUK."""
        self._need_answers()
        given = parameters.string(0).decode("latin-1")
        if not self._locked or not self._tries:
            raise CmeError(_NOT_ALLOWED)
        if given != self._pin:
            self._tries -= 1
            raise CmeError(_WRONG_PIN)
        self._locked, self._tries = False, _PIN_TRIES
        self._tell(self._state)
        self._changed()

    @command("+CIMI", RUN)
    async def tell_imsi(self, _: Parameters) -> None:
        """Handle AT+CIMI."""
        self._need_answers()
        if self._locked:
            raise AtError
        self._output.say(self._identity.imsi)

    @command("%XICCID", RUN)
    async def tell_iccid(self, _: Parameters) -> None:
        """Handle AT%XICCID."""
        self._need_answers()
        self._output.say(f"%XICCID: {self._identity.iccid}")

    def _need_answers(self) -> None:
        if not self._answers:
            raise AtError
