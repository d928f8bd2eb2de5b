"""``nrf91-bench history``: what earlier runs have shown, kept in one file.

What prints is imported by the command that runs: a shell that completes words does not wait for it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import completion
from bench.cli.lab import HistoryFile, default_config, history_path
from bench.cli.terminal import say
from bench.errors import UsageError, in_words
from bench.number_text import counted

if TYPE_CHECKING:
    from bench.config.lab import Config
    from bench.history import Store

app = typer.Typer(help="Keep and show what runs have shown.", add_completion=False, no_args_is_help=True)

Folders = Annotated[
    list[Path], typer.Argument(metavar="DIR...", help="Folders of runs.", autocompletion=completion.runs)
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Histories of other hosts.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV for a spreadsheet.")]


def _lab() -> "Config":
    from bench.config.lab import load

    return load(default_config())


def _open(history: Path | None, *, only_read: bool = False) -> "Store":
    """Return the history that counts, with nights that end where the lab says.

    Raises:
        UsageError: it is only to be read, and is not there.
    """
    from bench.history import Store

    lab = _lab()
    path = history or lab.history
    if only_read:
        _must_exist(path)
    return Store(path, only_read=only_read, night_ends=lab.night_ends)


def _must_exist(path: Path) -> None:
    try:
        found = path.is_file()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the history {path}: {in_words(error)}") from error
    if not found:
        raise UsageError(f"there is no history {path}; runs are added to it when they end")


def _not_both(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        raise UsageError("--json and --csv: give one of them")


@app.command("list")
def show(history: HistoryFile = None, as_json: AsJson = False, as_csv: AsCsv = False) -> None:
    """List the runs, the latest last: when, which night, verdict, tests, boards."""
    from bench.cli.history_text import print_runs

    _not_both(as_json, as_csv)
    with _open(history, only_read=True) as store:
        print_runs(store, as_json=as_json, as_csv=as_csv)


@app.command("show")
def show_measurement(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Of a measurement, as the console prints it.",
            autocompletion=completion.measurements,
        ),
    ],
    history: HistoryFile = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Show a measurement by firmware, over all nights and boards; --json and --csv print each one."""
    from bench.cli.history_text import print_measurement

    _not_both(as_json, as_csv)
    with _open(history, only_read=True) as store:
        print_measurement(store, name, as_json=as_json, as_csv=as_csv)


@app.command("changes")
def show_changes(
    choice: Annotated[
        str,
        typer.Argument(
            metavar="[CHOICE]", help="Of boards and nights, as compare takes it.", autocompletion=completion.choices
        ),
    ] = "*",
    history: HistoryFile = None,
) -> None:
    """Show since which night measurements have moved, and what changed in the same night."""
    from bench.cli.history_text import print_changes

    with _open(history, only_read=True) as store:
        print_changes(store, choice, _lab().boards)


@app.command("page")
def write_page(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--output-dir",
            metavar="DIR",
            help="A new folder, or that of a former page; default reports/history-page.",
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder that holds the folders of runs; default reports/runs."),
    ] = None,
    nights: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N nights.")] = 90,
    history: HistoryFile = None,
) -> None:
    """Write a page of trends: measurements, tests, lab errors, boards and runs, night by night."""
    from bench.cli.history_text import write_history_page

    with _open(history, only_read=True) as store:
        write_history_page(store, out, runs, nights)


@app.command("import")
def add(folders: Folders, history: HistoryFile = None) -> None:
    """Add runs; one that is there already is left alone."""
    from bench.cli.history_text import add_runs
    from bench.report.allure_history import history_beside

    with _open(history) as store:
        add_runs(store, folders, history_beside(history_path(history)))


@app.command()
def merge(files: Files, history: HistoryFile = None) -> None:
    """Add the runs of other histories."""
    with _open(history) as store:
        for file in files:
            _must_exist(file)
            say(f"{file}   {counted(store.merge(file), 'run')} added")
