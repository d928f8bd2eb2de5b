"""Secrets of the lab: kept in a file or in the environment, never in a configuration file."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bench.errors import LabError, in_words


class NoSecret(LabError):
    """A secret is not where the lab's file says that it is kept, or others can read it."""

    permanent = True
    ends_by_itself = False


def secret(source: str) -> str:
    """Return the secret kept at ``file:PATH`` or ``env:NAME``, without the white space around it.

    Raises:
        NoSecret: it is not there, or a file that others can read.
    """
    kind, _, name = source.partition(":")
    if kind == "env":
        if name not in os.environ:
            raise NoSecret(f"the environment has no {name}, where bench.toml says that a secret is kept")
        return os.environ[name].strip()
    path = Path(name)
    try:
        if path.stat().st_mode & 0o077:
            raise NoSecret(f"{path} holds a secret, but others can read it: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoSecret(f"cannot read {path}, where bench.toml says that a secret is kept: {in_words(error)}") from error


@dataclass(frozen=True)
class SecretForm:
    """The form of a kind of secret: its name for a person, and the pattern that all of it matches."""

    name: str
    pattern: str

    def read(self, source: str) -> str:
        """Return the secret kept at ``file:PATH`` or ``env:NAME``.

        Raises:
            NoSecret: it is not there, others can read it, or it has another form; the text does not hold it.
        """
        value = secret(source)
        if not re.fullmatch(self.pattern, value):
            raise NoSecret(f"{source} does not hold a {self.name}")
        return value


PIN = SecretForm("PIN of 4 to 8 digits", r"[0-9]{4,8}")
PASSWORD = SecretForm("password", r'[^"\r\n]{1,64}')
