"""An open port: bytes with stamps, one reader at a time, every system call in the transcript.

Stamps are taken directly before the write and directly after each read. Between uses the shared drain reads the port.
"""

import os
import select
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NoReturn

from bench.at.drain import READ_SIZE, SHARED, DrainedPort
from bench.at.response import CommandTimeout, LinkState, PortLost
from bench.at.transcript import Conceal, Transcript
from bench.at.transport import Transport
from bench.clock import NS_PER_MS, now_ns

# How long a wait lasts before the transcript is written out: short answers are never disturbed by it.
_PATIENCE_MS = 100
_PATIENCE_NS = _PATIENCE_MS * NS_PER_MS
# Most answers fit in so many bytes, for which Python needs no memory from the system; a long one is read on in full.
_SHORT = 448

Meanwhile = Callable[[bytes, int], None]


class Port:
    """A transport in use.

    Attributes:
        transcript: where each system call is recorded.
        conceal: hides identities in what an error message shows.
        where: where the whole transcript lies, for error messages.
    """

    def __init__(self, transport: Transport, transcript: Transcript, meanwhile: Meanwhile) -> None:
        """Args: meanwhile: gets the bytes that come while we write, so that neither side blocks the other."""
        self.name = transport.name
        self.transcript = transcript
        self.conceal: Conceal = bytes
        self.where = "in memory only"
        self._transport = transport
        self._meanwhile = meanwhile
        self._poll = select.poll()
        self._shared: DrainedPort | None = None
        self._empty_ns = 0
        self._size = _SHORT

    @property
    def is_open(self) -> bool:
        """Return True from the opening of the port to its closing."""
        return self._shared is not None

    @property
    def shared(self) -> DrainedPort:
        """Return the port that the drain and we take turns to read. Its lock is held while one reads or writes.

        Raises:
            LinkState: the port is closed.
        """
        if self._shared is None:
            raise LinkState(f"the link to {self.name} is closed")
        return self._shared

    def open(self) -> None:
        """Open the transport and begin to listen."""
        fd = self._transport.open()
        self._shared = DrainedPort(fd, self.transcript)
        self._poll.register(fd, select.POLLIN)
        self._empty_ns = now_ns()
        self.transcript.note(self._empty_ns, f"opened {self.name}")
        SHARED.watch(self._shared)

    def set_rate(self, baudrate: int) -> None:
        """Go on at another baud rate; raise UsageError where this host cannot set it."""
        self._transport.set_rate(baudrate)

    def close(self) -> None:
        """Give the transport back; harmless when it is closed."""
        shared, self._shared = self._shared, None
        if shared is not None:
            with shared.lock:
                shared.borrowed = True  # the drain may still hold a readiness of this descriptor; it must not read it
                SHARED.forget(shared)
                self._poll.unregister(shared.fd)
                self._transport.close()
            self.transcript.note(now_ns(), f"closed {self.name}")
            self.transcript.flush()

    def take(self, shared: DrainedPort) -> bool:
        """Take the descriptor from the drain, whose lock the caller holds; True when the drain had it."""
        if shared.borrowed:
            return False
        SHARED.lend(shared)
        self._empty_ns = now_ns()
        return True

    def release(self, shared: DrainedPort, fresh: bool) -> None:
        """Let the drain have the descriptor back when it has been idle for a while."""
        shared.used_ns = now_ns()
        if fresh:
            SHARED.nudge()  # it may sleep without a time limit

    def receive(self, deadline: int) -> tuple[bytes, int] | None:
        """Return the next chunk and its stamp, or None when the deadline (ns) has passed.

        Raises:
            PortLost: the port vanished.
        """
        # Most answers come at once: the first wait reads no clock, it trusts the last stamp.
        if deadline - self._empty_ns > _PATIENCE_NS and self._transport.timed >= 0:
            try:
                chunk = os.read(self._transport.timed, self._size)
            except OSError as error:
                self.lost(self.shared, str(error))
            stamp = now_ns()
            if chunk:
                self.transcript.record((stamp, "rx", chunk, self._empty_ns))
                self._empty_ns = stamp
                self._size = _SHORT if len(chunk) < self._size else READ_SIZE
                return chunk, stamp
            self._empty_ns = stamp  # silence, or a hang-up, which the poll below tells apart
            self.transcript.flush()
        left_ms = min((deadline - self._empty_ns) // NS_PER_MS + 1, _PATIENCE_MS)
        if left_ms <= 0:
            return None  # also when bytes keep coming: a storm must not outlast the caller's patience
        if not self._poll.poll(left_ms):
            self._empty_ns = now_ns()
            self.transcript.flush()
            left_ms = (deadline - self._empty_ns) // NS_PER_MS + 1
            if left_ms <= 0 or not self._poll.poll(left_ms):
                return None
        shared = self.shared
        try:
            chunk = os.read(shared.fd, READ_SIZE)
            stamp = now_ns()
        except BlockingIOError:
            return b"", now_ns()
        except OSError as error:
            self.lost(shared, str(error))
        if not chunk:
            self.lost(shared, "end of file")
        self.transcript.record((stamp, "rx", chunk, self._empty_ns))
        self._empty_ns = stamp
        return chunk, stamp

    def write(self, data: bytes, shown: bytes, timeout: float) -> int:
        """Write all of ``data`` and record it as ``shown``; return the clock before the first write.

        Raises:
            CommandTimeout: the port took nothing for ``timeout`` seconds.
            PortLost: the port vanished.
        """
        started = stamp = now_ns()
        while True:
            try:
                taken = self._transport.write(data)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                self.lost(self.shared, str(error))
            if taken == len(data):
                self.transcript.record((stamp, "tx", shown, 0))
                return started
            if taken:
                self.transcript.record((stamp, "tx", shown[:taken], 0))
                data, shown = data[taken:], shown[taken:]
            self._wait_writable(len(data), timeout)
            stamp = now_ns()

    def lost(self, shared: DrainedPort, why: str) -> NoReturn:
        """Note that the port is gone, and raise PortLost."""
        shared.lost = why
        moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
        raise PortLost(
            f"{self.name} vanished at {moment} ({why}): was the board unplugged or reset, or did its simulator end?",
            evidence=self.evidence(),
        )

    def evidence(self) -> str:
        """Return the end of the transcript and where all of it is."""
        return f"{self.transcript.tail(self.conceal)}\n{self.pointer}"

    @property
    def pointer(self) -> str:
        """Where the whole transcript is, as the last line of an error."""
        return f"    whole transcript: {self.where}"

    def _wait_writable(self, left: int, timeout: float) -> None:
        both = select.poll()
        both.register(self.shared.fd, select.POLLIN | select.POLLOUT)
        ready = both.poll(round(timeout * 1000))
        if not ready:
            raise CommandTimeout(
                f"{self.name} took no byte for {timeout:g} s, with {left} still to go; is flow control wired and"
                f" switched on at both ends?",
                evidence=self.evidence(),
            )
        if ready[0][1] & ~select.POLLOUT:
            received = self.receive(now_ns())
            if received is not None:
                self._meanwhile(*received)
