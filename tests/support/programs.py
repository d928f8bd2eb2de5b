"""Starts the bench's programs for tests, and ends them."""

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from bench import children

_PATIENCE_S = 60.0


@contextlib.contextmanager
def simulator(*arguments: str) -> Iterator[list[dict[str, str]]]:
    """A running ``nrf91-bench simulate``; yields the JSON lines of its boards."""
    count = int(arguments[arguments.index("--count") + 1]) if "--count" in arguments else 1
    process, pipe = children.spawn(
        children.program("bench.cli", "simulate", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    with process.stdout, process.stderr:
        try:
            lines = [process.stdout.readline() for _ in range(count)]
            assert all(lines), process.stderr.read().decode()
            yield [json.loads(line) for line in lines]
        finally:
            code = children.end(process, pipe)
        errors = process.stderr.read().decode()
        assert (code, errors) == (0, "")


def line_with(process: "subprocess.Popen[str]", *words: str) -> str:
    """The next line of a program that has all the words; one that does not come ends the program."""
    assert process.stdout
    lines = []
    patience = threading.Timer(_PATIENCE_S, process.kill)
    patience.start()
    try:
        for line in process.stdout:
            if all(word in line for word in words):
                return line
            lines.append(line)
    finally:
        patience.cancel()
    raise AssertionError(f"no line with {words}, but {lines}")


@contextlib.contextmanager
def control_socket() -> Iterator[Path]:
    """A path for a simulator's control socket: short, for a UNIX socket's may not be long."""
    with tempfile.TemporaryDirectory(prefix="nrf91-") as folder:
        yield Path(folder) / "control"
