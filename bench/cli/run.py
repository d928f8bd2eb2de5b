"""``nrf91-bench run``: parses what is asked for, calls :func:`bench.run.execute`, prints."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.console import RunConsole
from bench.cli.estimate import print_estimate
from bench.cli.lab import HistoryFile, default_config
from bench.cli.listing import print_tests
from bench.cli.moment import end_of_run
from bench.cli.terminal import be_patient
from bench.errors import UsageError
from bench.exit_code import ExitCode
from bench.run import RunRequest, execute, parse_simulate, prepare
from bench.run.listing import list_tests

_PATIENCE_SECONDS = 5.0
"""A console that nobody reads delays a write by at most this time."""


def run(
    context: typer.Context,
    board: Annotated[
        list[str] | None,
        typer.Option(metavar="SELECTOR", help="By name, model, serial, place or label; KIND=VALUE; all."),
    ] = None,
    port: Annotated[list[str] | None, typer.Option(metavar="PATH", help="A board at this port.")] = None,
    simulate: Annotated[str, typer.Option(metavar="never|auto|N", help="Simulated boards.")] = "never",
    realistic: Annotated[
        bool, typer.Option("--realistic", help="Simulated boards start as slowly, and report as much, as real ones.")
    ] = False,
    firmware: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="The simulated boards' firmware; several in turn. See simulate --help."),
    ] = None,
    suite: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A suite by name, or your own by path.")
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Only this test: its id, or its name; without [...] with all its parameters."),
    ] = None,
    last_failed: Annotated[
        bool, typer.Option("--last-failed", help="Only what went wrong in the last run that came to its end.")
    ] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only print the suites and tests, with markers and times; nothing is sent.")
    ] = False,
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
    limits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Further limits, [[measurements]] as in bench.toml.")
    ] = None,
    lab: Annotated[
        bool, typer.Option("--lab", help="On boards of several hosts, which labgrid lends: [lab] in bench.toml.")
    ] = False,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1000, help="With --lab: any N boards that fit --board.")
    ] = None,
    part_of_lab: Annotated[bool, typer.Option("--part-of-lab", hidden=True)] = False,
    history: HistoryFile = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run, empty or new.")] = None,
) -> None:
    """Run scenario suites on boards. What stands behind -- goes to pytest.

    Exit codes: 0 every planned test ran and none failed, 1 a test failed, 2 usage, 3 lab errors only, 4 evidence lost,
    5 incomplete or interrupted, 6 a scenario's own error, 70 an internal error of the bench.
    """
    request = RunRequest(
        boards=board or (),
        ports=port or (),
        simulate=parse_simulate(simulate),
        realistic=realistic,
        firmwares=_known_firmwares(firmware or []),
        suites=suite or (),
        tests=test or (),
        last_failed=last_failed,
        config=config or default_config(),
        plan=plan,
        wait=wait,
        until=end_of_run(until) if until is not None else None,
        repeat=repeat,
        interleave=interleave or (),
        history=history,
        out=out,
        arguments=context.args,
        limits=limits,
        lab=lab,
        count=count,
        part_of_lab=part_of_lab,
    )
    if list_only:
        print_tests(list_tests(request))
        raise typer.Exit(ExitCode.OK)
    be_patient(_PATIENCE_SECONDS)
    console = RunConsole()
    if lab:
        from bench.lab.lab_run import execute_in_lab  # a run on this host's boards must not wait for the import

        if estimate:
            raise UsageError("--estimate with --lab: ask on a board's own host, which keeps its budget")
        raise typer.Exit(execute_in_lab(request, console).exit_code)
    if estimate:
        raise typer.Exit(ExitCode.OK if print_estimate(prepare(request, console)) else ExitCode.FAILED)
    raise typer.Exit(execute(request, console).exit_code)


def _known_firmwares(names: list[str]) -> tuple[str, ...]:
    """Return the names; raise UsageError for one that cannot be simulated."""
    if names:
        from bench.simulator import FIRMWARES  # a run without this option must not wait for the import

        for name in names:
            if name not in FIRMWARES:
                raise UsageError(f"unknown --firmware {name!r}; available: {', '.join(FIRMWARES)}")
    return tuple(names)
