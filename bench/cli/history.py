"""``nrf91-bench history``: what earlier runs have shown, kept in one file."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.lab import HistoryFile, history_path
from bench.cli.terminal import say
from bench.errors import UsageError, in_words
from bench.evidence.run_folder import DEFAULT as DEFAULT_RUNS
from bench.evidence.run_folder import check_run_folder
from bench.history import Store, chosen_runs, observations
from bench.history.change_points import FEWEST_NIGHTS
from bench.history.trends import find_trends
from bench.measure import format_value, quantiles
from bench.number_text import counted
from bench.report.history import run_record
from bench.report.history_page import DEFAULT as DEFAULT_PAGE
from bench.report.history_page import MOST_NIGHTS, check_site, history_page, write_site
from bench.report.trend import move_view
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


@app.command("changes")
def show_changes(
    choice: Annotated[str, typer.Argument(metavar="[CHOICE]", help="Of boards and nights, as compare takes it.")] = "*",
    history: HistoryFile = None,
) -> None:
    """Show since which night measurements have moved, and what changed in the same night."""
    path = history_path(history)
    _must_exist(path)
    with Store(path, only_read=True) as store:
        seen = observations(store, list(chosen_runs(store, choice)))
    found = find_trends(seen)
    for trend in found:
        for move in trend.moves:
            view = move_view(trend, move)
            say(f"{view.since}   {view.change:>7}   {trend.key.text}   {view.levels}   with it: {view.with_it}")
    moved = sum(bool(trend.moves) for trend in found)
    nights = len({one.night for one in seen})
    say(f"a change was found in {moved} of {counted(len(found), 'measurement')}, in {counted(nights, 'night')}")
    few = len({one.key for one in seen}) - len(found)
    if few:
        say(f"{counted(few, 'measurement')} more with too few nights: it takes {FEWEST_NIGHTS} that share boards")


@app.command("page")
def write_trends(
    out: Annotated[
        Path, typer.Option("--out", "--output-dir", metavar="DIR", help="A new folder, or that of a former page.")
    ] = DEFAULT_PAGE,
    history: HistoryFile = None,
    runs: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that holds the folders of runs.")
    ] = DEFAULT_RUNS,
    nights: Annotated[int, typer.Option(min=1, metavar="N", help="Show the last N nights.")] = MOST_NIGHTS,
) -> None:
    """Write a page of trends: measurements, tests, lab errors, boards and runs, night by night."""
    path = history_path(history)
    _must_exist(path)
    check_site(out)
    if runs != DEFAULT_RUNS and not runs.is_dir():
        raise UsageError(f"--runs: {runs} is not a folder")
    with Store(path, only_read=True) as store:
        page = history_page(store, runs, out, nights)
    for note in page.notes:
        say(f"warning   {note}")
    charts, tests = len(page.measurements) + len(page.registering), len(page.grid.tests)
    shown = [counted(len(page.scope.nights), "night"), counted(len(page.runs), "run"), counted(tests, "test")]
    say(f"history   {', '.join(shown)}, {counted(charts, 'measurement')}")
    say(f"page      {write_site(out, page)}")


@app.command("list")
def show(history: HistoryFile = None) -> None:
    """List the runs, the latest last."""
    _must_exist(history_path(history))
    query = "SELECT night, runs.name, verdict, runs.simulated, runs.id FROM runs ORDER BY started"
    with Store(history_path(history), only_read=True) as store:
        for night, name, verdict, simulated, run in store.rows(query):
            firmware = ", ".join(store.firmware_of(run))
            say(f"{night}   {name}   {verdict}{'   SIMULATED' if simulated else ''}   {firmware}")
