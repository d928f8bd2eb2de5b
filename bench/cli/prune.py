"""``nrf91-bench prune``: old runs are removed, releases and pinned ones are kept."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.terminal import say
from bench.errors import LabError, in_words
from bench.evidence.run_folder import DEFAULT, PIN, RunOnDisk, check_run_folder, forecast, runs_in
from bench.number_text import counted


def prune(
    days: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Remove runs that are older.")] = 90,
    runs: Annotated[Path, typer.Option(metavar="DIR", help="Where the runs are.")] = DEFAULT,
    pin: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Keep this run for ever; removes nothing.", autocompletion=completion.runs),
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
    there = runs_in(runs)
    border = datetime.now(UTC) - timedelta(days=days)
    old = [run for run in there if run.started < border and not run.pinned]
    pinned = sum(run.pinned for run in there)
    say(f"there     {_sized(there)} in {runs}{f', {pinned} of them pinned or of a plan' if pinned else ''}")
    for run in old:
        word = "would go" if dry_run else "removed"
        say(f"{word:<9} {run.folder}   {run.started:%Y-%m-%d}   {_megabytes(run.size)}")
        if not dry_run:
            try:
                shutil.rmtree(run.folder)
            except OSError as error:
                raise LabError(f"cannot remove {run.folder}: {in_words(error)}") from error
    goes = "would go" if dry_run else "went"
    what = f"{_sized(old)} {goes}" if old else f"nothing goes: no run that may go is older than {counted(days, 'day')}"
    say(f"in all    {what}; {forecast(runs)}")


def _sized(runs: Sequence[RunOnDisk]) -> str:
    return f"{counted(len(runs), 'run')} of {_megabytes(sum(run.size for run in runs))}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
