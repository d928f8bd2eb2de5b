"""What the bench's link costs beside bare system calls and other libraries: AT and OK, all on one core.

Every block is a fresh client on a fresh pty with the same device. The order changes from round to round; clients in
other environments come last, for their start takes time, and what is compared should not lie far apart.
"""

import statistics
from collections.abc import Iterator, Sequence

from benchmarks.block import Block
from benchmarks.clients import Linked, Raw
from benchmarks.contestants import Contestant, Guest, guests, own
from benchmarks.core import pinned, uncollected
from benchmarks.device import device_program
from benchmarks.figure import Figure, LeftOut, Limit, Row, Unavailable, at_least, at_most, paired
from benchmarks.sizes import Sizes

SECTION = "link"
_RATE, _P50 = at_least(0.85), at_most(1.15)
_SLOW_COUNT = 20


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield rate and latency of each client."""
    near: list[Contestant | Guest] = [*own()]
    far: list[Contestant | Guest] = []
    for guest in guests(SECTION, sizes):
        if isinstance(guest, LeftOut):
            yield guest
        else:
            far.append(guest)
    found: dict[str, list[Block]] = {client.name: [] for client in (*near, *far)}
    with device_program() as program, pinned(), uncollected():
        for turn in range(sizes.rounds):
            for client in (*_turned(near, turn), *_turned(far, turn)):
                try:
                    found[client.name] += _block(client, program, sizes.transactions, turn)
                except Unavailable as error:
                    far.remove(client)
                    yield LeftOut(SECTION, client.name, str(error))
    yield from _bare(found[Raw.name])
    for client in (*near[1:], *far):
        yield from _compared(client.name, found[client.name], found[Raw.name])


def _turned(clients: Sequence[Contestant | Guest], turn: int) -> list[Contestant | Guest]:
    first = turn % len(clients) if clients else 0
    return [*clients[first:], *clients[:first]]


def _block(client: Contestant | Guest, program: str, count: int, turn: int) -> list[Block]:
    """Return the block of a round; a slow client has one of few transactions, in the first."""
    if not client.slow:
        return [client.block(program, count)]
    return [] if turn else [client.block(program, _SLOW_COUNT)]


def _bare(blocks: Sequence[Block]) -> Iterator[Figure]:
    for name, unit, values in _columns(blocks):
        yield Figure(SECTION, f"{Raw.name}, {name}", statistics.median(values), unit)


def _compared(client: str, blocks: Sequence[Block], bare: Sequence[Block]) -> Iterator[Figure]:
    limits: dict[str, Limit] = {"rate": _RATE, "p50": _P50} if client == Linked.name else {}
    for (name, unit, values), (_, _, others) in zip(_columns(blocks), _columns(bare), strict=True):
        if name in ("rate", "p50") or client == Linked.name:
            yield paired(SECTION, f"{client}, {name}", unit, values, Raw.name, others, limits.get(name))


def _columns(blocks: Sequence[Block]) -> list[tuple[str, str, list[float]]]:
    return [
        ("rate", "1/s", [block.rate for block in blocks]),
        ("p50", "us", [block.p50 for block in blocks]),
        ("p99", "us", [block.p99 for block in blocks]),
        ("CPU", "us", [block.cpu for block in blocks]),
    ]
