"""Provisioning of a board's store with test credentials: the store is flash, so only those that differ are written.

Every group of credentials has a security tag of its own, in the range that the lab set aside for the bench. Other tags
are never touched.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.config.lab import TagRange
from bench.errors import LabError, in_words
from bench.modem import CredentialStoreFull, CredentialType, Modem
from bench.security.credentials import CredentialSet
from bench.shared_files import check_own, replace_plain

TAGS = (
    "psk",
    "wrong_psk",
    "unknown_psk",
    "ecdsa",
    "rsa",
    "stranger",
    "device_ecdsa",
    "device_rsa",
    "nothing",
)
"""The groups, in the order of their tags: PSKs; the authority of ECDSA and of RSA servers; a foreign authority; an
authority with a certificate of the device's own; a tag that stays empty."""

Contents = dict[tuple[int, CredentialType], bytes]


@dataclass(frozen=True)
class Provisioned:
    """The credentials that a board holds now: tags by group, and the number of writes and deletions that it took."""

    tags: dict[str, int]
    writes: int


@dataclass
class KnownDigests:
    """Digests that a board shows for contents of ours though they are not the contents' own SHA-256.

    ``path`` keeps them from run to run; None forgets.
    """

    path: Path | None = None
    rows: dict[str, str] = field(default_factory=dict)

    def load(self) -> None:
        """Read the file; one that is not there, or broken, costs a board one more write."""
        if self.path is not None:
            try:
                check_own(self.path)
                rows = json.loads(self.path.read_text())
            except (OSError, ValueError):
                return
            if isinstance(rows, dict):
                self.rows = {str(key): str(value) for key, value in rows.items()}

    def save(self) -> None:
        """Write the file.

        Raises:
            LabError: it cannot be written.
        """
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                replace_plain(self.path, json.dumps(self.rows), 0o600)
            except OSError as error:
                raise LabError(f"cannot keep digests of credentials in {self.path}: {in_words(error)}") from error

    def matches(self, board: str, place: tuple[int, int], content: bytes, shown: str) -> bool:
        """Return True when a digest that a board shows stands for this content."""
        own = _digest(content)
        return shown == own or self.rows.get(_key(board, place, own)) == shown

    def learn(self, board: str, place: tuple[int, int], content: bytes, shown: str) -> None:
        """Learn that a board shows this digest for the content that was just written."""
        own = _digest(content)
        if shown != own:
            self.rows[_key(board, place, own)] = shown


def provision(
    modem: Modem,
    credentials: CredentialSet,
    tags: TagRange,
    digests: KnownDigests,
    *,
    board: str,
    registration_timeout: float,
    allow: Callable[[int], None] = lambda _: None,
) -> Provisioned:
    """Write the test credentials to the bench's tags of a board; take it offline only when something differs.

    Args:
        modem: a board's modem, without open sockets.
        credentials: to be held by it.
        tags: first and last tag that belong to the bench.
        digests: known digests, as this board shows them.
        board: a name of the board that stays the same.
        registration_timeout: seconds to come back.
        allow: is asked before so many writes; raises where that is too many.

    Raises:
        LabError: the range is too small, or the store has no room.
        CommandError: the modem refuses a credential.
    """
    first, last = tags
    if last - first + 1 < len(TAGS):
        raise LabError(
            f"credentials.sec_tags has {last - first + 1} tags, the suites need {len(TAGS)}: widen it to"
            f" [{first}, {first + len(TAGS) - 1}]"
        )
    numbers = {name: first + index for index, name in enumerate(TAGS)}
    wanted = _contents(credentials, numbers)
    held = {(row.sec_tag, row.type): row.digest for row in modem.credentials.list() if first <= row.sec_tag <= last}
    stale = [place for place in held if place not in wanted and place[0] in numbers.values()]
    missing = {
        place: content
        for place, content in wanted.items()
        if place not in held or not digests.matches(board, place, content, held[place])
    }
    if stale or missing:
        allow(len(stale) + len(missing))
        with modem.registration.offline(registration_timeout), modem.credentials.error_numbers():
            for sec_tag, kind in stale:
                modem.credentials.delete(sec_tag, kind)
            _write(modem, missing)
        for row in modem.credentials.list():
            place = (row.sec_tag, CredentialType(row.type)) if row.type in list(CredentialType) else None
            if place in missing:
                digests.learn(board, place, missing[place], row.digest)
        digests.save()
    return Provisioned(numbers, len(stale) + len(missing))


def _write(modem: Modem, missing: Contents) -> None:
    for (sec_tag, kind), content in missing.items():
        try:
            modem.credentials.write(sec_tag, kind, content)
        except CredentialStoreFull as error:
            raise LabError(
                f"{modem.link.name} has no room for the test credentials (tag {sec_tag}): list what it holds with"
                " AT%CMNG=1 and delete what nobody needs, AT+CFUN=4 and AT%CMNG=3,<tag>,<type>"
            ) from error


def _contents(credentials: CredentialSet, tags: dict[str, int]) -> Contents:
    wanted: Contents = {}
    for name, psk in (
        ("psk", credentials.psk),
        ("wrong_psk", credentials.wrong_psk),
        ("unknown_psk", credentials.unknown_psk),
    ):
        wanted[tags[name], CredentialType.PSK] = psk.key.hex().encode()
        wanted[tags[name], CredentialType.PSK_IDENTITY] = psk.identity
    for name, pem in credentials.authorities.items():
        wanted[tags[name], CredentialType.AUTHORITY] = pem.strip()
    for name, device in credentials.devices.items():
        tag = tags[f"device_{name}"]
        wanted[tag, CredentialType.AUTHORITY] = credentials.authorities[name].strip()
        wanted[tag, CredentialType.CERTIFICATE] = device.certificate.strip()
        wanted[tag, CredentialType.PRIVATE_KEY] = device.key.strip()
    return wanted


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest().upper()


def _key(board: str, place: tuple[int, int], own: str) -> str:
    return f"{board} {place[0]} {place[1]} {own}"
