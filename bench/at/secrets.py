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
        when: the first parameter that makes them so, in capitals; empty for any.
    """

    secret: tuple[int, ...]
    private: tuple[int, ...] = ()
    when: bytes = b""


SECRETS: Mapping[bytes, SecretParameters] = {
    # 3GPP TS 27.007: PIN and new PIN; facility lock; change of a password; authentication of a context; a card's APDU,
    # which may verify a PIN.
    b"+CPIN": SecretParameters((0, 1)),
    b"+CLCK": SecretParameters((2,)),
    b"+CPWD": SecretParameters((1, 2)),
    b"+CGAUTH": SecretParameters((3,), (2,)),
    b"+CSIM": SecretParameters((), (1,)),
    # nRF91 AT Commands Reference: a credential's content and the password of its key.
    b"%CMNG": SecretParameters((3, 4), when=b"0"),
    b"%KEYINJECT": SecretParameters((), (1, 2, 3)),
    # Serial LTE Modem and Serial Modem: user and password of MQTT and FTP, headers of an HTTP request.
    b"#XMQTTCON": SecretParameters((2,), (1,), when=b"1"),
    b"#XFTP": SecretParameters((2,), (1,), when=b"OPEN"),
    b"#XHTTPCREQ": SecretParameters((), (2,)),
}
"""Command in capitals -> which of its parameters are secret."""

_LEAST_REMEMBERED = 4
"""Bytes: shorter values are too common to be hidden wherever they occur; a PIN has four digits or more."""
_BLANKS = b" \t"
_NAME = re.compile(rb"[^+#%=;\"]*+([+#%][A-Za-z0-9_ \t]*+)=")
_USER_OF_URL = re.compile(rb"://([^/@\s\",]++)@")
_PIECE = re.compile(rb'"[^"]*+"?|[^",;]++|[,;]')


def secrets_of(command: bytes) -> tuple[list[Span], list[bytes]]:
    """Return where a command line holds secrets, and the values to be hidden wherever they occur.

    The time is linear in its length; a command that can hold none costs next to nothing.
    """
    head = command.partition(b"=")[0].translate(None, _BLANKS).upper()
    if head[head.find(b"AT") + 2 :] not in SECRETS and b";" not in command and b"://" not in command:
        return [], []
    spans: list[Span] = []
    values: list[bytes] = []
    for start, end in _commands(command):
        for span, remembered in _hidden(command, start, end):
            spans.append(span)
            value = command[slice(*span)]
            if remembered and len(value) >= _LEAST_REMEMBERED:
                values.append(value)
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
    """Yield the commands of a line, which semicolons outside of strings separate."""
    start = 0
    for piece in _PIECE.finditer(line):
        if piece.group() == b";":
            yield start, piece.start()
            start = piece.end()
    yield start, len(line)


def _hidden(line: bytes, start: int, end: int) -> Iterator[tuple[Span, bool]]:
    """Yield the secret parameters of one command, and whether each is to be remembered."""
    name = _NAME.match(line, start, end)
    known = SECRETS.get(name[1].translate(None, _BLANKS).upper()) if name else None
    if name is None or known is None:
        return
    parameters = list(_parameters(line, name.end(), end))
    if known.when and (not parameters or line[slice(*parameters[0])].strip().upper() != known.when):
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
