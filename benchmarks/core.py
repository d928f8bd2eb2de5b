"""The conditions of what is timed: one core, no garbage collection."""

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile, as the fixtures do in what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Do all work on the last core; idle loops keep the others awake, so that no wake-up waits for a sleeping one."""
    before = os.sched_getaffinity(0)
    *others, last = sorted(before)
    idle = f"import os; os.nice(19)\nwhile os.getppid() == {os.getpid()}: pass"
    loops = [subprocess.Popen([sys.executable, "-c", idle]) for _ in others]
    for loop, core in zip(loops, others, strict=True):
        os.sched_setaffinity(loop.pid, {core})
    os.sched_setaffinity(0, {last})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        for loop in loops:
            loop.kill()
            loop.wait()
