"""The lab's configuration as the command line finds it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bench.errors import UsageError, in_words


def default_config() -> Path | None:
    """Return ``bench.toml`` in the working folder; None when there is none."""
    here = Path("bench.toml")
    return here if here.is_file() else None


def history_option(panel: str | None = None) -> Any:  # noqa: ANN401 - typer keeps its click to itself
    """Return the option ``--history``, in a panel of the help."""
    told = "The file that keeps what runs have shown; default as bench.toml says."
    return typer.Option(
        "--history", metavar="FILE", envvar="NRF91_BENCH_HISTORY", show_envvar=False, help=told, rich_help_panel=panel
    )


HistoryFile = Annotated[Path | None, history_option()]


def history_path(wanted: Path | None) -> Path:
    """Return the history file: as named, or as the lab's configuration says."""
    from bench.config.lab import load  # a shell that completes words does not wait for it

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
