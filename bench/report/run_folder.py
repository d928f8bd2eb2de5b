"""The folder of a run: a fresh one each time, never another run's."""

import os
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import UsageError

DEFAULT = Path("reports") / "runs"


def new_run_folder(wanted: Path | None = None) -> Path:
    """Makes ``wanted``, or ``reports/runs/<UTC time>-<pid>``.

    Raises:
        UsageError: it exists and holds something, or cannot be made.
    """
    folder = wanted or DEFAULT / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=wanted is not None)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: every run needs a fresh folder, name another with --out")
        (folder / "transcripts").mkdir()
        (folder / "allure-results").mkdir()
    except OSError as error:
        raise UsageError(f"cannot make the run's folder {folder}: {error}") from error
    return folder.resolve()
