"""``nrf91-bench matrix``: what a run says of each statement of the specification."""

from pathlib import Path
from typing import Annotated

import typer

from bench.errors import UsageError
from bench.evidence import RowReader
from bench.evidence.stream import FILE as STREAM
from bench.exit_code import ExitCode
from bench.report.specification import FILE, Specification
from bench.run.suites import package_folder


def matrix(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs; the later ones win.")],
) -> None:
    """Print which scenarios check which statement, and how they ended; exits 1 when a statement has no scenario."""
    specification = Specification.load(package_folder("nrf91_bench_suites") / FILE)
    for folder in folders:
        if not (folder / STREAM).is_file():
            raise UsageError(f"{folder} is not the folder of a run: it has no {STREAM}")
        specification.take(RowReader(folder).new_rows())
    typer.echo(specification.markdown(), nl=False)
    for statement in specification.untested:
        typer.echo(f"no scenario: {statement.id}", err=True)
    raise typer.Exit(ExitCode.FAILED if specification.untested else ExitCode.OK)
