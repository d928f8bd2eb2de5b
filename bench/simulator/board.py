"""One simulated board: what it keeps while it has no power, and what it is while it has."""

import asyncio
import contextlib
import json
import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.simulator.air import Air
from bench.simulator.at_host import Firmware
from bench.simulator.credentials import CredentialStore
from bench.simulator.journal import Journal
from bench.simulator.log_port import LogPort
from bench.simulator.modem import Identity, Modem
from bench.simulator.names import Names
from bench.simulator.parameters import CmeError
from bench.simulator.profiles import FIRMWARE, MODELS
from bench.simulator.radio import Radio
from bench.simulator.slm.commands import COMMANDS
from bench.simulator.uart import Uart

if TYPE_CHECKING:
    from bench.simulator.program import Settings

TERMINATORS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}
# The credential store of a real modem holds about this much.
_CREDENTIAL_BYTES = 32768


class SimulatedBoard:
    """A board of a running simulator.

    Attributes:
        name: ``simulated-1`` ...
        model: its kind, a name of the profiles.
        task: its firmware while it has power.
    """

    def __init__(self, settings: "Settings", index: int) -> None:
        self.name = f"simulated-{index + 1}"
        self.index = index
        self.model = settings.models[index % len(settings.models)]
        self.journal = Journal(self.name, settings.journal)
        self.identity = _identity(settings, self.model, index)
        self.task: asyncio.Task[None] | None = None
        self._settings = settings
        self._credentials = CredentialStore(_CREDENTIAL_BYTES)
        for tag, kind, content in settings.credentials:
            try:
                self._credentials.write(tag, kind, content)
            except CmeError as error:
                raise UsageError(f"the credential for tag {tag} is refused: +CME ERROR: {error.number}") from error
        self._uart: Uart | None = None
        self._log = LogPort()
        self._air: Air | None = None
        self._firmware: Firmware | None = None

    def power_on(self) -> str:
        """Boots; returns the path of its pty."""
        settings = self._settings
        seed = f"{settings.seed} {self.name}"
        held: list[Firmware] = []

        def changed(t_ns: int, state: str) -> None:
            charge = round(radio.charge_uc, 1)
            self.journal.add("rrc", t_ns, state=state, cell=radio.cell.number, charge_uc=charge)
            held[0].modem.rrc_changed(state)
            air.radio_changed()

        radio = Radio(settings.cells[0], f"{seed} radio", changed)
        air = self._air = Air(self.journal, settings.uplink, settings.downlink, seed, radio, settings.carrier)
        self._uart = Uart(self.journal, air.alarm, settings.baudrate)
        self._uart.open()
        if settings.log:
            self._log.open()
        modem = Modem(self.identity, settings.registration, self._credentials, lambda line: held[0].urc(line), air)
        row = replace(
            FIRMWARE[settings.firmware],
            terminator=TERMINATORS[settings.terminator],
            reports_flushes=settings.data_mode_urc,
        )
        names = Names(settings.hosts)
        self._firmware = Firmware(
            row, COMMANDS, modem, names, air, self._uart, self.journal, settings.key_log, self._log
        )
        held.append(self._firmware)
        if len(settings.cells) > 1:
            self._travel(air, modem, 1)
        self.task = asyncio.create_task(self._firmware.run())
        return self._uart.path

    def _travel(self, air: Air, modem: Modem, number: int) -> None:
        """Moves the board into another of its cells, and into the next one later."""
        cells = self._settings.cells

        def move() -> None:
            air.radio.cell = cells[number % len(cells)]
            modem.moved()
            self._travel(air, modem, number + 1)

        air.alarm.at(time.monotonic_ns() + round(self._settings.cell_seconds * 1e9), move)

    def coverage(self, *, covered: bool) -> None:
        """Takes the network out of the board's reach, or gives it back.

        Raises:
            ValueError: the board has no power.
        """
        if self._firmware is None:
            raise ValueError(f"{self.name} has no power")
        self.journal.add("coverage", covered=covered)
        self._firmware.modem.coverage(covered=covered)

    def befall(self, what: str, value: object = None) -> None:
        """Lets something happen to the board.

        That is ``deaf`` (true, false), ``restart``, ``fault`` (of the modem), ``refuse`` (an EMM cause, or none).

        Raises:
            ValueError: nothing is called so, or the board has no power.
        """
        if self._firmware is None or self._uart is None:
            raise ValueError(f"{self.name} has no power")
        self.journal.add("trouble", what=what, value=value)
        if what == "deaf":
            self._uart.deaf = value is True
        elif what == "restart":
            self._firmware.restart()
        elif what == "fault":
            self._firmware.modem_fault()
        elif what == "refuse":
            self._firmware.modem.refuse(value if isinstance(value, int) else None)
        else:
            raise ValueError(f"nothing is called {what!r}; there are deaf, restart, fault, refuse")

    def radio_states(self) -> list[tuple[int, str]]:
        """The radio's last changes of state: (moment in ns, state)."""
        return [] if self._air is None else list(self._air.radio.changes)

    async def power_off(self) -> None:
        """Hangs up and forgets everything but what lies in flash; harmless without power."""
        task, self.task = self.task, None
        if task is None:
            return
        if self._uart is not None:
            self._uart.close()
        self._log.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if self._firmware is not None:
            self._firmware.sockets.close_all()
        if self._air is not None:
            self._air.close()
        self.journal.add("power off")

    def announce(self, port: str, **more: object) -> None:
        """Prints the line that says it is ready; to standard error where a command has standard output."""
        row: dict[str, object] = {"board": self.name, "port": port, "firmware": self._settings.firmware}
        row["model"] = self.model
        if self._log.path:
            row["log"] = self._log.path
        row |= {"address": self.identity.address, "simulated": True, **more}
        stream = sys.stderr if self._settings.command else sys.stdout
        stream.write(json.dumps(row) + "\n")
        stream.flush()


def _identity(settings: "Settings", name: str, index: int) -> Identity:
    """Every board of this host has an address of its own in 127.0.0.0/8, so that peers can tell them apart."""
    serial = os.getpid() * 64 + index
    own = f"127.{64 + (serial >> 16) % 64}.{(serial >> 8) % 256}.{1 + serial % 254}"
    model = MODELS[name]
    return Identity(
        model=replace(model, modem_firmware=settings.modem_firmware or model.modem_firmware),
        imei=f"{359404230000000 + index:015d}",
        imsi=f"{1010000000000 + index:015d}",
        iccid=f"{8900100000000000000 + index:019d}",
        uuid=f"50503041-3633-4261-803d-{0x1E2B8F70111A + index:012x}",
        address=settings.address or own,
        address6="::1",
    )
