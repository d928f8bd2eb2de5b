"""Device and subscriber identities leave the bench only as keyed short ids.

IMEI, IMSI, ICCID and cell identity name a device, a person's contract and a place. A report shows each as a short id
made with HMAC-SHA-256 under a key of this lab, so that the same board is recognised from night to night and nobody can
turn the id back. In transcripts the substitute has the length of what it replaces, so that announced payload lengths
stay true and a masked transcript still replays.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path

from bench.errors import LabError, in_words
from bench.shared_files import check_own
from bench.state import state_folder

_KEY_BYTES = 32
_SHORT = 8
"""Bytes. A shorter secret, such as a PIN, also occurs by chance in counters and times."""
# Where identities stand in what a board prints: (kind, pattern whose group 1 is the value).
_ANSWERS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("imei", re.compile(rb'\+CGSN: ?"?(\d{14,17})"?')),
    ("iccid", re.compile(rb"%XICCID: ?(\d{17,20})")),
    ("cell", re.compile(rb'\+CEREG: ?(?:\d,)?\d,"[0-9A-Fa-f]{1,4}","([0-9A-Fa-f]{4,8})"')),
    ("cell", re.compile(rb'%RAI: ?"([0-9A-Fa-f]{4,8})"')),
    ("cell", re.compile(rb'%XMONITOR: ?\d,(?:"[^"]*",){4}\d+,\d+,"([0-9A-Fa-f]{4,8})"')),
)
# +CGSN and +CIMI answer with a bare line (3GPP TS 27.007 sections 5.4 and 5.6).
_BARE = re.compile(rb"(?:^|\n)(\d{14,17})\r\n")


def key_path() -> Path:
    """Return the file of this lab's key."""
    return state_folder() / "short-id.key"


def lab_key(path: Path | None = None) -> bytes:
    """Return this lab's key; make it on first use, in a file that only its owner can read.

    Raises:
        LabError: the file can be neither read nor made.
    """
    path = path or key_path()
    try:
        if not os.path.lexists(path):
            _make_key(path)
        check_own(path, private=True)
        key = path.read_bytes()
    except OSError as error:
        raise LabError(f"cannot keep the key for short ids in {path}: {in_words(error)}; set XDG_STATE_HOME") from error
    if len(key) < _KEY_BYTES // 2:
        raise LabError(f"{path} holds {len(key)} bytes, not a key: delete it, the next run makes one")
    return key


def key_digest(path: Path | None = None) -> str:
    """Return what tells this lab's key from another one without giving it away; empty while there is none.

    Raises:
        LabError: the file is there and cannot be read.
    """
    path = path or key_path()
    if not os.path.lexists(path):
        return ""
    return hmac.new(lab_key(path), b"nrf91-bench key digest", hashlib.sha256).hexdigest()[:16]


def keep_key(key: bytes, path: Path | None = None, *, replace: bool = False) -> None:
    """Keep another host's key as this host's, so that both give the same short ids.

    Raises:
        LabError: there is a key already and it is not to be replaced, or it cannot be written.
    """
    path = path or key_path()
    if len(key) < _KEY_BYTES // 2:
        raise LabError(f"a key for short ids has {_KEY_BYTES} bytes, not {len(key)}")
    try:
        if replace:
            path.unlink(missing_ok=True)
        _make_key(path, key)
    except OSError as error:
        raise LabError(f"cannot keep the key for short ids in {path}: {in_words(error)}") from error
    if lab_key(path) != key:
        raise LabError(f"{path} holds another key for short ids already")


def _make_key(path: Path, key: bytes | None = None) -> None:
    """Make the key complete or not at all: several processes may want the first key at once, and all get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key or secrets.token_bytes(_KEY_BYTES))
        with contextlib.suppress(FileExistsError):  # another was first, and its key counts
            os.link(name, path)
    finally:
        Path(name).unlink()


class Concealer:
    """Replaces the identities it knows by keyed short ids; learns them from what boards print."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._substitutes: dict[bytes, bytes] = {}
        self._hidden: dict[bytes, re.Pattern[bytes]] = {}

    def short_id(self, kind: str, value: str) -> str:
        """Return ``imei-3f9a2c1b`` for an identity; the same value gives the same id under the same key."""
        return f"{kind}-{self._digest(kind, value.encode())[:8]}"

    def learn(self, kind: str, value: str) -> None:
        """Conceal ``value`` wherever it occurs from now on."""
        self._learn(kind, value.encode())

    def hide(self, secret: bytes) -> None:
        """Replace a secret by asterisks wherever it occurs from now on; a short one where it is a word of its own."""
        if secret:
            found = re.escape(secret)
            short = len(secret) < _SHORT and secret.isalnum()
            self._hidden[secret] = re.compile(rb"(?<![0-9A-Za-z])%b(?![0-9A-Za-z])" % found if short else found)

    def conceal(self, data: bytes) -> bytes:
        """Return the same number of bytes, identities replaced."""
        for kind, pattern in _ANSWERS:
            for match in pattern.finditer(data):
                self._learn(kind, match.group(1))
        for match in _BARE.finditer(data):
            self._learn("id", match.group(1))
        for value, substitute in self._substitutes.items():
            data = data.replace(value, substitute)
        return self.mask(data)

    def mask(self, data: bytes) -> bytes:
        """Return the same number of bytes, secrets alone replaced."""
        for secret, place in self._hidden.items():
            if secret in data:
                data = place.sub(b"*" * len(secret), data)
        return data

    def conceal_text(self, text: str) -> str:
        """Conceal identities in text that is shown to a person."""
        return self.conceal(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _learn(self, kind: str, value: bytes) -> None:
        # Shorter values would mask ordinary numbers of a test's own payload.
        if len(value) >= 8 and value not in self._substitutes and b"-" not in value:
            substitute = f"{kind}-{self._digest(kind, value)}".encode()
            self._substitutes[value] = substitute[: len(value)]

    def _digest(self, kind: str, value: bytes) -> str:
        return hmac.new(self._key, kind.encode() + b":" + value, hashlib.sha256).hexdigest()
