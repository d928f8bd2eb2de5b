"""How far durations of the link, and of bare system calls, are from the device's own clock."""

import statistics
from collections.abc import Iterator

from benchmarks.clients import Linked, Raw, TimedClient
from benchmarks.core import uncollected
from benchmarks.device import device, device_program
from benchmarks.figure import Row, paired
from benchmarks.sizes import Sizes

SECTION = "stamps"
_WARM_UP = 20
_DELAYS = ((1000, 200), (10_000, 100), (50_000, 40))  # us, and how often


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield the error of each delay: p50 and p99."""
    rounds = max(1, sizes.rounds // 2)
    with device_program() as program, uncollected():
        for delay, count in _DELAYS:
            errors: dict[type[TimedClient], list[list[int]]] = {Raw: [], Linked: []}
            for turn in range(rounds):
                for make in (Raw, Linked)[:: 1 if turn % 2 else -1]:
                    errors[make].append(_errors(program, make, b"AT#DELAY=%d" % delay, count))
            for name, part in (("p50", 0.5), ("p99", 0.99)):
                bare, link = ([_quantile(block, part) for block in errors[make]] for make in (Raw, Linked))
                yield paired(SECTION, f"error after {delay // 1000} ms, {name}", "us", link, Raw.name, bare)


def _errors(program: str, make: type[TimedClient], command: bytes, count: int) -> list[int]:
    client = make()
    with device(program) as (path, process):
        assert process.stdin
        assert process.stdout
        client.open(path)
        for _ in range(_WARM_UP):
            client.timed(b"AT")
        measured = [client.timed(command) for _ in range(count)]
        process.stdin.close()
        truth = [tuple(map(int, line.split())) for line in process.stdout][_WARM_UP:]
        client.close()
    return [mine - (written - read) for mine, (read, written) in zip(measured, truth, strict=True)]


def _quantile(errors: list[int], part: float) -> float:
    """Return a quantile in us."""
    return (statistics.median(errors) if part == 0.5 else sorted(errors)[int(len(errors) * part)]) / 1000
