"""A simulated board: its memory, which it keeps without power, and the parts that run while it has power."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bench.clock import NS_PER_S
from bench.errors import UsageError
from bench.simulator.air import Air
from bench.simulator.at_host import AtHost
from bench.simulator.credentials import CredentialStore
from bench.simulator.dialects import FIRMWARES, SimulatedFirmware
from bench.simulator.handshake import SecureLayer
from bench.simulator.identity import SimulatedIdentity
from bench.simulator.image import APPLICATION, SimulatedImage
from bench.simulator.journal import Journal
from bench.simulator.log_port import LogPort
from bench.simulator.models import MODELS
from bench.simulator.modem import SimulatedModem
from bench.simulator.names import Names
from bench.simulator.output import Output
from bench.simulator.radio import SimulatedRadio
from bench.simulator.refusal import CmeError
from bench.simulator.settings import TERMINATORS, Settings
from bench.simulator.sockets import SocketTable
from bench.simulator.transfer import Transfer
from bench.simulator.uart import Uart
from bench.simulator.usb import usb_device

# The credential store of a real modem holds about this much.
_CREDENTIAL_BYTES = 32768


@dataclass(frozen=True)
class Parts:
    """The parts of a board that has power."""

    uart: Uart
    air: Air
    modem: SimulatedModem
    host: AtHost


class SimulatedBoard:
    """A board of a running simulator.

    Attributes:
        name: ``simulated-1`` ...
        number: the end of its serial number; boards of other numbers are other boards, in other racks too.
        model: its kind, a name of the models.
        firmware: the name of its firmware.
        task: its firmware while it has power.
    """

    def __init__(self, settings: Settings, index: int) -> None:
        self.name = f"simulated-{index + 1}"
        self.number = settings.first_serial + index
        self.model = settings.models[index % len(settings.models)]
        self.firmware = settings.firmwares[index % len(settings.firmwares)]
        self.journal = Journal(self.name, settings.journal)
        self.identity = _make_identity(settings, self.model, index, self.number - 1)
        self.task: asyncio.Task[None] | None = None
        self._settings = settings
        self._credentials = _provision(settings)
        self._log = LogPort()
        self._parts: Parts | None = None
        self._flash: SimulatedFirmware | None = _configured(settings, self.firmware)
        self._work: Callable[[], Coroutine[Any, Any, None]]
        self._running: asyncio.Task[None] | None = None

    def power_on(self) -> str:
        """Boot; return the path of the board's pty."""
        if self._settings.log:
            self._log.open()
        parts = self._start(None)
        self.task = asyncio.create_task(self._run())
        return parts.uart.path

    def _start(self, uart: Uart | None) -> Parts:
        """Put the parts together; a line that the host has open stays."""
        parts = self._parts = self._assemble(uart)
        parts.uart.deaf = self._flash is None
        if len(self._settings.cells) > 1:
            self._travel(parts, 1)
        self._work = parts.host.run
        return parts

    async def _run(self) -> None:
        """Run what the board runs, until it loses its power: its firmware, or what is there in its place."""
        while True:
            work = self._work
            self._running = asyncio.create_task(work())
            try:
                await self._running
            except asyncio.CancelledError:
                if self._work is work:
                    raise

    def _run_instead(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        if self._running is not None:
            self._running.cancel()

    def _assemble(self, uart: Uart | None) -> Parts:
        settings = self._settings
        seed = f"{settings.seed} {self.name}"

        def report_rrc(t_ns: int, state: str) -> None:
            charge = round(radio.charge_uc, 1)
            self.journal.add("rrc", t_ns, state=state, cell=radio.cell.number, charge_uc=charge)
            modem.change_rrc_state(state)
            air.radio_changed()

        radio = SimulatedRadio(settings.cells[0], f"{seed} radio", report_rrc)
        air = Air(self.journal, settings.uplink, settings.downlink, seed, radio, settings.carrier)
        if uart is None:
            uart = Uart(self.journal, air.alarm, settings.baudrate)
            uart.open()
        else:
            uart.use_alarm(air.alarm)
        firmware = self._flash or FIRMWARES[self.firmware]
        profile = firmware.profile
        output = Output(uart, blank_line=profile.blank_line, urc_buffer=profile.urc_buffer)
        modem = SimulatedModem(
            self.identity,
            settings.registration,
            self._credentials,
            output,
            air,
            settings.behaviour,
            lambda: host.crash(),
        )
        transfer = Transfer(
            SocketTable(profile, self.journal, air),
            SecureLayer(self._credentials, self.journal, settings.key_log, gcm=modem.capabilities.gcm),
            modem,
            Names(settings.hosts),
            air,
            self.journal,
        )
        host = AtHost(
            firmware.dialect, profile, modem, transfer, uart, output, self.journal, self._log, settings.behaviour
        )
        return Parts(uart, air, modem, host)

    def _travel(self, parts: Parts, number: int) -> None:
        """Move the board into another of its cells, and into the next one later."""
        cells = self._settings.cells

        def move() -> None:
            parts.air.radio.cell = cells[number % len(cells)]
            parts.modem.change_cell()
            self._travel(parts, number + 1)

        parts.air.alarm.at(time.monotonic_ns() + round(self._settings.cell_seconds * NS_PER_S), move)

    # ---------------------------------------------------------------- what a programmer does to it

    def is_called(self, name: str) -> bool:
        """Return whether it is the board of a name or a serial number, with or without leading zeros."""
        serial = usb_device(self.model, self.number).serial
        return name == self.name or name.lstrip("0").upper() == serial.lstrip("0").upper()

    def erase(self, kind: str) -> None:
        """Lose the application, so that the board is silent from now on, or the modem firmware, so that it is dead.

        Raises:
            ValueError: the board has no power.
        """
        self.journal.add("erased", kind=kind)
        if kind != APPLICATION:
            self.parts.modem.dead = True
            return
        self.parts.uart.deaf = True
        self.parts.host.crash()
        self._flash = None

    def write(self, image: SimulatedImage) -> None:
        """Take an image: modem firmware at once, an application at the next reset.

        Raises:
            ValueError: the board has no power.
        """
        parts = self.parts
        self.journal.add("written", kind=image.kind, version=image.version)
        if image.kind == APPLICATION:
            self._flash = None if image.silent else image.application
            if image.wipes:
                self._credentials.wipe()
            return
        self.identity = replace(self.identity, model=replace(self.identity.model, modem_firmware=image.version))
        parts.host.transfer.sockets.close_all()
        parts.air.close()
        self._run_instead(self._start(parts.uart).host.run)

    def restart(self) -> None:
        """Reset the board: it starts what it has; without an application it stays silent.

        Raises:
            ValueError: the board has no power.
        """
        if self._flash is not None:
            self.parts.uart.deaf = False
            self.parts.host.load(self._flash.dialect, self._flash.profile)

    def enter_recovery(self) -> None:
        """Start the bootloader instead of the application, as with its button held: it waits for an image.

        Raises:
            ValueError: the board has no power.
        """
        from bench.simulator.recovery import Recovery  # its CBOR is there with the extra smp only

        parts = self.parts
        parts.host.crash()
        parts.uart.deaf = False

        def erase() -> None:
            self._flash = None

        def boot(image: SimulatedImage) -> None:
            self.write(image)
            self._work = parts.host.run
            parts.uart.deaf = self._flash is None
            self.restart()

        self._run_instead(Recovery(parts.uart, self.journal, erase, boot).run)

    # ---------------------------------------------------------------- what can happen to it

    @property
    def parts(self) -> Parts:
        """The parts that have power; raises ValueError when none has."""
        if self._parts is None:
            raise ValueError(f"{self.name} has no power")
        return self._parts

    def set_coverage(self, *, covered: bool) -> None:
        """Take the network out of the board's reach, or give it back.

        Raises:
            ValueError: the board has no power.
        """
        modem = self.parts.modem
        self.journal.add("coverage", covered=covered)
        modem.set_coverage(covered=covered)

    def inject_fault(self, name: str, value: object = None) -> None:
        """Let a fault happen to the board.

        That is ``deaf`` (true, false), ``restart``, ``fault`` (of the modem), ``refuse`` (an EMM cause, or none).

        Raises:
            ValueError: there is no such fault, or the board has no power.
        """
        parts = self.parts
        faults: dict[str, Callable[[], None]] = {
            "deaf": lambda: setattr(parts.uart, "deaf", value is True),
            "restart": parts.host.crash,
            "fault": parts.host.crash_modem,
            "refuse": lambda: parts.modem.refuse(value if isinstance(value, int) else None),
        }
        if name not in faults:
            raise ValueError(f"unknown fault {name!r}; available: {', '.join(faults)}")
        self.journal.add("trouble", what=name, value=value)
        faults[name]()

    def radio_states(self) -> list[tuple[int, str]]:
        """Return the radio's last changes of state: (moment in ns, state)."""
        return [] if self._parts is None else list(self._parts.air.radio.changes)

    async def power_off(self) -> None:
        """Hang up and forget everything that does not lie in flash; do nothing without power."""
        task, self.task = self.task, None
        if task is None or self._parts is None:
            return
        self._parts.uart.close()
        self._log.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        self._parts.host.transfer.sockets.close_all()
        self._parts.air.close()
        self.journal.add("power off")

    def announce(self, port: str, **more: object) -> None:
        """Print the line that says that it is ready; to standard error where a command has standard output."""
        row: dict[str, object] = {"board": self.name, "port": port, "firmware": self.firmware}
        row["model"] = self.model
        if self._log.path:
            row["log"] = self._log.path
        row |= {"address": self.identity.address, "simulated": True, **more}
        stream = sys.stderr if self._settings.command else sys.stdout
        stream.write(json.dumps(row) + "\n")
        stream.flush()


def _configured(settings: Settings, name: str) -> SimulatedFirmware:
    """Return a firmware as this build has it."""
    firmware = FIRMWARES[name]
    profile = firmware.profile
    if settings.data_mode_urc:
        profile = replace(profile, reports_flushes=True)
    if settings.terminator is not None:
        profile = replace(profile, terminator=TERMINATORS[settings.terminator])
    return replace(firmware, profile=profile)


def _provision(settings: Settings) -> CredentialStore:
    """Return the credential store with the credentials of the settings.

    Raises:
        UsageError: the modem refuses one of them.
    """
    store = CredentialStore(_CREDENTIAL_BYTES)
    for tag, kind, content in settings.credentials:
        try:
            store.write(tag, kind, content)
        except CmeError as error:
            raise UsageError(f"the credential for tag {tag} is refused: +CME ERROR: {error.number}") from error
    return store


def _make_identity(settings: Settings, name: str, index: int, rank: int) -> SimulatedIdentity:
    """Return a board's identity; each board of this host has an address of its own in 127.0.0.0/8 for the peers."""
    serial = os.getpid() * 64 + index
    own = f"127.{64 + (serial >> 16) % 64}.{(serial >> 8) % 256}.{1 + serial % 254}"
    model = MODELS[name]
    return SimulatedIdentity(
        model=replace(model, modem_firmware=settings.modem_firmware or model.modem_firmware),
        imei=f"{359404230000000 + rank:015d}",
        imsi=f"{1010000000000 + rank:015d}",
        iccid=f"{8900100000000000000 + rank:019d}",
        uuid=f"50503041-3633-4261-803d-{0x1E2B8F70111A + rank:012x}",
        address=settings.address or own,
        address6="::1",
    )
