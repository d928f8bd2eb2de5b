"""``known_issues.toml``: where a firmware is known to differ from its specification.

A row turns a scenario into an expected failure on the firmware it names, with a reason, somebody who answers for it and
a date after which it counts as a failure again.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.config.firmware import Firmware, FirmwareRange
from bench.config.patterns import matches_test
from bench.config.toml_file import Section, read_toml
from bench.suite_folders import suite_folders

Text = Annotated[str, Field(min_length=1)]


class KnownIssue(FirmwareRange):
    """Which test fails on which firmware, why, and until when that is accepted."""

    test: Text
    """A pattern of test ids; ``*`` stands for any text."""
    reason: Text
    """What the firmware does differently."""
    reference: Text
    """Where it is tracked."""
    owner: Text
    """Who answers for it."""
    expires: date
    """The last day on which the row counts. Then the failure counts again."""

    def excuses(self, test: str, firmware: Firmware, today: date | None = None) -> bool:
        """Return whether the row excuses a test on a board's firmware today (UTC)."""
        today = today or datetime.now(UTC).date()
        return today <= self.expires and matches_test(self.test, test) and self.matches_firmware(firmware)

    @property
    def text(self) -> str:
        """The row as the message of a result; :meth:`KnownIssueText.find` reads it."""
        return f"known issue: {self.reason} ({self.reference}; {self.owner}, until {self.expires})"


_TEXT = re.compile(
    r"known issue: (?P<reason>.*) \((?P<reference>.*); (?P<owner>[^;]*), until (?P<expires>\d{4}-\d\d-\d\d)\)",
    re.DOTALL,
)


@dataclass(frozen=True)
class KnownIssueText:
    """What the message of a result says of the row that made it an expected failure."""

    reason: str
    reference: str
    owner: str
    expires: str

    @classmethod
    def find(cls, message: str) -> "KnownIssueText | None":
        """Return what a message says; None where the expectation is not that of a row."""
        found = _TEXT.search(message)
        return cls(**found.groupdict()) if found else None


FILE = "known_issues.toml"


class _File(Section):
    issue: tuple[KnownIssue, ...] = ()


def load_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """Return the rows of a file; none where there is no file.

    Raises:
        ConfigError: names file, line and key.
    """
    return read_toml(path, _File).issue if os.path.lexists(path) else ()


def known_issue_files(suites: Iterable[Path], here: Path) -> list[Path]:
    """Return the files that hold known issues of some suites: beside their files, and in the working folder."""
    folders: dict[Path, None] = {here: None}
    for suite in suites:
        folders |= dict.fromkeys([suite.parent] if suite.is_file() else (folder for folder, _ in suite_folders(suite)))
    return [folder / FILE for folder in folders if os.path.lexists(folder / FILE)]
