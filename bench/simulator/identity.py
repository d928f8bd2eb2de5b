"""The identity of a simulated board, and the modem's commands that ask for it."""

from dataclasses import dataclass

from bench.simulator.commands import RUN, SET, command
from bench.simulator.models import SimulatedModel
from bench.simulator.output import Output
from bench.simulator.parameters import Parameters


@dataclass(frozen=True)
class SimulatedIdentity:
    """The names and numbers of one board."""

    model: SimulatedModel
    imei: str
    imsi: str
    iccid: str
    uuid: str
    address: str
    address6: str


class IdentityCommands:
    """The commands that answer with a constant of the board (3GPP TS 27.007 section 5)."""

    def __init__(self, identity: SimulatedIdentity, output: Output) -> None:
        self._identity = identity
        self._output = output

    @command("+CGMI", RUN)
    async def name_manufacturer(self, _: Parameters) -> None:
        """Handle AT+CGMI."""
        self._output.say("Nordic Semiconductor ASA")

    @command("+CGMM", RUN)
    async def name_model(self, _: Parameters) -> None:
        """Handle AT+CGMM."""
        self._output.say(self._identity.model.part)

    @command("+CGMR", RUN)
    async def name_modem_firmware(self, _: Parameters) -> None:
        """Handle AT+CGMR."""
        self._output.say(self._identity.model.modem_firmware)

    @command("+CGSN", RUN)
    async def tell_imei(self, _: Parameters) -> None:
        """Handle AT+CGSN."""
        self._output.say(self._identity.imei)

    @command("+CGSN", SET)
    async def tell_imei_by_name(self, _: Parameters) -> None:
        """Handle AT+CGSN=1."""
        self._output.say(f'+CGSN: "{self._identity.imei}"')

    @command("%HWVERSION", RUN)
    async def name_hardware(self, _: Parameters) -> None:
        """Handle AT%HWVERSION."""
        self._output.say(f"%HWVERSION: {self._identity.model.hardware}")

    @command("%SHORTSWVER", RUN)
    async def name_short_version(self, _: Parameters) -> None:
        """Handle AT%SHORTSWVER."""
        self._output.say(f"%SHORTSWVER: {self._identity.model.short_version}")
