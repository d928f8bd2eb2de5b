"""A lab of many hosts, measured: leases, hand-overs, 200 boards for 20 users, AT round trips with and without a lab.

    python -m benchmarks.lab [leases|runs]

``leases`` runs labgrid's coordinator; its 40 hosts are simulated exporters. ``runs`` measures AT on a rack with an
sshd, from the lab and on the host itself in turn.
"""

import argparse
import contextlib
import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.lab.coordinator import Coordinator
from benchmarks.clients import Labgrid
from benchmarks.environments import Environment
from tests.support.lab_of_hosts import LABGRID, answers, free_port, running_lab, until

HOSTS, EACH, USERS = 40, 5, 20
LEASES, HANDOVERS, ROUNDS = 50, 20, 4
KIND = {"kind": "nrf91"}


class Exporter:
    """A host that exports boards: it grants every request, as labgrid-exporter does for what starts no server."""

    def __init__(self, name: str, coordinator: Coordinator) -> None:
        self.name = name
        self._types = coordinator._types["ExporterStream"]
        self._out: queue.Queue[Any] = queue.Queue()
        self._channel = coordinator._grpc.insecure_channel(
            coordinator.address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        incoming, outgoing = self._types
        first = incoming()
        first.startup.version, first.startup.name = "26.0.1", name
        self._out.put(first)
        call = self._channel.stream_stream(
            "/labgrid.Coordinator/ExporterStream", incoming.SerializeToString, outgoing.FromString
        )
        self._stream = call(iter(self._out.get, None))
        threading.Thread(target=self._read, daemon=True).start()
        for number in range(EACH):
            self._publish(f"sn-{name}-{number}", "")

    def _publish(self, group: str, acquired: str) -> None:
        message = self._types[0]()
        resource = message.resource
        resource.path.group_name, resource.path.resource_name = group, "run"
        resource.cls, resource.acquired, resource.avail = "NetworkService", acquired, True
        resource.params["address"].string_value = self.name
        self._out.put(message)

    def _read(self) -> None:
        with contextlib.suppress(Exception):  # the coordinator is gone at the end
            for message in self._stream:
                if message.WhichOneof("kind") == "set_acquired_request":
                    asked = message.set_acquired_request
                    self._publish(asked.group_name, asked.place_name if asked.HasField("place_name") else "")
                    answer = self._types[0]()
                    answer.response.success = True
                    self._out.put(answer)


@contextlib.contextmanager
def coordinator_of_labgrid() -> Iterator[str]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        program = Path(os.environ[LABGRID]) / "labgrid-coordinator"
        process = subprocess.Popen([str(program), "-l", f"127.0.0.1:{port}"], cwd=folder, stdout=log, stderr=log)
        try:
            until(lambda: answers(port))
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def shown(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    print(f"{what:<58} p50 {1e3 * statistics.median(ordered):7.0f} ms   p99 {1e3 * p99:7.0f} ms   n {len(ordered)}")


def leases() -> None:
    with coordinator_of_labgrid() as address, contextlib.ExitStack() as stack:
        admin = stack.enter_context(Coordinator(address, "adm/in"))
        exporters = [Exporter(f"h{number:02d}", admin) for number in range(HOSTS)]
        for exporter in exporters:
            for number in range(EACH):
                tags = {**KIND, "model": "nrf9151dk" if number < 3 else "nrf9161dk", "host": exporter.name}
                pattern = f"{exporter.name}/sn-{exporter.name}-{number}/*"
                admin.add_place(f"{exporter.name}-dk-{number}", pattern, tags)
        deadline = time.monotonic() + 60
        while sum(bool(place.address) for place in admin.places()) < HOSTS * EACH and time.monotonic() < deadline:
            time.sleep(0.1)
        one = stack.enter_context(Coordinator(address, "x/first"))
        took = []
        for _ in range(LEASES):
            start = time.monotonic()
            place = one.lease({**KIND, "model": "nrf9151dk"}, wait=60)
            took.append(time.monotonic() - start)
            one.release(place.name)
        shown("a free board of 200 is leased", took)
        users = [stack.enter_context(Coordinator(address, f"x/u{number}")) for number in range(USERS)]
        held = _take_all(users)
        _hand_over(users, held)


def _take_all(users: Sequence[Coordinator]) -> list[tuple[Coordinator, str]]:
    held: list[tuple[Coordinator, str]] = []
    took: list[float] = []
    lock = threading.Lock()

    def grab(user: Coordinator) -> None:
        for _ in range(HOSTS * EACH // USERS):
            start = time.monotonic()
            place = user.lease(KIND, wait=120)
            with lock:
                took.append(time.monotonic() - start)
                held.append((user, place.name))

    start = time.monotonic()
    _together([threading.Thread(target=grab, args=(user,)) for user in users])
    twice = len(held) - len({name for _, name in held})
    print(f"{USERS} users take {len(held)} boards of {HOSTS} hosts in {time.monotonic() - start:.1f} s, {twice} twice")
    shown("a lease of theirs", took)
    return held


def _hand_over(users: Sequence[Coordinator], held: list[tuple[Coordinator, str]]) -> None:
    got: dict[str, float] = {}

    def wait(user: Coordinator) -> None:
        place = user.lease(KIND, wait=300)
        got[place.name] = time.monotonic()

    threads = [threading.Thread(target=wait, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    time.sleep(3.0)
    took = []
    for user, name in held[:HANDOVERS]:
        start = time.monotonic()
        user.release(name)
        while name not in got and time.monotonic() - start < 30:
            time.sleep(0.001)
        took.append(got.get(name, start + 30) - start)
    _together([], threads)
    shown(f"a board goes to one of {USERS} who wait, all {len(held)} held", took)


def _together(to_start: Sequence[threading.Thread], started: Sequence[threading.Thread] = ()) -> None:
    for thread in to_start:
        thread.start()
    for thread in (*to_start, *started):
        thread.join()


def runs() -> None:
    with tempfile.TemporaryDirectory(prefix="lab-") as folder, running_lab(Path(folder), hosts=1, boards=1) as lab:
        (host,) = lab.hosts
        client = lab.client("bench")
        at: dict[str, list[float]] = {"lab": [], "host": []}
        took: dict[str, list[float]] = {"lab": [], "host": []}
        for number in range(ROUNDS):
            for where in ("lab", "host") if number % 2 else ("host", "lab"):
                out = f"{where}-{number}"
                options = ["--suite", "latency", "--out", out, "--", "--samples", "400", "-k", "test_answer"]
                start = time.monotonic()
                if where == "lab":
                    done = client.bench("run", "--lab", "--board", "r1-dk-1", *options, timeout=600)
                    stream = client.folder / out / "results.jsonl"
                else:
                    options[3] = str(host.folder / out)
                    own = ["--config", str(host.folder / "bench.toml"), "--history", str(host.folder / "h.sqlite")]
                    done = host.bench("run", "--board", "name=r1-dk-1", *own, *options)
                    stream = host.folder / out / "results.jsonl"
                took[where].append(time.monotonic() - start)
                if done.returncode:
                    sys.exit(done.stdout + done.stderr)
                at[where] += _at_samples(stream)
        for where, values in at.items():
            print(f"AT round trip, {where:<5} p50 {1e-3 * statistics.median(values):.1f} us   n {len(values)}")
        print(f"the lab's is {statistics.median(at['lab']) / statistics.median(at['host']) - 1:+.1%} of the host's")
        print(
            f"a run takes {statistics.median(took['lab']) - statistics.median(took['host']):+.1f} s more from the lab"
        )


def _at_samples(stream: Path) -> list[float]:
    rows = [json.loads(line) for line in stream.read_text().splitlines()]
    series = [row["values"] for row in rows if row["type"] == "samples" and row["name"] == "AT"]
    return [value for values in series for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["leases", "runs"], default=["leases", "runs"])
    asked = parser.parse_args()
    environment = Environment(Labgrid.requirements)
    environment.make()
    os.environ[LABGRID] = str(environment.folder / "bin")
    for what in asked.what:
        {"leases": leases, "runs": runs}[what]()


if __name__ == "__main__":
    main()
