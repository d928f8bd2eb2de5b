"""What the bench's link costs, and what it gets right, beside bare system calls and other libraries, in one run.

    python benchmarks/at_link.py [--pin] [--rounds 10] [--count 2000] [--only SECTION]

Every block is a fresh client on a fresh pty with the same C responder; the order of the clients changes from round to
round; ratios are to raw Python in the same round, shown as median and range. With --pin all measured work runs on one
core, which shows the cost of the code; without, it is spread as the scheduler likes, which adds the same wake-ups to
all. Sections: transactions, correctness, timing, bulk, ports. Other libraries take part where they are installed:
pip install pexpect serialx; labgrid and pytest-embedded in environments of their own.
"""

import argparse
import contextlib
import gc
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clients import SLOW, Client, Linked, Raw, RawPoll, installed

from bench.clock import now_ns

PAYLOAD = b"0123\r\nOK\r\n45ERRO\r\n"
MEGABYTE = 1 << 20
PIECE = 65536
HEAD = {"tx/s": 11, "/ raw": 8, "range": 16, "p50 us": 10, "/ raw p50": 10, "p99 us": 10, "CPU us": 9}
TRAPS = ("payload with OK in it", "next answer is its own", "answer without URCs")


@contextlib.contextmanager
def responder(program: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    with process.stdin, process.stdout:
        yield process.stdout.readline().strip(), process
    process.wait(10)


@contextlib.contextmanager
def connected(program: str, make: Callable[[], Client]) -> Iterator[Client]:
    with responder(program) as (path, _):
        client = make()
        client.open(path)
        try:
            yield client
        finally:
            client.close()


def rounds_of(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    for turn in range(rounds):
        for index in range(len(names)):
            yield turn, names[(index + turn) % len(names)]


# ---------------------------------------------------------------------------------------------- transactions


def transactions(program: str, options: argparse.Namespace) -> None:
    """Rate, latency and CPU time of AT and OK."""
    clients = {client.name: client for client in installed()}
    names = [name for name in clients if name not in SLOW] + [name for name in clients if name in SLOW]
    found: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in names}
    for turn, name in rounds_of(names, options.rounds):
        if name in SLOW and turn:
            continue
        count = 20 if name in SLOW else options.count
        found[name].append(block(program, clients[name], count))
    base = found[Raw.name]
    head = "".join(f"{name:>{width}}" for name, width in HEAD.items())
    print(f"{'AT and OK':24}{head}")
    for name in names:
        ratios = [mine[0] / raw[0] for mine, raw in zip(found[name], base, strict=False)]
        slower = statistics.median(mine[1] / raw[1] for mine, raw in zip(found[name], base, strict=False))
        rate, p50, p99, cpu = (statistics.median(row[i] for row in found[name]) for i in range(4))
        print(
            f"{name:24}{rate:11,.0f}{statistics.median(ratios):8.3f}{f'{min(ratios):.3f}..{max(ratios):.3f}':>16}"
            f"{p50:10.1f}{slower:10.2f}{p99:10.1f}{cpu:9.1f}"
        )


def block(program: str, make: Callable[[], Client], count: int) -> tuple[float, float, float, float]:
    """Transactions/s, p50 and p99 in us, CPU us a transaction."""
    with connected(program, make) as client:
        transact: Callable[[bytes], object] = client.command if isinstance(client, Linked) else client.transact
        for _ in range(min(200, count)):
            transact(b"AT")
        taken = []
        began, cpu = now_ns(), time.process_time_ns()
        for _ in range(count):
            started = now_ns()
            transact(b"AT")
            taken.append(now_ns() - started)
        wall, cpu = now_ns() - began, time.process_time_ns() - cpu
    taken.sort()
    return count / wall * 1e9, taken[count // 2] / 1e3, taken[int(count * 0.99)] / 1e3, cpu / count / 1e3


# ---------------------------------------------------------------------------------------------- correctness


def correctness(program: str, _: argparse.Namespace) -> None:
    """What ends an answer too early, and whether the next command gets its own."""
    print(f"\n{'correctness':24} " + " ".join(f"{trap:>24}" for trap in TRAPS))
    for make in installed():
        verdicts = [
            attempt(program, make, lambda client: PAYLOAD in client.transact(b"AT#TRAP")),
            attempt(program, make, in_step),
            attempt(program, make, lambda client: b"CSCON" not in client.transact(b"AT#URC")),
        ]
        print(f"{make.name:24} " + " ".join(f"{verdict:>24}" for verdict in verdicts))


def attempt(program: str, make: Callable[[], Client], check: Callable[[Client], bool]) -> str:
    def give_up(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(8)  # some wait for ever
    try:
        with connected(program, make) as client:
            return "yes" if check(client) else "NO"
    except Exception as error:  # noqa: BLE001 - whatever a client raises is its answer
        return f"NO ({type(error).__name__})"
    finally:
        signal.alarm(0)


def in_step(client: Client) -> bool:
    client.transact(b"AT#TRAP")
    time.sleep(0.05)
    return client.transact(b"AT").strip() == b"OK"


# ---------------------------------------------------------------------------------------------- timing


def timing(program: str, options: argparse.Namespace) -> None:
    """How far what is measured is from the responder's own clock."""
    print(f"\n{'answer after':24} {'raw p50 us':>12} {'link p50 us':>12} {'difference':>12} {'p99 ratio':>10}")
    for delay, count in ((1000, 200), (10_000, 100), (50_000, 40)):
        errors: dict[str, list[int]] = {Raw.name: [], Linked.name: []}
        for turn in range(max(3, options.rounds // 2)):
            for make in (Raw, Linked)[:: 1 if turn % 2 else -1]:
                errors[make.name] += measured_errors(program, make, b"AT#DELAY=%d" % delay, count)
        medians = [statistics.median(errors[name]) / 1000 for name in errors]
        worst = [sorted(errors[name])[int(len(errors[name]) * 0.99)] for name in errors]
        print(
            f"{f'{delay / 1000:g} ms':24} {medians[0]:12.1f} {medians[1]:12.1f} {medians[1] - medians[0]:+12.1f}"
            f" {worst[1] / worst[0]:10.2f}"
        )


def measured_errors(program: str, make: type[Raw] | type[Linked], command: bytes, count: int) -> list[int]:
    client = make()
    with responder(program) as (path, process):
        assert process.stdin
        assert process.stdout
        client.open(path)
        for _ in range(20):
            client.timed(command[:2])
        measured = [client.timed(command) for _ in range(count)]
        process.stdin.close()
        truth = [tuple(map(int, line.split())) for line in process.stdout][20:]
        client.close()
    return [mine - (written - read) for mine, (read, written) in zip(measured, truth, strict=True)]


# ---------------------------------------------------------------------------------------------- bulk


def bulk(program: str, options: argparse.Namespace) -> None:
    """10 MB each way: through data mode, and as announced payloads of 64 kB."""
    ways = {"upload": (raw_upload, link_upload), "download": (raw_download, link_download)}
    print(f"\n{'10 MB':24} {'raw MB/s':>10} {'link MB/s':>10} {'ratio':>8} {'range':>15} {'link CPU ms/MB':>16}")
    for way, movers in ways.items():
        rows: list[tuple[float, float, float]] = []
        for turn in range(options.rounds):
            order = (0, 1) if turn % 2 else (1, 0)
            done = {index: movers[index](program) for index in order}
            rows.append((done[0][0], done[1][0], done[1][1]))
        ratios = [link / raw for raw, link, _ in rows]
        raw, link, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        extent = f"{min(ratios):.2f}..{max(ratios):.2f}"
        print(f"{way:24} {raw:10.0f} {link:10.0f} {statistics.median(ratios):8.2f} {extent:>15} {cpu:16.1f}")


def _rate(began: tuple[int, int]) -> tuple[float, float]:
    """MB/s and CPU ms/MB of ten megabytes since (wall, CPU) in ns."""
    wall, cpu = now_ns() - began[0], time.process_time_ns() - began[1]
    return 10 / wall * 1e9, cpu / 1e6 / 10


def raw_upload(program: str) -> tuple[float, float]:
    client, data = Raw(), b"a" * PIECE
    with responder(program) as (path, _):
        client.open(path)
        client.transact(b"AT#SINK")
        began = now_ns(), time.process_time_ns()
        for _ in range(10 * MEGABYTE // PIECE):
            view = memoryview(data)
            while view:
                view = view[os.write(client.fd, view) :]
        os.write(client.fd, b"+++")
        answer = b""
        while not answer.endswith(b"0\r\n"):
            answer += os.read(client.fd, 4096)
        found = _rate(began)
        client.close()
    return found


def link_upload(program: str) -> tuple[float, float]:
    client, data = Linked(), b"a" * (10 * MEGABYTE)
    with responder(program) as (path, _):
        client.open(path)
        client.link.enter_data_mode("AT#SINK")
        began = now_ns(), time.process_time_ns()
        client.link.write(data)
        assert client.link.leave_data_mode() == 0
        found = _rate(began)
        client.close()
    return found


def raw_download(program: str) -> tuple[float, float]:
    client = Raw()
    with responder(program) as (path, _):
        client.open(path)
        began = now_ns(), time.process_time_ns()
        for _ in range(10 * MEGABYTE // PIECE):
            os.write(client.fd, b"AT#XRECV=%d\r\n" % PIECE)
            missing = PIECE + len(b"\r\n#XRECV: 65536\r\n\r\nOK\r\n")
            while missing:
                missing -= len(os.read(client.fd, PIECE))
        found = _rate(began)
        client.close()
    return found


def link_download(program: str) -> tuple[float, float]:
    client = Linked()
    with responder(program) as (path, _):
        client.open(path)
        began = now_ns(), time.process_time_ns()
        for _ in range(10 * MEGABYTE // PIECE):
            assert len(client.command(b"AT#XRECV=%d" % PIECE).payload or b"") == PIECE
        found = _rate(began)
        client.close()
    return found


# ---------------------------------------------------------------------------------------------- many ports


def ports(program: str, options: argparse.Namespace) -> None:
    """64 ports at once, a thread each, in one process."""
    names = ("raw tx/s", "poll tx/s", "link tx/s", "/ raw", "/ poll", "link CPU", "raw CPU")
    print(f"\n{'64 ports, a thread each':24} " + " ".join(f"{name:>10}" for name in names) + "  (us a transaction)")
    for label, command in (("answer at once", b"AT"), ("answer after 10 ms", b"AT#DELAY=10000")):
        rows = []
        for turn in range(max(2, options.rounds // 3)):
            order = (Raw, RawPoll, Linked)[:: 1 if turn % 2 else -1]
            done = {make: saturate(program, make, command, 64) for make in order}
            rows.append((*done[Raw], *done[RawPoll], *done[Linked]))
        raw, raw_cpu, polled, _, link, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        print(
            f"{label:24} {raw:10,.0f} {polled:10,.0f} {link:10,.0f} {link / raw:10.2f} {link / polled:10.2f}"
            f" {cpu:10.1f} {raw_cpu:10.1f}"
        )


def saturate(program: str, make: type[Raw | Linked], command: bytes, count: int) -> tuple[float, float]:
    """Transactions/s and CPU us a transaction."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            path, _process = stack.enter_context(responder(program))
            client = make()
            client.open(path)
            stack.callback(client.close)
            client.transact(b"AT")
            clients.append(client)
        done = [0] * count
        go, over = threading.Event(), threading.Event()

        def work(index: int) -> None:
            transact, finished = clients[index].timed, over.is_set
            go.wait()
            while not finished():
                transact(command)
                done[index] += 1

        threads = [threading.Thread(target=work, args=(index,)) for index in range(count)]
        for thread in threads:
            thread.start()
        began, cpu = now_ns(), time.process_time_ns()
        go.set()
        time.sleep(2)
        over.set()
        for thread in threads:
            thread.join()
        wall, cpu = now_ns() - began, time.process_time_ns() - cpu
        return sum(done) / wall * 1e9, cpu / sum(done) / 1e3


# ---------------------------------------------------------------------------------------------- the run


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


SECTIONS = {section.__name__: section for section in (transactions, correctness, timing, bulk, ports)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--count", type=int, default=2000, help="transactions a block")
    arguments.add_argument("--pin", action="store_true", help="everything on one core")
    arguments.add_argument("--only", choices=SECTIONS, action="append")
    options = arguments.parse_args()
    gc.disable()  # as the fixtures do in what is timed
    with contextlib.ExitStack() as stack:
        if options.pin:
            stack.enter_context(pinned())
        program = build(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in options.only or SECTIONS:
            SECTIONS[name](program, options)


if __name__ == "__main__":
    main()
