"""The simulator as a program: boards on ptys until it is told to stop or its parent ends."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.children import when_parent_ends
from bench.errors import UsageError
from bench.simulator.board import TERMINATORS, SimulatedBoard
from bench.simulator.carrier import Carrier
from bench.simulator.control import Control
from bench.simulator.modem import Registration
from bench.simulator.namespace import enter
from bench.simulator.path import Direction
from bench.simulator.profiles import FIRMWARE, MODELS, capabilities_of
from bench.simulator.rack import Rack
from bench.simulator.rack_service import DEFAULT_CONTROL, RackService
from bench.simulator.radio import Cell
from bench.simulator.uart import BAUDRATES


@dataclass(frozen=True)
class Settings:
    """What ``nrf91-bench simulate`` was asked for."""

    count: int = 1
    models: tuple[str, ...] = ("nrf9151dk",)
    firmware: str = "slm-3.1"
    terminator: str = "crlf"
    data_mode_urc: bool = False
    link: Path | None = None
    address: str | None = None
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    registration: Registration = field(default_factory=Registration)
    uplink: Direction = field(default_factory=Direction)
    downlink: Direction = field(default_factory=Direction)
    carrier: Carrier = field(default_factory=Carrier)
    cells: tuple[Cell, ...] = (Cell(),)
    cell_seconds: float = 30.0
    baudrate: int = 0
    log: bool = False
    seed: int = 0
    journal: Path | None = None
    modem_firmware: str | None = None
    credentials: tuple[tuple[int, int, bytes], ...] = ()
    key_log: Path | None = None
    rack: bool = False
    database: bool = True
    control: Path | None = None
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count {self.count}: at least one board")
        options: tuple[tuple[str, str, Mapping[str, object]], ...] = (
            *(("--model", model, MODELS) for model in self.models),
            ("--firmware", self.firmware, FIRMWARE),
            ("--terminator", self.terminator, TERMINATORS),
        )
        for option, value, known in options:
            if value not in known:
                raise UsageError(f"{option} {value} is unknown; choose one of {', '.join(known)}")
        if self.baudrate and self.baudrate not in BAUDRATES:
            rates = ", ".join(map(str, BAUDRATES))
            raise UsageError(f"--baudrate {self.baudrate} is none of a UART's: {rates}")
        if self.modem_firmware is not None:
            capabilities_of(self.modem_firmware)
        for option, path in (("--key-log", self.key_log), ("--journal", self.journal)):
            if path is not None:
                try:
                    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
                except OSError as error:
                    raise UsageError(f"{option} {path}: {error.strerror}") from error
        if self.link is not None and not self.link.parent.is_dir():
            raise UsageError(f"--link {self.link}: there is no folder {self.link.parent}")
        if not self.rack and not self.database:
            raise UsageError("--no-database belongs to --rack")
        if self.rack and self.link is not None:
            raise UsageError("--link is of no use in a rack, whose ports are /dev/ttyACM0 and so on")
        if not self.rack and self.command:
            raise UsageError("a command belongs to --rack")
        if self.link is not None and self.count > 1:
            raise UsageError("--link names one port; with --count leave it out and read the ports from the output")
        if self.link is not None and (self.link.exists() or self.link.is_symlink()) and not self.link.is_symlink():
            raise UsageError(f"--link {self.link} exists and is no symbolic link; it will not be overwritten")


def run(settings: Settings) -> int:
    """Runs the boards until SIGINT, SIGTERM, the end of the parent or of the rack's command; returns the exit code."""
    root = enter() if settings.rack else None
    return asyncio.run(_run(settings, root))


async def _run(settings: Settings, root: Path | None) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    when_parent_ends(lambda: loop.call_soon_threadsafe(stop.set))
    async with contextlib.AsyncExitStack() as stack:
        boards = [SimulatedBoard(settings, index) for index in range(settings.count)]
        for board in boards:
            board.journal.open()
            stack.callback(board.journal.close)
            stack.push_async_callback(board.power_off)
        if root is not None:
            control = Control(settings.control or DEFAULT_CONTROL, boards)
            rack = RackService(boards, Rack(root, database=settings.database), control)
            return await rack.serve(settings.command, stop)
        if settings.control is not None:
            await stack.enter_async_context(Control(settings.control, boards).serving())
        for board in boards:
            port = board.power_on()
            if settings.link is not None:
                with contextlib.suppress(FileNotFoundError):
                    settings.link.unlink()
                settings.link.symlink_to(port)
                stack.callback(settings.link.unlink, missing_ok=True)
            board.announce(port)
        stopped = asyncio.create_task(stop.wait())
        tasks = [board.task for board in boards if board.task is not None]
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        for task in done - {stopped}:
            await task  # a firmware that ends by itself is a bug: show it
    return 0
