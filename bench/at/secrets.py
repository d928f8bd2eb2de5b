"""Secrets in AT commands: one table of which parameter of which command is one, whatever firmware takes it.

It is read off the parsed command, so that no other spelling of it (blanks, small letters, a second command in the
line, a string without its end) shows what the usual one hides.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Span = tuple[int, int]
"""First position, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class SecretParameters:
    """The parameters of a command, counted from 0, that must never be written down.

    Attributes:
        secret: hidden here, and wherever the same value turns up later.
        private: hidden here: a user's name is too common a word to be hidden everywhere.
        unless: the first parameter, in digits or letters alone, that makes them harmless.
    """

    secret: tuple[int, ...]
    private: tuple[int, ...] = ()
    unless: re.Pattern[bytes] | None = None


SECRETS: Mapping[bytes, SecretParameters] = {
    # 3GPP TS 27.007: PIN and new PIN; facility lock; change of a password; authentication of a context; a card's APDU,
    # which may verify a PIN.
    b"+CPIN": SecretParameters((0, 1)),
    b"+CLCK": SecretParameters((2,)),
    b"+CPWD": SecretParameters((1, 2)),
    b"+CGAUTH": SecretParameters((3,), (2,)),
    b"+CSIM": SecretParameters((), (1,)),
    b"+CGLA": SecretParameters((), (2,)),
    # nRF91 AT Commands Reference: a credential's content and the password of its key; a key; a signature.
    b"%CMNG": SecretParameters((3, 4), unless=re.compile(rb"0*[1-9][0-9]*")),
    b"%KEYINJECT": SecretParameters((), (1, 2, 3)),
    b"%XSUDO": SecretParameters((), (1,)),
    # Serial LTE Modem and Serial Modem: user and password of MQTT and FTP, headers of an HTTP request.
    b"#XMQTTCON": SecretParameters((2,), (1,), unless=re.compile(rb"0+")),
    b"#XFTP": SecretParameters((2,), (1,), unless=re.compile(rb"(?!OPEN$)[A-Z]+")),
    b"#XHTTPCREQ": SecretParameters((), (2,)),
}
"""Command in capitals -> which of its parameters are secret."""

_LEAST_REMEMBERED = 4
"""Bytes: shorter values are too common to be hidden wherever they occur; a PIN has four digits or more."""
_NAMES = b"|".join(re.escape(name[1:]) for name in SECRETS)
# A command's name, whatever stands around it: blanks, a basic command in front, a character that was mistyped.
_NAME = re.compile(rb"([+#%%])[ \t]*(%b)(?![A-Za-z0-9_])[^=:,0-9\"]*[=:]?" % _NAMES, re.IGNORECASE)
_USER_OF_URL = re.compile(rb"://([^@\s\",]++)@")
_STRING = re.compile(rb'"[^"]*+"?')
_PIECE = re.compile(rb'"[^"]*+"?|[^",;\r\n]++|[,;\r\n]')
_LINE_ENDS = (b"\r", b"\n")
_BEGINS = re.compile(rb"\n?[ \t]*+AT", re.IGNORECASE)
_NO_WORD = re.compile(rb"[^A-Z0-9]")


def secrets_of(command: bytes) -> tuple[list[Span], list[bytes]]:
    """Return where a command line holds secrets, and the values to be hidden wherever they occur.

    The time is linear in its length.
    """
    spans: list[Span] = []
    values: list[bytes] = []
    if _NAME.search(command):
        for start, end in _commands(command):
            for span, remembered in _hidden(command, start, end):
                spans.append(span)
                value = command[slice(*span)]
                if remembered and len(value) >= _LEAST_REMEMBERED:
                    values.append(value)
    if b"://" in command:
        spans += [match.span(1) for match in _USER_OF_URL.finditer(command)]
    return spans, values


def masked(command: bytes) -> bytes:
    """Return a command line with its secrets replaced by asterisks, length kept."""
    return mask(command, secrets_of(command)[0])


def mask(command: bytes, spans: Iterable[Span]) -> bytes:
    """Return a command line with some places of it replaced by asterisks, length kept."""
    shown = bytearray(command)
    for start, end in spans:
        shown[start:end] = b"*" * (end - start)
    return bytes(shown)


def _commands(line: bytes) -> Iterator[Span]:
    """Yield the commands of a line, which semicolons outside of strings separate, and line ends before another AT."""
    start = 0
    for piece in _PIECE.finditer(line):
        if piece.group() == b";" or (piece.group() in _LINE_ENDS and _BEGINS.match(line, piece.end())):
            yield start, piece.start()
            start = piece.end()
    yield start, len(line)


def _hidden(line: bytes, start: int, end: int) -> Iterator[tuple[Span, bool]]:
    """Yield the secret parameters of one command, and whether each is to be remembered."""
    # In a string a name is data. Its quotes keep the positions, and end the name before it.
    bare = _STRING.sub(lambda found: b'"' * len(found.group()), line[start:end])
    name = _NAME.search(bare)
    if name is None:
        return
    known = SECRETS[(name[1] + name[2]).upper()]
    parameters = list(_parameters(line, start + name.end(), end))
    first = _NO_WORD.sub(b"", line[slice(*parameters[0])].upper())
    if known.unless is not None and known.unless.fullmatch(first):
        return
    for index in (*known.secret, *known.private):
        if index < len(parameters):
            yield parameters[index], index in known.secret


def _parameters(line: bytes, start: int, end: int) -> Iterator[Span]:
    """Yield the parameters of a command, without their quotes and the blanks around them."""
    begun = start
    for piece in _PIECE.finditer(line, start, end):
        if piece.group() == b",":
            yield _inner(line, begun, piece.start())
            begun = piece.end()
    yield _inner(line, begun, end)


def _inner(line: bytes, start: int, end: int) -> Span:
    text = line[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    if text[:1] == b'"':
        start += 1
        text = text[1:-1] if len(text) > 1 and text.endswith(b'"') else text[1:]
    return start, start + len(text)
