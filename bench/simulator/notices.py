"""What a modem reports by itself about its attach, where it was asked to: +CNEC, %MDMEV and +CGEREP.

Nordic's AT commands reference; 3GPP TS 27.007 sections 9.1B (+CNEC) and 10.1.19 (+CGEREP).
"""

from bench.simulator.commands import READ, SET, command
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError

_EMM_CAUSES, _ESM_CAUSES = 8, 16


class Notices:
    """What one modem was asked to report. A restart forgets it."""

    def __init__(self, output: Output, *, reset_loop: bool) -> None:
        """Args: reset_loop: whether the modem believes in a loop of resets, and says so when it is asked for events."""
        self._output = output
        self._reset_loop = reset_loop
        self.restart()

    def restart(self) -> None:
        """Report nothing from now on."""
        self._causes = 0
        self._events = False
        self._packet_events = False

    def emm(self, cause: int) -> None:
        """Report an EMM cause."""
        if self._causes & _EMM_CAUSES:
            self._output.urc(f"+CNEC_EMM: {cause}")

    def esm(self, cause: int) -> None:
        """Report an ESM cause of context 0."""
        if self._causes & _ESM_CAUSES:
            self._output.urc(f"+CNEC_ESM: {cause},0")

    def event(self, text: str) -> None:
        """Report an event of the modem."""
        if self._events:
            self._output.urc(f"%MDMEV: {text}")

    def packet_event(self, text: str) -> None:
        """Report an event of packet data."""
        if self._packet_events:
            self._output.urc(f"+CGEV: {text}")

    @command("+CNEC", SET)
    async def set_causes(self, parameters: Parameters) -> None:
        """Handle AT+CNEC=<n>: 8 reports EMM causes, 16 ESM causes."""
        wanted = parameters.number(0, 0, _EMM_CAUSES | _ESM_CAUSES)
        if wanted & ~(_EMM_CAUSES | _ESM_CAUSES):
            raise AtError
        self._causes = wanted

    @command("+CNEC", READ)
    async def read_causes(self, _: Parameters) -> None:
        """Handle AT+CNEC?."""
        self._output.say(f"+CNEC: {self._causes}")

    @command("%MDMEV", SET)
    async def set_events(self, parameters: Parameters) -> None:
        """Handle AT%MDMEV=<n>: 1 reports events, 2 more of them."""
        self._events = bool(parameters.number(0, 0, 2))
        if self._reset_loop:
            self.event("RESET LOOP")

    @command("+CGEREP", SET)
    async def set_packet_events(self, parameters: Parameters) -> None:
        """Handle AT+CGEREP=<mode>."""
        self._packet_events = bool(parameters.number(0, 0, 1))

    @command("+CGEREP", READ)
    async def read_packet_events(self, _: Parameters) -> None:
        """Handle AT+CGEREP?."""
        self._output.say(f"+CGEREP: {int(self._packet_events)},0")
