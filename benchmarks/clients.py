"""The clients that at_link.py compares: bare system calls, the bench's link, and libraries, where they are installed.

Each takes a port's path; ``transact`` returns the bytes of one answer. What a library needs to work at all is done for
it; nothing is tuned that its users would not tune.
"""

import importlib.util
import os
import re
import select
import tty
from typing import Any, Protocol

from bench.at import AtLink, Response
from bench.clock import now_ns

FINAL = b"OK\r\n"


class Client(Protocol):
    name: str
    needs: str

    def open(self, path: str) -> None: ...
    def transact(self, command: bytes) -> bytes: ...
    def close(self) -> None: ...


class Raw:
    """The least that Python can do."""

    name, needs = "raw os.write/os.read", ""

    def open(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd)

    def transact(self, command: bytes) -> bytes:
        os.write(self.fd, command + b"\r\n")
        answer = os.read(self.fd, 4096)
        while not answer.endswith(FINAL):
            answer += os.read(self.fd, 4096)
        return answer

    def timed(self, command: bytes) -> int:
        started = now_ns()
        self.transact(command)
        return now_ns() - started

    def close(self) -> None:
        os.close(self.fd)


class RawPoll(Raw):
    """The same with a time limit, which every real client needs."""

    name = "raw with poll"

    def open(self, path: str) -> None:
        super().open(path)
        os.set_blocking(self.fd, False)
        self.poll = select.poll()
        self.poll.register(self.fd, select.POLLIN)

    def transact(self, command: bytes) -> bytes:
        os.write(self.fd, command + b"\r\n")
        answer = b""
        while not answer.endswith(FINAL):
            if not self.poll.poll(5000):
                raise TimeoutError
            answer += os.read(self.fd, 4096)
        return answer


class Linked:
    """The bench's link, parser and transcript included."""

    name, needs = "bench.at.AtLink", ""

    def open(self, path: str) -> None:
        self.link = AtLink.open(path)

    def transact(self, command: bytes) -> bytes:
        response = self.link.command(command)
        lines = "".join(f"\r\n{line}\r\n" for line in response.lines).encode("latin-1")
        return lines + (response.payload or b"") + b"\r\n" + response.final.encode() + b"\r\n"

    def command(self, command: bytes) -> Response:
        return self.link.command(command)

    def timed(self, command: bytes) -> int:
        return self.link.command(command).duration_ns

    def close(self) -> None:
        self.link.transcript.cut()
        self.link.close()


class PyserialReadUntil:
    name, needs = "pyserial read_until", "serial"

    def open(self, path: str) -> None:
        import serial

        self.port: Any = serial.Serial(path, 115200, timeout=5)

    def transact(self, command: bytes) -> bytes:
        self.port.write(command + b"\r\n")
        return bytes(self.port.read_until(FINAL))

    def close(self) -> None:
        self.port.close()


class PyserialReadline(PyserialReadUntil):
    name = "pyserial readline"

    def transact(self, command: bytes) -> bytes:
        self.port.write(command + b"\r\n")
        answer = b""
        while True:
            line = self.port.readline()
            answer += line
            if line.strip() in (b"OK", b"ERROR") or not line:
                return answer


class Pexpect:
    name, needs = "pexpect fdspawn", "pexpect"

    def open(self, path: str) -> None:
        import pexpect.fdpexpect
        import serial

        self.port: Any = serial.Serial(path, 115200, timeout=5)
        self.spawn: Any = pexpect.fdpexpect.fdspawn(self.port, timeout=5)

    def transact(self, command: bytes) -> bytes:
        self.spawn.send(command + b"\r\n")
        self.spawn.expect(rb"\r\n(OK|ERROR)\r\n")
        return bytes(self.spawn.before + self.spawn.after)

    def close(self) -> None:
        self.port.close()


class Serialx:
    name, needs = "serialx read_until", "serialx"

    def open(self, path: str) -> None:
        import serialx

        self.port: Any = serialx.serial_for_url(path, baudrate=115200, read_timeout=5)
        if not self.port.is_open:
            self.port.open()

    def transact(self, command: bytes) -> bytes:
        self.port.write(command + b"\r\n")
        return bytes(self.port.read_until(FINAL))

    def close(self) -> None:
        self.port.close()


class Labgrid:
    """Needs an environment of its own: it replaces pyserial by a fork."""

    name, needs = "labgrid SerialDriver", "labgrid"

    def open(self, path: str) -> None:
        from labgrid import Target
        from labgrid.driver import SerialDriver
        from labgrid.resource import RawSerialPort

        self.target: Any = Target("benchmark")
        RawSerialPort(self.target, name=None, port=path, speed=115200)
        self.driver: Any = SerialDriver(self.target, name=None)
        self.target.activate(self.driver)

    def transact(self, command: bytes) -> bytes:
        self.driver.write(command + b"\r\n")
        _, before, _, after = self.driver.expect(r"\r\n(OK|ERROR)\r\n", timeout=5)
        return bytes(before + after)

    def close(self) -> None:
        self.target.deactivate(self.driver)


class PytestEmbedded:
    """The objects that its plugin builds, without pytest."""

    name, needs = "pytest-embedded", "pytest_embedded_serial"

    def open(self, path: str) -> None:
        import tempfile
        import time

        from pytest_embedded.dut_factory import _listener_gn, _pexpect_fr_gn, pexpect_proc_fn
        from pytest_embedded.log import MessageQueue
        from pytest_embedded_serial import Serial, SerialDut

        queue = MessageQueue()
        log = f"{tempfile.mkdtemp()}/dut.log"
        self.listener: Any = _listener_gn(queue, log, True, 1, 1)
        self.process: Any = pexpect_proc_fn(_pexpect_fr_gn(log, self.listener))
        self.serial: Any = Serial(queue, port=path, baud=115200)
        self.dut: Any = SerialDut(
            serial=self.serial,
            pexpect_proc=self.process,
            msg_queue=queue,
            app=None,
            pexpect_logfile=log,
            test_case_name="benchmark",
        )
        time.sleep(1)

    def transact(self, command: bytes) -> bytes:
        self.dut.write(command.decode() + "\r")  # its write adds the line feed
        match = self.dut.expect(re.compile(rb"\r\n(OK|ERROR)\r\n"), timeout=5)
        return bytes(self.process.before + match.group(0))

    def close(self) -> None:
        self.serial.close()
        self.listener.terminate()
        self.listener.join(2)


ALL: tuple[type[Client], ...] = (
    Raw,
    RawPoll,
    Linked,
    PyserialReadUntil,
    PyserialReadline,
    Pexpect,
    Serialx,
    Labgrid,
    PytestEmbedded,
)
# Sleeps in each command: fewer of them, or the run takes hours.
SLOW = ("pytest-embedded",)


def installed() -> list[type[Client]]:
    """Those that can be compared in this environment."""
    return [client for client in ALL if not client.needs or importlib.util.find_spec(client.needs)]
