"""The AT wire, sans-IO: bytes in, events out, in the manner of h11. No port, no time, no logging.

The same bytes give the same events however they were cut into chunks. The parser never raises for bytes of a device:
it answers with :class:`~bench.at.events.Malformed`.
"""

from bench.at.dialects import FINAL_RESULT_PREFIXES, FINAL_RESULTS, Dialect
from bench.at.events import Echo, Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.slm import SLM

# An answer line longer than this is noise from a wrong baud rate or a wrong port, not a line.
LINE_LIMIT = 65536

_FINALS = {code: FinalResult(code) for code in FINAL_RESULTS}
_PREFIX_MARKS = frozenset(b"+#%")
# Commands whose prefixes are kept: a test uses a few dozen.
_REMEMBERED = 1000
_NOTHING: frozenset[bytes] = frozenset()


class Parser:
    """A parser of the bytes of a device. Tell it each command with :meth:`command_sent`; feed it all that comes."""

    def __init__(self, dialect: Dialect = SLM) -> None:
        self._prefixes: dict[bytes, frozenset[bytes]] = {}
        self.speak(dialect)
        self.reset()

    def speak(self, dialect: Dialect) -> None:
        """Read by the tables of another dialect from now on."""
        self.dialect = dialect
        self._prefixes.clear()

    def reset(self) -> None:
        """Forget a pending command, a half line and an announced payload."""
        self._buffer = b""
        self._missing = 0
        self._payload: list[bytes] = []
        self._heading = b""  # the URC that announced the payload; empty for the line of an answer
        self._pending: bytes | None = None
        self._expected = _NOTHING

    @property
    def pending(self) -> bytes | None:
        """Return the command whose final result has not come yet."""
        return self._pending

    @property
    def unfinished(self) -> bytes:
        """Return the bytes that are not an event yet."""
        return b"".join(self._payload) + self._buffer

    def command_sent(self, command: bytes) -> None:
        """Take lines with the prefix of ``command`` (no terminator) as its answer, until a final result."""
        self._pending = command
        self._expected = self._prefixes.get(command) or self._prefixes_of(command)

    def _prefixes_of(self, command: bytes) -> frozenset[bytes]:
        """Return the prefixes that answer a command, kept by its name; commands in one line are kept as a whole."""
        name = command.partition(b"=")[0] if b";" not in command else command
        expected = self._prefixes.get(name)
        if expected is None:
            if len(self._prefixes) > _REMEMBERED:
                self._prefixes.clear()
            expected = self._prefixes[name] = self.dialect.prefixes(command)
        return expected

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that ``data`` completes, in order."""
        if self._missing > len(data):  # a long payload is collected, not searched again with each piece of it
            self._payload.append(data)
            self._missing -= len(data)
            return []
        rest = self._buffer + data if self._buffer else data
        events: list[Event] = []
        while True:
            if self._missing:
                rest, whole = self._collect(rest)
                if whole is None:
                    break
                events.append(whole)
            lines = rest.split(b"\r\n")
            left = lines.pop()
            used = 0
            for line in lines:
                used += len(line) + 2
                if line:
                    event = self._event(line)
                    if event is not None:
                        events.append(event)
                    if self._missing:
                        break
            if not self._missing:
                rest = left
                break
            rest = rest[used:]
        if len(rest) > LINE_LIMIT:
            events.append(Malformed(rest, f"more than {LINE_LIMIT} bytes without an end of line"))
            rest = b""
        self._buffer = rest
        return events

    def _collect(self, data: bytes) -> tuple[bytes, Payload | Unsolicited | None]:
        """Return the rest of ``data`` behind the announced payload, and the payload if it is whole."""
        piece = data[: self._missing]
        self._payload.append(piece)
        self._missing -= len(piece)
        if self._missing:
            return b"", None
        taken = b"".join(self._payload)
        whole = Unsolicited(self._heading, taken) if self._heading else Payload(taken)
        self._heading = b""
        self._payload.clear()
        return data[len(piece) :], whole

    def _event(self, line: bytes) -> Event | None:
        """Return the event of a line; None for a URC whose payload is still to come."""
        final = _FINALS.get(line)
        if final is None and line.startswith(FINAL_RESULT_PREFIXES):
            final = FinalResult(line)
        if final is not None:
            self._pending = None
            self._expected = _NOTHING
            return final
        if line[0] in _PREFIX_MARKS:
            prefix, colon, rest = line.partition(b":")
            if colon:
                return self._prefixed(line, prefix, rest)
        elif line in self.dialect.bare_urcs:
            return Unsolicited(line)
        elif self._pending is not None and line.rstrip(b"\r") == self._pending:
            return Echo(line)
        return Unsolicited(line) if self._pending is None else Information(line)

    def _prefixed(self, line: bytes, prefix: bytes, rest: bytes) -> Event | None:
        field = self.dialect.payloads.get(prefix)
        if field is not None:
            # Announced bytes are taken whether or not a command waits for them: they must not be read as lines.
            fields = rest.split(b",")
            number = fields[field].strip() if field < len(fields) else b""
            if not number.isdigit() or int(number) > self.dialect.payload_limit:
                return Malformed(line, f"field {field + 1} is not a number of bytes up to {self.dialect.payload_limit}")
            self._missing = int(number)
        if prefix not in self._expected:
            return self._unsolicited(line)
        form = self.dialect.urc_forms.get(prefix)
        if form is not None and form.match(line):
            return Unsolicited(line)
        return Information(line)

    def _unsolicited(self, line: bytes) -> Unsolicited | None:
        if not self._missing:
            return Unsolicited(line)
        self._heading = line
        return None
