"""The device at the other end of a pty: a program in C, which answers AT commands as fast as it can."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figure import Unavailable

if TYPE_CHECKING:
    from benchmarks.clients import Client


@contextlib.contextmanager
def device_program() -> Iterator[str]:
    """Compile it, for as long as it is entered.

    Raises:
        Unavailable: there is no C compiler; says what to install.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Unavailable("the device is written in C: install a C compiler (Debian: apt-get install gcc libc6-dev)")
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/responder"
        subprocess.run([compiler, "-O2", "-o", program, str(Path(__file__).with_name("responder.c"))], check=True)
        yield program


@contextlib.contextmanager
def device(program: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start one; yield its port and its process."""
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    with process.stdin, process.stdout:
        yield process.stdout.readline().strip(), process
    process.wait(10)


@contextlib.contextmanager
def connected(program: str, make: "Callable[[], Client]") -> Iterator["Client"]:
    """Connect a fresh client with a fresh device."""
    with device(program) as (path, _):
        client = make()
        client.open(path)
        try:
            yield client
        finally:
            client.close()
