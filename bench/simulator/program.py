"""The simulator as a program: boards on ptys until a signal or the end of its parent."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.children import SHORT_PATIENCE_S, ending_signals, when_parent_ends
from bench.simulator.board import SimulatedBoard
from bench.simulator.control import Control
from bench.simulator.namespace import enter
from bench.simulator.rack import Rack
from bench.simulator.rack_service import DEFAULT_CONTROL, RackService
from bench.simulator.settings import Settings


def run(settings: Settings) -> int:
    """Run the boards until SIGINT, SIGTERM, the end of the parent or of the rack's command; return the exit code."""
    root = enter() if settings.rack else None
    return asyncio.run(_run(settings, root))


async def _run(settings: Settings, root: Path | None) -> int:
    stop = _stop_on_signals()
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
                stack.enter_context(_link(settings.link, port))
            board.announce(port)
        await _wait(boards, stop)
    return 0


def _stop_on_signals() -> asyncio.Event:
    """Return an event that a signal or the end of the parent sets."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in ending_signals():
        loop.add_signal_handler(number, stop.set)
    when_parent_ends(lambda: loop.call_soon_threadsafe(stop.set), patience=SHORT_PATIENCE_S)
    return stop


@contextlib.contextmanager
def _link(link: Path, port: str) -> Iterator[None]:
    """Make a symbolic link to a port, and remove it at the end."""
    link.unlink(missing_ok=True)
    link.symlink_to(port)
    try:
        yield
    finally:
        link.unlink(missing_ok=True)


async def _wait(boards: Sequence[SimulatedBoard], stop: asyncio.Event) -> None:
    """Wait for ``stop``. A firmware that ends by itself has a bug: raise its error. Without power it is cancelled."""
    stopped = asyncio.create_task(stop.wait())
    running = {board.task for board in boards if board.task is not None}
    while not stopped.done():
        done, _ = await asyncio.wait({stopped, *running}, return_when=asyncio.FIRST_COMPLETED)
        running -= done
        for task in done - {stopped}:
            if not task.cancelled():
                await task
