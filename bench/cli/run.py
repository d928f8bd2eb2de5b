"""``nrf91-bench run``: one pytest process a board, their streams merged and reconciled."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards, select
from bench.cli import suites
from bench.cli.campaign import Campaign
from bench.cli.lab import default_config, firmware_of
from bench.config import Config, load
from bench.errors import UsageError
from bench.report.run_folder import new_run_folder


def run(
    context: typer.Context,
    board: Annotated[
        list[str] | None,
        typer.Option(metavar="SELECTOR", help="By name, model, serial, place or label; KIND=VALUE; all."),
    ] = None,
    port: Annotated[list[str] | None, typer.Option(metavar="PATH", help="A board at this port.")] = None,
    simulate: Annotated[str, typer.Option(metavar="never|auto|N", help="Simulated boards.")] = "never",
    suite: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A suite by name, or your own by path.")
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Wait so long for a board in use.")] = 0.0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run, empty or new.")] = None,
) -> None:
    """Run scenario suites on boards. What stands behind -- goes to pytest.

    Exit codes: 0 every planned test ran and none failed, 1 a test failed, 2 usage, 3 lab errors only, 4 evidence lost,
    5 incomplete or interrupted.
    """
    lab = load(config or default_config())
    selection = suites.select(suite or ())
    count = _simulated(simulate)
    chosen = [] if count and not (board or port) else _chosen(lab, board or [], port or [], simulate)
    if simulate == "auto" and not chosen:
        count = 1
    folder = new_run_folder(out)
    path = config or default_config()
    with Campaign(
        folder, selection, path, tuple(context.args), limits=lab.limits, measurements=lab.measurements, wait=wait
    ) as campaign:
        if count:
            name = lab.peers.name or PEER_NAME
            with SimulatedBoards(count, hosts={name: lab.peers.reachable_at}) as boards:
                code = campaign.run([*chosen, *boards.specs], peer_name=name)
        else:
            code = campaign.run(chosen, peer_name=lab.peers.name)
    raise typer.Exit(code)


def _simulated(text: str) -> int:
    """How many simulated boards are wanted for sure."""
    if text in ("never", "auto"):
        return 0
    if not re.fullmatch(r"[1-9]\d{0,2}", text):
        raise UsageError(f"--simulate {text}: it is never, auto, or a number of boards from 1")
    return int(text)


def _chosen(lab: Config, selectors: list[str], ports: list[str], simulate: str) -> list[BoardSpec]:
    if not selectors and not ports and simulate == "auto" and lab.boards:
        simulate = "never"  # a configured board that is not there must not be replaced by a simulated one
    chosen = select(lab, selectors, ports, firmware_of)
    if not chosen and simulate == "never":
        raise UsageError(
            "no board is attached and none is configured: plug one in, name its port (--port /dev/ttyACM0), or try the"
            " bench on a simulated board (--simulate 1)"
        )
    return chosen
