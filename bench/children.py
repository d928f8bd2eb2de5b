"""Child programs that die with us: each reads a pipe from its parent and ends when the pipe does.

A child is started in a session of its own, so that Ctrl-C reaches only the bench, which first restores its boards. A
SIGKILLed parent closes the pipe all the same: the kernel does it.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from bench import fork_server

ENVIRONMENT = "NRF91_BENCH_PARENT_FD"
FEW_THREADS = {"OPENBLAS_NUM_THREADS": "1"}
"""Numpy's library would start a thread for each core in each program; nothing here is large enough to gain by them.

Besides, a process with threads cannot be forked.
"""
SHORT_PATIENCE_S = 0.7
"""Seconds in which a program that holds no hardware has ended after its parent."""


class Process(Protocol):
    """A child, however it was started: what :class:`subprocess.Popen` says of it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | Any:  # noqa: ANN401 - as subprocess has it: whoever reads it knows that it has ended
        """Its exit code, negative for a signal; None until :meth:`poll` or :meth:`wait` has seen its end."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """The pipe to it, if there is one."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """The pipe from it, if there is one."""

    @property
    def stderr(self) -> IO[bytes] | None:
        """The pipe from its standard error, if there is one."""

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code; raise subprocess.TimeoutExpired while it runs."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""

    def terminate(self) -> None:
        """Send it SIGTERM."""

    def kill(self) -> None:
        """Send it SIGKILL."""


def spawn(
    command: Sequence[str],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    folder: Path | None = None,
) -> tuple[Process, int]:
    """Start a command; return the process, and the end of the pipe to close when it is no longer needed.

    A command of :func:`program` is forked if this process has a :class:`bench.fork_server.ForkServer` for its module.
    ``pass_fds`` are descriptors that it inherits, ``folder`` is its working folder.

    Raises:
        OSError: the program cannot be started.
    """
    reader, writer = os.pipe()
    full = {**FEW_THREADS, **os.environ, **(environment or {}), ENVIRONMENT: str(reader)}
    try:
        process = fork_server.fork(
            command, (stdin, stdout, stderr), full, (reader, *pass_fds), folder
        ) or subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(reader, *pass_fds),
            start_new_session=True,
            cwd=folder,
            env=full,
        )
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    return process, writer


def end(process: Process, pipe: int, *, patience: float = 5.0) -> int:
    """End a child: close its pipe, then SIGTERM, then SIGKILL. Return its exit code (negative: a signal)."""
    os.close(pipe)
    for seconds, escalate in ((patience, process.terminate), (patience, process.kill)):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            escalate()
    return process.wait()


def parent_fd() -> int | None:
    """Return the end of the pipe that our parent gave us; None without one."""
    text = os.environ.pop(ENVIRONMENT, None)
    return int(text) if text and text.isdigit() else None


def when_parent_ends(action: Callable[[], object], *, patience: float | None = None) -> None:
    """Call ``action`` in a thread when the parent is gone; do nothing without a parent's pipe.

    Args:
        action: ends this process, in order.
        patience: seconds after which it is ended by force; None never does.
    """
    descriptor = parent_fd()
    if descriptor is None:
        return
    os.set_inheritable(descriptor, False)

    def watch() -> None:
        while os.read(descriptor, 512):
            pass
        action()
        if patience is not None:
            time.sleep(patience)
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a program in order; not SIGHUP where it is ignored, as nohup has it."""
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGINT, signal.SIGTERM, *(() if outlives else (signal.SIGHUP,)))


def interrupt_self() -> None:
    """End this process as Ctrl-C would, so that everything with a lifetime is closed."""
    os.kill(os.getpid(), signal.SIGINT)


def end_without_parent(patience: float) -> None:
    """End this process when its parent is gone: as Ctrl-C would, then by force, whatever swallows the interruption.

    Args:
        patience: seconds in which everything with a lifetime should be closed.
    """
    when_parent_ends(interrupt_self, patience=patience)


def program(module: str, *arguments: str) -> list[str]:
    """Return the command line of one of the bench's own programs under this interpreter."""
    return [sys.executable, "-m", module, *arguments]
