"""Waiting for real sockets without blocking the other boards of the process."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from bench.simulator.air_socket import AirSocket


class Readable(Protocol):
    """Whatever has a descriptor that becomes readable."""

    def fileno(self) -> int:
        """The descriptor."""


async def wait_readable(sockets: Iterable[Readable], timeout: float | None) -> bool:
    """Whether one of the sockets became readable (data, a connection, an end, an error) within ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    watched = [host.fileno() for host in sockets]
    for descriptor in watched:
        loop.add_reader(descriptor, ready.set)
    try:
        async with asyncio.timeout(timeout):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        for descriptor in watched:
            loop.remove_reader(descriptor)
    return True


async def send_all(host: AirSocket, data: bytes, timeout: float | None) -> int:
    """Sends a stream's data; returns how much was taken before an error or the timeout."""
    sent = 0
    while sent < len(data):
        try:
            sent += host.send(data[sent:])
            continue
        except BlockingIOError:
            pass
        except OSError:
            break
        try:
            async with asyncio.timeout(timeout):
                await host.writable()
        except TimeoutError:
            break
    return sent
