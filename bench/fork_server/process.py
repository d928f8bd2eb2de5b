"""A program that the server has forked, as whoever asked for it holds it."""

import contextlib
import os
import select
import signal
import socket
import struct
import subprocess
from collections.abc import Sequence
from typing import IO

UNTOLD = 256
"""The exit code of a program that outlived the server, which alone would have known; no program has it."""
STATUS = struct.Struct("i")
"""How the server tells the wait status of a program that has ended."""


class ForkedProcess:
    """A program that the server has forked, with the part of :class:`subprocess.Popen` that the bench uses.

    Attributes:
        pid: of the process.
        returncode: None while it runs; negative for a signal; :data:`UNTOLD` where nobody knows.
        stdin, stdout, stderr: our ends of its pipes, where there are any.
    """

    def __init__(self, pid: int, status: socket.socket, pipes: Sequence[IO[bytes] | None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = pipes
        self._status = status
        try:
            self._handle = os.pidfd_open(pid)  # the id of a process may be used again
        except ProcessLookupError:
            self._handle = -1

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None and self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and is_readable(self._status, timeout):
            told = self._status.recv(STATUS.size)
            if not told:  # the server has died; the process may run still
                if self._handle >= 0 and not is_readable(self._handle, timeout):
                    return None
                self.returncode = UNTOLD
            else:
                self.returncode = os.waitstatus_to_exitcode(STATUS.unpack(told)[0])
            self._forget()
        return self.returncode

    def _forget(self) -> None:
        self._status.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def can_hold() -> bool:
    """Return whether this system has handles of processes: Linux before 5.3 has none, nor do some containers."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def is_readable(what: "socket.socket | int", timeout: float | None) -> bool:
    """Return whether something can be read within ``timeout`` seconds; None waits for ever."""
    poll = select.poll()
    poll.register(what, select.POLLIN)
    return bool(poll.poll(None if timeout is None else 1000 * timeout))
