"""Commands prepared for the port, with their secrets masked. A command that a test repeats is prepared once."""

from dataclasses import dataclass
from typing import Self

from bench.at.secrets import mask, secrets_of

# A test repeats a few dozen commands; those that carry data are long and seldom the same again.
_MOST_KEPT = 1000
_LONGEST_KEPT = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A command to be sent.

    Attributes:
        data: the bytes to be written.
        shown: the same bytes, secrets masked.
        command: the text without its terminator, secrets masked.
        secrets: the values to be hidden wherever they occur.
    """

    data: bytes
    shown: bytes
    command: str
    secrets: list[bytes]

    @classmethod
    def of(cls, text: bytes, terminator: bytes) -> Self:
        """Return the request of a command, which has no terminator yet."""
        spans, secrets = secrets_of(text)
        visible = mask(text, spans) if spans else text
        return cls(text + terminator, visible + terminator, visible.decode("latin-1"), secrets)


class Requests(dict[bytes, Request]):
    """The request of each command, by its text, prepared when it is first needed. A secret is never kept."""

    def __init__(self, terminator: bytes) -> None:
        """Args: terminator: ends each command."""
        super().__init__()
        self._terminator = terminator

    def __missing__(self, text: bytes) -> Request:
        """Prepare the request of a command; keep it, unless it is long or holds a secret."""
        request = Request.of(text, self._terminator)
        if len(text) <= _LONGEST_KEPT and request.shown == request.data and not request.secrets:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[text] = request
        return request
