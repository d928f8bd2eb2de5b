"""``nrf91-bench prune``: old runs are removed, releases and pinned ones are kept."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.terminal import say
from bench.errors import LabError, in_words
from bench.evidence.run_folder import DEFAULT, PIN, check_run_folder, forecast, runs_in


def prune(
    days: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Remove runs that are older.")] = 90,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Where the runs are.")] = DEFAULT,
    pin: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Keep this run for ever; removes nothing.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove the folders of old runs; plans' runs and pinned ones stay. The history keeps what they showed."""
    if pin:
        for folder in pin:
            check_run_folder(folder)
            try:
                (folder / PIN).touch()
            except OSError as error:
                raise LabError(f"cannot pin {folder}: {in_words(error)}") from error
            say(f"pinned    {folder}")
        return
    border = datetime.now(UTC) - timedelta(days=days)
    freed = 0
    for run in runs_in(runs):
        if run.pinned or run.started >= border:
            continue
        say(
            f"{'would go ' if dry_run else 'removed  '} {run.folder}   {run.started:%Y-%m-%d}   {run.size / 1e6:.1f} MB"
        )
        if not dry_run:
            try:
                shutil.rmtree(run.folder)
            except OSError as error:
                raise LabError(f"cannot remove {run.folder}: {error}") from error
        freed += run.size
    say(f"{freed / 1e6:.1f} MB in all; {forecast(runs)}")
