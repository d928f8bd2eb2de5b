"""``nrf91-bench boards``: what is attached, who uses it, and with ``--probe`` what it says of itself."""

import json
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.table import Table

from bench.boards import BoardLeased, BoardSpec, Catalog, Ledger, attached_boards, release, reserve, select
from bench.boards.board_state import BoardState, SeenState
from bench.boards.listing import ListedBoard, list_boards
from bench.cli import completion
from bench.cli.lab import default_config
from bench.cli.moment import moment
from bench.cli.terminal import VisibleConsole, say, say_lines
from bench.config.lab import load
from bench.errors import BenchError, LabError, UsageError
from bench.flashing import forget
from bench.report.lab_now import LabWatch
from bench.report.lab_page import write_lab_page
from bench.run.probe import query_identity

app = typer.Typer(
    help="List and reserve boards, and speak with one.", add_completion=False, invoke_without_command=True
)

_NAME = typer.Argument(metavar="NAME", help="Its name, serial number, place or port.", autocompletion=completion.boards)
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The lab's bench.toml.")]
InLab = Annotated[bool, typer.Option("--lab", help="Of a lab of several hosts, which labgrid lends.")]


@app.command("reserve")
def reserve_board(
    name: Annotated[str, _NAME],
    until: Annotated[str, typer.Option(metavar="WHEN", help="06:30, 2026-11-24 06:30, 2026-11-24, 90m, 8h, 2d.")],
    why: Annotated[str, typer.Option("--why", "--reason", metavar="TEXT", help="For whoever wants it meanwhile.")],
    lab: InLab = False,
    config: ConfigFile = None,
) -> None:
    """Keep a board for yourself: runs leave it alone, unless you name it."""
    if lab:
        lab_boards().reserve_in_lab(load(config or default_config()), name, moment(until), why)
        return
    spec = _one(name, config)
    if not spec.port and not spec.serial:
        raise UsageError(f"{spec.slot} is not attached, and known by its place alone: plug it in, or give its serial")
    made = reserve(spec.key, moment(until), why)
    say(f"{spec.slot}   {made.text}")


@app.command("release")
def release_board(name: Annotated[str, _NAME], lab: InLab = False, config: ConfigFile = None) -> None:
    """Give a reserved board back."""
    if lab:
        lab_boards().release_in_lab(load(config or default_config()), name)
        return
    spec = _one(name, config)
    release(spec.key)
    say(f"{spec.slot}   free for everybody")


@app.command("flashed")
def note_flashed(name: Annotated[str, _NAME], config: ConfigFile = None) -> None:
    """Say that you have programmed a board by hand, after a run that did not come to the end of it."""
    spec = _one(name, config)
    with Ledger() as ledger:
        forget(ledger, spec)
    say(f"{spec.slot}   may be used again; the next run with an image programs it")


@app.command("console")
def console(
    name: Annotated[str, _NAME],
    timeout: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, max=86400, help="For an answer.")] = 60.0,
    transcript: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the traffic; FILE.jsonl can be replayed.")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Show IMEI, IMSI, ICCID and cell in the transcript.")] = False,
    config: ConfigFile = None,
) -> None:
    """Type AT commands on a board; Ctrl-D leaves it as it was found. Without a terminal, read them from a pipe."""
    from bench.cli.conversation import converse  # its terminal takes longer to import than all other commands here

    if plain and transcript is None:
        raise UsageError("--plain needs --transcript")
    spec = _one(name, config)
    if not spec.port:
        raise LabError(f"{spec.slot} ({spec.sought}) is not attached: plug it in")
    converse(spec, timeout=timeout, transcript=transcript, plain=plain)


def lab_boards() -> ModuleType:
    """Return the module for boards of several hosts, which others need not wait for."""
    from bench.cli import lab_boards

    return lab_boards


def _one(name: str, config: Path | None) -> BoardSpec:
    """Return the board of a name, serial number, place or port."""
    lab = load(config or default_config())
    port = name if name.startswith(("/", "tcp://")) else None
    found = select(lab, [] if port else [name], [port] if port else [])
    if len(found) != 1:
        raise UsageError(f"{name} means {len(found)} boards: {', '.join(spec.slot for spec in found)}")
    return found[0]


@app.callback()
def boards(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list; with --watch a JSON object a change.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on and show who uses what, how far it is, and what is plugged in.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page for a screen on the wall; --watch keeps it new.")
    ] = None,
    probe: Annotated[bool, typer.Option("--probe", help="Open the ports and ask.")] = False,
    in_lab: InLab = False,
    config: ConfigFile = None,
) -> None:
    """List the boards of the inventory, attached boards, and what may be one. Opens no port unless --probe."""
    if context.invoked_subcommand is not None:
        return
    lab = load(config or default_config())
    if in_lab:
        lab_boards().list_lab_boards(lab, as_json=as_json)
        return
    catalog = Catalog(lab.models)
    if probe and (watch or page):
        raise UsageError("--probe opens ports, --watch and --page never do: choose one")
    if as_json and page and not watch:
        raise UsageError("--json prints a list and --page writes a page: choose one")
    if watch or page:
        _show_now(LabWatch(lab, catalog), as_json=as_json, watch=watch, page=page)
        return
    attached = attached_boards(catalog)
    rows = [_probe(row) if probe else row for row in list_boards(lab, attached)]
    if as_json:
        say_lines(json.dumps([row.to_json() for row in rows], indent=2))
        return
    if not rows:
        say("no board is attached; is it switched on, and is its cable a data cable?")
        return
    _print(rows, catalog)
    if any(board.source == "sysfs" for board in attached):
        say("(udevd's database is not there: this comes from the kernel's own attributes)")


def _show_now(lab: LabWatch, *, as_json: bool, watch: bool, page: Path | None) -> None:
    if watch:
        from bench.cli.board_watch import watch_boards  # what it draws with takes time to import

        watch_boards(lab, as_json=as_json, page=page)
    elif page is not None:
        write_lab_page(page, lab.look(attached_boards(lab.catalog)))
        say(f"page   {page}")


def _probe(row: ListedBoard) -> ListedBoard:
    """Return the line with the board's own answers; of an unknown device every port is asked."""
    if not row.seen.state.may_be_asked:
        return row
    for name in ["at"] if "at" in row.ports else list(row.ports):
        spec = BoardSpec(row.spec.slot or name, row.ports[name], row.spec.model, row.spec.serial, row.spec.place)
        try:
            identity = query_identity(row.spec if name == "at" else spec)
        except BoardLeased as error:
            row.seen = SeenState(BoardState.IN_USE, str(error))
        except BenchError as error:
            row.seen = SeenState(BoardState.SILENT, error.headline if name == "at" else "no port speaks AT")
        else:
            row.firmware = f"{identity.modem_firmware}, {identity.application_text}"
            row.seen = SeenState(BoardState.FREE)
            row.ports = {("at" if port == name else port): node for port, node in row.ports.items()}
            break
    return row


def _print(rows: list[ListedBoard], catalog: Catalog) -> None:
    table = Table("name", "model", "serial", "ports", "firmware", "place", "state", box=None, pad_edge=False)
    for column in table.columns[:4]:
        column.no_wrap = True
    for row in rows:
        spec = row.spec
        ports = "  ".join(f"{name} {node.removeprefix('/dev/')}" for name, node in row.ports.items())
        title = catalog.title(spec.model) + ("" if spec.hardware else " SIMULATED")
        table.add_row(spec.slot, title, spec.serial, ports, row.firmware or "", spec.place, row.seen.text)
    console = VisibleConsole()
    if not console.is_terminal:
        console.width = 200  # a file has no margin
    console.print(table)
