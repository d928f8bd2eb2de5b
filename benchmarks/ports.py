"""64 ports at once in one process, a thread each: the link, bare system calls, and these with a time limit."""

import contextlib
import threading
import time
from collections.abc import Iterator

from benchmarks.clients import Linked, Raw, RawPoll, TimedClient
from benchmarks.core import uncollected
from benchmarks.device import device, device_program
from benchmarks.figure import Row, paired
from benchmarks.sizes import Sizes

SECTION = "ports"
_PORTS = 64
_SECONDS = 2


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield rate and CPU time, of answers at once and of answers after 10 ms."""
    with device_program() as program, uncollected():
        for label, command in (("at once", b"AT"), ("after 10 ms", b"AT#DELAY=10000")):
            found: dict[type[TimedClient], list[tuple[float, float]]] = {Raw: [], RawPoll: [], Linked: []}
            for turn in range(max(1, sizes.rounds // 3)):
                for make in (Raw, RawPoll, Linked)[:: 1 if turn % 2 else -1]:
                    found[make].append(_saturate(program, make, command))
            rates = {make: [rate for rate, _ in each] for make, each in found.items()}
            for beside, name in ((Raw, f"answers {label}"), (RawPoll, f"answers {label}, beside poll")):
                yield paired(SECTION, name, "1/s", rates[Linked], beside.name, rates[beside])
            cpu, bare = ([each for _, each in found[make]] for make in (Linked, Raw))
            yield paired(SECTION, f"answers {label}, CPU", "us", cpu, Raw.name, bare)


def _saturate(program: str, make: type[TimedClient], command: bytes) -> tuple[float, float]:
    """Return transactions per second, and CPU us of one."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(_PORTS):
            path, _process = stack.enter_context(device(program))
            client = make()
            client.open(path)
            stack.callback(client.close)
            client.transact(b"AT")
            clients.append(client)
        done = [0] * _PORTS
        go, over = threading.Event(), threading.Event()

        def work(index: int) -> None:
            transact, finished = clients[index].timed, over.is_set
            go.wait()
            while not finished():
                transact(command)
                done[index] += 1

        threads = [threading.Thread(target=work, args=(index,)) for index in range(_PORTS)]
        for thread in threads:
            thread.start()
        began, cpu = time.monotonic_ns(), time.process_time_ns()
        go.set()
        time.sleep(_SECONDS)
        over.set()
        for thread in threads:
            thread.join()
        wall, cpu = time.monotonic_ns() - began, time.process_time_ns() - cpu
        return sum(done) / wall * 1e9, cpu / sum(done) / 1e3
