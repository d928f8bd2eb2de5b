"""Links within the folder of a run, which can be moved, mailed and served as a whole."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.evidence import TestResult
from bench.evidence.rows import MeasurementRow
from bench.report.evidence import attachment_of

_ALLURE_REPORT = "allure-report/index.html"


@dataclass(frozen=True)
class RunLinks:
    """The links of a page that stands in a run's folder.

    Attributes:
        folder: of the run; None where it is not at hand, so that no file is looked for.
    """

    folder: Path | None = None

    def to(self, path: str) -> str:
        """Return the link to a path within the folder; empty for one that leads elsewhere or to nothing."""
        return quote(path, errors="replace") if path and _stays_within(path) and self._is_there(path) else ""

    def to_measured(self, row: MeasurementRow) -> str:
        """Return the link to the page of a test's measurements."""
        return self._to_attached("measured", "html", row)

    def to_samples(self, row: MeasurementRow) -> str:
        """Return the link to the samples of a test's measurements, as CSV."""
        return self._to_attached("samples", "csv", row)

    def _to_attached(self, kind: str, extension: str, row: MeasurementRow) -> str:
        place = {"round_number": row.round, "attempt": row.attempt}
        return self.to(attachment_of(kind, row.test, row.slot, extension=extension, **place))

    def to_allure(self, result: TestResult) -> str:
        """Return the link to a result in the rendered Allure report; empty where there is none."""
        page = self.to(_ALLURE_REPORT) if self.folder is not None and result.allure else ""
        # Allure 3 calls a result by the digest of its uuid.
        return page and f"{page}#{md5(result.allure.encode(), usedforsecurity=False).hexdigest()}"

    def to_evidence(self, result: TestResult) -> Mapping[str, str]:
        """Return the links to what was kept of a result, by their names."""
        kept = {
            "time line": self.to(result.timeline),
            "transcript": self.to(result.transcript),
            "log": self.to(result.log),
            "collected for support": self.to(result.support),
            "Allure": self.to_allure(result),
        }
        return {name: link for name, link in kept.items() if link}

    def _is_there(self, path: str) -> bool:
        if self.folder is None:
            return True
        try:
            return (self.folder / path).exists()
        except (OSError, ValueError):  # what no path can be
            return False


NO_FOLDER = RunLinks()
"""The links of a page whose folder is not at hand."""


def _stays_within(path: str) -> bool:
    """Return whether a path is one within the folder: neither an address, nor a way up and out."""
    try:
        parts = urlsplit(path)
    except ValueError:  # "//[" is an address without an end
        return False
    return not (parts.scheme or parts.netloc or path.startswith("/") or ".." in path.split("/"))


def link_between(page: Path, target: Path) -> str:
    """Return the link from one file of a run to another."""
    return quote(os.path.relpath(target, page.parent), errors="replace")
