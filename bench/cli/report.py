"""``nrf91-bench report``: rebuilds what a run proves from its stream, also of one that was killed."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.console import RunConsole
from bench.cli.lab import HistoryFile, history_path
from bench.cli.terminal import short_path
from bench.errors import LabError, UsageError, in_words
from bench.evidence import Summary
from bench.evidence.run_folder import check_run_folder
from bench.exit_code import ExitCode
from bench.report.allure_history import history_beside
from bench.report.allure_program import CannotRender, find_allure, install_allure
from bench.report.allure_report import is_one_file, render
from bench.run import Level
from bench.run.folder import rebuild, save


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.", autocompletion=completion.runs)],
    measured: Annotated[bool, typer.Option("--measured", help="Print all measurements.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Also render the Allure report, DIR/allure-report.")] = False,
    install: Annotated[
        bool, typer.Option("--install", help="With --html: first install what that needs, Node and Allure 3.")
    ] = False,
    history: HistoryFile = None,
) -> None:
    """Rebuild summary and pages of a run; exits as the run would have, or with 3 where --html rendered nothing."""
    if install and not html:
        raise UsageError("--install is for --html: nrf91-bench report DIR --html --install")
    check_run_folder(folder)
    summary = rebuild(folder)
    try:
        save(folder, summary)
    except OSError as error:
        raise LabError(f"cannot write the report: {in_words(error)}") from error
    console = RunConsole(all_measured=measured)
    summary.folder = folder
    console.finish(summary)
    rendered = not html or _render(console, folder, summary, history_beside(history_path(history)), install=install)
    if html and rendered:
        save(folder, summary)  # from here on the verdict leads to the report, too
    raise typer.Exit(summary.exit_code or (ExitCode.OK if rendered else ExitCode.LAB))


def _render(console: RunConsole, folder: Path, summary: Summary, history: Path, *, install: bool) -> bool:
    """Render the Allure report; return whether it is there."""
    try:
        again = f"nrf91-bench report {shlex.quote(str(folder))} --html --install"
        page = render(install_allure() if install else find_allure(again), folder, summary, history)
    except CannotRender as error:
        for number, line in enumerate(str(error).splitlines()):
            console.line("" if number else "allure", line, Level.WARNING)
        return False
    console.line("allure", short_path(page))
    if not is_one_file(folder):
        serve = f"python3 -m http.server --directory {shlex.quote(str(page.parent))}"
        console.line("allure", f"too large for one file, which opens from disk; serve it with {serve}")
    return True
