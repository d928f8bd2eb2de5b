"""The modem's credential store and its command: AT%CMNG (nRF91 AT Commands Reference, security)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from bench.simulator.parameters import Parameters
from bench.simulator.refusal import CmeError

CA, CERTIFICATE, KEY, PSK, PSK_IDENTITY = range(5)
_WRITE, _LIST, _READ, _DELETE = range(4)
HIGHEST_TAG = 2147483647
"""The modem keeps the security tags above for itself."""
ACTIVE = 518
"""The error of what needs the modem offline."""
_PEM = {
    CA: b"-----BEGIN CERTIFICATE-----",
    CERTIFICATE: b"-----BEGIN CERTIFICATE-----",
    KEY: b"-----BEGIN ",
}
# Credentials that AT%CMNG=2 gives back: those that are not secret.
_READABLE = (CA, CERTIFICATE, PSK_IDENTITY)
_NOT_FOUND, _NOT_ALLOWED, _FULL, _EXISTS, _BAD_CERTIFICATE = 513, 514, 515, 519, 527


@dataclass(frozen=True)
class TagContent:
    """The credentials of one security tag."""

    authorities: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    psk: bytes = b""
    psk_identity: bytes = b""


class CredentialStore:
    """Credentials by tag and type; they outlive a reset."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._contents: dict[tuple[int, int], bytes] = {}

    def tag(self, number: int) -> TagContent | None:
        """Return the credentials of a tag; None when it has none."""
        found = {kind: content for (tag, kind), content in self._contents.items() if tag == number}
        if not found:
            return None
        try:
            psk = bytes.fromhex(found.get(PSK, b"").decode("latin-1"))
        except ValueError:
            psk = b""
        authorities, certificate, key = (found.get(kind, b"") for kind in (CA, CERTIFICATE, KEY))
        return TagContent(authorities, certificate, key, psk, found.get(PSK_IDENTITY, b""))

    def write(self, tag: int, kind: int, content: bytes) -> None:
        """Store a credential in place of the one before; raise CmeError if it is not one or the store is full."""
        if kind in _PEM and not content.strip().startswith(_PEM[kind]):
            raise CmeError(_BAD_CERTIFICATE)
        others = sum(len(text) for place, text in self._contents.items() if place != (tag, kind))
        if not content or others + len(content) > self._capacity:
            raise CmeError(_FULL)
        self._contents[tag, kind] = content

    def add(self, tag: int, kind: int, content: bytes) -> None:
        """Store a credential where none is; raise CmeError if there is one, or as :meth:`write` does."""
        if (tag, kind) in self._contents:
            raise CmeError(_EXISTS)
        self.write(tag, kind, content)

    def wipe(self) -> None:
        """Lose all credentials."""
        self._contents.clear()

    def execute(self, parameters: Parameters, *, active: bool) -> list[str]:
        """Execute AT%CMNG=<opcode>[,<sec_tag>[,<type>[,<content>]]]; return its lines.

        ``active``: the modem is not offline, and so refuses to write and delete.
        """
        operation = parameters.number(0, 0, _DELETE)
        if operation == _LIST:
            return list(self._list(parameters))
        tag = parameters.number(1, 0, HIGHEST_TAG)
        kind = parameters.number(2, 0, PSK_IDENTITY)
        if operation != _READ and active:
            raise CmeError(ACTIVE)
        if operation == _WRITE:
            self.write(tag, kind, parameters.string(3))
            return []
        content = self._contents.get((tag, kind))
        if content is None:
            raise CmeError(_NOT_FOUND)
        if operation == _READ:
            if kind not in _READABLE:
                raise CmeError(_NOT_ALLOWED)
            return [f'%CMNG: {tag},{kind},"{_digest(content)}","{content.decode("latin-1")}"']
        del self._contents[tag, kind]
        return []

    def _list(self, parameters: Parameters) -> Iterator[str]:
        wanted = parameters.number(1, 0, HIGHEST_TAG) if parameters.has(1) else None
        wanted_kind = parameters.number(2) if parameters.has(2) else None
        for (tag, kind), content in sorted(self._contents.items()):
            if wanted in (None, tag) and wanted_kind in (None, kind):
                yield f'%CMNG: {tag},{kind},"{_digest(content)}"'


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest().upper()
