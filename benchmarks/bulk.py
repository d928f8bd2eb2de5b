"""10 MB each way through the link and by bare system calls: in data mode, and as announced payloads of 64 kB."""

import os
import time
from collections.abc import Callable, Iterator

from benchmarks.clients import Linked, Raw
from benchmarks.core import uncollected
from benchmarks.device import device, device_program
from benchmarks.figure import Row, paired
from benchmarks.sizes import Sizes

SECTION = "bulk"
_MEGABYTE = 1 << 20
_PIECE = 65536
_Moved = tuple[float, float]
"""MB/s, and CPU ms a MB."""


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield rate and CPU time of both ways."""
    ways: dict[str, tuple[Callable[[str], _Moved], ...]] = {
        "upload": (_raw_upload, _link_upload),
        "download": (_raw_download, _link_download),
    }
    with device_program() as program, uncollected():
        for way, movers in ways.items():
            moved: list[list[_Moved]] = [[], []]
            for turn in range(sizes.rounds):
                for number in (0, 1) if turn % 2 else (1, 0):
                    moved[number].append(movers[number](program))
            for name, unit, column in ((way, "MB/s", 0), (f"{way}, CPU", "ms/MB", 1)):
                bare, link = ([each[column] for each in blocks] for blocks in moved)
                yield paired(SECTION, name, unit, link, Raw.name, bare)


def _since(began: tuple[int, int]) -> _Moved:
    """Return what ten megabytes have taken since a moment: wall and CPU time in ns."""
    wall, cpu = time.monotonic_ns() - began[0], time.process_time_ns() - began[1]
    return 10 / wall * 1e9, cpu / 1e6 / 10


def _now() -> tuple[int, int]:
    return time.monotonic_ns(), time.process_time_ns()


def _raw_upload(program: str) -> _Moved:
    client, data = Raw(), b"a" * _PIECE
    with device(program) as (path, _):
        client.open(path)
        client.transact(b"AT#SINK")
        began = _now()
        for _ in range(10 * _MEGABYTE // _PIECE):
            view = memoryview(data)
            while view:
                view = view[os.write(client.fd, view) :]
        os.write(client.fd, b"+++")
        answer = b""
        while not answer.endswith(b"0\r\n"):
            answer += os.read(client.fd, 4096)
        found = _since(began)
        client.close()
    return found


def _link_upload(program: str) -> _Moved:
    client, data = Linked(), b"a" * (10 * _MEGABYTE)
    with device(program) as (path, _):
        client.open(path)
        client.link.enter_data_mode("AT#SINK")
        began = _now()
        client.link.write(data)
        assert client.link.leave_data_mode() == 0
        found = _since(began)
        client.close()
    return found


def _raw_download(program: str) -> _Moved:
    client = Raw()
    with device(program) as (path, _):
        client.open(path)
        began = _now()
        for _ in range(10 * _MEGABYTE // _PIECE):
            os.write(client.fd, b"AT#XRECV=%d\r\n" % _PIECE)
            missing = _PIECE + len(b"\r\n#XRECV: 65536\r\n\r\nOK\r\n")
            while missing:
                missing -= len(os.read(client.fd, _PIECE))
        found = _since(began)
        client.close()
    return found


def _link_download(program: str) -> _Moved:
    client = Linked()
    with device(program) as (path, _):
        client.open(path)
        began = _now()
        for _ in range(10 * _MEGABYTE // _PIECE):
            assert len(client.command(b"AT#XRECV=%d" % _PIECE).payload or b"") == _PIECE
        found = _since(began)
        client.close()
    return found
