"""``run --estimate``: what a run would spend, board by board, before anything is sent."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bench.boards import BoardSpec, Budget, Cost, Ledger
from bench.config.lab import Config
from bench.errors import UsageError
from bench.run.suites import Selection, pytest_command

_SECONDS = 120.0


def tell_estimate(
    specs: Sequence[BoardSpec],
    selection: Selection,
    lab: Config,
    config: Path | None,
    arguments: Sequence[str],
    rounds: int,
) -> bool:
    """Prints what each board and its SIM would spend in so many rounds; returns whether all of them may."""
    enough = True
    with Ledger() as ledger:
        for spec in specs:
            row = _asked(spec, selection, config, arguments)
            cost = Cost(**{what: rounds * amount for what, amount in row["cost"].items()})
            tests = f"{row['tests']} tests{f' in each of {rounds} rounds' if rounds > 1 else ''}"
            typer.echo(f"estimate  {spec.slot}   {tests}, {_text(cost)}{_unknown(row)}")
            budget = Budget(lab.budget, ledger, spec.key, ledger.sim_of(spec.key))
            for line in budget.lines():
                fits = line.holds(cost)
                enough = enough and fits
                typer.echo(
                    f"budget    {line.subject}   {line.key}: {line.spent:,} of {line.limit:,} {line.what} spent,"
                    f" {'enough is left' if fits else 'not enough is left: what does not fit is not begun'}"
                )
            if not budget.sim and (lab.budget.bytes_per_day or lab.budget.bytes_per_month) is not None:
                typer.echo(
                    f"budget    {spec.slot}   which SIM it has is known once it has been open: no bytes compared"
                )
    return enough


def _asked(spec: BoardSpec, selection: Selection, config: Path | None, arguments: Sequence[str]) -> dict[str, Any]:
    """Asks a pytest process, which knows the tests and their markers, and opens nothing."""
    with tempfile.TemporaryDirectory(prefix="nrf91-bench-") as folder:
        answer = Path(folder) / "estimate.json"
        command = [
            *pytest_command(selection, (), spec, Path(folder) / "run", config),
            f"--bench-estimate={answer}",
            *arguments,
        ]
        (Path(folder) / "run").mkdir()
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if not answer.exists():
            raise UsageError(f"the tests cannot be read:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def _text(cost: Cost) -> str:
    minutes = round(cost.milliseconds / 60_000)
    return (
        f"up to {cost.octets / 1e6:.1f} MB, {cost.attaches} attaches, {cost.credential_writes} credential writes,"
        f" {cost.resets} resets, {minutes or 'less than 1'} min"
    )


def _unknown(row: dict[str, Any]) -> str:
    count = row["unknown"]
    return f"; {count} never ran: their time is not counted, their bytes as the most that a test moves" if count else ""
