"""A person at a terminal: types on a pty that is the controlling terminal of one of the bench's programs."""

import contextlib
import os
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

_PATIENCE_S = 60.0
# So that Ctrl-C reaches it as a signal while it does not read keys.
_PROGRAM = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from bench.cli import main; main()"
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
ENTER, CTRL_C, CTRL_D, UP = "\r", "\x03", "\x04", "\x1b[A"


class TypedProgram:
    """``seen`` is all that the terminal showed, without what moves its cursor."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.master = master
        self.raw = b""
        self._read = 0

    @property
    def seen(self) -> str:
        return _CONTROL.sub(b"", self.raw).decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, text: str) -> str:
        """Waits for a text behind what earlier calls have found; returns what stands before it."""
        deadline = time.monotonic() + _PATIENCE_S
        while text not in self.seen[self._read :]:
            assert time.monotonic() < deadline, f"no {text!r} in {self.seen}"
            assert self._more(), f"ended without {text!r}: {self.seen}"
        start = self._read
        self._read = self.seen.index(text, start) + len(text)
        return self.seen[start : self._read]

    def end(self) -> int:
        """Waits for its end; returns its exit code."""
        deadline = time.monotonic() + _PATIENCE_S
        while self._more():
            assert time.monotonic() < deadline, f"does not end: {self.seen}"
        return self.process.wait(_PATIENCE_S)

    def hang_up(self) -> None:
        """Closes the terminal's window."""
        os.close(self.master)
        self.master = -1

    def _more(self) -> bool:
        if not select.select([self.master], [], [], 0.1)[0]:
            return True
        try:
            chunk = os.read(self.master, 65536)
        except OSError:  # nobody has the other side any more
            return False
        self.raw += chunk
        return bool(chunk)


@contextlib.contextmanager
def typed(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, columns: int = 200
) -> Iterator[TypedProgram]:
    """A running ``nrf91-bench`` at a terminal."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (50, columns))
    settings = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **(environment or {})}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdin=slave, stdout=slave, stderr=slave, cwd=folder, env={**os.environ, **settings}, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    terminal = TypedProgram(process, master)
    try:
        yield terminal
    finally:
        process.kill()
        process.wait()
        if terminal.master >= 0:
            terminal.hang_up()
