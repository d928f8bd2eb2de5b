"""``nrf91-bench history``: what earlier runs have shown, kept in one file."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.lab import HistoryFile, history_path
from bench.cli.terminal import say
from bench.errors import UsageError, in_words
from bench.evidence.run_folder import check_run_folder
from bench.history import Store
from bench.measure import format_value, quantiles
from bench.report.history import run_record
from bench.run.folder import rebuild
from bench.visible import visible

app = typer.Typer(help="Keep and show what runs have shown.", no_args_is_help=True)

Folders = Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Histories of other hosts.")]


@app.command("import")
def add(folders: Folders, history: HistoryFile = None) -> None:
    """Add runs; one that is there already is left alone."""
    with Store(history_path(history)) as store:
        for folder in folders:
            check_run_folder(folder)
            record = run_record(folder, rebuild(folder))
            word = "added" if store.add(record) else "was there"
            say(f"{record.name}   {word}   {len(record.results)} results, {len(record.measurements)} measurements")


def _must_exist(path: Path) -> None:
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the history {path}: {in_words(error)}") from error
    if not found:
        raise UsageError(f"there is no history {path}; runs are added to it when they end")


@app.command()
def merge(files: Files, history: HistoryFile = None) -> None:
    """Add the runs of other histories."""
    with Store(history_path(history)) as store:
        for file in files:
            _must_exist(file)
            say(f"{file}   {store.merge(file)} runs added")


@app.command("show")
def show_measurement(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of a measurement, as the console prints it.")],
    history: HistoryFile = None,
) -> None:
    """Show a measurement by firmware, over all nights and boards."""
    _must_exist(history_path(history))
    name = visible(name)
    with Store(history_path(history), only_read=True) as store:
        found = store.values_by_firmware(name)
        if not found:
            known = ", ".join(row[0] for row in store.rows("SELECT DISTINCT name FROM series ORDER BY name LIMIT 40"))
            raise UsageError(f"the history has no measurement called {name!r}; it has {known or 'none'}")
        tests = {test for test, *_ in found}
        for test, firmware, unit, values in found:
            told = [f"{part} {format_value(value, unit)}" for part, value in quantiles(values).items()]
            extremes = (float(values.min()), float(values.max()))  # few values have no quantiles
            told = told or list(dict.fromkeys(format_value(value, unit) for value in extremes))
            of = f"{test}   " if len(tests) > 1 else ""
            say(f"{of}{firmware}   {'   '.join(told)}   n {len(values):,}")


@app.command("list")
def show(history: HistoryFile = None) -> None:
    """List the runs, the latest last."""
    _must_exist(history_path(history))
    query = "SELECT night, runs.name, verdict, runs.simulated, runs.id FROM runs ORDER BY started"
    with Store(history_path(history), only_read=True) as store:
        for night, name, verdict, simulated, run in store.rows(query):
            firmware = ", ".join(store.firmware_of(run))
            say(f"{night}   {name}   {verdict}{'   SIMULATED' if simulated else ''}   {firmware}")
