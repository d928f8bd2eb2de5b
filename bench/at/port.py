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


class Port(DrainedPort):
    """A transport in use, which its link and the drain take turns to read. Its lock is held while one reads or writes.

    Attributes:
        transcript: where each system call is recorded.
        conceal: hides identities in what an error message shows.
        where: where the whole transcript lies, for error messages.
    """

    def __init__(self, transport: Transport, transcript: Transcript, meanwhile: Meanwhile) -> None:
        """Args: meanwhile: gets the bytes that come while we write, so that neither side blocks the other."""
        super().__init__(transcript)
        self.name = transport.name
        self.conceal: Conceal = bytes
        self.where = "in memory only"
        self._transport = transport
        self._meanwhile = meanwhile
        self._poll = select.poll()
        self._timed = -1
        self._size = _SHORT

    @property
    def is_open(self) -> bool:
        """Return True from the opening of the port to its closing."""
        return self.fd >= 0

    def open(self) -> None:
        """Open the transport and begin to listen."""
        self.fd = self._transport.open()
        self._timed = self._transport.timed
        self.borrowed, self.awaited, self.lost = False, False, ""
        self.stored.clear()
        self._poll.register(self.fd, select.POLLIN)
        self.looked_ns = now_ns()
        self.transcript.note(self.looked_ns, f"opened {self.name}")
        SHARED.watch(self)

    def set_rate(self, baudrate: int) -> None:
        """Go on at another baud rate; raise UsageError where this host cannot set it."""
        self._transport.set_rate(baudrate)

    def close(self) -> None:
        """Give the transport back; harmless when it is closed."""
        if self.is_open:
            with self.lock:
                SHARED.forget(self)
                self._poll.unregister(self.fd)
                self.fd = -1  # the drain may still hold a readiness of the descriptor; it must not read it
                self.borrowed = False
                self._transport.close()
            self.transcript.note(now_ns(), f"closed {self.name}")
            self.transcript.flush()

    def check_open(self) -> None:
        """Raise LinkState when the port is closed."""
        if not self.is_open:
            raise LinkState(f"the link to {self.name} is closed")

    def take(self) -> bool:
        """Take the descriptor from the drain; the caller holds the lock. True when the drain had it.

        Raises:
            LinkState: the port is closed.
        """
        if self.borrowed:
            return False
        self.check_open()
        SHARED.lend(self)
        self.looked_ns = now_ns()
        return True

    def release(self) -> None:
        """Let the drain, which awaits it, have the descriptor back when it has been idle for a while."""
        self.awaited = False
        SHARED.nudge()

    def receive(self, deadline: int) -> tuple[bytes, int] | None:
        """Return the next chunk and its stamp, or None when the deadline (ns) has passed.

        Raises:
            PortLost: the port vanished.
        """
        # Most answers come at once: the first wait reads no clock, it trusts the last stamp.
        empty_ns, size = self.looked_ns, self._size
        if self._timed >= 0 and deadline - empty_ns > _PATIENCE_NS:
            try:
                chunk = os.read(self._timed, size)
            except OSError as error:
                self.raise_lost(str(error))
            self.looked_ns = stamp = now_ns()
            if chunk:
                self.transcript.record((stamp, "rx", chunk, empty_ns))
                self._size = _SHORT if len(chunk) < size else READ_SIZE
                return chunk, stamp
            self.transcript.flush()  # silence, or a hang-up, which the poll below tells apart
        left_ms = min((deadline - self.looked_ns) // NS_PER_MS + 1, _PATIENCE_MS)
        if left_ms <= 0:
            return None  # also when bytes keep coming: a storm must not outlast the caller's patience
        if not self._poll.poll(left_ms):
            self.looked_ns = now_ns()
            self.transcript.flush()
            left_ms = (deadline - self.looked_ns) // NS_PER_MS + 1
            if left_ms <= 0 or not self._poll.poll(left_ms):
                return None
        try:
            chunk = os.read(self.fd, READ_SIZE)
            stamp = now_ns()
        except BlockingIOError:
            return b"", now_ns()
        except OSError as error:
            self.raise_lost(str(error))
        if not chunk:
            self.raise_lost("end of file")
        self.transcript.record((stamp, "rx", chunk, self.looked_ns))
        self.looked_ns = stamp
        return chunk, stamp

    def write(self, data: bytes, shown: bytes, timeout: float) -> int:
        """Write all of ``data`` and record it as ``shown``; return the clock before the first write.

        Raises:
            CommandTimeout: the port took nothing for ``timeout`` seconds.
            PortLost: the port vanished.
        """
        self.sent_ns = stamp = now_ns()
        while True:
            try:
                taken = self._transport.write(data)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                self.raise_lost(str(error))
            if taken == len(data):
                self.transcript.record((stamp, "tx", shown, 0))
                return self.sent_ns
            if taken:
                self.transcript.record((stamp, "tx", shown[:taken], 0))
                data, shown = data[taken:], shown[taken:]
            self._wait_writable(len(data), timeout)
            stamp = now_ns()

    def raise_lost(self, why: str) -> NoReturn:
        """Note that the port is gone, and raise PortLost."""
        self.lost = why
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
        both.register(self.fd, select.POLLIN | select.POLLOUT)
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
