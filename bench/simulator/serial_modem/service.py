"""Commands of the firmware itself: version, UUID, list of commands, echo, restart, sleep, rate of the UART."""

from bench.simulator.at_host import AtHost
from bench.simulator.commands import READ, RUN, SET, TEST, command
from bench.simulator.parameters import Parameters
from bench.simulator.refusal import AtError

_BOOT_RATE = 115200
_RATES = (115200, 230400, 460800, 921600, 1_000_000)
_VERSION, _SLOT = 0, 1
_OWN = ("#", "E")
"""First characters of the names of the application's own commands."""


class ServiceCommands:
    """Commands about the firmware."""

    def __init__(self, host: AtHost) -> None:
        self._host = host
        self._say = host.output.say

    @command("#XSMVER", RUN, SET)
    async def tell_version(self, _: Parameters) -> None:
        """Handle AT#XSMVER."""
        self._say(f"#XSMVER: {self._host.profile.version}")

    @command("#XUUID", RUN, SET)
    async def tell_uuid(self, _: Parameters) -> None:
        """Handle AT#XUUID."""
        self._say(f"#XUUID: {self._host.modem.identity.uuid}")

    @command("#XCLAC", RUN, SET)
    async def list_commands(self, _: Parameters) -> None:
        """Handle AT#XCLAC."""
        names = (name for name in self._host.commands.names if name.startswith(_OWN) or name == "+IPR")
        self._say("\r\n".join(f"AT{name}" for name in names))

    @command("#XRESET", RUN, SET)
    async def reset(self, _: Parameters) -> None:
        """Handle AT#XRESET: OK, then the restart; no line tells of the sockets."""
        self._host.reset_after_answer()

    @command("#XSLEEP", RUN, SET)
    async def sleep(self, _: Parameters) -> None:
        """Handle AT#XSLEEP=<mode>: refused, as by a board without a DTR pin to wake it; a pty has none."""
        raise AtError

    @command("#XSLEEP", TEST)
    async def describe_sleep(self, _: Parameters) -> None:
        """Handle AT#XSLEEP=?."""
        self._say("#XSLEEP: (1,2)")


class LineCommands:
    """Commands about the line to the host: its echo and its rate."""

    def __init__(self, host: AtHost) -> None:
        self._host = host
        self._say = host.output.say
        self._rate = host.uart.baudrate or _BOOT_RATE

    @command("E0", RUN)
    async def echo_nothing(self, _: Parameters) -> None:
        """Handle ATE0."""
        self._host.output.echoes = False

    @command("E1", RUN)
    async def echo(self, _: Parameters) -> None:
        """Handle ATE1."""
        self._host.output.echoes = True

    @command("+IPR", RUN, SET)
    async def set_rate(self, parameters: Parameters) -> None:
        """Handle AT+IPR=<rate>: OK at the old rate, then the UART goes on at the new one, until a reset."""
        rate = parameters.number(0, 0, max(_RATES))
        if len(parameters) > 1 or rate not in _RATES:
            raise AtError
        self._rate = rate
        self._host.after_answer(lambda: self._host.uart.change_rate(rate))

    @command("+IPR", READ)
    async def read_rate(self, _: Parameters) -> None:
        """Handle AT+IPR?."""
        self._say(f"+IPR: {self._rate}")

    @command("+IPR", TEST)
    async def describe_rate(self, _: Parameters) -> None:
        """Handle AT+IPR=?."""
        self._say(f"+IPR: (),({','.join(map(str, _RATES))})")


class BootCommands:
    """The command about the bootloader, MCUboot."""

    def __init__(self, host: AtHost) -> None:
        self._say = host.output.say

    @command("#XBOOTINFO", RUN, SET)
    async def tell_boot_info(self, parameters: Parameters) -> None:
        """Handle AT#XBOOTINFO=<op>: 0 the version of the bootloader, here 1; 1 its slot, here 0."""
        operation = parameters.number(0, _VERSION, _SLOT)
        self._say(f"#XBOOTINFO: {1 if operation == _VERSION else 0}")

    @command("#XBOOTINFO", TEST)
    async def describe_boot_info(self, _: Parameters) -> None:
        """Handle AT#XBOOTINFO=?."""
        self._say("#XBOOTINFO: (0,1)")
