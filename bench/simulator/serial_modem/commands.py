"""The dialect of Serial Modem: the shape of its commands, their families, and what it prints by itself."""

import re
from collections.abc import Sequence

from bench.simulator.at_host import AtHost, HostDialect
from bench.simulator.commands import Grammar
from bench.simulator.name_commands import NameCommands
from bench.simulator.serial_modem.data_mode import DataModeCommands
from bench.simulator.serial_modem.delivery import Delivery
from bench.simulator.serial_modem.framing import SearchingFramer
from bench.simulator.serial_modem.options import OptionCommands
from bench.simulator.serial_modem.polling import PollCommands, PollMachine
from bench.simulator.serial_modem.quirks import Quirks
from bench.simulator.serial_modem.receiving import ReceivingCommands
from bench.simulator.serial_modem.reception import ReceptionCommands
from bench.simulator.serial_modem.sending import SendingCommands
from bench.simulator.serial_modem.server import BindCommands, ListenCommands
from bench.simulator.serial_modem.service import BootCommands, LineCommands, ServiceCommands
from bench.simulator.serial_modem.slots import Slots
from bench.simulator.serial_modem.sockets import SocketCommands

# ATE0, ATE1, and names behind a hash (Serial Modem, sm_at_host.c:cmd_grammar_check).
_GRAMMAR = Grammar(re.compile(r"(E[01]|#[A-Za-z0-9_]+)(=\?|\?|=.*|)\Z", re.DOTALL))


def _repeat_first(found: list[str]) -> list[str]:
    """Return what v1 prints of several addresses."""
    return found[:1] * len(found)


def serial_modem(quirks: Quirks) -> HostDialect:
    """Return the dialect of a version of Serial Modem."""

    def make_families(host: AtHost) -> Sequence[object]:
        slots = Slots(host, quirks)
        machine = PollMachine(host, slots, Delivery(host))
        data_mode = DataModeCommands(host, machine, quirks)
        families: list[object] = [
            SocketCommands(host, slots, machine, quirks),
            OptionCommands(host, slots, quirks),
            BindCommands(host, slots),
            SendingCommands(host, slots, machine, data_mode, quirks),
            ReceivingCommands(host, slots, machine),
            PollCommands(host, slots, machine),
            ReceptionCommands(host, slots, machine),
            ServiceCommands(host),
            NameCommands(host, unknown="not found", printed=_repeat_first if quirks.repeats_first_address else list),
            LineCommands(host),
            data_mode,
        ]
        if quirks.listens:
            families.append(ListenCommands(host, slots, machine))
        if quirks.boot_info:
            families.append(BootCommands(host))
        return families

    return HostDialect(
        grammar=_GRAMMAR,
        families=make_families,
        boot_line=b"Ready\r\n",
        modem_fault_urcs=("#XMODEM: FAULT,0x3,0x3e5a2", "#XMODEM: SHUTDOWN,0", "#XMODEM: INIT,0"),
        log_name="sm",
        framer=lambda host: SearchingFramer(host.profile, quirks, host.output),
    )
