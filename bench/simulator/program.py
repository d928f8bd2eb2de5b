"""The simulator as a program: boards on ptys until it is told to stop or its parent ends."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.children import when_parent_ends
from bench.errors import UsageError
from bench.simulator.commands import COMMANDS
from bench.simulator.firmware import Firmware
from bench.simulator.journal import Journal
from bench.simulator.modem import Identity, Modem, Registration
from bench.simulator.names import Names
from bench.simulator.parameters import CmeError
from bench.simulator.profiles import FIRMWARE, MODELS, capabilities_of
from bench.simulator.uart import Uart

TERMINATORS = {"crlf": b"\r\n", "cr": b"\r", "lf": b"\n"}


@dataclass(frozen=True)
class Settings:
    """What ``nrf91-bench simulate`` was asked for."""

    count: int = 1
    model: str = "nrf9151dk"
    firmware: str = "slm-3.1"
    terminator: str = "crlf"
    data_mode_urc: bool = False
    link: Path | None = None
    address: str | None = None
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    registration: Registration = field(default_factory=Registration)
    journal: Path | None = None
    modem_firmware: str | None = None
    credentials: tuple[tuple[int, int, bytes], ...] = ()
    key_log: Path | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count {self.count}: at least one board")
        options: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            ("--model", self.model, MODELS),
            ("--firmware", self.firmware, FIRMWARE),
            ("--terminator", self.terminator, TERMINATORS),
        )
        for option, value, known in options:
            if value not in known:
                raise UsageError(f"{option} {value} is unknown; choose one of {', '.join(known)}")
        if self.modem_firmware is not None:
            capabilities_of(self.modem_firmware)
        if self.link is not None and self.count > 1:
            raise UsageError("--link names one port; with --count leave it out and read the ports from the output")
        if self.link is not None and (self.link.exists() or self.link.is_symlink()) and not self.link.is_symlink():
            raise UsageError(f"--link {self.link} exists and is no symbolic link; it will not be overwritten")


def run(settings: Settings) -> None:
    """Runs the boards; returns after SIGINT, SIGTERM or the end of the parent."""
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    when_parent_ends(lambda: loop.call_soon_threadsafe(stop.set))
    async with contextlib.AsyncExitStack() as stack:
        boards = [_assemble(settings, index, stack) for index in range(settings.count)]
        tasks = [asyncio.create_task(board.run()) for board in boards]
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)
        for board in boards:
            board.sockets.close_all()
        for task in done - {stopped}:
            await task  # a firmware that ends by itself is a bug: show it


def _assemble(settings: Settings, index: int, stack: contextlib.AsyncExitStack) -> Firmware:
    name = f"simulated-{index + 1}"
    journal = Journal(name, settings.journal)
    journal.open()
    stack.callback(journal.close)
    uart = Uart()
    uart.open()
    stack.callback(uart.close)
    if settings.link is not None:
        with contextlib.suppress(FileNotFoundError):
            settings.link.unlink()
        settings.link.symlink_to(uart.path)
        stack.callback(settings.link.unlink, missing_ok=True)
    identity = _identity(settings, index)
    firmware = _firmware(settings, identity, uart, journal)
    row = {"board": name, "port": uart.path, "firmware": settings.firmware, "model": settings.model}
    sys.stdout.write(json.dumps(row | {"address": identity.address, "simulated": True}) + "\n")
    sys.stdout.flush()
    return firmware


def _firmware(settings: Settings, identity: Identity, uart: Uart, journal: Journal) -> Firmware:
    held: list[Firmware] = []
    modem = Modem(identity, settings.registration, lambda line: held[0].urc(line))
    for tag, kind, content in settings.credentials:
        try:
            modem.credentials.write(tag, kind, content)
        except CmeError as error:
            raise UsageError(f"the credential for tag {tag} is refused: +CME ERROR: {error.number}") from error
    row = replace(
        FIRMWARE[settings.firmware],
        terminator=TERMINATORS[settings.terminator],
        reports_flushes=settings.data_mode_urc,
    )
    firmware = Firmware(row, COMMANDS, modem, Names(settings.hosts), uart, journal, settings.key_log)
    held.append(firmware)
    return firmware


def _identity(settings: Settings, index: int) -> Identity:
    """Every board of this host has an address of its own in 127.0.0.0/8, so that peers can tell them apart."""
    serial = os.getpid() * 64 + index
    own = f"127.{64 + (serial >> 16) % 64}.{(serial >> 8) % 256}.{1 + serial % 254}"
    model = MODELS[settings.model]
    return Identity(
        model=replace(model, modem_firmware=settings.modem_firmware or model.modem_firmware),
        imei=f"{359404230000000 + index:015d}",
        imsi=f"{1010000000000 + index:015d}",
        iccid=f"{8900100000000000000 + index:019d}",
        uuid=f"50503041-3633-4261-803d-{0x1E2B8F70111A + index:012x}",
        address=settings.address or own,
        address6="::1",
    )
