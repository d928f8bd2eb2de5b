"""``nrf91-bench report``: rebuilds what a run proves from its stream, also of one that was killed."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.campaign import rebuild, save
from bench.cli.console import RunConsole
from bench.errors import LabError, UsageError
from bench.report.stream import FILE


def report(folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.")]) -> None:
    """Rebuild summary and pages of a run; exits as the run would have."""
    if not (folder / FILE).is_file():
        raise UsageError(f"{folder} is no folder of a run: it has no {FILE}")
    summary = rebuild(folder)
    try:
        save(folder, summary)
    except OSError as error:
        raise LabError(f"cannot write the report: {error}") from error
    RunConsole().finish(summary, folder)
    raise typer.Exit(summary.exit_code)
