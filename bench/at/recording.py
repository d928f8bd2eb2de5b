"""Recordings: a transcript of a real board, and how the bench reads it, as two files that belong together.

``NAME.jsonl`` has the bytes in both directions, as :mod:`bench.at.transcript` writes them. ``NAME.txt`` has what they
mean, a line each: the command that was sent, the answer, URCs apart. Where the bench misreads a board, its owner
corrects the second file, and the recording is a test from then on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.at.dialects import Dialect
from bench.at.events import Echo, Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.parser import Parser
from bench.at.serial_modem import SERIAL_MODEM
from bench.at.slm import SLM
from bench.at.transcript import Entry, printable, read_jsonl, to_jsonl
from bench.errors import UsageError, in_words

_TERMINATORS = (b"\r\n", b"\r", b"\n")
_NOISE_BEFORE_AT = b"+"
_TELLS_SERIAL_MODEM = b"\n#XSMVER: "
_KINDS = {Information: "answer", FinalResult: "final", Payload: "payload", Echo: "echo", Malformed: "broken"}
READING, BYTES = ".txt", ".jsonl"


def dialect_of(entries: Sequence[Entry]) -> Dialect:
    """Return the dialect of a transcript: that of the application whose version it tells, SLM's where it tells none."""
    received = b"".join(entry.data for entry in entries if entry.direction == "rx")
    return SERIAL_MODEM if _TELLS_SERIAL_MODEM in received else SLM


def read_entries(entries: Sequence[Entry], dialect: Dialect | None = None) -> Iterator[str]:
    """Yield what a transcript means, a line each: ``send AT+CFUN?``, ``answer +CFUN: 1``, ``final OK``, ``urc Ready``.

    A URC that tells of a restart is a ``restart``, one that tells of a crash of the modem a ``crash``. Bytes to the
    board that are not a command are ``data``. Without a dialect it is read by the one that it shows.
    """
    dialect = dialect or dialect_of(entries)
    parser = Parser(dialect)
    for entry in entries:
        if entry.direction == "tx":
            yield from _restart_in_a_payload(parser)
            yield _sent(entry.data, parser)
        elif entry.direction == "rx":
            for event in parser.feed(entry.data):
                yield from _received(event, dialect)
    yield from _restart_in_a_payload(parser)
    if parser.unfinished:
        yield f"unfinished {printable(parser.unfinished)}"


def _restart_in_a_payload(parser: Parser) -> Iterator[str]:
    """Yield that the device has restarted, where what is left of an announced payload never came; as the link does."""
    restart = parser.dialect.restart_in(parser.unfinished)
    if restart:
        yield f"unfinished {printable(parser.unfinished)}"
        yield f"restart {printable(restart)}"
        parser.reset()


def _sent(data: bytes, parser: Parser) -> str:
    terminator = next((end for end in _TERMINATORS if data.endswith(end)), b"")
    command = data.removesuffix(terminator).lstrip(_NOISE_BEFORE_AT)
    if not terminator or not command.upper().startswith(b"AT"):
        return f"data {printable(data)}"
    parser.command_sent(command)
    return f"send {printable(command)}"


def _received(event: Event, dialect: Dialect) -> Iterator[str]:
    if isinstance(event, Unsolicited):
        crash, restart = dialect.tells_crash(event.line), dialect.tells_restart(event.line)
        yield f"{'restart' if restart else 'crash' if crash else 'urc'} {printable(event.line)}"
        if event.payload is not None:
            yield f"payload {printable(event.payload)}"
        return
    match event:
        case FinalResult():
            content = event.code
        case Payload() | Malformed():
            content = event.data
        case _:
            content = event.line
    yield f"{_KINDS[type(event)]} {printable(content)}"


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        path: the file of its bytes.
        entries: its bytes.
        meaning: the lines of the file beside it; empty ones, and remarks that begin with ``#``, mean nothing.
    """

    path: Path
    entries: Sequence[Entry]
    meaning: Sequence[str]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        """Return the recording whose bytes are in a file.

        Raises:
            UsageError: one of its two files cannot be read.
        """
        beside = path.with_suffix(READING)
        try:
            meaning = beside.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} has no readable {beside.name} beside it: {_reason(error)}") from error
        return cls(path, read_jsonl(path), meaning)

    @classmethod
    def make(cls, path: Path, entries: Sequence[Entry]) -> "Recording":
        """Write a new recording; its meaning is how the bench reads it today.

        Raises:
            UsageError: there is one of that name already, or a file cannot be written.
        """
        recording = cls(path, entries, list(read_entries(entries)))
        texts = {path: to_jsonl(entries), path.with_suffix(READING): "".join(f"{line}\n" for line in recording.meaning)}
        for file in texts:
            if file.exists():
                raise UsageError(f"the recording {file} exists: name another with --name")
        try:
            for file, text in texts.items():
                with file.open("x", encoding="utf-8") as new:
                    new.write(text)
        except OSError as error:
            raise UsageError(f"the recording {path} cannot be written: {in_words(error)}") from error
        return recording

    def misread(self) -> str:
        """Return the first difference between its meaning and how the bench reads it; empty when there is none."""
        meant = [(number, line) for number, line in enumerate(self.meaning, 1) if line and not line.startswith("#")]
        found = list(read_entries(self.entries))
        nothing = "nothing more"
        meant += [(len(self.meaning), nothing)] * (len(found) - len(meant))
        found += [nothing] * (len(meant) - len(found))
        for (number, expected), came in zip(meant, found, strict=True):
            if expected != came:
                beside = self.path.with_suffix(READING).name
                return f"{beside}, line {number}: expected {expected!r}, but the bench reads {came!r}"
        return ""


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return in_words(error) if isinstance(error, OSError) else "it is not UTF-8"


def recordings_in(folder: Path) -> list[Recording]:
    """Return the recordings of a folder, in the order of their names.

    Raises:
        UsageError: it is not a folder, has none, or one cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the folder of the recordings")
    paths = sorted(folder.glob(f"*{BYTES}"))
    if not paths:
        raise UsageError(f"{folder} holds no recording (*{BYTES})")
    return [Recording.read(path) for path in paths]
