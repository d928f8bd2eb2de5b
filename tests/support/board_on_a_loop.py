"""A simulated board on a test's own event loop, and the host's end of its pty."""

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ParamSpec

from bench.simulator import Settings
from bench.simulator.board import SimulatedBoard
from bench.simulator.radio import Cell

PATIENCE_S = 20.0
"""Far more than anything takes; a test that waits so long has failed."""

P = ParamSpec("P")


def on_a_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a test on an event loop of its own."""

    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def wait() -> None:
            await test(*args, **kwargs)

        asyncio.run(wait())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    run.__wrapped__ = test  # type: ignore[attr-defined] # pytest reads its parameters
    return run


class Host:
    """The host's end of a board's port."""

    def __init__(self, board: SimulatedBoard, path: str) -> None:
        self.board = board
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._fd)
        self._heard = b""
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def set_rate(self, speed: int) -> None:
        """Set the rate of this end, such as ``termios.B115200``."""
        settings = termios.tcgetattr(self._fd)
        settings[4] = settings[5] = speed
        termios.tcsetattr(self._fd, termios.TCSANOW, settings)

    def _read(self) -> None:
        self._heard += os.read(self._fd, 65536)
        self._more.set()

    async def write(self, data: bytes) -> None:
        """Write all of the data, which a pty takes in pieces."""
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    async def read(self, size: int) -> bytes:
        """Return at least ``size`` bytes: all that have come by then."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self._heard) < size:
                self._more.clear()
                await self._more.wait()
        heard, self._heard = self._heard, b""
        return heard

    async def expect(self, wanted: bytes) -> None:
        """Wait for exactly these bytes; what comes behind them is for the next call."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while len(self._heard) < len(wanted):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            pass
        heard, self._heard = self._heard[: len(wanted)], self._heard[len(wanted) :]
        assert heard == wanted

    async def exchange(self, command: bytes, answer: bytes) -> None:
        """Send a command and wait for exactly this answer."""
        await self.write(command)
        await self.expect(answer)

    async def read_to(self, end: bytes) -> bytes:
        """Return what comes up to bytes that end it."""
        heard = b""
        while not heard.endswith(end):
            heard += await self.read(1)
        return heard

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is true of the board."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.001)

    async def busy(self) -> None:
        """Wait until the board runs a command, or holds URCs back for another reason."""
        await self.until(lambda: not self.board.parts.host.output.idle)

    async def rest(self, seconds: float = 0.02) -> bytes:
        """Return what has come unasked after a moment."""
        await asyncio.sleep(seconds)
        heard, self._heard = self._heard, b""
        return heard


@contextlib.asynccontextmanager
async def board_on_a_loop(
    *,
    firmware: str,
    boot: bytes = b"Ready\r\n",
    **settings: Any,  # noqa: ANN401 - of Settings
) -> AsyncIterator[tuple[SimulatedBoard, Host]]:
    """A board that is ready, with this firmware, which says ``boot`` then, and these settings."""
    board = SimulatedBoard(Settings(firmwares=(firmware,), cells=(Cell(setup=0),), **settings), 0)
    host = Host(board, board.power_on())
    if "baudrate" in settings:
        host.set_rate(getattr(termios, f"B{settings['baudrate']}"))
    try:
        await host.expect(boot)
        yield board, host
    finally:
        host.close()
        await board.power_off()
