"""The AT wire, sans-IO: bytes in, events out, in the manner of h11. No port, no time, no logging.

The same bytes give the same events however they were cut into chunks. The parser never raises for bytes of a device:
it answers with :class:`~bench.at.events.Malformed`.
"""

from bench.at.dialects import FINAL_RESULT_PREFIXES, FINAL_RESULTS, Dialect
from bench.at.events import Echo, Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.slm import SLM

# An answer line longer than this is noise from a wrong baud rate or a wrong port, not a line.
LINE_LIMIT = 65536
_END = b"\r\n"

_FINALS = {code: FinalResult(code) for code in FINAL_RESULTS}
# Chunks that are a final result and nothing else, as most answers are.
_WHOLE_ANSWERS = {_END + code + _END: final for code, final in _FINALS.items()}
_PREFIX_MARKS = frozenset(b"+#%")
# Commands whose prefixes are kept: a test uses a few dozen.
_REMEMBERED = 1000


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
        self._expected: frozenset[bytes] | None = None  # the prefixes that answer the command; None: not looked up yet

    def reset(self) -> None:
        """Forget a pending command, a half line and an announced payload."""
        self._half_line = bytearray()
        self._too_long = False  # the line at hand was reported already: the rest of it is dropped
        self._missing = 0
        self._payload: list[bytes] = []
        self._heading = b""  # the URC that announced the payload; empty for the line of an answer
        # By kind, a line that is the answer if no other of its kind comes before the final result; and its payload.
        self._held: dict[bytes, tuple[bytes, bytes | None]] = {}
        self._holding = b""  # the kind of the line that announced the payload, if it is held
        self._pending: bytes | None = None
        self._enters_data_mode = False
        self.in_data_mode = False
        self._handed_on = bytearray()  # what was fed since data mode began
        self._expected = None
        # True only where a final result ends the answer and does nothing else: no line, payload or mode is under way.
        self._at_rest = True

    @property
    def pending(self) -> bytes | None:
        """Return the command whose final result has not come yet."""
        return self._pending

    @property
    def unfinished(self) -> bytes:
        """Return the bytes that are not an event yet."""
        return b"".join(self._payload) + bytes(self._half_line)

    def take_handed_on(self) -> bytes:
        """Return the bytes that were fed in data mode, each once; a half line among them is forgotten."""
        taken = bytes(self._handed_on)
        self._handed_on.clear()
        self._half_line = bytearray()
        return taken

    def command_sent(self, command: bytes, enters_data_mode: bool = False) -> None:
        """Take lines with the prefix of ``command`` (no terminator) as its answer, until a final result.

        Behind the OK of one that enters data mode, the mark of data mode that failed is told without an end of line,
        until ``in_data_mode`` is cleared.
        """
        self._pending = command
        self._expected = None
        self._enters_data_mode = enters_data_mode
        if enters_data_mode:
            self._at_rest = False

    def _answers(self, prefix: bytes) -> bool:
        """Return whether a line with this prefix answers the pending command."""
        if self._pending is None:
            return False
        if self._expected is None:
            self._expected = self._prefixes.get(self._pending) or self._prefixes_of(self._pending)
        return prefix in self._expected

    def _prefixes_of(self, command: bytes) -> frozenset[bytes]:
        """Return the prefixes that answer a command, kept by name and form; several commands are kept as a whole."""
        name = command
        if b";" not in command and not command.endswith(b"=?"):
            name = b"".join(command.partition(b"=")[:2])
        expected = self._prefixes.get(name)
        if expected is None:
            if len(self._prefixes) > _REMEMBERED:
                self._prefixes.clear()
            expected = self._prefixes[name] = self.dialect.prefixes(command)
        return expected

    def feed_final(self, data: bytes) -> FinalResult | None:
        """Take ``data`` if they are a final result and nothing else, as most answers are; return None where not.

        The event is that of :meth:`feed`, at a tenth of the cost. What is not taken must be fed.
        """
        final = _WHOLE_ANSWERS.get(data)
        if final is not None and self._at_rest:
            self._pending = None
            return final
        return None

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that ``data`` completes, in order. The time is linear in what was fed since the start."""
        events: list[Event] = []
        received: bytes | bytearray = data
        searched = 0  # up to here there is no end of a line
        in_data_mode = self.in_data_mode
        if in_data_mode:
            self._handed_on += data
        if self._half_line:
            searched = len(self._half_line) - 1
            self._half_line += data
            received = self._half_line
        position = 0
        while position < len(received):
            if self._missing:
                position = self._collect(received, position, events)
                continue
            if self.in_data_mode and self._tells_failure(received, position):
                events.append(Unsolicited(self.dialect.data_mode_failure))
                position += len(self.dialect.data_mode_failure)
                continue
            end = received.find(_END, max(position, searched))
            if end < 0:
                break
            self._take_line(received, position, end, events)
            position = end + len(_END)
            if self.in_data_mode and not in_data_mode:
                in_data_mode, self._handed_on = True, bytearray(received[position:])
        if position or received is data:
            self._half_line = bytearray(received[position:])
        if len(self._half_line) > LINE_LIMIT:
            self._shorten(events)
        amid_line = self._half_line or self._too_long or self._missing
        self._at_rest = not (amid_line or self._held or self._enters_data_mode or self.in_data_mode)
        return events

    def _collect(self, received: bytes | bytearray, position: int, events: list[Event]) -> int:
        """Take what is there of the announced payload; return the position behind it."""
        piece = bytes(received[position : position + self._missing])
        self._payload.append(piece)
        self._missing -= len(piece)
        if not self._missing:
            taken = b"".join(self._payload)
            if self._holding:
                self._held[self._holding] = (self._held[self._holding][0], taken)
            else:
                events.append(Unsolicited(self._heading, taken) if self._heading else Payload(taken))
            self._heading = self._holding = b""
            self._payload.clear()
        return position + len(piece)

    def _tells_failure(self, received: bytes | bytearray, position: int) -> bool:
        """Return whether a line begins with the mark of data mode that has failed."""
        mark = self.dialect.data_mode_failure
        return mark != b"" and not self._too_long and received.startswith(mark, position)

    def _take_line(self, received: bytes | bytearray, start: int, end: int, events: list[Event]) -> None:
        if self._too_long:
            self._too_long = False
        elif end - start > LINE_LIMIT:
            events.append(_too_long(received[start : start + LINE_LIMIT]))
        elif end > start:
            self._add_event(bytes(received[start:end]), events)

    def _shorten(self, events: list[Event]) -> None:
        """Drop a half line that is too long, but for a carriage return that may belong to its end."""
        kept = self._half_line[-1:] if self._half_line.endswith(_END[:1]) else bytearray()
        if not self._too_long:
            if len(self._half_line) - len(kept) <= LINE_LIMIT:
                return
            events.append(_too_long(self._half_line[:LINE_LIMIT]))
            self._too_long = True
        self._half_line = kept

    def _add_event(self, line: bytes, events: list[Event]) -> None:
        event = self._event(line)
        if type(event) is FinalResult and self._held:
            self._release(event.code, events)
        if event is not None:
            events.append(event)

    def _release(self, code: bytes, events: list[Event]) -> None:
        """Add the lines that were held to ``events``: the answer, or URCs where the command was refused."""
        for line, payload in self._held.values():
            if code != b"OK":
                events.append(Unsolicited(line, payload))
                continue
            events.append(Information(line))
            if payload is not None:
                events.append(Payload(payload))
        self._held.clear()

    def _event(self, line: bytes) -> Event | None:
        """Return the event of a line; None for a URC whose payload is still to come, or for a line that is held."""
        final = _FINALS.get(line)
        if final is None and (self.dialect.tells_restart(line) or self.dialect.tells_crash(line)):
            return Unsolicited(line)  # noise or half a line may stand before it: the UART was cut off while it sent
        if final is None and line.startswith(FINAL_RESULT_PREFIXES):
            final = FinalResult(line)
        if final is not None:
            self.in_data_mode = self.in_data_mode or (self._enters_data_mode and final.code == b"OK")
            self._enters_data_mode = False
            self._pending = None
            return final
        if line[0] in _PREFIX_MARKS:
            prefix, colon, rest = line.partition(b":")
            if colon:
                return self._prefixed(line, prefix, rest)
        elif self._pending is not None and line.strip(b"\r\n") == self._pending:
            return Echo(line)
        return Unsolicited(line) if self._pending is None else Information(line)

    def _prefixed(self, line: bytes, prefix: bytes, rest: bytes) -> Event | None:
        field = self.dialect.payloads.get(prefix)
        if field is not None:
            # Announced bytes are taken whether or not a command waits for them: they must not be read as lines.
            size = field.size(rest.split(b","))
            limit = self.dialect.payload_limit
            if size is None or size > limit:
                return Malformed(line, f"field {field.count + 1} is not a number of bytes up to {limit}")
            self._missing = size
        if not self._answers(prefix):
            return self._unsolicited(line)
        shared = self.dialect.shared_names.get(prefix)
        if shared is None:
            return Information(line)
        if not shared.is_answer(rest):
            return self._unsolicited(line)
        return self._hold(shared.kind(prefix, rest), line) if shared.alike else Information(line)

    def _hold(self, kind: bytes, line: bytes) -> Unsolicited | None:
        """Hold a line; return the one of its kind that was held before, which was a URC then."""
        before = self._held.pop(kind, None)
        self._held[kind] = (line, None)
        self._holding = kind if self._missing else b""
        return None if before is None else Unsolicited(*before)

    def _unsolicited(self, line: bytes) -> Unsolicited | None:
        if not self._missing:
            return Unsolicited(line)
        self._heading = line
        return None


def _too_long(beginning: bytes | bytearray) -> Malformed:
    return Malformed(bytes(beginning), f"a line of more than {LINE_LIMIT} bytes")
