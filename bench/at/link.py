"""Transactions with a device: sends a command, reads its answer in the calling thread, sets URCs aside.

Stamps are taken directly before the write and directly after each read, so that neither the parser nor the caller is in
the times. A link belongs to one thread.
"""

import os
import select
from collections.abc import Callable
from typing import NoReturn, Self

from bench.at.dialects import SLM, Dialect
from bench.at.drain import READ_SIZE, SHARED, Drain, DrainedPort
from bench.at.events import Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.parser import Parser
from bench.at.response import (
    CommandError,
    CommandTimeout,
    LinkBlocked,
    LinkState,
    MalformedAnswer,
    PortLost,
    Response,
    Urc,
    UrcTimeout,
)
from bench.at.transcript import Conceal, Transcript, printable
from bench.at.transport import Transport, transport_for
from bench.clock import NS_PER_MS, NS_PER_S, duration_text, now_ns

# How long a wait lasts before the transcript is written out: short answers are never disturbed by it.
_PATIENCE_MS = 100
_PIECE = 65536
# Secrets stand in commands of the modem (AT+, AT%), never in the firmware's own (AT#).
_MAY_HIDE = (b"+", b"%")


class AtLink:
    """One port, one dialect, one transcript. Use :meth:`open`, or construct it and enter it."""

    def __init__(self, transport: Transport, dialect: Dialect = SLM, transcript: Transcript | None = None) -> None:
        self.name = transport.name
        self.dialect = dialect
        self.transcript = transcript or Transcript()
        self.conceal: Conceal = bytes
        self.hide: Callable[[bytes], None] = lambda _: None  # is told of each command that holds a secret
        self.where = "in memory only"
        self._transport = transport
        self._parser = Parser(dialect)
        self._drain: Drain = SHARED
        self._port: DrainedPort | None = None
        self._poll = select.poll()
        self._backlog: list[Urc] = []
        self._hanging: tuple[str, int, bool] | None = None  # command, when sent, whether its OK enters data mode
        self._data_mode = False
        self._echoes = False
        self._empty_ns = 0

    @classmethod
    def open(
        cls,
        port: str,
        *,
        baudrate: int = 115200,
        flow_control: bool = False,
        dialect: Dialect = SLM,
        transcript: Transcript | None = None,
    ) -> Self:
        """Opens a port by its name (a path, ``tcp://HOST:PORT`` or ``replay:FILE``).

        Raises:
            PortNotFound, PortBusy: says what to do.
            UsageError: a name that is none.
        """
        transport = transport_for(port, baudrate=baudrate, flow_control=flow_control)
        return cls(transport, dialect, transcript).start()

    def start(self) -> Self:
        """Opens the transport and begins to listen."""
        fd = self._transport.open()
        self._port = DrainedPort(fd, self.transcript)
        self._poll.register(fd, select.POLLIN)
        self._empty_ns = now_ns()
        self.transcript.note(self._empty_ns, f"opened {self.name}")
        self._drain.watch(self._port)
        return self

    def close(self) -> None:
        """Gives the port back; harmless when it is closed."""
        port, self._port = self._port, None
        if port is not None:
            with port.lock:
                port.borrowed = True  # the drain may still hold a readiness of this descriptor; it must not read it
                self._drain.forget(port)
                self._poll.unregister(port.fd)
                self._transport.close()
            self.transcript.note(now_ns(), f"closed {self.name}")
            self.transcript.flush()

    def __enter__(self) -> Self:
        return self if self._port else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def in_data_mode(self) -> bool:
        """Whether what is written goes to the socket instead of the command parser."""
        return self._data_mode

    @property
    def blocked(self) -> bool:
        """Whether a command that timed out still has no final result."""
        return self._hanging is not None

    @property
    def echoes(self) -> bool:
        """Whether the device was seen to echo a command."""
        return self._echoes

    def command(self, command: str | bytes, *, timeout: float = 5.0) -> Response:
        """Sends a command (a string as latin-1) and returns its whole answer.

        Args:
            command: without a terminator.
            timeout: seconds until the final result must be there; also the most that is waited, before sending, for the
                late answer of an earlier command that timed out.

        Raises:
            CommandError: the final result is not OK; carries the response.
            CommandTimeout: no final result in time.
            LinkBlocked: an earlier command still hangs, this one was not sent.
            MalformedAnswer: the answer broke the rules of the dialect.
            PortLost: the port vanished.
            LinkState: the link is closed or in data mode.
        """
        return self._command(command, timeout, enters_data_mode=False)

    def _command(self, command: str | bytes, timeout: float, *, enters_data_mode: bool) -> Response:
        text = command if isinstance(command, bytes) else command.encode("latin-1")
        port = self._usable()
        if self._data_mode:
            raise LinkState(f"{printable(text)} would be sent to the peer: the link is in data mode")
        with port.lock:
            fresh = self._take(port)
            try:
                if self._hanging is not None:
                    self._await_late(port, printable(self.dialect.masked(text)), timeout)
                if self._data_mode:
                    raise LinkState(f"{printable(text)} was not sent: a late OK has entered data mode")
                response = self._transact(port, text, timeout, enters_data_mode)
            finally:
                self._release(port, fresh)
        if response.final != "OK":
            raise CommandError(
                f"{response.command} answered {response.final} after {duration_text(response.duration_ns)}, expected OK"
                f"\n{self._evidence()}",
                response,
            )
        return response

    def wait_for_urc(self, prefix: str, *, timeout: float = 10.0, since_ns: int | None = None) -> Urc:
        """The next URC that begins with ``prefix``: from the backlog first, each delivered once.

        Args:
            prefix: such as ``+CSCON``.
            timeout: seconds from now.
            since_ns: what arrived before this moment does not count and stays in the backlog.

        Raises:
            UrcTimeout: none came.
            PortLost: the port vanished.
        """
        port = self._usable()
        deadline = now_ns() + round(timeout * NS_PER_S)
        with port.lock:
            fresh = self._take(port)
            try:
                seen = 0
                while True:
                    for index in range(seen, len(self._backlog)):
                        urc = self._backlog[index]
                        if urc.line.startswith(prefix) and (since_ns is None or urc.received_ns >= since_ns):
                            return self._backlog.pop(index)
                    seen = len(self._backlog)
                    received = self._receive(port, deadline)
                    if received is None:
                        break
                    self._set_aside(self._parser.feed(received[0]), received[1])
            finally:
                self._release(port, fresh)
        raise UrcTimeout(f"no {prefix} came within {timeout:g} s\n{self._evidence()}")

    def urcs(self) -> tuple[Urc, ...]:
        """The backlog: what came unasked and was not delivered yet, now emptied."""
        port = self._usable()
        with port.lock:
            self._parse_stored(port)
        taken = tuple(self._backlog)
        self._backlog.clear()
        return taken

    def enter_data_mode(self, command: str | bytes, *, timeout: float = 5.0) -> Response:
        """Sends a command whose OK switches the device to data mode."""
        response = self._command(command, timeout, enters_data_mode=True)
        self._data_mode = True
        return response

    def write(self, data: bytes, *, timeout: float = 30.0) -> None:
        """Writes raw bytes in data mode, as fast as the port takes them.

        Raises:
            LinkState: not in data mode.
            CommandTimeout: the port took no more for ``timeout`` seconds (flow control, or a device that is stuck).
            PortLost: the port vanished.
        """
        if not self._data_mode:
            raise LinkState("raw bytes can only be written in data mode; call enter_data_mode first")
        self.write_raw(data, timeout=timeout)

    def leave_data_mode(self, *, timeout: float = 5.0) -> int:
        """Sends the terminator; returns the result that the device reports (0, or a negative error number).

        Raises:
            CommandTimeout: no report came; the link counts as being in data mode still.
        """
        since = now_ns()
        self.write(self.dialect.data_mode_terminator, timeout=timeout)
        return self.data_mode_ended(timeout=timeout, since_ns=since)

    def data_mode_ended(self, *, timeout: float = 5.0, since_ns: int | None = None) -> int:
        """Waits for the device to report the end of data mode, whatever ended it; returns the result it reports.

        Raises:
            CommandTimeout: no report came; the link counts as being in data mode still.
        """
        prefix = self.dialect.data_mode_report.decode()
        try:
            while True:
                urc = self.wait_for_urc(prefix, timeout=timeout, since_ns=since_ns)
                value = int(urc.line.partition(":")[2])
                if value <= 0:  # builds with CONFIG_SLM_DATAMODE_URC report the size of each flush before it
                    self._data_mode = False
                    return value
        except UrcTimeout as error:
            raise CommandTimeout(f"data mode did not end: {error}") from error
        except ValueError as error:
            raise MalformedAnswer(f"{prefix} without a number: {error}\n{self._evidence()}") from error

    def write_raw(self, data: bytes, *, timeout: float = 30.0) -> None:
        """Writes bytes in whatever state the device is: for data mode, and for recovery from an unknown state."""
        port = self._usable()
        with port.lock:
            fresh = self._take(port)
            try:
                for start in range(0, len(data), _PIECE):  # what is left is copied at each partial write
                    piece = data[start : start + _PIECE]
                    self._write(port, piece, piece, timeout)
            finally:
                self._release(port, fresh)

    def listen(self, until: Callable[[bytes], bool], *, timeout: float) -> bytes:
        """Raw bytes as they come until ``until`` holds for all of them or time is up. For recovery only.

        What is read here is not parsed: :meth:`forget` follows.
        """
        port = self._usable()
        deadline = now_ns() + round(timeout * NS_PER_S)
        with port.lock:
            fresh = self._take(port, parse=False)
            heard = b"".join(chunk for _, chunk in port.stored)
            port.stored.clear()
            try:
                while not until(heard):
                    received = self._receive(port, deadline)
                    if received is None:
                        break
                    heard += received[0]
            finally:
                self._release(port, fresh)
        return heard

    def forget(self) -> None:
        """Drops a hanging command, half an answer, the backlog and data mode: the device was brought to order."""
        self._parser.reset()
        self._hanging = None
        self._data_mode = False
        self._backlog.clear()

    # ---------------------------------------------------------------- one reader at a time

    def _usable(self) -> DrainedPort:
        if self._port is None:
            raise LinkState(f"the link to {self.name} is closed")
        return self._port

    def _take(self, port: DrainedPort, *, parse: bool = True) -> bool:
        """Takes the descriptor from the drain; True when the drain had it."""
        fresh = not port.borrowed
        if fresh:
            self._drain.lend(port)
            self._empty_ns = now_ns()
            if parse:
                self._parse_stored(port)
            if port.lost:
                self._lost(port.lost)
        return fresh

    def _release(self, port: DrainedPort, fresh: bool) -> None:
        """Lets the drain have the descriptor back when it has been idle for a while."""
        port.used_ns = now_ns()
        if fresh:
            self._drain.nudge()  # it may sleep without a time limit

    def _parse_stored(self, port: DrainedPort) -> None:
        for stamp, chunk in port.stored:
            self._set_aside(self._parser.feed(chunk), stamp)
        port.stored.clear()

    def _set_aside(self, events: list[Event], stamp: int) -> None:
        """Keeps URCs; notes the end of a command that had timed out; drops the rest of its answer."""
        for event in events:
            if type(event) is Unsolicited:
                self._backlog.append(Urc(event.line.decode("latin-1"), stamp))
            elif type(event) is FinalResult and self._hanging is not None:
                command, sent_ns, enters_data_mode = self._hanging
                self._hanging = None
                self._data_mode = self._data_mode or (enters_data_mode and event.code == b"OK")
                late = (stamp - sent_ns) / NS_PER_S
                self.transcript.note(stamp, f"late: {printable(event.code)} of {command} after {late:.3f} s")
            elif type(event) is FinalResult:
                self.transcript.note(stamp, f"{printable(event.code)} that no command asked for")

    def _receive(self, port: DrainedPort, deadline: int) -> tuple[bytes, int] | None:
        """The next chunk and its stamp, or None when the deadline has passed."""
        # Most answers come at once: the first wait reads no clock, it trusts the last stamp.
        left_ms = min((deadline - self._empty_ns) // NS_PER_MS + 1, _PATIENCE_MS)
        if left_ms <= 0:
            return None  # also when bytes keep coming: a storm must not outlast the caller's patience
        if not self._poll.poll(left_ms):
            self._empty_ns = now_ns()
            self.transcript.flush()
            left_ms = (deadline - self._empty_ns) // NS_PER_MS + 1
            if left_ms <= 0 or not self._poll.poll(left_ms):
                return None
        try:
            chunk = os.read(port.fd, READ_SIZE)
            stamp = now_ns()
        except BlockingIOError:
            return b"", now_ns()
        except OSError as error:
            port.lost = str(error)
            self._lost(port.lost)
        if not chunk:
            port.lost = "end of file"
            self._lost(port.lost)
        self.transcript.record((stamp, "rx", chunk, self._empty_ns))
        self._empty_ns = stamp
        return chunk, stamp

    def _write(self, port: DrainedPort, data: bytes, shown: bytes, timeout: float) -> int:
        """Writes all of ``data`` and records it as ``shown``; returns the clock before the first write."""
        started = stamp = now_ns()
        while True:
            try:
                taken = self._transport.write(data)
            except BlockingIOError:
                taken = 0
            except OSError as error:
                port.lost = str(error)
                self._lost(port.lost)
            if taken == len(data):
                self.transcript.record((stamp, "tx", shown, 0))
                return started
            if taken:
                self.transcript.record((stamp, "tx", shown[:taken], 0))
                data, shown = data[taken:], shown[taken:]
            self._wait_writable(port, len(data), timeout)
            stamp = now_ns()

    def _wait_writable(self, port: DrainedPort, left: int, timeout: float) -> None:
        """Waits for room, and takes what the device sends meanwhile, so that neither side blocks the other."""
        both = select.poll()
        both.register(port.fd, select.POLLIN | select.POLLOUT)
        ready = both.poll(round(timeout * 1000))
        if not ready:
            raise CommandTimeout(
                f"{self.name} took no byte for {timeout:g} s, with {left} still to go; is flow control wired and"
                f" switched on at both ends?\n{self._evidence()}"
            )
        if ready[0][1] & ~select.POLLOUT:
            received = self._receive(port, now_ns())
            if received:
                self._set_aside(self._parser.feed(received[0]), received[1])

    def _lost(self, why: str) -> NoReturn:
        raise PortLost(
            f"{self.name} vanished ({why}): was the board unplugged or reset, or did its simulator end?"
            f"\n{self._evidence()}"
        )

    def _evidence(self) -> str:
        """The end of the transcript and where all of it is."""
        return f"{self.transcript.tail(self.conceal)}\n    whole transcript: {self.where}"

    # ---------------------------------------------------------------- transactions

    def _transact(self, port: DrainedPort, text: bytes, timeout: float, enters_data_mode: bool) -> Response:
        parser = self._parser
        data = text + self.dialect.terminator
        shown = data
        if text[2:3] in _MAY_HIDE:
            shown = self.dialect.masked(text) + self.dialect.terminator
            if shown != data:
                self.hide(text)
        command = shown[: len(text)].decode("latin-1")
        parser.command_sent(text)
        # Until its final result is there the command hangs: whatever interrupts us, its answer is not the next one's.
        self._hanging = (command, now_ns(), enters_data_mode)
        sent = self._write(port, data, shown, timeout)
        deadline = sent + round(timeout * NS_PER_S)
        lines: list[str] = []
        payload: bytes | None = None
        broken = ""
        first = 0
        heard = len(self._backlog)
        while True:
            received = self._receive(port, deadline)
            if received is None:
                raise CommandTimeout(
                    f"{command} had no final result after {timeout:g} s, expected OK or ERROR\n{self._evidence()}"
                )
            chunk, stamp = received
            final = None
            events = parser.feed(chunk)
            if not first and not events:
                first = stamp
            for event in events:
                kind = type(event)
                if kind is Unsolicited or final is not None:
                    self._set_aside([event], stamp)
                    continue
                first = first or stamp
                if kind is FinalResult:
                    self._hanging = None
                    final = event.code  # type: ignore[union-attr]
                elif kind is Information:
                    lines.append(event.line.decode("latin-1"))  # type: ignore[union-attr]
                elif kind is Payload:
                    payload = event.data if payload is None else payload + event.data  # type: ignore[union-attr]
                elif kind is Malformed:
                    broken = f"{printable(event.data[:80])}: {event.reason}"  # type: ignore[union-attr]
                else:
                    self._echoes = True
            if final is not None:
                break
        urcs = tuple(self._backlog[heard:]) if len(self._backlog) > heard else ()
        response = Response(command, tuple(lines), payload, final.decode("latin-1"), sent, first, stamp, urcs)
        self.transcript.transactions.append(response)
        if broken:
            raise MalformedAnswer(f"{command} was answered by {broken}\n{self._evidence()}")
        return response

    def _await_late(self, port: DrainedPort, waiting: str, timeout: float) -> None:
        deadline = now_ns() + round(timeout * NS_PER_S)
        while self._hanging is not None:
            received = self._receive(port, deadline)
            if received is None:
                command, sent_ns, _ = self._hanging
                raise LinkBlocked(
                    f"{waiting} was not sent: {command}, sent {(now_ns() - sent_ns) / NS_PER_S:.1f} s ago, still has no"
                    f" final result\n{self._evidence()}"
                )
            self._set_aside(self._parser.feed(received[0]), received[1])
