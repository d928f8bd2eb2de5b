"""``known_issues.toml``: what a firmware is known to do otherwise than the specification says.

A row turns a scenario into an expected failure on the firmware it names, with a reason, somebody who answers for it and
a date after which it counts as a failure again.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bench.config.firmware import Firmware, FirmwareRange
from bench.config.patterns import matches_test
from bench.config.toml_file import Section, read_toml

Text = Annotated[str, Field(min_length=1)]


class KnownIssue(FirmwareRange):
    """A row: which test fails on which firmware, why, and until when that is accepted.

    ``test`` is a pattern of test ids.
    """

    test: Text
    reason: Text
    reference: Text
    owner: Text
    expires: date
    """The last day on which the row counts."""

    def excuses(self, test: str, firmware: Firmware, today: date | None = None) -> bool:
        """Return whether the row excuses a test on a board's firmware today (UTC)."""
        today = today or datetime.now(UTC).date()
        return today <= self.expires and matches_test(self.test, test) and self.matches_firmware(firmware)


class _File(Section):
    issue: tuple[KnownIssue, ...] = ()


def load_known_issues(paths: Sequence[Path]) -> tuple[KnownIssue, ...]:
    """Return the rows of all files that exist.

    Raises:
        ConfigError: names file, line and key.
    """
    return tuple(issue for path in paths if path.is_file() for issue in read_toml(path, _File).issue)
