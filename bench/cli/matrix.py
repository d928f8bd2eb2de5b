"""``nrf91-bench matrix``: what a run says of each statement of the specification."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.terminal import say, say_lines
from bench.exit_code import ExitCode
from bench.packages import SUITES, package_folder

EPILOG = "Exit codes: 0 every statement has a scenario; 1 one has none; 2 wrong usage."


def matrix(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of runs; the later ones win.", autocompletion=completion.runs),
    ],
) -> None:
    """Print which scenarios check which statement, and how they ended."""
    from bench.evidence.run_folder import check_run_folder
    from bench.report.specification import FOLDER, Specification
    from bench.run.folder import rebuild

    specification = Specification.load(package_folder(SUITES) / FOLDER)
    for folder in folders:
        check_run_folder(folder)
        specification.take(rebuild(folder))
    say_lines(specification.markdown().rstrip("\n"))
    for statement in specification.untested:
        say(f"no scenario: {statement.id}", error=True)
    raise typer.Exit(ExitCode.FAILED if specification.untested else ExitCode.OK)
