"""A block: a fresh client on a fresh port sends AT and waits for OK, again and again.

Imports only what Python has: it also runs in the environments of other libraries.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.clients import Client, Linked
from benchmarks.device import connected

_WARM_UP = 200


@dataclass(frozen=True)
class Block:
    """What one block showed: transactions per second, p50, p99 and CPU time of one, in µs."""

    rate: float
    p50: float
    p99: float
    cpu: float


def run_block(program: str, make: Callable[[], Client], count: int) -> Block:
    """Return what ``count`` transactions show."""
    with connected(program, make) as client:
        transact: Callable[[bytes], object] = client.command if isinstance(client, Linked) else client.transact
        for _ in range(min(_WARM_UP, count)):
            transact(b"AT")
        taken = []
        began, cpu = time.monotonic_ns(), time.process_time_ns()
        for _ in range(count):
            started = time.monotonic_ns()
            transact(b"AT")
            taken.append(time.monotonic_ns() - started)
        wall, cpu = time.monotonic_ns() - began, time.process_time_ns() - cpu
    taken.sort()
    return Block(count / wall * 1e9, taken[count // 2] / 1e3, taken[int(count * 0.99)] / 1e3, cpu / count / 1e3)
