"""A lab of several hosts on this machine: labgrid's own coordinator and exporters, an sshd, a rack of boards a host.

A rack has namespaces of its own, so its exporter reaches the coordinator through a socket in a file. The sshd of a host
stands outside; its forced command enters the rack, and is the recipe of docs/hosts.md. A relay before each sshd is the
line that a test cuts. All of it needs no privilege where the kernel lets users make namespaces.
"""

import contextlib
import getpass
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench import children
from bench.lab.places import Where
from tests.support import rack as racks
from tests.support.rack import RunningRack, running_rack

LABGRID = "NRF91_BENCH_LABGRID"
"""The folder of labgrid's programs, which need an environment of their own."""
RELAY = Path(__file__).with_name("relay.py")
_PATIENCE_S = 90.0
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
"""Before programs that do not know that they are to end with whoever started them."""
_MODELS = ("nrf9151dk", "nrf9161dk")


def _why_not() -> str:
    """Why there is no lab on this machine; empty when there is."""
    programs = [name for name in ("sshd", "ssh", "ssh-keygen", "setpriv") if shutil.which(name, path=_path()) is None]
    if programs:
        return f"no {', '.join(programs)}"
    if not (Path(os.environ.get(LABGRID, "")) / "labgrid-coordinator").is_file():
        return f"{LABGRID} does not name the folder of labgrid's programs"
    return racks.refused()


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


_REASON = _why_not()
WITH_LAB = pytest.mark.skipif(bool(_REASON), reason=f"no lab of several hosts here: {_REASON}")


def until(what: Callable[[], object], seconds: float = _PATIENCE_S, why: str = "it did not come") -> Any:  # noqa: ANN401
    """Waits until something is true; returns it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, why
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


@dataclass
class Host:
    """One host of the lab.

    Attributes:
        name: in the lab.
        folder: of its files: bench.toml, keys, state, runs.
        rack: of its boards.
        port: where the lab reaches its sshd, through the relay.
        boards: names of its boards.
    """

    name: str
    folder: Path
    rack: RunningRack
    port: int
    relay: int
    boards: list[str]
    exporter: "Exporter"

    @property
    def runs(self) -> Path:
        """What it keeps of runs."""
        return self.folder / "runs"

    def silence(self) -> None:
        """Lets its line fall silent."""
        os.kill(self.relay, signal.SIGUSR1)

    def speak(self) -> None:
        """Lets its line speak again."""
        os.kill(self.relay, signal.SIGUSR2)

    def bench(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs nrf91-bench on the host, as somebody would who is logged in there."""
        command = [str(self.folder / "shell.sh"), sys.executable, "-m", "bench.cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Exporter:
    """A labgrid-exporter of a host, which can be killed and started again."""

    def __init__(self, rack: RunningRack, name: str, file: Path, log: Path) -> None:
        self._command = rack.command(
            *_WITH_US,
            str(Path(os.environ[LABGRID]) / "labgrid-exporter"),
            *("-c", "127.0.0.1:20408", "-n", name, "--hostname", "127.0.0.1", str(file)),
        )
        self._environment = rack.environment
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self._environment)
            )

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Labs:
    """The lab: its coordinator and its hosts."""

    folder: Path
    port: int
    stack: contextlib.ExitStack
    hosts: list[Host] = field(default_factory=list)
    coordinator: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def server(self) -> Where:
        """The coordinator's host, whose sshd forwards its port."""
        folder = self.folder / "server"
        folder.mkdir()
        port = _sshd(self.stack, folder, self.folder, f'port-forwarding,permitopen="{self.address}",command="false"')
        return Where("server", f"{getpass.getuser()}@127.0.0.1", port)

    def start_coordinator(self) -> None:
        with (self.folder / "coordinator.log").open("ab") as log:
            self.coordinator = subprocess.Popen(
                [*_WITH_US, str(Path(os.environ[LABGRID]) / "labgrid-coordinator"), "-l", self.address],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: answers(self.port), why="the coordinator does not answer")

    def kill_coordinator(self) -> None:
        if self.coordinator is not None and self.coordinator.poll() is None:
            self.coordinator.kill()
            self.coordinator.wait()

    def restart_exporters(self) -> None:
        """Starts them again, as systemd would: an exporter ends when its coordinator does."""
        for host in self.hosts:
            host.exporter.kill()
            host.exporter.start()

    def client(self, name: str, **options: object) -> "Client":
        """Somebody who uses the lab, in a folder of their own with the lab's key."""
        folder = self.folder / name
        folder.mkdir()
        made = Client(folder, self, name)
        made.configure(**options)
        return made

    def places(self, client: "Client") -> dict[str, dict[str, Any]]:
        finished = client.bench("boards", "--lab", "--json")
        assert finished.returncode == 0, finished.stderr
        return {row["name"]: row for row in json.loads(finished.stdout)}


SUITE = """
import pathlib, time
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_answers(modem, number):
    while number and not pathlib.Path({gate!r}).exists():
        time.sleep(0.05)
    assert modem.link.command("AT").ok


def test_echo(modem, tcp_echo, measure):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"hello")
        received = client.receive(5)
    assert received.data == b"hello"
    measure("receive", received.response.duration_ns, unit="ns")
"""
"""All tests but the first wait until a gate is open."""


@dataclass
class Client:
    """Somebody who uses the lab."""

    folder: Path
    lab: Labs
    name: str

    @property
    def ssh(self) -> list[str]:
        """Its command of ssh."""
        quiet = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        return ["ssh", "-F", "none", "-i", str(self.lab.folder / "id"), *(w for one in quiet for w in ("-o", one))]

    def configure(self, **options: object) -> None:
        """Writes bench.toml with what [lab] is to say."""
        values = {"coordinator": self.lab.address, "ssh": self.ssh, "abandoned_after_seconds": 8.0, **options}
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        (self.folder / "bench.toml").write_text(f"[lab]\n{lines}")

    @property
    def environment(self) -> Mapping[str, str]:
        own = {"XDG_STATE_HOME": str(self.lab.folder / "state"), "COLUMNS": "200", "LOGNAME": self.name}
        own["NRF91_BENCH_HISTORY"] = str(self.folder / "history.sqlite")
        return {**os.environ, **own}

    def bench(self, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench.cli", *arguments],
            cwd=self.folder, capture_output=True, text=True, timeout=timeout, env=self.environment, check=False,
        )  # fmt: skip

    def suite(self, count: int = 3, *, gated: bool = False, text: str = SUITE) -> str:
        """Writes a suite of its own, with the gate open unless it is to wait there; returns its path."""
        self.gate.unlink(missing_ok=True)
        if not gated:
            self.gate.touch()
        (self.folder / "test_lab.py").write_text(text.format(count=count, gate=str(self.gate)))
        (self.folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest\n")
        return "test_lab.py"

    @property
    def gate(self) -> Path:
        """The file that opens the gate of its suite: its hosts are on this machine."""
        return self.folder / "gate"

    def start(self, *arguments: str, out: str = "out", under: Sequence[str] = ()) -> "ClientRun":
        """Starts a run; ``under`` is a program that starts it with less than it wants."""
        command = [*under, sys.executable, "-m", "bench.cli", "run", "--lab", "--out", out, *arguments]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment
        )
        return ClientRun(process, self.folder / out)

    def run(self, *arguments: str, out: str = "out", timeout: float = 180.0) -> "ClientRun":
        run = self.start(*arguments, out=out)
        run.finish(timeout)
        return run


@dataclass
class ClientRun:
    """A run over hosts."""

    process: "subprocess.Popen[str]"
    folder: Path
    output: str = ""

    def finish(self, timeout: float = 180.0) -> int:
        try:
            self.output, _ = self.process.communicate(timeout=timeout)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.communicate()
        assert "Traceback" not in self.output
        return self.code

    def until_line(self, beginning: str) -> str:
        """Waits for a line of its output."""
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line
        raise AssertionError(f"it ended without a line {beginning!r}")

    @property
    def code(self) -> int:
        code: int = self.process.returncode
        return code

    @property
    def summary(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return content

    def rows(self, kind: str = "") -> list[dict[str, Any]]:
        with contextlib.suppress(OSError):
            lines = (self.folder / "results.jsonl").read_text().splitlines()
            return [row for line in lines if (row := json.loads(line)) and kind in ("", row["type"])]
        return []

    def until_row(self, kind: str, slot: str = "", count: int = 1) -> None:
        """Waits for rows of a kind."""

        def there() -> bool:
            assert self.process.poll() is None, self.process.communicate()[0]
            found = [row for row in self.rows(kind) if slot in ("", row["slot"])]
            return len(found) >= count

        until(there, why=f"no {kind} of {slot or 'any board'}")


def _start(stack: contextlib.ExitStack, command: Sequence[str], **more: Any) -> children.Process:  # noqa: ANN401
    """Starts a program that ends with the lab."""
    process, pipe = children.spawn(command, **more)

    def end() -> None:
        process.terminate()
        children.end(process, pipe)

    stack.callback(end)
    return process


def _relay(stack: contextlib.ExitStack, source: str, target: str, inside: RunningRack | None = None) -> tuple[int, str]:
    """Starts a relay; returns its process id and its address."""
    command = [sys.executable, str(RELAY), source, target]
    process = _start(stack, inside.command(*command) if inside else command, stdout=subprocess.PIPE)
    assert process.stdout
    stack.callback(process.stdout.close)
    pid, _, address = process.stdout.readline().decode().strip().partition(" ")
    assert pid, "the relay did not start"
    return process.pid, address


def _keys(folder: Path) -> None:
    for name in ("id", "host_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _sshd(stack: contextlib.ExitStack, folder: Path, lab: Path, allowed: str) -> int:
    """Starts an sshd that allows the lab's key something; returns its port."""
    port = free_port()
    (folder / "authorized_keys").write_text(f"restrict,{allowed} {(lab / 'id.pub').read_text()}")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {lab}/host_key\nPidFile {folder}/sshd.pid\n"
        "StrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
        "ClientAliveInterval 2\nClientAliveCountMax 4\nMaxStartups 100\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    sshd = shutil.which("sshd", path=_path())
    assert sshd
    _start(stack, [*_WITH_US, sshd, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "sshd.log")])
    until(lambda: answers(port), why="sshd does not answer")
    return port


def _shell(folder: Path, rack: RunningRack) -> None:
    """Writes the program that runs a command on a host: with its own state and locks, inside its rack."""
    own = {
        "XDG_STATE_HOME": folder / "state",
        "NRF91_BENCH_LOCKS": folder / "locks",
        "SYSTEMD_DEVICE_VERIFY_SYSFS": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
    }
    sets = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in own.items() if value != "")
    enter = rack.command("--")[:-2]
    words = [f"--wd={folder}" if word.startswith("--wd=") else word for word in enter]
    (folder / "shell.sh").write_text(f'#!/bin/sh\nexec env {sets} {shlex.join(words)} -- "$@"\n')
    (folder / "shell.sh").chmod(0o755)


def _forced_command(folder: Path) -> str:
    """The recipe of docs/hosts.md: a key that starts the program of a host, and nothing else."""
    shell = shlex.quote(str(folder / "shell.sh"))
    program = f"{shell} {sys.executable} -m bench.host --stdio --config {folder}/bench.toml --runs {folder}/runs"
    return f'command="{program}"'


def _host(stack: contextlib.ExitStack, lab: Labs, number: int, boards: int) -> Host:
    name = f"rack{number}"
    folder = lab.folder / name
    for path in (folder, folder / "locks", folder / "runs"):
        path.mkdir()
    models = [_MODELS[(number + rank) % len(_MODELS)] for rank in range(boards)]
    options = [word for model in models for word in ("--model", model)]
    rack = stack.enter_context(running_rack(folder, *options, "--first-serial", str(100 * number), boards=boards))
    names = [f"r{number}-dk-{rank + 1}" for rank in range(boards)]
    with (folder / "bench.toml").open("w") as file:
        file.write("[limits]\nreplug_seconds = 1.0\n\n")
        for slot, board in zip(names, rack.boards, strict=True):
            file.write(f'[[boards]]\nname = "{slot}"\nserial = "{board["serial"]}"\nlabels = ["roof"]\n\n')
    _shell(folder, rack)
    own_port = _sshd(stack, folder, lab.folder, _forced_command(folder))
    relay, port = _relay(stack, "tcp:127.0.0.1:0", f"tcp:127.0.0.1:{own_port}")
    exit_of_rack = lab.folder / "coordinator.sock"
    _relay(stack, "tcp:127.0.0.1:20408", f"unix:{exit_of_rack}", inside=rack)
    exporter = Exporter(rack, name, folder / "exporter.yaml", folder / "exporter.log")
    stack.callback(exporter.kill)
    return Host(name, folder, rack, int(port), relay, names, exporter)


@contextlib.contextmanager
def running_lab(folder: Path, hosts: int = 2, boards: int = 2) -> Iterator[Labs]:
    """A lab with an administrator who has added all hosts: every board is there and free."""
    with contextlib.ExitStack() as stack:
        lab = Labs(folder, free_port(), stack)
        _keys(folder)
        lab.start_coordinator()
        stack.callback(lab.kill_coordinator)
        _relay(stack, f"unix:{folder / 'coordinator.sock'}", f"tcp:{lab.address}")
        lab.hosts = [_host(stack, lab, number, boards) for number in range(1, hosts + 1)]
        admin = lab.client("admin")
        for host in lab.hosts:
            added = admin.bench(
                "lab", "add", f"{getpass.getuser()}@127.0.0.1", "--name", host.name, "--port", str(host.port)
            )
            assert added.returncode == 0, added.stderr
            (host.folder / "exporter.yaml").write_text(added.stdout)
            host.exporter.start()
        wait_until_free(lab, admin)
        yield lab


def wait_until_free(lab: Labs, client: Client) -> None:
    """Waits until every board of the lab is free; gives back what a test has left."""

    def free() -> bool:
        places = lab.places(client)
        for name, place in places.items():
            if place["state"] in ("in use", "reserved"):
                client.bench("lab", "free", name)
        return len(places) == sum(len(host.boards) for host in lab.hosts) and all(
            place["state"] == "free" for place in places.values()
        )

    until(free, why="the lab's boards do not become free")
