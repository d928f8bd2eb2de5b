"""``nrf91-bench matrix``: what a run says of each statement of the specification."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.terminal import say, say_lines
from bench.evidence import RowReader
from bench.evidence.run_folder import check_run_folder
from bench.exit_code import ExitCode
from bench.packages import SUITES, package_folder
from bench.report.specification import FOLDER, Specification


def matrix(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs; the later ones win.")],
) -> None:
    """Print which scenarios check which statement, and how they ended; exits 1 when a statement has no scenario."""
    specification = Specification.load(package_folder(SUITES) / FOLDER)
    for folder in folders:
        check_run_folder(folder)
        specification.take(RowReader(folder).new_rows())
    say_lines(specification.markdown().rstrip("\n"))
    for statement in specification.untested:
        say(f"no scenario: {statement.id}", error=True)
    raise typer.Exit(ExitCode.FAILED if specification.untested else ExitCode.OK)
