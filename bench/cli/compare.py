"""``nrf91-bench compare``: has a firmware become slower than another?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from bench.cli.lab import HistoryFile, default_config, history_path
from bench.cli.terminal import VisibleConsole, say_lines
from bench.config.lab import load
from bench.errors import UsageError
from bench.history import CompareSettings, Comparison, compare
from bench.measure import format_value
from bench.report.comparison import comparison_rows, false_alarm_text, headline
from bench.run.folder import find_choice

_CHOICE = (
    "A run's folder, or: DATE, DATE..DATE, modem=, application=, version=, slm=, serial-modem=, run=, model=, board=,"
    " group=, operator=; commas between."
)
_STYLES = {"regression": "bold red", "improvement": "green", "not enough evidence": "yellow"}


def compare_runs(
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help=_CHOICE)],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The same.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    history: HistoryFile = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
) -> None:
    """Compare two firmwares, runs or times; exits 0 no regression, 1 regression, 5 not enough evidence."""
    settings = CompareSettings(**load(config or default_config()).compare.model_dump())
    path = history_path(history)
    sides = (find_choice(baseline, path), find_choice(candidate, path))
    for text, side in zip((baseline, candidate), sides, strict=True):
        firmware = sorted({one.firmware for one in side})
        if len(firmware) > 1:
            raise UsageError(
                f"{text!r} holds {len(firmware)} firmwares: {'; '.join(firmware)};"
                " narrow it by application=, version= or modem="
            )
    found = compare(*sides, settings)
    if as_json:
        say_lines(
            json.dumps({**headline(found), "measurements": msgspec.to_builtins(comparison_rows(found))}, indent=2)
        )
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def _print(found: Comparison) -> None:
    console = VisibleConsole()
    table = Table(box=None, pad_edge=False)
    for name in ("measurement", "base", "candidate", "difference", "from", "to", "finds", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name not in ("measurement", "verdict"))
    for one in found.judgements:
        values = [
            format_value(value, one.key.unit) if value is not None else "" for value in (one.baseline, one.candidate)
        ]
        told: Sequence[str] = ("", "", "", "")
        if one.change is not None:
            told = (f"{one.change:+.1%}", f"{one.low:+.1%}", f"{one.high:+.1%}", f"{one.detectable:.0%}")
        verdict = f"{one.verdict}{f': {one.why}' if one.why else ''}"
        table.add_row(one.key.text, *values, *told, verdict, style=_STYLES.get(one.verdict, ""))
    console.print(table)
    head = headline(found)
    console.print(f"verdict   {head['verdict']}   {head['reason']}")
    console.print(f"alarms    {false_alarm_text(found)}")
