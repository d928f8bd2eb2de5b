"""What the bench's link costs beside bare ``os.write``/``os.read``: python benchmarks/at_link.py [--pin] [--rounds 10].

Both talk to the same C responder on a pty, in alternating blocks of one run. Two numbers are shown: transactions per
second as a ratio to raw, and the error of the measured answer times against the responder's own clock. Compare ratios
inside one table only. With --pin all measured work runs on one core, which shows the cost of the code; without, it is
spread over the cores as the scheduler likes, which adds the same wake-ups to both.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.at import AtLink

FINAL = b"OK\r\n"


class Raw:
    """The least that Python can do."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)

    def transact(self, command: bytes) -> int:
        started = time.monotonic_ns()
        os.write(self.fd, command + b"\r\n")
        answer = os.read(self.fd, 4096)
        while not answer.endswith(FINAL):
            answer += os.read(self.fd, 4096)
        return time.monotonic_ns() - started

    def close(self) -> None:
        os.close(self.fd)


class Linked:
    """The bench's link, parser and transcript included."""

    def __init__(self, path: str) -> None:
        self.link = AtLink.open(path)

    def transact(self, command: bytes) -> int:
        return self.link.command(command).duration_ns

    def close(self) -> None:
        self.link.transcript.cut()
        self.link.close()


CLIENTS: dict[str, Callable[[str], Raw | Linked]] = {"raw os.write/os.read": Raw, "bench.at.AtLink": Linked}


def block(program: str, make: Callable[[str], Raw | Linked], command: bytes, count: int) -> tuple[float, list[int]]:
    """Transactions/s, and each measured duration minus the responder's own, in ns."""
    responder = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert responder.stdin
    assert responder.stdout
    client = make(responder.stdout.readline().strip())
    warm = min(200, count)
    for _ in range(warm):
        client.transact(command)
    started = time.monotonic_ns()
    measured = [client.transact(command) for _ in range(count)]
    rate = count / ((time.monotonic_ns() - started) / 1e9)
    responder.stdin.close()
    truth = [tuple(map(int, line.split())) for line in responder.stdout][warm:]
    client.close()
    responder.wait(10)
    return rate, [m - (w - r) for m, (r, w) in zip(measured, truth, strict=True)]


def build(folder: str) -> str:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("the responder is written in C: install a C compiler (Debian: apt-get install gcc libc6-dev)")
    program = f"{folder}/responder"
    source = Path(__file__).with_name("responder.c")
    subprocess.run([compiler, "-O2", "-o", program, str(source)], check=True)
    return program


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """All work on the last core; an idle loop keeps the others awake, so that no wake-up waits for a sleeping CPU."""
    *others, last = sorted(os.sched_getaffinity(0))
    idle = "import os; os.nice(19)\nwhile os.getppid() != 1: pass"
    loops = [subprocess.Popen([sys.executable, "-c", idle]) for _ in others]
    for loop, core in zip(loops, others, strict=True):
        os.sched_setaffinity(loop.pid, {core})
    os.sched_setaffinity(0, {last})
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--count", type=int, default=2000, help="transactions a block")
    arguments.add_argument("--pin", action="store_true", help="everything on one core")
    options = arguments.parse_args()
    with contextlib.ExitStack() as stack:
        if options.pin:
            stack.enter_context(pinned())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        program = build(folder)
        rates: dict[str, list[float]] = {name: [] for name in CLIENTS}
        for turn in range(options.rounds):
            for name in list(CLIENTS)[:: 1 if turn % 2 else -1]:
                rates[name].append(block(program, CLIENTS[name], b"AT", options.count)[0])
        base, ours = CLIENTS
        ratios = [o / b for b, o in zip(rates[base], rates[ours], strict=True)]
        for name in CLIENTS:
            print(f"{name:24} {statistics.median(rates[name]):10,.0f} transactions/s (median of {options.rounds})")
        print(f"{'ratio':24} {statistics.median(ratios):10.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")
        for delay, count in ((1000, 100), (10_000, 100), (50_000, 40)):
            errors: dict[str, list[int]] = {name: [] for name in CLIENTS}
            for turn in range(3):
                for name in list(CLIENTS)[:: 1 if turn % 2 else -1]:
                    errors[name] += block(program, CLIENTS[name], b"AT#DELAY=%d" % delay, count)[1]
            medians = {name: statistics.median(errors[name]) / 1000 for name in CLIENTS}
            print(
                f"answer after {delay / 1000:4.0f} ms      error at the median: raw {medians[base]:6.1f} us, link"
                f" {medians[ours]:6.1f} us, difference {medians[ours] - medians[base]:+6.1f} us"
            )


if __name__ == "__main__":
    main()
