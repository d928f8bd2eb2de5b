"""How many of three answers each client gets right: a payload with OK in it, the one after it, one among URCs."""

from collections.abc import Iterator

from benchmarks.contestants import Contestant, Guest, guests, own
from benchmarks.device import device_program
from benchmarks.figure import Figure, LeftOut, Row, Unavailable
from benchmarks.sizes import Sizes
from benchmarks.traps import COUNT

SECTION = "answers"


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield a figure for each client."""
    with device_program() as program:
        for client in (*own(), *guests(SECTION, sizes)):
            yield client if isinstance(client, LeftOut) else _trapped(client, program)


def _trapped(client: Contestant | Guest, program: str) -> Row:
    try:
        right = client.traps(program)
    except Unavailable as error:
        return LeftOut(SECTION, client.name, str(error))
    return Figure(SECTION, client.name, right, "right", f"{COUNT} answers", right / COUNT)
