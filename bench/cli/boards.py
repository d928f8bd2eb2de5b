"""``nrf91-bench boards``: what is attached. Opens no port."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.boards import AttachedBoard, attached_boards, known_boards
from bench.boards.catalog import BY_NAME
from bench.cli.lab import default_config
from bench.config import load


def boards(
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list.")] = False,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
) -> None:
    """List attached boards and what may be one."""
    lab = load(config or default_config())
    found = attached_boards()
    known = known_boards(lab)
    names = {spec.serial: spec.slot for spec, _ in known if spec.serial}
    found += [
        AttachedBoard(spec.model, "", {"at": spec.port}, "", "bench.toml") for spec, _ in known if not spec.serial
    ]
    names |= {spec.port: spec.slot for spec, _ in known if not spec.serial}
    if as_json:
        typer.echo(json.dumps([_row(board, names) for board in found], indent=2))
        return
    if not found:
        typer.echo("no board is attached; is it switched on, and is its cable a data cable?")
        return
    table = Table("name", "model", "serial", "AT port", "other ports", "place", box=None, pad_edge=False)
    for board in found:
        model = BY_NAME[board.model].title if board.model in BY_NAME else "unknown"
        others = ", ".join(f"{name} {node}" for name, node in board.ports.items() if name != "at")
        name = names.get(board.serial or board.ports.get("at", ""), "")
        table.add_row(name, model, board.serial, board.ports.get("at", ""), others, board.place)
    Console(highlight=False).print(table)
    if any(board.source == "sysfs" for board in found):
        typer.echo("(udevd's database is not there: this comes from the kernel's own attributes)")


def _row(board: AttachedBoard, names: dict[str, str]) -> dict[str, object]:
    return {
        "name": names.get(board.serial or board.ports.get("at", "")),
        "model": board.model,
        "serial": board.serial,
        "ports": board.ports,
        "place": board.place,
        "firmware": None,
        "state": "attached" if board.source != "bench.toml" else "configured",
    }
