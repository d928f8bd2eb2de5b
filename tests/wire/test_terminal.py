"""The console: its fate is no reason to stop, and nothing that is written there is obeyed."""

import contextlib
import io
import os
import threading
from collections.abc import Iterator

import pytest
from rich.table import Table
from rich.text import Text

from bench.cli.terminal import Outlet, VisibleConsole, outlet_of
from tests.support.hostile import HOSTILE, is_plain


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        for descriptor in (reader, writer):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def test_a_reader_that_goes_is_no_error() -> None:
    with pipe() as (reader, writer):
        stream = io.TextIOWrapper(io.BufferedWriter(Outlet(writer)), line_buffering=True)
        stream.write("one\n")
        assert os.read(reader, 100) == b"one\n"
        os.close(reader)
        for _ in range(3):
            stream.write("two\n")
        outlet = outlet_of(stream)
        assert outlet is not None
        assert outlet.lost
        assert not outlet.isatty()
        stream.close()


@pytest.mark.parametrize("path", ["/dev/full"])
def test_a_full_disk_is_no_error(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        outlet = Outlet(descriptor)
        assert outlet.write(b"one\n") == 4
        assert outlet.lost
    finally:
        os.close(descriptor)


def test_a_descriptor_that_was_closed_is_no_error() -> None:
    with pipe() as (_, writer):
        os.close(writer)
        outlet = Outlet(writer)
        assert outlet.write(b"one\n") == 4


def test_a_reader_that_does_not_read_is_waited_for_once() -> None:
    with pipe() as (reader, writer):
        outlet = Outlet(writer)
        outlet.patience = 0.05
        for _ in range(64):
            assert outlet.write(b"x" * 4096) == 4096
        assert not outlet.lost
        os.read(reader, 1 << 20)
        assert outlet.write(b"read again\n") == 11
        assert os.read(reader, 100) == b"read again\n"


def test_a_pager_is_waited_for() -> None:
    with pipe() as (reader, writer):
        read: list[bytes] = []

        def page() -> None:
            while sum(map(len, read)) < 1 << 20:
                read.append(os.read(reader, 4096))

        thread = threading.Thread(target=page)
        thread.start()
        Outlet(writer).write(b"x" * (1 << 20))
        thread.join(10)
        assert sum(map(len, read)) == 1 << 20


@pytest.mark.parametrize("text", HOSTILE)
def test_rich_prints_it_as_text(text: str) -> None:
    shown = io.StringIO()
    console = VisibleConsole(file=shown, force_terminal=True, color_system=None, width=200)
    table = Table("name")
    table.add_row(text)
    for renderable in (text, Text(text), table, f"[bold]{text}[/bold]"):
        console.print(renderable)
    assert is_plain(shown.getvalue())
    assert "[bold]" in shown.getvalue(), "no text is markup"
