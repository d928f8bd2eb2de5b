"""The second serial port of a simulated board: the firmware's log, as Zephyr prints it. Lost if nobody reads."""

import contextlib
import os
import time
import tty

_BANNER = "*** Booting nRF Connect SDK v3.1.0-simulated ***\r\n*** Using Zephyr OS v4.1.99-simulated ***\r\n"


class LogPort:
    """A pty that is only written to."""

    def __init__(self) -> None:
        self.path = ""
        self._master = self._slave = -1
        self._booted_ns = 0

    def open(self) -> None:
        """Make the pty."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)

    def close(self) -> None:
        """Hang up."""
        if self._master >= 0:
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    def start_clock(self) -> None:
        """Print the boot banner and count time from now, as the firmware does when it starts."""
        self._booted_ns = time.monotonic_ns()
        self._write(_BANNER)

    def say(self, level: str, module: str, text: str) -> None:
        """Print a line such as ``[00:00:01.234,567] <inf> slm_at_host: text``."""
        micros = (time.monotonic_ns() - self._booted_ns) // 1000
        seconds, micros = divmod(micros, 1_000_000)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        self._write(f"[{clock}.{micros // 1000:03d},{micros % 1000:03d}] <{level}> {module}: {text}\r\n")

    def _write(self, text: str) -> None:
        if self._master >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, text.encode())
