"""``nrf91-bench compare``: has a firmware become slower than another?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bench import __version__
from bench.cli import completion
from bench.cli.lab import HistoryFile, default_config, write_page
from bench.cli.terminal import VisibleConsole, say, say_lines
from bench.errors import UsageError

if TYPE_CHECKING:  # what compares takes half a second to import, and a shell that completes words does not wait for it
    from bench.evidence.rows import ComparisonRow
    from bench.report.views import ComparedMeasurement, ComparisonView

EPILOG = "Exit codes: 0 no regression; 1 regression; 2 wrong usage; 5 not enough evidence."
_CHOICE = (
    "A run's folder, or what --board takes (firmware=, modem=, slm=, model=, name=, ...), nights (DATE, DATE..DATE),"
    " run=, group=, operator=; commas between: all of them hold."
)
_STYLES = {"failed": "bold red", "passed": "green", "marginal": "yellow", "unproved": "bright_black"}
_UNPROVED = 10
_LABEL = 10


def compare_runs(
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help=_CHOICE, autocompletion=completion.choices)],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The same.", autocompletion=completion.choices)],
    every: Annotated[bool, typer.Option("--all", help="Show every measurement.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    history: HistoryFile = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
) -> None:
    """Compare two firmwares, runs or times."""
    from bench.config.lab import load
    from bench.history import CompareSettings, compare
    from bench.report.comparison import comparison_page, comparison_row
    from bench.report.comparison_view import comparison_view
    from bench.run.folder import find_choice

    lab = load(config or default_config())
    settings = CompareSettings(**lab.compare.model_dump())
    path = history or lab.history
    sides = (find_choice(baseline, path, lab), find_choice(candidate, path, lab))
    for text, side in zip((baseline, candidate), sides, strict=True):
        firmware = sorted({one.firmware for one in side.side})
        if len(firmware) > 1:
            raise UsageError(
                f"{text!r} holds {len(firmware)} firmwares: {'; '.join(firmware)};"
                " narrow it by application=, version= or modem="
            )
    found = compare(sides[0].side, sides[1].side, settings, [*sides[0].beside, *sides[1].beside])
    row = comparison_row(found, baseline, candidate)
    if html is not None:
        write_page(html, comparison_page(row, f"nrf91-bench {__version__} compare"))
    if as_json:
        say_lines(json.dumps(_json(row), indent=2))
    else:
        _print(row, comparison_view(row), every=every)
        if html is not None:
            say(f"page      {html}")
    raise typer.Exit(found.exit_code)


def _json(row: "ComparisonRow") -> dict[str, object]:
    import msgspec

    from bench.evidence.summary import content_of

    return {name: msgspec.to_builtins(value) for name, value in content_of(row).items()}


def _print(row: "ComparisonRow", view: "ComparisonView", *, every: bool) -> None:
    """Print the verdict, then what it rests on, then the differences."""
    console = VisibleConsole()
    lines = [("verdict", f"{view.verdict}   {view.reason}"), ("", view.advice)]
    lines += [("evidence", note) for note in view.notes]
    lines += [("side", side) for side in view.sides]
    lines += [("unproved", f"{count} x {why}") for why, count in view.reasons]
    for label, text in lines:
        _say(console, label, text)
    if view.settle:
        _say(console, "next", view.how)
        say_lines(f"          {view.settle}")
    _say(console, "lab", view.false_alarms)
    _say(console, "compared", f"{view.statistic}; grey: no difference is proved")
    if view.place:
        _say(console, "all on", view.place)
    proved = [one for one in view.rows if one.kind != "unproved"]
    rest = [one for one in view.rows if one.kind == "unproved"]
    shown = [*proved, *(rest if every else rest[:_UNPROVED])]
    if shown:
        console.print(_table(shown))
    if every:
        for one in row.measurements:
            if one.change is None:
                _say(console, "", f"{one.measurement}: {one.verdict}: {one.why}")
    elif len(rest) > _UNPROVED:
        _say(console, "", f"and {len(rest) - _UNPROVED} more without a proved difference (--all shows them)")


def _say(console: VisibleConsole, label: str, text: str) -> None:
    """Print a text behind its label; what does not fit on the line stands below the text."""
    grid = Table.grid()
    grid.add_column(width=_LABEL)
    grid.add_column(overflow="fold")
    grid.add_row(label, text)
    console.print(grid)


def _table(rows: "list[ComparedMeasurement]") -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("measurement", "verdict", "difference", "baseline", "candidate", "interval", "finds from"):
        table.add_column(name, overflow="fold", no_wrap=name in ("difference", "baseline", "candidate"))
    for one in rows:
        name = f"{one.name} ({one.where})" if one.where else one.name
        interval = f"{one.interval}, of that {one.resolution} clock steps" if one.resolution else one.interval
        change = f"{one.change} (network {one.network})" if one.network else one.change
        values = (name, one.verdict, change, one.baseline, one.candidate, interval, one.detectable)
        table.add_row(*values, style=_STYLES.get(one.kind, ""))
    return table
