"""AT%CMNG: the modem's credential store (nRF91 AT Commands Reference, security)."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from bench.at import AtLink, CommandError, Response
from bench.modem.answers import Answers

_WRITE, _LIST, _DELETE = 0, 1, 3
_FULL = 515
# A write goes to flash.
_WRITE_TIMEOUT = 20.0


class CredentialType(IntEnum):
    """<type>."""

    AUTHORITY = 0
    CERTIFICATE = 1
    PRIVATE_KEY = 2
    PSK = 3
    PSK_IDENTITY = 4


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """``%CMNG: <sec_tag>,<type>,<sha>``: a stored credential; its digest is hexadecimal, upper case."""

    sec_tag: int
    type: int
    digest: str


class CredentialStoreFull(CommandError):
    """The modem has no room for the credential."""


class CredentialCommands:
    """The commands themselves. Writing and deleting need the modem offline (AT+CFUN=4)."""

    def __init__(self, link: AtLink, *, margin: float = 5.0) -> None:
        self._link = link
        self._margin = margin

    def list(self) -> tuple[StoredCredential, ...]:
        """AT%CMNG=1."""
        response = self._link.command(f"AT%CMNG={_LIST}", timeout=self._margin)
        answers = Answers(self._link, response)
        rows = []
        for fields in answers.lines("%CMNG"):
            if len(fields) < 3:
                answers.refuse("lines of tag, type and digest")
            tag, kind = (answers.number(field, "a field") for field in fields[:2])
            rows.append(StoredCredential(tag, kind, fields[2].upper()))
        return tuple(rows)

    def write(self, sec_tag: int, kind: CredentialType, content: bytes) -> Response:
        """AT%CMNG=0,<sec_tag>,<type>,<content>; the content is masked wherever the command is written down.

        Raises:
            CredentialStoreFull: delete credentials that are not needed.
            CommandError: refused for another reason; ``cme`` is its number.
        """
        command = b'AT%%CMNG=%d,%d,%d,"%b"' % (_WRITE, sec_tag, kind, content)
        try:
            return self._link.command(command, timeout=_WRITE_TIMEOUT)
        except CommandError as error:
            if error.cme == _FULL:
                raise CredentialStoreFull(str(error), error.response) from error
            raise

    def delete(self, sec_tag: int, kind: CredentialType | int) -> Response:
        """AT%CMNG=3,<sec_tag>,<type>."""
        return self._link.command(f"AT%CMNG={_DELETE},{sec_tag},{int(kind)}", timeout=_WRITE_TIMEOUT)

    @contextlib.contextmanager
    def error_numbers(self) -> Iterator[None]:
        """AT+CMEE=1 while entered: errors come as numbers; the former setting is put back."""
        before = Answers(self._link, self._link.command("AT+CMEE?", timeout=self._margin)).one("+CMEE")[0]
        self._link.command("AT+CMEE=1", timeout=self._margin)
        try:
            yield
        finally:
            self._link.command(f"AT+CMEE={before}", timeout=self._margin)
