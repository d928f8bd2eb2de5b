"""The type of a wire dialect: tables that give lines their meaning, in place of an ``if`` in the parser."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.at.numbers import whole_number

# V.250 section 5.7.1 and 3GPP TS 27.007 section 9.1. CONNECT and RING do not end an answer here.
FINAL_RESULTS = (b"OK", b"ERROR", b"NO CARRIER", b"NO ANSWER", b"NO DIALTONE", b"BUSY")
FINAL_RESULT_PREFIXES = (b"+CME ERROR:", b"+CMS ERROR:")

_FORM = rb"(=\?|=|\?)?"
_COMMAND = re.compile(rb"[Aa][Tt]([+#%&]?[A-Za-z0-9_]*)" + _FORM)
_NEXT_COMMAND = re.compile(rb";([+#%][A-Za-z0-9_]+)" + _FORM)
_QUOTED = re.compile(rb'"[^"]*"')
_SET = b"="


def commands_in(line: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the commands of a line: name in upper case without ``AT``, and form.

    ``AT+CFUN?;+CEREG=5`` gives ((b"+CFUN", b"?"), (b"+CEREG", b"=")). The forms are those of 3GPP TS 27.007 section 4:
    set ``=``, read ``?``, test ``=?``, and nothing for a command without parameters.
    """
    match = _COMMAND.match(line)
    if match is None:
        return ()
    found = [match.groups(b"")]
    if b";" in line:
        found += _NEXT_COMMAND.findall(_QUOTED.sub(b"", line))
    return tuple((name.upper(), form) for name, form in found)


@dataclass(frozen=True, slots=True)
class PayloadField:
    """The place where a line says how many raw bytes follow it: indexes of its comma-separated fields, from 0.

    Attributes:
        count: index of the field with the number of bytes.
        doubled_by: index of the field that is 1 where each byte comes as two hexadecimal digits; None: no such field.
    """

    count: int
    doubled_by: int | None = None

    def size(self, fields: Sequence[bytes]) -> int | None:
        """Return the number of bytes that follow a line with these fields; None where it does not say."""
        size = whole_number(fields[self.count]) if self.count < len(fields) else None
        if size is None or self.doubled_by is None:
            return size
        return size * 2 if b"".join(fields[self.doubled_by : self.doubled_by + 1]).strip() == b"1" else size


@dataclass(frozen=True, slots=True)
class SharedName:
    """A name that a URC has in common with a command, and how its lines are told apart.

    A set command of such a name has no information line, unless it is ``of_set``: each line with its prefix is a URC.
    A command that is refused has none either.

    Attributes:
        answer: the form of what follows the colon in an answer to any other form of the command. A line of another form
            is a URC. None: the command has no information line.
        alike: answer and URC look the same. The last such line before the final result is the answer: the modem sends
            the two together.
        a_line_each: the answer has a line for each value of its first field; the last line of each value answers.
        of_set: a set command of the name has an information line too.
    """

    answer: re.Pattern[bytes] | None = None
    alike: bool = False
    a_line_each: bool = False
    of_set: bool = False

    def is_answer(self, rest: bytes) -> bool:
        """Return whether a line answers; ``rest`` is what stands behind its colon."""
        text = rest.strip()
        # The answer of a test command lists values in parentheses.
        return text.startswith(b"(") or (self.answer is not None and self.answer.match(text) is not None)

    def kind(self, prefix: bytes, rest: bytes) -> bytes:
        """Return the key of a line: of the lines with one key, only the last answers. ``rest`` follows the colon."""
        return prefix + rest.partition(b",")[0] if self.a_line_each else prefix


@dataclass(frozen=True)
class Dialect:
    """The wire format of one firmware.

    Attributes:
        name: for messages.
        terminator: ends a command; builds of one firmware differ in it.
        answers: command name -> prefixes of its information lines, where they differ from the command's own name.
        payloads: prefix of a line that announces raw bytes -> where it says how many.
        payload_limit: the most bytes that may be announced.
        shared_names: the names that both a URC and a command have.
        restarts: ends of the lines, which have no prefix, that report a restart of the device. Before them may stand
            what the restart cut off, or what a UART without a driver makes of noise.
        crashes: beginnings of the URCs of the application that report a crash of the modem; the application lives.
        data_mode_terminator: leaves data mode.
        data_mode_report: prefix of the URC that reports the end of data mode; empty for a firmware without data mode.
        data_mode_failure: bytes, without an end of line, by which the device says that data mode has failed; it drops
            all data then, until the terminator comes. Empty for a firmware that only reports it at the end.
    """

    name: str
    terminator: bytes
    answers: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    payloads: Mapping[bytes, PayloadField] = field(default_factory=dict)
    payload_limit: int = 65536
    shared_names: Mapping[bytes, SharedName] = field(default_factory=dict)
    restarts: tuple[bytes, ...] = ()
    crashes: tuple[bytes, ...] = ()
    data_mode_terminator: bytes = b"+++"
    data_mode_report: bytes = b""
    data_mode_failure: bytes = b""

    def prefixes(self, command: bytes) -> frozenset[bytes]:
        """Return the prefixes of the information lines that answer ``command``."""
        found: set[bytes] = set()
        for name, form in commands_in(command):
            shared = self.shared_names.get(name)
            if form != _SET or shared is None or shared.of_set:
                found.update(self.answers.get(name, (name,)))
        return frozenset(found)

    def tells_restart(self, line: bytes) -> bool:
        """Return whether a line reports a restart of the device, after which no answer comes any more."""
        return line.endswith(self.restarts)

    def tells_crash(self, line: bytes) -> bool:
        """Return whether a line reports a crash of the modem: the application answers its command all the same."""
        for crash in self.crashes:  # noqa: SIM110 - asked of most lines; a generator takes five times as long
            if crash in line:
                return True
        return False

    def restart_in(self, data: bytes) -> bytes:
        """Return the first line in raw bytes that reports a restart; nothing where there is none."""
        return next((line for line in data.split(b"\r\n")[:-1] if self.tells_restart(line)), b"")

    def ending_in(self, terminator: bytes) -> "Dialect":
        """Return the dialect of a build whose commands end in ``terminator``."""
        return replace(self, terminator=terminator)
