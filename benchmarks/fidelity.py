"""How true the parts of a round trip are, measured through the link and by bare system calls.

A simulated board whose network delays each way by 1, 10 and 50 ms with jitter keeps the truth of each datagram in its
journal. Two clients measure the same, in alternating blocks of one run: the bench's link, and bare ``os.write`` and
``os.read``. The error of a part is what was measured minus what the journal says; pty and loopback are in it for both.
"""

import itertools
import json
import os
import statistics
import subprocess
import tempfile
import tty
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import children
from bench.at import AtLink, Response
from bench.clock import now_ns
from bench.measure import Exchange, take_apart
from bench.peers import Peer, Peers
from benchmarks.figure import Row, paired
from benchmarks.sizes import Sizes

SECTION = "fidelity"
ROUNDS = 3
PARTS = ("accepted", "uplink", "downlink")
Transact = Callable[[bytes], Response]


def raw_client(path: str) -> tuple[Transact, Callable[[], None]]:
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(descriptor)

    def transact(command: bytes) -> Response:
        sent = now_ns()
        os.write(descriptor, command + b"\r\n")
        answer = os.read(descriptor, 4096)
        first = final = now_ns()
        while not answer.endswith(b"OK\r\n"):
            answer += os.read(descriptor, 4096)
            final = now_ns()
        return Response("", (), None, "OK", sent, first, final)

    return transact, lambda: os.close(descriptor)


def link_client(path: str) -> tuple[Transact, Callable[[], None]]:
    link = AtLink.open(path)
    return link.command, link.close


CLIENTS = {"raw": raw_client, "link": link_client}


def exchanges(transact: Transact, peer: Peer, count: int, numbers: "itertools.count[int]") -> list[Exchange]:
    transact(b"AT#XSOCKET=1,2,0")
    done = []
    for _ in range(count):
        data = b"%07d " % next(numbers) + b"." * 56
        sent = transact(b'AT#XSENDTO="%s",%d,"%s"' % (peer.host.encode(), peer.port, data))
        done.append(Exchange(sent, transact(b"AT#XRECVFROM=10"), data))
    transact(b"AT#XSOCKET=0")
    return done


def truths(journal: Path, count: int) -> list[dict[str, int]]:
    """Of the last ``count`` exchanges; the socket's opening and closing are the first and last command of the block."""
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    moments = {name: [row["t_ns"] for row in rows if row["event"] == name] for name in ("left", "arrived")}
    uart = {way: [row["t_ns"] for row in rows if row["event"] == f"uart {way}"] for way in ("in", "out")}
    commands = 2 * count + 2
    came, went = (uart[way][-commands:][1:-1] for way in ("in", "out"))
    left, arrived = (moments[name][-count:] for name in ("left", "arrived"))
    return [
        {
            "accepted": went[2 * i] - came[2 * i],
            "uplink": left[i] - came[2 * i],
            "downlink": went[2 * i + 1] - arrived[i],
        }
        for i in range(count)
    ]


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield the error of each part at each delay: p50 and p99."""
    for delay in (1, 10, 50):
        errors = _errors(delay, sizes.samples, ROUNDS)
        for part in PARTS:
            bare, link = (errors[name][part] for name in ("raw", "link"))
            for name, of in (("p50", statistics.median), ("p99", quantile99)):
                mine, theirs = of(link) / 1000, of(bare) / 1000
                yield paired(
                    SECTION, f"error of {part} after {delay} ms, {name}", "us", [mine], "raw os.write/os.read", [theirs]
                )


def _errors(delay: int, samples: int, rounds: int) -> dict[str, dict[str, list[int]]]:
    """The errors in ns: client, part, one a sample."""
    errors: dict[str, dict[str, list[int]]] = {name: {part: [] for part in PARTS} for name in CLIENTS}
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, Peers() as peers:
        journal = Path(folder) / "truth.jsonl"
        path = f"delay={delay},jitter={delay / 2}"
        command = ["simulate", "--uplink", path, "--downlink", path, "--seed", str(delay), "--journal", str(journal)]
        board, pipe = children.spawn(children.program("bench.cli", *command), stdout=subprocess.PIPE)
        assert board.stdout
        port = json.loads(board.stdout.readline())["port"]
        for turn in range(2 * rounds):
            name = ("raw", "link", "link", "raw")[turn % 4]
            peer = peers.udp_echo()
            transact, close = CLIENTS[name](port)
            block = exchanges(transact, peer, samples // rounds, numbers)
            close()
            trips = take_apart(block, peer.journal(), stream=False)
            for trip, truth in zip(trips, truths(journal, len(block)), strict=True):
                for part in PARTS:
                    errors[name][part].append(trip.parts[part] - truth[part])
            peer.stop()
        children.end(board, pipe)
        board.stdout.close()
    return errors


def quantile99(values: Sequence[int]) -> float:
    return sorted(values)[int(0.99 * len(values))]
