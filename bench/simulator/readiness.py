"""Waiting for real sockets without blocking the other boards of the process."""

import asyncio
import os
from collections.abc import Iterable
from typing import Protocol

from bench.simulator.air_socket import AirSocket


class Readable(Protocol):
    """An object with a descriptor that becomes readable."""

    def fileno(self) -> int:
        """Return the descriptor."""


async def wait_readable(sockets: Iterable[Readable], timeout: float | None) -> bool:
    """Return whether one of the sockets became readable within ``timeout`` seconds.

    Data, a connection, an end and an error all count. Several may wait for one socket at the same time: each watches a
    descriptor of its own, because an event loop knows one reader a descriptor.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    watched = [os.dup(each.fileno()) for each in sockets]
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
            os.close(descriptor)
    return True


async def send_all(stream: AirSocket, data: bytes, timeout: float | None) -> int:
    """Send a stream's data; return how many bytes were taken before an error or the timeout."""
    sent = 0
    while sent < len(data):
        try:
            sent += stream.send(data[sent:])
            continue
        except BlockingIOError:
            pass
        except OSError:
            break
        try:
            async with asyncio.timeout(timeout):
                await stream.writable()
        except TimeoutError:
            break
    return sent
