"""How true a round trip's parts are: python benchmarks/fidelity.py [--samples 300] [--rounds 3].

A simulated board whose network delays each way by 1, 10 and 50 ms with jitter keeps the truth of each datagram in its
journal. Two clients measure the same, in alternating blocks of one run: the bench's link, and bare ``os.write`` and
``os.read``. The error of a part is what was measured minus what the journal says; pty and loopback are in it for both.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import tty
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import children
from bench.at import AtLink, Response
from bench.clock import now_ns
from bench.measure import Exchange, take_apart
from bench.peers import Peer, Peers

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


def measure(delay: int, samples: int, rounds: int) -> dict[str, dict[str, list[int]]]:
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


def show(delay: int, errors: dict[str, dict[str, list[int]]]) -> None:
    for part in PARTS:
        median = {name: statistics.median(errors[name][part]) / 1000 for name in CLIENTS}
        worst = {name: quantile99(errors[name][part]) / 1000 for name in CLIENTS}
        print(
            f"{delay:3} ms  {part:9} error p50: raw {median['raw']:7.1f} us, link {median['link']:7.1f} us,"
            f" difference {median['link'] - median['raw']:+6.1f} us   p99: raw {worst['raw']:7.1f},"
            f" link {worst['link']:7.1f}, ratio {worst['link'] / worst['raw']:.2f}"
        )


def quantile99(values: Sequence[int]) -> float:
    return sorted(values)[int(0.99 * len(values))]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--samples", type=int, default=300, help="a client and delay")
    arguments.add_argument("--rounds", type=int, default=3, help="blocks a client")
    options = arguments.parse_args()
    for delay in (1, 10, 50):
        show(delay, measure(delay, options.samples, options.rounds))


if __name__ == "__main__":
    main()
