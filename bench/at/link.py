"""Transactions with a device: a command is sent, its answer read in the calling thread, URCs are set aside.

The times are the port's stamps, so that neither the parser nor the caller is in them. A link belongs to one thread.
"""

from collections.abc import Callable
from typing import NoReturn, Self

from bench.at.answer import Answer
from bench.at.dialects import Dialect
from bench.at.events import Echo, Event, FinalResult, Unsolicited
from bench.at.numbers import signed_number
from bench.at.parser import Parser
from bench.at.port import Port
from bench.at.request import Requests
from bench.at.response import (
    CommandError,
    CommandTimeout,
    DeviceRestarted,
    LinkBlocked,
    LinkState,
    MalformedAnswer,
    Response,
    Urc,
    UrcTimeout,
)
from bench.at.secrets import masked
from bench.at.slm import SLM
from bench.at.transcript import Transcript, printable
from bench.at.transport import Transport, transport_for
from bench.clock import NS_PER_S, duration_text, now_ns

# When a modem crashes in the middle of a command, the application ends the command with ERROR some ms later.
_CRASH_SECONDS = 2.0
# Where the board does not wait for the terminator, the mark of a failure and the report of the end come together.
_REPORT_SECONDS = 0.1
# Bulk data go out in pieces, for the rest of a piece is copied at each partial write.
_PIECE = 65536


class AtLink:
    """One port, one dialect, one transcript. Use :meth:`open`, or construct it and enter it."""

    def __init__(self, transport: Transport, dialect: Dialect = SLM, transcript: Transcript | None = None) -> None:
        self.name = transport.name
        self.dialect = dialect
        self.transcript = transcript or Transcript()
        self.port = Port(transport, self.transcript, self._heard)
        self.hide: Callable[[bytes], None] = lambda _: None  # gets each secret that a command holds
        # Says why a command may not be sent now, or nothing; None when every command may.
        self.refuses: Callable[[bytes], str] | None = None
        # Gets each URC at once, also amid a command, and must not use the link; the backlog has the URC all the same.
        self.tell: Callable[[Urc], None] | None = None
        self._parser = Parser(dialect)
        self._requests = Requests(dialect.terminator)
        self._backlog: list[Urc] = []
        self._restarts: list[Urc] = []  # kept beside the backlog: whoever empties that must not lose them
        self._hanging: str | None = None  # the command without a final result
        self._echoes = False
        self._answered = False  # before its first answer a device may just be booting

    def speak(self, dialect: Dialect) -> None:
        """Use another dialect from now on: the device's, once it is known."""
        self.dialect = dialect
        self._parser.speak(dialect)
        self._requests = Requests(dialect.terminator)

    def set_rate(self, baudrate: int) -> None:
        """Go on at another baud rate, which the device has been told to use.

        Raises:
            UsageError: this host cannot set the rate, or the port does not know it.
        """
        self.port.set_rate(baudrate)

    @classmethod
    def open(
        cls,
        port: str,
        *,
        baudrate: int = 115200,
        flow_control: bool = False,
        dtr: bool = True,
        dialect: Dialect = SLM,
        transcript: Transcript | None = None,
    ) -> Self:
        """Open a port by its name (a path, ``tcp://HOST:PORT`` or ``replay:FILE``).

        Raises:
            PortNotFound, PortBusy: says what to do.
            UsageError: a name that is not one of a port.
        """
        transport = transport_for(port, baudrate=baudrate, flow_control=flow_control, dtr=dtr)
        return cls(transport, dialect, transcript).start()

    def start(self) -> Self:
        """Open the port and begin to listen."""
        self.port.open()
        return self

    def close(self) -> None:
        """Give the port back; harmless when it is closed."""
        self.port.close()

    def __enter__(self) -> Self:
        return self if self.port.is_open else self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def in_data_mode(self) -> bool:
        """Return True while written bytes go to the socket instead of the command parser."""
        return self._parser.in_data_mode

    @property
    def blocked(self) -> bool:
        """Return True when a command that timed out still has no final result."""
        return self._hanging is not None

    @property
    def echoes(self) -> bool:
        """Return True when the device was seen to echo a command."""
        return self._echoes

    def command(self, command: str | bytes, *, timeout: float = 5.0) -> Response:
        """Send a command (a string as latin-1) and return its whole answer.

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
            LinkState: the link is closed or in data mode, or refuses the command for now.
        """
        return self._command(command, timeout, enters_data_mode=False)

    def _command(self, command: str | bytes, timeout: float, *, enters_data_mode: bool) -> Response:
        text = command if isinstance(command, bytes) else command.encode("latin-1")
        if self._parser.in_data_mode:
            raise LinkState(f"{printable(masked(text))} would be sent to the peer: the link is in data mode")
        if self.refuses is not None and (why := self.refuses(text)):
            raise LinkState(why)
        port = self.port
        with port.lock:
            if not port.borrowed:
                self._take()
            try:
                if self._hanging is not None:
                    self._await_late(printable(masked(text)), timeout)
                if self._parser.in_data_mode:
                    raise LinkState(f"{printable(masked(text))} was not sent: a late OK has entered data mode")
                return self._transact(text, timeout, enters_data_mode)
            finally:
                if port.awaited:
                    port.release()

    def wait_for_urc(
        self,
        prefix: str | tuple[str, ...],
        *,
        timeout: float = 10.0,
        since_ns: int | None = None,
        heeds_restarts: bool = False,
    ) -> Urc:
        """Return the next URC that begins with ``prefix``: from the backlog first, each delivered once.

        Args:
            prefix: such as ``+CSCON``; a tuple stands for any of several.
            timeout: seconds from now.
            since_ns: what arrived before this moment does not count and stays in the backlog.
            heeds_restarts: whether a restart of the device, or a crash of its modem, ends the waiting.

        Raises:
            UrcTimeout: none came.
            DeviceRestarted: with ``heeds_restarts``, the device restarted or its modem crashed after ``since_ns``.
            PortLost: the port vanished.
        """
        deadline, port = now_ns() + round(timeout * NS_PER_S), self.port
        with port.lock:
            self._take()
            try:
                seen = 0
                while True:
                    for index in range(seen, len(self._backlog)):
                        urc = self._backlog[index]
                        if self._is(urc, prefix) and (since_ns is None or urc.received_ns >= since_ns):
                            self._restarts = [one for one in self._restarts if one is not urc]  # it was expected
                            return self._backlog.pop(index)
                    if heeds_restarts:
                        self._raise_restart_since(since_ns or 0)
                    seen = len(self._backlog)
                    received = port.receive(deadline)
                    if received is None:
                        break
                    self._heard(*received)
            finally:
                if port.awaited:
                    port.release()
        wanted = prefix if isinstance(prefix, str) else " or ".join(prefix)
        raise UrcTimeout(f"no {wanted} came within {timeout:g} s", evidence=self.port.evidence())

    def _is(self, urc: Urc, prefix: str | tuple[str, ...]) -> bool:
        """Return whether a URC begins with a prefix; half a line before a restart does not count."""
        line = urc.line.encode("latin-1")
        restart = next((mark for mark in self.dialect.restarts if line.endswith(mark)), None)
        return (urc.line if restart is None else restart.decode()).startswith(prefix)

    def urcs(self) -> tuple[Urc, ...]:
        """Return the URCs that were not delivered yet, and empty the backlog."""
        with self.port.lock:
            self._parse_stored()
        taken = tuple(self._backlog)
        self._backlog.clear()
        return taken

    def hear(self) -> None:
        """Parse what came while nobody used the link; the backlog keeps its URCs.

        Raises:
            PortLost: the port vanished meanwhile.
        """
        with self.port.lock:
            self._parse_stored()
            self._check_lost()

    def enter_data_mode(self, command: str | bytes, *, timeout: float = 5.0) -> Response:
        """Send a command whose OK switches the device to data mode."""
        return self._command(command, timeout, enters_data_mode=True)

    def write(self, data: bytes, *, timeout: float = 30.0) -> None:
        """Write raw bytes in data mode, as fast as the port takes them.

        Raises:
            LinkState: not in data mode.
            CommandTimeout: the port took no more for ``timeout`` seconds (flow control, or a device that is stuck).
            PortLost: the port vanished.
        """
        if not self.in_data_mode:
            raise LinkState("raw bytes can only be written in data mode; call enter_data_mode first")
        self.write_raw(data, timeout=timeout)

    def leave_data_mode(self, *, timeout: float = 5.0) -> int:
        """Send the terminator; return the result that the device reports (0, or a negative error number).

        Raises:
            CommandTimeout: no report came; the link counts as being in data mode still.
        """
        since = now_ns()
        self.write(self.dialect.data_mode_terminator, timeout=timeout)
        return self._report_of_data_mode((), timeout, since)

    def data_mode_ended(self, *, timeout: float = 5.0, since_ns: int | None = None) -> int:
        """Wait for the device to report the end of data mode, whatever ended it; return the result it reports.

        A device may say that data mode has failed, and wait for the terminator: this call sends it then.

        Raises:
            CommandTimeout: no report came; the link counts as being in data mode still.
        """
        failure = self.dialect.data_mode_failure.decode()
        return self._report_of_data_mode((failure,) if failure else (), timeout, since_ns)

    def _report_of_data_mode(self, failures: tuple[str, ...], timeout: float, since_ns: int | None) -> int:
        prefix = self.dialect.data_mode_report.decode()
        try:
            while True:
                urc = self.wait_for_urc((prefix, *failures), timeout=timeout, since_ns=since_ns)
                if urc.line in failures:
                    urc = self._report_behind(urc, prefix, timeout)
                value = signed_number(urc.line.partition(":")[2])
                if value is None:
                    raise MalformedAnswer(
                        f"{prefix} without a number: {printable(urc.line.encode('latin-1'))}",
                        evidence=self.port.evidence(),
                    )
                if value <= 0:  # builds with CONFIG_SLM_DATAMODE_URC report the size of each flush before it
                    self._parser.in_data_mode = False
                    return value
        except UrcTimeout as error:
            raise CommandTimeout(f"data mode did not end: {error}") from error

    def _report_behind(self, failure: Urc, report: str, timeout: float) -> Urc:
        """Return the report behind the mark of failure; send the terminator for it, unless it comes at once."""
        try:
            return self.wait_for_urc(report, timeout=_REPORT_SECONDS, since_ns=failure.received_ns)
        except UrcTimeout:
            self.write(self.dialect.data_mode_terminator, timeout=timeout)
            return self.wait_for_urc(report, timeout=timeout, since_ns=failure.received_ns)

    def write_raw(self, data: bytes, *, timeout: float = 30.0) -> None:
        """Write bytes in whatever state the device is: for data mode, and for recovery from an unknown state."""
        port = self.port
        try:
            with port.lock:
                self._take()
                for start in range(0, len(data), _PIECE):
                    piece = data[start : start + _PIECE]
                    port.write(piece, piece, timeout)
        finally:
            if port.awaited:  # unlocked: a port that was only written to may count as idle already
                port.release()

    def listen(self, until: Callable[[bytes], bool], *, timeout: float) -> bytes:
        """Return raw bytes as they come until ``until`` holds for all of them or time is up.

        In data mode these are the data that the device hands on, from its beginning or from the last call. In recovery
        call :meth:`forget` afterwards, as these bytes are not parsed.
        """
        deadline = now_ns() + round(timeout * NS_PER_S)
        port = self.port
        with port.lock:
            port.take()
            handed_on = self._parser.take_handed_on() if self.in_data_mode else b""
            heard = handed_on + b"".join(chunk for _, chunk in port.stored)
            port.stored.clear()
            self._check_lost()
            try:
                while not until(heard):
                    received = self.port.receive(deadline)
                    if received is None:
                        break
                    heard += received[0]
            finally:
                if port.awaited:
                    port.release()
        return heard

    def forget(self) -> None:
        """Drop a hanging command, half an answer, the backlog and data mode: the device was brought to order."""
        self._parser.reset()
        self._hanging = None
        self._backlog.clear()

    # ---------------------------------------------------------------- receiving

    def _take(self) -> None:
        """Take the port from the drain, if that has it, and parse what it has stored."""
        if self.port.take():
            self._parse_stored()
            self._check_lost()

    def _parse_stored(self) -> None:
        self.port.check_open()
        for stamp, chunk in self.port.stored:
            self._heard(chunk, stamp)
        self.port.stored.clear()

    def _check_lost(self) -> None:
        if self.port.lost:
            self.port.raise_lost(self.port.lost)

    def _heard(self, chunk: bytes, stamp: int) -> None:
        self._set_aside(self._parser.feed(chunk), stamp)

    def _set_aside(self, events: list[Event], stamp: int) -> None:
        """Keep URCs; note the end of a command that had timed out; drop the rest of its answer."""
        for event in events:
            if type(event) is Unsolicited:
                urc = Urc(event.line.decode("latin-1"), stamp, event.payload)
                self._backlog.append(urc)
                if self.tell is not None:
                    self.tell(urc)
                if self._answered:
                    self._heed_restart(urc, event.line)
            elif type(event) is FinalResult and self._hanging is not None:
                command, self._hanging = self._hanging, None
                late = (stamp - self.port.sent_ns) / NS_PER_S
                self.transcript.note(stamp, f"late: {printable(event.code)} of {command} after {late:.3f} s")
            elif type(event) is FinalResult:
                self.transcript.note(stamp, f"{printable(event.code)} without a command")

    def _heed_restart(self, urc: Urc, line: bytes) -> None:
        """Keep a URC that tells of a restart or a crash; after a restart the answer that was awaited never comes."""
        restarted = self.dialect.tells_restart(line)
        if restarted or self.dialect.tells_crash(line):
            self._restarts.append(urc)
        if restarted and self._hanging is not None:
            self.transcript.note(urc.received_ns, f"{self._hanging} has no answer: the device restarted")
            self._hanging = None

    # ---------------------------------------------------------------- transactions

    def _transact(self, text: bytes, timeout: float, enters_data_mode: bool) -> Response:
        """Send a command and return its answer; raise what :meth:`command` does."""
        request = self._requests[text]
        for secret in request.secrets:
            self.hide(secret)
        self._parser.command_sent(text, enters_data_mode)
        # Until its final result is there the command hangs: whatever interrupts us, its answer is not the next one's.
        self._hanging = command = request.command
        sent = self.port.write(request.data, request.shown, timeout)
        deadline = sent + int(timeout * NS_PER_S)
        chunk, stamp = self.port.receive(deadline) or self._raise_silence(command, timeout)
        final = self._parser.feed_final(chunk)
        if final is None:
            return self._gather(Answer(command, sent), chunk, stamp, deadline, timeout)
        self._hanging = None
        self._answered = True
        # By way of its own constructor a response would take twice as long.
        response = tuple.__new__(Response, (command, (), None, final.code.decode("latin-1"), sent, stamp, stamp, ()))
        self.transcript.transactions.append(response)
        if final.code != b"OK":
            self._raise_refusal(response)
        return response

    def _gather(self, answer: Answer, chunk: bytes, stamp: int, deadline: int, timeout: float) -> Response:
        """Read on until the final result; return the whole answer, of which the first chunk is there."""
        heard = len(self._backlog)
        while True:
            events = self._parser.feed(chunk)
            if not events:  # part of a line, or of a payload
                answer.first_ns = answer.first_ns or stamp
            for event in events:
                if type(event) is Unsolicited or answer.final:
                    self._set_aside([event], stamp)
                    if type(event) is Unsolicited and self._answered and not answer.final:
                        deadline = self._heed_crash(answer, event.line, stamp, deadline)
                    continue
                self._echoes = self._echoes or type(event) is Echo
                if answer.add(event, stamp):
                    self._hanging = None
                    self._answered = True
            if answer.final:
                break
            chunk, stamp = self.port.receive(deadline) or self._raise_silence(answer.command, timeout, answer.crash)
        response = answer.response(stamp, tuple(self._backlog[heard:]))
        self.transcript.transactions.append(response)
        if answer.crash:
            self._restarted(answer.command, answer.crash)
        if answer.broken:
            raise MalformedAnswer(f"{answer.command} was answered by {answer.broken}", evidence=self.port.evidence())
        if answer.final != "OK":
            self._raise_refusal(response)
        return response

    def _heed_crash(self, answer: Answer, line: bytes, stamp: int, deadline: int) -> int:
        """Note a URC about a crash of the modem; return the deadline from now on. A restart ends the command."""
        if self.dialect.tells_restart(line):
            self._restarted(answer.command, line)
        if not self.dialect.tells_crash(line) or answer.crash:
            return deadline
        answer.crash = line
        return min(deadline, stamp + int(_CRASH_SECONDS * NS_PER_S))

    def _raise_refusal(self, response: Response) -> NoReturn:
        took = duration_text(response.duration_ns)
        raise CommandError(
            f"{response.command} answered {response.final} after {took}, expected OK",
            response,
            evidence=self.port.evidence(),
        )

    def _raise_silence(self, command: str, timeout: float, crash: bytes = b"") -> NoReturn:
        """Raise CommandTimeout, or DeviceRestarted where the device has restarted or its modem crashed meanwhile."""
        restart = self.dialect.restart_in(self._parser.unfinished) if self._answered else b""
        if restart or crash:
            self._restarted(command, restart or crash, hangs=not restart)
        raise CommandTimeout(
            f"{command} had no final result after {timeout:g} s, expected OK or ERROR", evidence=self.port.evidence()
        )

    def _restarted(self, command: str, line: bytes, *, hangs: bool = False) -> NoReturn:
        """Raise DeviceRestarted; ``hangs``: the application lives, so the command's answer may still come."""
        if not hangs:
            self._parser.reset()
            self._hanging = None
        self._raise_restart(f"in the middle of {command}", line)

    def _raise_restart_since(self, since_ns: int) -> None:
        for urc in self._restarts:
            if urc.received_ns >= since_ns:
                self._raise_restart("while nothing was asked", urc.line.encode("latin-1"))

    def _raise_restart(self, when: str, line: bytes) -> NoReturn:
        crashed = self.dialect.tells_crash(line)
        what, said = DeviceRestarted.what(self.name, crashed=crashed), printable(line)
        raise DeviceRestarted(
            f"{what} {when}: it said {said}", evidence=self.port.evidence(), said=said, crashed=crashed
        )

    def take_restarts(self) -> tuple[Urc, ...]:
        """Return the unexpected URCs about a restart of the device or a crash of its modem, each once.

        Those that :meth:`wait_for_urc` has delivered were expected. Those that :meth:`urcs` has taken are among them.
        """
        with self.port.lock:
            self._parse_stored()
        taken, self._restarts = tuple(self._restarts), []
        return taken

    def _await_late(self, waiting: str, timeout: float) -> None:
        deadline = now_ns() + round(timeout * NS_PER_S)
        while self._hanging is not None:
            received = self.port.receive(deadline)
            if received is None:
                ago = (now_ns() - self.port.sent_ns) / NS_PER_S
                raise LinkBlocked(
                    f"{waiting} was not sent: {self._hanging}, sent {ago:.1f} s ago, still has no final result",
                    evidence=self.port.evidence(),
                )
            self._heard(*received)
