"""One call of a programmer: a child with a time limit, whose output is kept."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import LabError, in_words

_LOOK_S = 0.1
_KEPT_BYTES = 1 << 20
_TAIL_BYTES = 4096
_END_S = 5.0


class ProgrammerMissing(LabError):
    """A programmer could not be started: the board was not touched."""

    permanent = True


class ProgrammerFailed(LabError):
    """A programmer said that it failed, or took too long: the board may hold half an image."""


@dataclass
class ProgrammerCall:
    """A call of a programmer.

    Attributes:
        command: its command line.
        seconds: that it may take.
        log: the file that keeps what it prints, up to 1 MB.
        stopped: whether to end it early.
        pass_fds: descriptors that it inherits: the lease, so that nobody gets the board while it runs.
    """

    command: Sequence[str]
    seconds: float
    log: Path
    stopped: Callable[[], bool] = lambda: False
    pass_fds: Sequence[int] = ()
    _tail: bytes = b""
    _room: int = field(default=_KEPT_BYTES)

    def run(self) -> None:
        """Run it to its end.

        Raises:
            ProgrammerMissing: it cannot be started.
            ProgrammerFailed: it ended with another code than 0, took too long, or was ended early.
        """
        with os.fdopen(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
            log.write(f"$ {' '.join(self.command)}\n".encode())
            log.flush()
            try:
                process = subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=tuple(self.pass_fds),
                    start_new_session=True,
                )
            except OSError as error:
                raise ProgrammerMissing(f"{self.command[0]} cannot be started: {in_words(error)}") from error
            with process:
                try:
                    why = self._follow(process, log.fileno())
                finally:
                    _end(process)
        if why:
            raise ProgrammerFailed(f"{why}{self._last_words}")
        if process.returncode:
            raise ProgrammerFailed(f"{_ending(process.returncode)}{self._last_words}")

    def _follow(self, process: subprocess.Popen[bytes], log: int) -> str:
        """Keep what it prints until it has ended; return why it must be ended, empty when it has ended by itself."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        deadline = time.monotonic() + self.seconds
        speaks = True  # until it closes its output
        while True:
            ended = process.poll() is not None
            if speaks and select.select([descriptor], [], [], 0.0 if ended else _LOOK_S)[0]:
                chunk = os.read(descriptor, 65536)
                speaks = bool(chunk)
                self._keep(chunk, log)
            elif ended:
                return ""
            elif not speaks:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
            if time.monotonic() > deadline:
                return f"took longer than {self.seconds:g} s and was ended ([flash] seconds)"
            if self.stopped():
                return "was ended, because the run was interrupted"

    def _keep(self, chunk: bytes, log: int) -> None:
        os.write(log, chunk[: self._room])
        self._room = max(0, self._room - len(chunk))
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]

    @property
    def _last_words(self) -> str:
        lines = [line.strip() for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1]}" if lines else ""


def _ending(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"was ended by {name}"
    return f"failed with exit code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a programmer that still runs, and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
