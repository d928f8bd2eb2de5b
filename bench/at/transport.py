"""Byte streams to a board: a serial port, a TCP connection, a recorded transcript. Each gives one readable descriptor.

A port is named by a path (``/dev/ttyACM0``), ``tcp://HOST:PORT`` or ``replay:FILE``.
"""

import contextlib
import errno
import os
import re
import socket
import stat
import termios
from pathlib import Path
from typing import Protocol

import serial

from bench.at.response import PortBusy, PortNotFound, ReplayMismatch
from bench.at.transcript import Entry, printable, read_jsonl
from bench.errors import UsageError, in_words
from bench.processes import describe_process, lock_holder


class Transport(Protocol):
    """A port for a link. ``open`` acquires it and returns a non-blocking descriptor to poll."""

    name: str
    timed: int
    """A second descriptor of the open port whose reads return after 100 ms of silence at the latest, with nothing; -1
    where there is none. Such a read needs no poll before it, which with many threads is half of what a transaction
    costs."""

    def open(self) -> int:
        """Acquire the port and return its descriptor, non-blocking."""

    def write(self, data: bytes) -> int:
        """Write the bytes that the port takes now; return their number. Raise BlockingIOError when it takes none."""

    def set_rate(self, baudrate: int) -> None:
        """Go on at another baud rate; raise UsageError where this host cannot set it."""

    def close(self) -> None:
        """Give the port back; harmless when it is not open."""


class SerialTransport:
    """A tty, opened and configured by pyserial and then used through its descriptor.

    pyserial's own reads go byte by byte through select; a descriptor of our own choice of calls does not. The port is
    locked (flock) for as long as it is open. The kernel's hang-up-on-close is switched off, so that closing the port
    does not drop DTR, which some boards take as "power down the UART".
    """

    def __init__(self, path: str, *, baudrate: int = 115200, flow_control: bool = False, dtr: bool = True) -> None:
        """Args: dtr: the state of that line while the port is open."""
        self.name = path
        self._port = serial.Serial()
        self._port.port = path
        self._port.baudrate = baudrate
        self._port.rtscts = flow_control
        self._port.dtr = dtr
        self._port.exclusive = True
        self._port.timeout = 0
        self._fd = -1
        self.timed = -1

    def open(self) -> int:
        """Open the tty.

        Raises:
            PortNotFound: it does not exist or is not a serial port.
            PortBusy: another program has locked it.
        """
        _must_be_tty(self.name)
        try:
            self._port.open()
        except serial.SerialException as error:
            raise _opening_error(self.name, error) from error
        try:
            self._configure()
        except (OSError, termios.error) as error:
            self.close()
            raise PortNotFound(f"{self.name} vanished while it was opened: {in_words(error)}") from error
        return self._fd

    def _configure(self) -> None:
        self._fd = self._port.fileno()
        os.set_blocking(self._fd, False)
        self._set_attributes()
        # Whether a descriptor blocks belongs to its open file: the same port is opened once more, for reading.
        self.timed = os.open(f"/proc/self/fd/{self._fd}", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)

    def _set_attributes(self) -> None:
        """Set what pyserial has set otherwise."""
        attributes = termios.tcgetattr(self._fd)
        attributes[2] &= ~termios.HUPCL
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 0, 1  # tenths of a second
        termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

    def set_rate(self, baudrate: int) -> None:
        """Set the rate of the open tty.

        Raises:
            UsageError: the port does not know it.
        """
        try:
            self._port.baudrate = baudrate
            self._set_attributes()
        except (OSError, ValueError, termios.error) as error:
            raise UsageError(f"{self.name} cannot go on at {baudrate} baud: {in_words(error)}") from error

    def write(self, data: bytes) -> int:
        """Write through the descriptor."""
        return os.write(self._fd, data)

    def close(self) -> None:
        """Close the tty and free its lock."""
        if self.timed >= 0:
            os.close(self.timed)
            self.timed = -1
        with contextlib.suppress(OSError, termios.error):  # a port that vanished cannot be restored
            self._port.close()


class TcpTransport:
    """A port behind a TCP server such as ser2net in raw mode."""

    def __init__(self, host: str, port: int, *, connect_timeout: float = 5.0) -> None:
        self.name = f"tcp://{host}:{port}"
        self._address = (host, port)
        self._connect_timeout = connect_timeout
        self._socket: socket.socket | None = None
        self.timed = -1

    def open(self) -> int:
        """Connect; raise PortNotFound when nobody answers."""
        try:
            self._socket = socket.create_connection(self._address, self._connect_timeout)
        except OSError as error:
            raise PortNotFound(f"{self.name} does not answer: {error}; is the port server running?") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        return self._socket.fileno()

    def write(self, data: bytes) -> int:
        """Send through the connection."""
        assert self._socket is not None  # the link opens before it writes
        return self._socket.send(data)

    def set_rate(self, baudrate: int) -> None:
        """Raise UsageError: the server knows the rate of its port."""
        raise UsageError(f"{self.name}: the server at its other end sets the baud rate, not this host ({baudrate})")

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()


class ReplayTransport:
    """A device replayed from a transcript: the bytes sent must be those sent then, and the recorded ones come again.

    Masked bytes in the recorded transcript (asterisks) match anything.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"replay:{path}"
        self._path = path
        self._entries: list[Entry] = []
        self._ours: socket.socket | None = None
        self._theirs: socket.socket | None = None
        self.timed = -1

    def open(self) -> int:
        """Read the transcript and play the bytes that came before the first command."""
        self._entries = [entry for entry in read_jsonl(self._path) if entry.direction != "note"]
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        self._play()
        return self._ours.fileno()

    def write(self, data: bytes) -> int:
        """Compare with the recording.

        Raises:
            ReplayMismatch: other bytes, or more than were recorded.
        """
        rest = data
        while rest:
            if not self._entries:
                raise ReplayMismatch(f"{self.name} has ended, but {printable(rest)} was sent")
            expected = self._entries[0].data
            length = min(len(expected), len(rest))
            if any(e not in (r, ord("*")) for e, r in zip(expected[:length], rest[:length], strict=True)):
                raise ReplayMismatch(f"{self.name} recorded {printable(expected)}, but {printable(rest)} was sent")
            rest = rest[length:]
            if length == len(expected):
                self._entries.pop(0)
                self._play()
            else:
                self._entries[0] = self._entries[0]._replace(data=expected[length:])
        return len(data)

    def set_rate(self, baudrate: int) -> None:
        """Do nothing: a recorded transcript has no rate."""

    def close(self) -> None:
        """End the replay."""
        for end in (self._ours, self._theirs):
            if end is not None:
                end.close()

    def _play(self) -> None:
        assert self._theirs is not None  # open() made it
        while self._entries and self._entries[0].direction == "rx":
            self._theirs.sendall(self._entries.pop(0).data)


def transport_for(port: str, *, baudrate: int = 115200, flow_control: bool = False, dtr: bool = True) -> Transport:
    """Return the transport that a port's name asks for.

    Raises:
        UsageError: a name that is not one of a port.
    """
    if port.startswith("tcp://"):
        match = re.fullmatch(r"tcp://(?:\[([^\]]+)\]|([^:\[\]]+)):(\d{1,5})", port)
        if match is None or not 0 < int(match.group(3)) < 65536:
            raise UsageError(f"{port} is not an address; write tcp://HOST:PORT, an IPv6 address in brackets")
        return TcpTransport(match.group(1) or match.group(2), int(match.group(3)))
    if port.startswith("replay:"):
        return ReplayTransport(Path(port.removeprefix("replay:")))
    return SerialTransport(port, baudrate=baudrate, flow_control=flow_control, dtr=dtr)


def is_pty(port: str) -> bool:
    """Return True when a port is a pseudo-terminal, which no hardware is ever behind.

    The kernel's character majors 136 to 143 are pty slaves (Linux Documentation/admin-guide/devices.txt).
    """
    try:
        status = Path(port).stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and 136 <= os.major(status.st_rdev) <= 143


def pty_made_ns(port: str) -> int:
    """Return the time at which the pty behind a path was made, in ns since 1970; 0 when there is none."""
    try:
        return Path(port).stat().st_ctime_ns if is_pty(port) else 0
    except OSError:  # ended in this very moment
        return 0


def _must_be_tty(path: str) -> None:
    try:
        mode = Path(path).stat().st_mode
    except FileNotFoundError:
        raise PortNotFound(
            f"there is no port {path}; is the board plugged in? `nrf91-bench boards` lists what is attached"
        ) from None
    except OSError as error:
        raise PortNotFound(f"cannot look at {path}: {in_words(error)}") from error
    if not stat.S_ISCHR(mode):
        raise PortNotFound(f"{path} is not a serial port; `nrf91-bench boards` lists what is attached")


def _opening_error(path: str, error: serial.SerialException) -> PortBusy | PortNotFound:
    number = error.errno
    if number in (errno.EAGAIN, errno.EBUSY) or "exclusively lock" in str(error):
        holder = _holder(path)
        return PortBusy(f"{path} is in use{f' by {holder}' if holder else ''}; close that program and try again")
    if number in (errno.EACCES, errno.EPERM):
        return PortNotFound(
            f"no permission to open {path}; add your user to its group (`ls -l {path}`, often dialout) and log in again"
        )
    if number == errno.ENOTTY or "configure port" in str(error):
        return PortNotFound(f"{path} is not a serial port: {in_words(error)}")
    return PortNotFound(f"cannot open {path}: {in_words(error)}")


def _holder(path: str) -> str:
    """Return the process that holds the lock of the port, ``minicom (pid 4711)``; empty when that is not known."""
    try:
        pid = lock_holder(Path(path))
    except OSError:
        return ""  # only a help: without it the message says less
    return describe_process(pid) if pid is not None and pid > 0 else ""  # 0 and less: outside this container
