"""``known_issues.toml``: what a firmware is known to do otherwise than the specification says.

A row turns a scenario into an expected failure on the firmware it names, with a reason, somebody who answers for it and
a date after which it counts as a failure again.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bench.config.patterns import VersionRange, in_range, means
from bench.config.toml_file import read_toml

Text = Annotated[str, Field(min_length=1)]


class KnownIssue(BaseModel):
    """One row.

    ``test`` is a pattern of test ids, ``slm`` a range of Serial LTE Modem versions such as ``>=3.1``, ``modem`` a
    pattern of modem firmware names; an empty range or ``*`` is any.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    test: Text
    slm: VersionRange = ""
    modem: str = "*"
    reason: Text
    reference: Text
    owner: Text
    expires: date

    def concerns(self, test: str, slm_version: str, modem_firmware: str, today: date | None = None) -> bool:
        """Whether the row excuses a test on a board's firmware today."""
        today = today or datetime.now(UTC).date()
        if today > self.expires or not fnmatchcase(modem_firmware, self.modem):
            return False
        return means(self.test, test) and in_range(slm_version, self.slm)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    issue: tuple[KnownIssue, ...] = ()


def load_known_issues(paths: Sequence[Path]) -> tuple[KnownIssue, ...]:
    """The rows of all files that exist.

    Raises:
        ConfigError: names file, line and key.
    """
    return tuple(issue for path in paths if path.is_file() for issue in read_toml(path, _File).issue)
