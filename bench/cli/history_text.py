"""What ``nrf91-bench history`` prints: runs, measurements, changes."""

from collections.abc import Sequence
from datetime import time
from pathlib import Path

from rich.padding import Padding
from rich.table import Table

from bench.cli.terminal import VisibleConsole, say, say_lines
from bench.clock import span_text
from bench.config.lab import BoardEntry
from bench.errors import LabError, UsageError, in_words
from bench.evidence.run_folder import ALLURE_RESULTS, check_run_folder
from bench.evidence.run_folder import DEFAULT as DEFAULT_RUNS
from bench.history import Store, chosen_runs, observations
from bench.history.change_points import FEWEST_NIGHTS
from bench.history.listing import ListedRun, listed_measurements, listed_runs, names_of_measurements
from bench.history.night import local_day, local_minute, night_text
from bench.history.trends import find_trends
from bench.measure import format_value, quantiles
from bench.number_text import counted
from bench.report.allure_history import remember_run
from bench.report.exports import measurements_csv, measurements_json, runs_csv, runs_json
from bench.report.history import run_record
from bench.report.history_page import DEFAULT as DEFAULT_PAGE
from bench.report.history_page import check_site, history_page, write_site
from bench.report.trend import move_view
from bench.run.folder import rebuild
from bench.suggestion import did_you_mean
from bench.visible import visible

_NOT_A_TERMINAL = 200
"""Columns of what is printed into a file, which has no margin."""
_MOST_NAMED = 40
_WIDE, _INDENT = 130, 4
_COUNTED = {
    "failed": "failed",
    "lab_error": "lab error",
    "script_error": "script error",
    "died": "did not finish",
    "skipped": "skipped",
}
_STYLES = {"PASSED": "", "QUALIFIED": "", "FAILED": "bold red", "NOT QUALIFIED": "bold red"}


def add_runs(store: Store, folders: Sequence[Path], allure: Path) -> None:
    """Add runs to the history and to that of Allure, and say of each whether it was there.

    Raises:
        LabError: the history of Allure cannot be written.
    """
    for folder in folders:
        check_run_folder(folder)
        summary = rebuild(folder)
        record = run_record(folder, summary)
        try:
            remember_run(allure, folder / ALLURE_RESULTS, summary)
        except OSError as error:
            raise LabError(f"cannot write {allure}: {in_words(error)}") from error
        word = "added" if store.add(record) else "was there"
        say(f"{record.name}   {word}   {len(record.results)} results, {len(record.measurements)} measurements")


def print_runs(store: Store, *, as_json: bool, as_csv: bool) -> None:
    """Print all runs."""
    runs = listed_runs(store)
    if as_json:
        say_lines(runs_json(runs))
    elif as_csv:
        say_lines(runs_csv(runs).removesuffix("\n"))
    elif not runs:
        say("the history holds no run")
    else:
        _print_table(runs, store.night_ends)


def _print_table(runs: Sequence[ListedRun], ends: time) -> None:
    """Print a line a run; on a narrow terminal each run as a few lines."""
    console = VisibleConsole()
    if not console.is_terminal:
        console.width = _NOT_A_TERMINAL
    nights = any(run.night != local_day(run.started) for run in runs)
    heads = ("started", *(["night"] if nights else []), "verdict", "took", "tests", "run", "boards")
    rows = [(_style(run), _cells(run, ends, nights=nights)) for run in runs]
    if console.width >= _WIDE:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in heads:
            table.add_column(name, overflow="fold", no_wrap=name not in ("tests", "boards"))
        for style, cells in rows:
            table.add_row(*cells, style=style)
        console.print(table)
    else:
        for style, cells in rows:
            console.print("  ".join(filter(None, cells[:-3])), style=style)
            for cell in cells[-3:]:
                console.print(Padding(cell, (0, 0, 0, _INDENT)))
    if nights:
        say(f"a run that starts before {ends:%H:%M} belongs to the night of the day before (night_ends in bench.toml)")


def _cells(run: ListedRun, ends: time, *, nights: bool) -> tuple[str, ...]:
    night = [night_text(run.night, ends)] if nights else []
    verdict = f"{run.verdict}{' SIMULATED' if run.simulated else ''}"
    took = "" if run.seconds is None else span_text(round(run.seconds))
    return (local_minute(run.started), *night, verdict, took, _tests(run), run.name, _boards(run))


def _style(run: ListedRun) -> str:
    return _STYLES.get(run.verdict, "yellow")


def _tests(run: ListedRun) -> str:
    """Return how many tests ended how: ``602 of 602``, then what did not pass."""
    total = sum(run.counts.values())
    parts = [f"{run.counts['passed']} of {total} passed"]
    parts += [f"{run.counts[outcome]} {word}" for outcome, word in _COUNTED.items() if run.counts[outcome]]
    parts += [counted(run.known_issues, "known issue")] * bool(run.known_issues)
    return ", ".join(parts)


def _boards(run: ListedRun) -> str:
    """Return the boards with their firmware, those of one firmware together."""
    by_firmware: dict[str, list[str]] = {}
    for board in run.boards:
        name = f"{board.name} (control)" if board.control else board.name
        by_firmware.setdefault(board.firmware or "did not answer", []).append(name)
    return "; ".join(f"{', '.join(names)}: {firmware}" for firmware, names in by_firmware.items())


def print_measurement(store: Store, name: str, *, as_json: bool, as_csv: bool) -> None:
    """Print a measurement: by firmware for a person, one by one for a program.

    Raises:
        UsageError: there is none of that name.
    """
    name = visible(name)
    found = list(listed_measurements(store, name))
    if not found:
        raise UsageError(_no_measurement(name, names_of_measurements(store)))
    if as_json:
        say_lines(measurements_json(found))
    elif as_csv:
        say_lines(measurements_csv(found).removesuffix("\n"))
    else:
        _print_by_firmware(store, name)


def _no_measurement(name: str, known: Sequence[str]) -> str:
    if not known:
        return f"the history has no measurement called {name!r}, and no other one either"
    lines = [f"the history has no measurement called {name!r}{did_you_mean(name, known) or '.'} It has:"]
    lines += [f"    {one}" for one in known[:_MOST_NAMED]]
    more = len(known) - _MOST_NAMED
    return "\n".join([*lines, *([f"    and {more} more"] if more > 0 else [])])


def _print_by_firmware(store: Store, name: str) -> None:
    found = store.values_by_firmware(name)
    tests = {test for test, *_ in found}
    for test, firmware, unit, values in found:
        told = [f"{part} {format_value(value, unit)}" for part, value in quantiles(values).items()]
        extremes = (float(values.min()), float(values.max()))  # few values have no quantiles
        told = told or list(dict.fromkeys(format_value(value, unit) for value in extremes))
        of = f"{test}   " if len(tests) > 1 else ""
        say(f"{of}{firmware}   {'   '.join(told)}   n {len(values):,}")


def print_changes(store: Store, choice: str, inventory: Sequence[BoardEntry]) -> None:
    """Print since which night measurements have moved."""
    seen = observations(store, list(chosen_runs(store, choice, inventory)))
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


def write_history_page(store: Store, out: Path | None, runs: Path | None, nights: int) -> None:
    """Write the page of trends; say what it shows, what could not be read, and where it is.

    Raises:
        UsageError: there are no runs where they were said to be, or the page cannot be written.
    """
    folder = out or DEFAULT_PAGE
    check_site(folder)
    if runs is not None and not runs.is_dir():
        raise UsageError(f"--runs: {runs} is not a folder")
    page = history_page(store, runs or DEFAULT_RUNS, folder, nights)
    written = write_site(folder, page)
    for note in page.notes:
        say(f"warning   {note}")
    charts, tests = len(page.measurements) + len(page.registering), len(page.grid.tests)
    shown = [counted(len(page.scope.nights), "night"), counted(len(page.runs), "run"), counted(tests, "test")]
    say(f"history   {', '.join(shown)}, {counted(charts, 'measurement')}")
    say(f"page      {written}")
