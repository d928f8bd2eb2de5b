"""The serial port of a simulated board: the master side of a pseudo-terminal, paced like a UART on request."""

import asyncio
import contextlib
import functools
import os
import termios
import time
import tty

from bench.clock import NS_PER_S
from bench.simulator.alarm import Alarm
from bench.simulator.journal import Journal

# The bytes that the firmware's UART driver and ring buffers hold before input waits in the pty.
_INPUT_LIMIT = 16384
# More unread output than this is dropped, as on a UART without a listener.
_OUTPUT_LIMIT = 1 << 20
# A paced line hands over pieces, each when its last bit is through: USB packets to the client, and the firmware's
# receive buffers to the board.
_PIECE_OUT, _PIECE_IN = 64, 256
_BITS_A_BYTE = 10  # 8N1: a start bit and a stop bit
# The bytes that a receiver of another rate sees: anything but what was sent.
_GARBLED = bytes(0x80 | (0xA5 ^ value) for value in range(256))

BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1_000_000)


class Uart:
    """A pty whose slave end a client opens like a serial port. ``open`` opens it, not the constructor."""

    def __init__(self, journal: Journal, alarm: Alarm, baudrate: int = 0) -> None:
        """Args: baudrate: rate of the board's end; 0 for a line that takes no time and knows no rate."""
        self.path = ""
        self._journal = journal
        self._alarm = alarm
        self._boot_baudrate = self._baudrate = baudrate
        self._busy_in_ns = self._busy_out_ns = 0
        self._coming = 0
        self._master = -1
        self._slave = -1
        self._input = bytearray()
        self._output = bytearray()
        self._arrived = asyncio.Event()
        self._writing = False
        self._reading = False
        self.deaf = False
        """True for a board that hangs, or whose UART sleeps: nothing comes in and nothing goes out."""

    def open(self) -> None:
        """Make the pty and begin to listen."""
        self._master, self._slave = os.openpty()
        # Held open, so that clients may come and go without a hang-up.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._listen()

    def use_alarm(self, alarm: Alarm) -> None:
        """Pace the line by another alarm from now on."""
        self._alarm = alarm

    def close(self) -> None:
        """Hang up: a client that has the port open sees it vanish."""
        if self._master >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    @property
    def baudrate(self) -> int:
        """The rate of the board's end; 0 for a line that knows no rate."""
        return self._baudrate

    def change_rate(self, baudrate: int) -> None:
        """Go on at another rate; a line that knows no rate stays one."""
        if self._baudrate:
            self._baudrate = baudrate

    def restore_rate(self) -> None:
        """Go back to the rate of a boot."""
        self._baudrate = self._boot_baudrate

    async def receive(self, timeout: float | None = None) -> bytes:
        """Return all bytes that have come, at least one; none when ``timeout`` seconds have passed."""
        if not self._input:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return b""
        data = bytes(self._input)
        self._input.clear()
        self._listen_unless_full()
        return data

    def drop_input(self) -> None:
        """Forget what has come."""
        self._input.clear()
        self._listen_unless_full()

    def wake(self) -> None:
        """Make :meth:`receive` return now, with nothing."""
        self._arrived.set()

    def push_back(self, data: bytes) -> None:
        """Take back bytes that belong to the next input."""
        self._input[:0] = data

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        if not self._baudrate:
            self._put_out(data)
            return
        if not self._same_rate():
            data = data.translate(_GARBLED)
        for start in range(0, len(data), _PIECE_OUT):
            piece = data[start : start + _PIECE_OUT]
            self._busy_out_ns = self._through(self._busy_out_ns, len(piece))
            self._alarm.at(self._busy_out_ns, functools.partial(self._put_out, piece))

    def _put_out(self, data: bytes) -> None:
        if len(self._output) + len(data) <= _OUTPUT_LIMIT and not self.deaf:
            stamp = time.monotonic_ns()
            self._output += data
            self._write()
            self._journal.add("uart out", stamp, bytes=len(data))

    def _through(self, busy_ns: int, size: int) -> int:
        """Return when the last bit of ``size`` bytes has passed a line that is busy until ``busy_ns``."""
        return max(busy_ns, time.monotonic_ns()) + size * _BITS_A_BYTE * NS_PER_S // self._baudrate

    def _same_rate(self) -> bool:
        """Return whether the client has set the board's rate; a pty has no rate, but keeps the setting."""
        speed: int = termios.tcgetattr(self._slave)[5]
        wanted: int = getattr(termios, f"B{self._baudrate}")
        return speed == wanted

    def _listen(self) -> None:
        if not self._reading and self._master >= 0:
            self._reading = True
            asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._master, 4096)
            if self._baudrate:
                self._come_in(data)
            else:
                self._take_in(data)
        if len(self._input) + self._coming >= _INPUT_LIMIT:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self._master)

    def _come_in(self, data: bytes) -> None:
        if not self._same_rate():
            data = data.translate(_GARBLED)
        self._coming += len(data)
        for start in range(0, len(data), _PIECE_IN):
            piece = data[start : start + _PIECE_IN]
            self._busy_in_ns = self._through(self._busy_in_ns, len(piece))
            self._alarm.at(self._busy_in_ns, functools.partial(self._came_in, piece))

    def _came_in(self, data: bytes) -> None:
        self._coming -= len(data)
        self._take_in(data)
        self._listen_unless_full()

    def _take_in(self, data: bytes) -> None:
        if self.deaf:
            return
        self._journal.add("uart in", bytes=len(data))
        self._input += data
        self._arrived.set()

    def _listen_unless_full(self) -> None:
        if len(self._input) + self._coming < _INPUT_LIMIT:
            self._listen()

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(BlockingIOError):
            written = os.write(self._master, self._output) if self._master >= 0 else len(self._output)
            del self._output[:written]
        if self._output and not self._writing:
            loop.add_writer(self._master, self._write)
            self._writing = True
        elif not self._output and self._writing:
            loop.remove_writer(self._master)
            self._writing = False
