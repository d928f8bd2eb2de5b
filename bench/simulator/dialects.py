"""The firmwares that can be simulated, one row each: its dialect and its profile.

A row's source: slm-3.1 is the recorded AT layer of nRF Connect SDK v3.1; slm-2.9 is 3.1 except for what cites another
source; page is the vendor's reference page to the letter; serial-modem is the default build of Serial Modem's
repository at 1.99.0, and serial-modem-1.0 what v1.0.1 does otherwise.
"""

from dataclasses import dataclass

from bench.simulator.at_host import HostDialect
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.serial_modem.commands import serial_modem
from bench.simulator.serial_modem.quirks import V1
from bench.simulator.serial_modem.quirks import Quirks as SerialModemQuirks
from bench.simulator.slm.commands import slm
from bench.simulator.slm.quirks import DOCUMENTED, Quirks

_URC_BUFFER = 4096  # Serial Modem, SM_URC_BUFFER_SIZE


@dataclass(frozen=True)
class SimulatedFirmware:
    """A firmware: how it speaks, and its limits."""

    dialect: HostDialect
    profile: FirmwareProfile


FIRMWARES = {
    row.profile.name: row
    for row in (
        SimulatedFirmware(slm(Quirks()), FirmwareProfile("slm-3.1", '"3.1.0","3.1.0-host"')),
        # NCS v2.x: SLM_MAX_SOCKET_COUNT is CONFIG_POSIX_OPEN_MAX, 8; from v3.1 one descriptor is kept for #XAPOLL.
        SimulatedFirmware(slm(Quirks()), FirmwareProfile("slm-2.9", '"2.9.0","2.9.0"', sockets=8)),
        # A document, not a firmware: no known issue of a version applies.
        SimulatedFirmware(
            slm(DOCUMENTED), FirmwareProfile("page", '"0.0.0","0.0.0"', sockets=8, handles=16, blank_line=False)
        ),
        # Accepted connections share the places of the list; the version's form is that of the documentation of #XSMVER.
        SimulatedFirmware(
            serial_modem(SerialModemQuirks()),
            FirmwareProfile(
                "serial-modem",
                '"v1.99.0-67-ga9e396bc3d58","3.3.99"',
                sockets=8,
                command_limit=8189,
                terminator=b"\r",
                urc_buffer=_URC_BUFFER,
            ),
        ),
        # v1: the list is as long as CONFIG_POSIX_OPEN_MAX allows, without one descriptor.
        SimulatedFirmware(
            serial_modem(V1),
            FirmwareProfile(
                "serial-modem-1.0", '"v1.0.1","3.2.4"', sockets=7, terminator=b"\r", urc_buffer=_URC_BUFFER
            ),
        ),
    )
}
