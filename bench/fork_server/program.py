"""The program that a copy of the server becomes: what ``python -m`` does, in an interpreter that runs already."""

import atexit
import contextlib
import fcntl
import io
import os
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from typing import Any

import setproctitle

from bench.fork_server.start import Start


def place_descriptors(own: Sequence[int], numbers: Sequence[int], other: int) -> int:
    """Give descriptors their numbers, for the program and what it starts; return the new number of the other one."""
    free = max(numbers) + 1  # no higher than needed: a process may be allowed few descriptors
    moved = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, free) for number in (*own, other)]
    for number in (*own, other):
        os.close(number)
    for source, number in zip(moved, numbers, strict=False):
        os.dup2(source, number)
        os.close(source)
    return moved[-1]


def reset_signals() -> None:
    """Let signals do what they do in a new program: what is ignored stays ignored, and there are no handlers."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def run(start: Start) -> int:
    """Run a module as ``python -m`` does; return the exit code."""
    code: Any = 0
    try:
        runpy.run_module(start.module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:  # noqa: BLE001 - the last to see it
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any program: other threads finish
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code or 0


def prepare(start: Start) -> None:
    """Set what a new interpreter finds: title, folder, environment, standard streams, path and arguments."""
    setproctitle.setproctitle(start.title)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    sys.excepthook = sys.__excepthook__
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _writer(1, "surrogateescape")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _writer(2, "backslashreplace")  # type: ignore[misc]
    if not sys.flags.safe_path:
        sys.path[0] = start.folder
    sys.argv = ["", *start.arguments]


def _writer(descriptor: int, errors: str) -> io.TextIOWrapper:
    return os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)
