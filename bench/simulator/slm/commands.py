"""The dialect of Serial LTE Modem: the shape of its commands, their families, and what it prints by itself."""

from collections.abc import Sequence

from bench.simulator.at_host import AtHost, HostDialect
from bench.simulator.commands import Grammar
from bench.simulator.name_commands import NameCommands
from bench.simulator.slm.data_mode import DataModeHandlers
from bench.simulator.slm.options import OptionHandlers
from bench.simulator.slm.polling import PollCommands
from bench.simulator.slm.quirks import Quirks, misread
from bench.simulator.slm.selection import Selection
from bench.simulator.slm.server import ServerHandlers
from bench.simulator.slm.service import ServiceCommands
from bench.simulator.slm.sockets import SocketHandlers
from bench.simulator.slm.traffic import TrafficCommands


def slm(quirks: Quirks) -> HostDialect:
    """Return the dialect of a version of Serial LTE Modem."""

    def make_families(host: AtHost) -> Sequence[object]:
        selection = Selection(host.transfer.sockets)
        data_mode = DataModeHandlers(host)
        return (
            SocketHandlers(host, selection, quirks),
            OptionHandlers(host, selection),
            ServerHandlers(host, selection, quirks),
            TrafficCommands(host, selection, data_mode, quirks),
            PollCommands(host),
            ServiceCommands(host, selection),
            NameCommands(host, unknown="EAI_NONAME", printed=misread if quirks.repeats_first_address else list),
            data_mode,
        )

    return HostDialect(
        grammar=Grammar.of(r"#X[A-Z]+"),
        families=make_families,
        boot_line=b"Ready\r\n",
        modem_fault_urcs=("#XMODEM: FAULT,0x3,0x3e5a2", "#XMODEM: SHUTDOWN,0", "#XMODEM: INIT,0"),
        log_name="slm",
    )
