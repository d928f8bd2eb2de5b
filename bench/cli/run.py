"""``nrf91-bench run``: one pytest process a board, their streams merged and reconciled."""

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.boards import PEER_NAME, BoardSpec, SimulatedBoards, matches, reservation_of, select
from bench.cli.estimate import tell_estimate
from bench.cli.lab import HistoryFile, default_config, firmware_of
from bench.cli.moment import moment
from bench.config.lab import Config, load
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import load_plan
from bench.errors import LabError, UsageError
from bench.evidence.run_folder import new_run_folder
from bench.run import suites
from bench.run.run import Run
from bench.run.schedule import Schedule, interleaved, repeated
from bench.run.worker import Workers

_INTERLEAVED_ROUNDS = 10
_ONE = ("name", "serial", "place")  # what tells one board from all others


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
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A qualification plan: says what runs, and what it must show.")
    ] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="Wait so long for a board in use.")] = 0.0,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="End then, with what there is: 06:30, 8h, 2026-11-24 06:30.")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="Rounds of the tests; default 1, interleaved 10.")
    ] = None,
    interleave: Annotated[
        list[str] | None,
        typer.Option(metavar="SELECTOR", help="A group of boards that alternates with the other; given twice."),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what each board and its SIM would spend; nothing is sent.")
    ] = False,
    history: HistoryFile = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run, empty or new.")] = None,
) -> None:
    """Run scenario suites on boards. What stands behind -- goes to pytest.

    Exit codes: 0 every planned test ran and none failed, 1 a test failed, 2 usage, 3 lab errors only, 4 evidence lost,
    5 incomplete or interrupted.
    """
    path = config or default_config()
    lab = load(path)
    wanted = load_plan(plan) if plan else None
    if wanted is not None:
        _refuse_beside_a_plan(simulate, suite, context.args, interleave, repeat)
    selection = suites.select(wanted.suites if wanted else suite or ())
    count = _simulated(simulate)
    chosen = [] if count and not (board or port) else _chosen(lab, board or [], port or [], simulate)
    if wanted is not None and not (board or port):
        chosen = [spec for spec in chosen if spec.model in {boards.model for boards in wanted.boards}]
        if not chosen and not count:
            models = ", ".join(boards.text for boards in wanted.boards)
            raise UsageError(f"no board of the plan is there: it wants {models} (`nrf91-bench boards` shows what is)")
    if simulate == "auto" and not chosen:
        count = 1
    rounds = wanted.repetitions if wanted else repeat
    arguments = wanted.arguments if wanted else tuple(context.args)
    if estimate:
        # Nothing is opened: a simulated board need not be there.
        simulated = [BoardSpec(f"simulated-{number + 1}", os.devnull, hardware=False) for number in range(count)]
        times = rounds or (_INTERLEAVED_ROUNDS if interleave else 1)
        if not tell_estimate([*chosen, *simulated], selection, lab, path, arguments, times):
            raise typer.Exit(1)
        return
    folder = new_run_folder(out)
    if plan is not None and wanted is not None:
        # From here on the run's own copy counts, whatever becomes of the file.
        copy = folder / PLAN_FILE
        copy.write_bytes(plan.read_bytes())
        plan, wanted = copy, load_plan(copy)
        rounds, arguments = wanted.repetitions, wanted.arguments
    name = lab.peers.name or (PEER_NAME if count else None)
    with Run(
        Workers(folder, selection, path, lab, arguments, plan, name),
        measurements=(*lab.measurements, *(wanted.measurements if wanted else ())),
        history=history or lab.history,
        until=moment(until) if until else None,
        wait=wait,
        needed=[spec.slot for spec in chosen if _named(spec, [*(board or ()), *(port or ())])],
    ) as campaign:
        if count:
            with SimulatedBoards(count, hosts={lab.peers.name or PEER_NAME: lab.peers.reachable_at}) as boards:
                code = campaign.run(_schedule([*chosen, *boards.specs], interleave or [], rounds))
        else:
            code = campaign.run(_schedule(chosen, interleave or [], rounds))
    raise typer.Exit(code)


def _refuse_beside_a_plan(
    simulate: str, suite: list[str] | None, arguments: list[str], interleave: list[str] | None, repeat: int | None
) -> None:
    """A plan says what runs: nothing on the command line may take from it."""
    if simulate == "auto":
        raise UsageError("--simulate auto with --plan: give a number: nothing is qualified by accident")
    options = (
        ("--suite", suite),
        ("arguments behind --", arguments),
        ("--interleave", interleave),
        ("--repeat", repeat),
    )
    for option, given in options:
        if given:
            raise UsageError(f"{option} with --plan: the plan says what runs")


def _schedule(specs: Sequence[BoardSpec], selectors: Sequence[str], rounds: int | None) -> Schedule:
    """When which board runs."""
    if not selectors:
        return repeated(specs, rounds or 1)
    groups: dict[str, Sequence[BoardSpec]] = {
        selector: [spec for spec in specs if matches(selector, spec, firmware_of)] for selector in selectors
    }
    schedule = interleaved(groups, rounds or _INTERLEAVED_ROUNDS)
    left = [spec.slot for spec in specs if spec not in schedule.specs]
    if left:
        raise UsageError(f"--interleave: {', '.join(left)} would be in neither group")
    return schedule


def _simulated(text: str) -> int:
    """How many simulated boards are wanted for sure."""
    if text in ("never", "auto"):
        return 0
    if not re.fullmatch(r"[1-9]\d{0,2}", text):
        raise UsageError(f"--simulate {text}: it is never, auto, or a number of boards from 1")
    return int(text)


def _named(spec: BoardSpec, names: Collection[str]) -> bool:
    """Whether the user named just this board, so that it must be there: by its name, serial number, place or port."""
    for name in names:
        kind, equals, value = name.partition("=")
        value, kinds = (value, (kind,)) if equals else (name, ("name", "serial", "place"))
        if name == spec.port or any(kind in _ONE and matches(f"{kind}={value}", spec) for kind in kinds):
            return True
    return False


def _attached(specs: list[BoardSpec], names: Collection[str]) -> list[BoardSpec]:
    """The same, when nothing that was named is missing; of the others it is told.

    Raises:
        LabError: a board that was named is not attached, or none is.
    """
    absent = [spec for spec in specs if not spec.port]
    for spec in absent:
        what = f"{spec.slot} ({spec.sought}) is not attached"
        if _named(spec, names) or len(absent) == len(specs):
            raise LabError(f"board {what}; plug it in, or leave it out of bench.toml")
        typer.echo(f"absent    {what}: its tests look for it, and are lab errors until it comes")
    return specs


def _unreserved(specs: list[BoardSpec], names: Collection[str]) -> list[BoardSpec]:
    """Those that nobody has reserved; one that this user reserved counts where it was named.

    Raises:
        LabError: nothing else is left.
    """
    left, told = [], []
    for spec in specs:
        kept = reservation_of(spec.key)
        if kept is None or (kept.mine and _named(spec, names)):
            left.append(spec)
        else:
            told.append(f"{spec.slot} is {kept.text}")
    for text in told:
        typer.echo(f"reserved  {text}")
    if specs and not left:
        raise LabError(f"no board is left: {'; '.join(told)}")
    return left


def _chosen(lab: Config, selectors: list[str], ports: list[str], simulate: str) -> list[BoardSpec]:
    if not selectors and not ports and simulate == "auto" and lab.boards:
        simulate = "never"  # a configured board that is not there must not be replaced by a simulated one
    names = [*selectors, *ports]
    chosen = _attached(_unreserved(select(lab, selectors, ports, firmware_of), names), names)
    if not chosen and simulate == "never":
        raise UsageError(
            "no board is attached and none is configured: plug one in, name its port (--port /dev/ttyACM0), or try the"
            " bench on a simulated board (--simulate 1)"
        )
    return chosen
