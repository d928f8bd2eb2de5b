"""The lab's configuration as the command line finds it."""

from pathlib import Path
from typing import Annotated

import typer

from bench.config.lab import load
from bench.errors import UsageError, in_words


def default_config() -> Path | None:
    """Return ``bench.toml`` in the working folder; None when there is none."""
    here = Path("bench.toml")
    return here if here.is_file() else None


HistoryFile = Annotated[
    Path | None,
    typer.Option("--history", metavar="FILE", envvar="NRF91_BENCH_HISTORY", help="Default: as bench.toml says."),
]


def history_path(wanted: Path | None) -> Path:
    """Return the history file: as named, or as the lab's configuration says."""
    return wanted or load(default_config()).history


def write_page(path: Path, page: str) -> None:
    """Write a page where the user wants it.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        path.write_text(page, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"--html: cannot write {path}: {in_words(error)}") from error
