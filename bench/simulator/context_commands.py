"""A simulated modem's commands about packet data: +CGDCONT, +CGAUTH and +CGPADDR (3GPP TS 27.007 section 10.1)."""

from bench.simulator.air import Air
from bench.simulator.behaviour import Behaviour
from bench.simulator.commands import READ, RUN, SET, command
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.output import Output
from bench.simulator.packet_data import Contexts
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError
from bench.simulator.registration import Registrar


class ContextCommands:
    """The commands of one modem."""

    def __init__(
        self,
        contexts: Contexts,
        registrar: Registrar,
        identity: SimulatedIdentity,
        air: Air,
        output: Output,
        behaviour: Behaviour,
    ) -> None:
        self._contexts = contexts
        self._registrar = registrar
        self._identity = identity
        self._air = air
        self._output = output
        self._behaviour = behaviour

    @command("+CGDCONT", SET)
    async def define_context(self, parameters: Parameters) -> None:
        """Handle AT+CGDCONT=...: only while it is not in use."""
        if self._registrar.attached:
            raise AtError
        self._contexts.define(parameters)

    @command("+CGDCONT", READ)
    async def list_contexts(self, _: Parameters) -> None:
        """Handle AT+CGDCONT?."""
        address = self._own_address if self._registrar.attached else ""
        kind = "" if not self._behaviour.reports_steps else "IPV4V6" if self._air.carrier.ipv6 else "IP"
        for line in self._contexts.lines(address, kind):
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
        if self._registrar.attached:
            line += f',"{self._own_address}"'
            line += f',"{self._identity.address6}"' if self._air.carrier.ipv6 else ""
        self._output.say(line)

    @property
    def _own_address(self) -> str:
        return self._air.carrier.own_address(self._identity.address)
