"""The terminal, or whatever stands in its place: what is written there is visible, and its fate ends nothing.

A reader may go (``| head -1``), a disk may be full (``> /dev/full``), a terminal may hang up. A command goes on and
ends with the exit code of what it did.
"""

import io
import os
import select
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bench.visible import visible, visible_line

_STANDARD = (0, 1, 2)


class Outlet(io.RawIOBase):
    """A descriptor that is written to for as long as somebody takes it.

    Attributes:
        lost: nobody does any more.
        patience: seconds to wait for a reader who does not read, before a piece is dropped; None waits for ever, as a
            pager needs it.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.lost = False
        self.patience: float | None = None
        self._descriptor = descriptor
        self._stuck = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return not self.lost and os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        """Write, or drop what cannot be written."""
        view = memoryview(data).cast("B")
        taken = 0
        while taken < len(view) and not self.lost and self._is_ready():
            try:
                taken += os.write(self._descriptor, view[taken : taken + select.PIPE_BUF])
            except BlockingIOError:
                continue
            except OSError:
                self.lost = True
        return len(view)

    def is_gone(self) -> bool:
        """Return whether nobody reads any more; found out without writing."""
        if not self.lost:
            poll = select.poll()
            poll.register(self._descriptor, 0)  # for POLLERR and POLLHUP, which always count
            self.lost = bool(poll.poll(0))
        return self.lost

    def _is_ready(self) -> bool:
        patience = 0.0 if self._stuck and self.patience is not None else self.patience
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        self._stuck = not poll.poll(None if patience is None else 1000 * patience)
        return not self._stuck


def install() -> None:
    """Replace standard output and standard error of this process. A descriptor that is closed becomes /dev/null.

    Otherwise the next file that is opened would be standard output.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
    if sys.stdout is sys.__stdout__:  # else somebody has put another stream there, and takes what it gets
        sys.stdout = _stream(1)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2)


def _stream(descriptor: int) -> TextIO:
    buffered = io.BufferedWriter(Outlet(descriptor))
    return io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def outlet_of(stream: TextIO) -> Outlet | None:
    """Return the outlet of a stream that :func:`install` made."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Outlet) else None


def is_gone() -> bool:
    """Return whether nobody takes the standard output any more: the end for what only shows something."""
    outlet = outlet_of(sys.stdout)
    return outlet is not None and outlet.is_gone()


def be_patient(seconds: float) -> None:
    """Limit the time to wait for a reader who does not read; for commands that do more than print."""
    for stream in (sys.stdout, sys.stderr):
        outlet = outlet_of(stream)
        if outlet is not None:
            outlet.patience = seconds


def terminal_width() -> int | None:
    """Return the columns of the terminal that takes the standard output; None where it is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def say(line: str, *, error: bool = False) -> None:
    """Write one line, whatever it holds, to the standard output, or to the standard error."""
    say_lines(visible_line(line), error=error)


def say_lines(text: str, *, error: bool = False) -> None:
    """Write a text of several lines."""
    stream = sys.stderr if error else sys.stdout
    stream.write(f"{visible(text)}\n")
    stream.flush()


def short_path(path: Path) -> str:
    """Return a path relative to the working folder, where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class VisibleConsole(Console):
    """Rich's console; control characters in texts are spelt out."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - Rich's
        super().__init__(highlight=False, markup=False, **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of what is printed, their texts visible."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
