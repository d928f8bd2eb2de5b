"""The SIM of a simulated modem: its PIN and its numbers (3GPP TS 27.007 section 8.3)."""

from collections.abc import Awaitable, Callable

from bench.simulator.commands import READ, RUN, SET, command
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError, CmeError

_PIN_TRIES = 3
_NOT_ALLOWED, _WRONG_PIN = 3, 16  # +CME ERROR, 3GPP TS 27.007 section 9.2


class SimulatedSimCard:
    """The SIM card. ``powered`` follows the modem: a modem that is switched off cannot read it."""

    def __init__(
        self, pin: str, identity: SimulatedIdentity, output: Output, unlocked: Callable[[], Awaitable[None]]
    ) -> None:
        """Args: pin: empty for a SIM without one. unlocked: called when the right PIN was given."""
        self.powered = True
        self.locked = bool(pin)
        self._pin = pin
        self._identity = identity
        self._output = output
        self._unlocked = unlocked
        self._tries = _PIN_TRIES

    @command("+CPIN", READ)
    async def tell_pin_state(self, _: Parameters) -> None:
        """Handle AT+CPIN?."""
        state = "READY" if not self.locked else "SIM PIN" if self._tries else "SIM PUK"
        self._output.say(f"+CPIN: {state}")

    @command("+CPINR", SET)
    async def tell_pin_tries(self, _: Parameters) -> None:
        """Handle AT+CPINR="SIM PIN"."""
        self._output.say(f'+CPINR: "SIM PIN",{self._tries}')

    @command("+CPIN", SET)
    async def take_pin(self, parameters: Parameters) -> None:
        """Handle AT+CPIN=<PIN>: after three wrong ones the SIM wants its PUK."""
        given = parameters.string(0).decode("latin-1")
        if not self.locked or not self._tries:
            raise CmeError(_NOT_ALLOWED)
        if given != self._pin:
            self._tries -= 1
            raise CmeError(_WRONG_PIN)
        self.locked, self._tries = False, _PIN_TRIES
        await self._unlocked()

    @command("+CIMI", RUN)
    async def tell_imsi(self, _: Parameters) -> None:
        """Handle AT+CIMI."""
        self._need_power()
        self._output.say(self._identity.imsi)

    @command("%XICCID", RUN)
    async def tell_iccid(self, _: Parameters) -> None:
        """Handle AT%XICCID."""
        self._need_power()
        self._output.say(f"%XICCID: {self._identity.iccid}")

    def _need_power(self) -> None:
        if not self.powered:
            raise AtError
