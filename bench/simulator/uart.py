"""The simulated board's serial port: the master side of a pseudo-terminal."""

import asyncio
import contextlib
import os
import tty

# What the firmware's UART driver and ring buffers hold before input waits in the pty.
_INPUT_LIMIT = 16384
# Output that nobody reads is dropped beyond this, as on a UART without a listener.
_OUTPUT_LIMIT = 1 << 20


class Uart:
    """A pty whose slave end a client opens like a serial port. Opens in ``open``, not in the constructor."""

    def __init__(self) -> None:
        self.path = ""
        self._master = -1
        self._slave = -1
        self._input = bytearray()
        self._output = bytearray()
        self._arrived = asyncio.Event()
        self._writing = False
        self._reading = False

    def open(self) -> None:
        """Makes the pty and begins to listen."""
        self._master, self._slave = os.openpty()
        # Held open, so that clients may come and go without a hang-up.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._listen()

    def close(self) -> None:
        """Hangs up: whoever has the port open sees it vanish."""
        if self._master >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    async def receive(self, timeout: float | None = None) -> bytes:
        """All bytes that have come, at least one; empty when ``timeout`` seconds have passed."""
        if not self._input:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return b""
        data = bytes(self._input)
        self._input.clear()
        self._listen()
        return data

    def push_back(self, data: bytes) -> None:
        """Returns bytes that belong to what comes next."""
        self._input[:0] = data

    def send(self, data: bytes) -> None:
        """Sends bytes to the client."""
        if len(self._output) + len(data) <= _OUTPUT_LIMIT:
            self._output += data
            self._write()

    def _listen(self) -> None:
        if not self._reading and self._master >= 0:
            self._reading = True
            asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._input += os.read(self._master, 4096)
        self._arrived.set()
        if len(self._input) >= _INPUT_LIMIT:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self._master)

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
