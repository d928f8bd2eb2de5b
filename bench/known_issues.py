"""``known_issues.toml``: what a firmware is known to do otherwise than the specification says.

A row turns a scenario into an expected failure on the firmware it names, with a reason, somebody who answers for it and
a date after which it counts as a failure again.
"""

import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.config import ConfigError, problems_of

Text = Annotated[str, Field(min_length=1)]


class KnownIssue(BaseModel):
    """One row.

    ``test`` is a pattern of test ids, ``slm`` a range of Serial LTE Modem versions such as ``>=3.1``, ``modem`` a
    pattern of modem firmware names; an empty range or ``*`` is any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: Text
    slm: str = ""
    modem: str = "*"
    reason: Text
    reference: Text
    owner: Text
    expires: date

    @field_validator("slm")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        try:
            SpecifierSet(value)
        except InvalidSpecifier:
            raise ValueError(f"{value!r} is no version range; write one such as >=3.1,<3.2") from None
        return value

    def concerns(self, test: str, slm_version: str, modem_firmware: str, today: date | None = None) -> bool:
        """Whether the row excuses a test on a board's firmware today."""
        today = today or datetime.now(UTC).date()
        if today > self.expires or not fnmatchcase(modem_firmware, self.modem):
            return False
        # In a test id square brackets enclose parameters, in a pattern they would be a set of characters.
        if not fnmatchcase(test.replace("[", "("), self.test.replace("[", "(")):
            return False
        try:
            return SpecifierSet(self.slm).contains(Version(slm_version), prereleases=True)
        except InvalidVersion:
            return not self.slm


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    issue: tuple[KnownIssue, ...] = ()


def load_known_issues(paths: Sequence[Path]) -> tuple[KnownIssue, ...]:
    """The rows of all files that exist.

    Raises:
        ConfigError: names file, line and key.
    """
    rows: list[KnownIssue] = []
    for path in paths:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        try:
            rows += _File.model_validate(tomllib.loads(text)).issue
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is no TOML: {error}") from error
        except ValidationError as error:
            raise ConfigError(f"{path} cannot be used:\n{problems_of(text, error)}") from None
    return tuple(rows)
