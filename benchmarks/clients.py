"""The clients that are compared: bare system calls, the bench's link, and other libraries.

What a library needs to work at all is done for it; nothing is tuned that its users would not tune. Each imports its
library when it opens: this module is also read in environments that have one of them only.
"""

import os
import re
import select
import tempfile
import time
import tty
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from bench.at import Response

FINAL = b"OK\r\n"


class Client(Protocol):
    """A client of one port."""

    name: ClassVar[str]

    @abstractmethod
    def open(self, path: str) -> None:
        """Open the port."""

    @abstractmethod
    def transact(self, command: bytes) -> bytes:
        """Send a command, return the bytes of its answer."""

    @abstractmethod
    def close(self) -> None:
        """Close the port."""


class TimedClient(Client, Protocol):
    """A client that knows how long a command took."""

    @abstractmethod
    def timed(self, command: bytes) -> int:
        """Send a command, return its duration in ns."""


class GuestClient(Client, Protocol):
    """A client of a library that is installed in an environment of its own.

    Attributes:
        requirements: of that environment.
        slow: it sleeps in each command.
    """

    requirements: ClassVar[tuple[str, ...]]
    slow: ClassVar[bool] = False


class Raw(TimedClient):
    """The least that Python can do."""

    name = "raw os.write/os.read"

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
        started = time.monotonic_ns()
        self.transact(command)
        return time.monotonic_ns() - started

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


class Linked(TimedClient):
    """The bench's link, parser and transcript included."""

    name = "bench.at.AtLink"

    def open(self, path: str) -> None:
        from bench.at import AtLink

        self.link = AtLink.open(path)

    def command(self, command: bytes) -> "Response":
        """Send a command, return its answer as it is, without joining its bytes again."""
        return self.link.command(command)

    def transact(self, command: bytes) -> bytes:
        response = self.link.command(command)
        lines = "".join(f"\r\n{line}\r\n" for line in response.lines).encode("latin-1")
        return lines + (response.payload or b"") + b"\r\n" + response.final.encode() + b"\r\n"

    def timed(self, command: bytes) -> int:
        return self.link.command(command).duration_ns

    def close(self) -> None:
        self.link.transcript.cut()
        self.link.close()


class PyserialReadUntil(Client):
    """The library's own end of a read."""

    name = "pyserial read_until"

    def open(self, path: str) -> None:
        import serial

        self.port: Any = serial.Serial(path, 115200, timeout=5)

    def transact(self, command: bytes) -> bytes:
        self.port.write(command + b"\r\n")
        return bytes(self.port.read_until(FINAL))

    def close(self) -> None:
        self.port.close()


class PyserialReadline(PyserialReadUntil):
    """Line by line."""

    name = "pyserial readline"

    def transact(self, command: bytes) -> bytes:
        self.port.write(command + b"\r\n")
        answer = b""
        while True:
            line = bytes(self.port.readline())
            answer += line
            if line.strip() in (b"OK", b"ERROR") or not line:
                return answer


class Pexpect(GuestClient):
    """A pattern on a descriptor."""

    name = "pexpect fdspawn"
    requirements = ("pexpect>=4.9", "pyserial>=3.5")

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


class Serialx(GuestClient):
    """A younger library for serial ports."""

    name = "serialx read_until"
    requirements = ("serialx>=1.15",)

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


class Labgrid(GuestClient):
    """The driver without its lab. It replaces pyserial by a fork."""

    name = "labgrid SerialDriver"
    requirements = ("labgrid==26.0.1",)

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


class PytestEmbedded(GuestClient):
    """The objects that its plugin builds, without pytest: a thread reads, a process writes a file, that is searched."""

    name = "pytest-embedded"
    requirements = ("pytest-embedded==2.9.3", "pytest-embedded-serial==2.9.3")  # what it builds with is its own affair
    slow = True

    def open(self, path: str) -> None:
        from pytest_embedded.dut_factory import _listener_gn, _pexpect_fr_gn, pexpect_proc_fn
        from pytest_embedded.log import MessageQueue
        from pytest_embedded_serial import Serial, SerialDut

        queue = MessageQueue()
        self.folder = tempfile.TemporaryDirectory()
        log = str(Path(self.folder.name) / "dut.log")
        self.listener: Any = _listener_gn(queue, log, True, 1, 1)
        # Kept, as its plugin keeps it: were it collected, the next file to be opened would get its descriptor, which
        # is the port itself, and the answers would be read past the library.
        self.log: Any = _pexpect_fr_gn(log, self.listener)
        self.process: Any = pexpect_proc_fn(self.log)
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
        self.log.close()
        self.folder.cleanup()


OWN: tuple[type[Client], ...] = (Raw, RawPoll, Linked, PyserialReadUntil, PyserialReadline)
GUESTS: tuple[type[GuestClient], ...] = (Pexpect, Serialx, Labgrid, PytestEmbedded)
