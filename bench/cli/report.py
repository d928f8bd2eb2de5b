"""``nrf91-bench report``: rebuilds what a run proves from its stream, also of one that was killed."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.console import RunConsole
from bench.cli.terminal import short_path
from bench.errors import LabError
from bench.evidence.run_folder import check_run_folder
from bench.report.allure_report import CannotRender, render
from bench.run import Level
from bench.run.folder import rebuild, save


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.", autocompletion=completion.runs)],
    measured: Annotated[bool, typer.Option("--measured", help="Print all measurements.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Also render the Allure report, DIR/allure-report.")] = False,
) -> None:
    """Rebuild summary and pages of a run; exits as the run would have."""
    check_run_folder(folder)
    summary = rebuild(folder)
    try:
        save(folder, summary)
    except OSError as error:
        raise LabError(f"cannot write the report: {error}") from error
    console = RunConsole(all_measured=measured)
    summary.folder = folder
    console.finish(summary)
    if html:
        try:
            page = render((folder / "allure-results").resolve(), (folder / "allure-report").resolve())
            console.line("allure", short_path(page))
        except CannotRender as error:
            console.line("allure", str(error), Level.WARNING)
    raise typer.Exit(summary.exit_code)
