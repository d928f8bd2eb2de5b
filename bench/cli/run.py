"""``nrf91-bench run``: parses what is asked for, calls :func:`bench.run.execute`, prints."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.lab import default_config, history_option
from bench.cli.moment import end_of_run
from bench.cli.terminal import be_patient
from bench.errors import UsageError
from bench.exit_code import ExitCode
from bench.packages import bundled_suites
from bench.suggestion import unknown

EPILOG = (
    f"Suites: {', '.join(bundled_suites())}."
    "\n\nExit codes: 0 every planned test ran and none failed; 1 a test failed; 2 wrong usage, nothing ran; 3 lab"
    " errors only; 4 evidence lost; 5 incomplete or interrupted; 6 a scenario's own error; 70 an internal error of the"
    " bench."
)
_PATIENCE_SECONDS = 5.0
"""A console that nobody reads delays a write by at most this time."""
_BOARDS, _TESTS, _FLASH, _TIME, _LAB = "Boards", "Tests", "Images", "Time and rounds", "Lab and results"


def run(
    context: typer.Context,
    board: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SELECTOR",
            help="By name, model, serial number, place or label; KIND=VALUE, commas between; all.",
            rich_help_panel=_BOARDS,
            autocompletion=completion.boards,
        ),
    ] = None,
    port: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A board at this port.", rich_help_panel=_BOARDS)
    ] = None,
    simulate: Annotated[
        str,
        typer.Option(
            metavar="never|auto|N",
            help="Simulated boards: a number, or auto for one where no board is there.",
            rich_help_panel=_BOARDS,
            autocompletion=completion.simulate,
        ),
    ] = "never",
    realistic: Annotated[
        bool,
        typer.Option(
            "--realistic",
            help="Simulated boards start as slowly, and report as much, as real ones.",
            rich_help_panel=_BOARDS,
        ),
    ] = False,
    firmware: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The simulated boards' firmware; several in turn. See simulate --help.",
            rich_help_panel=_BOARDS,
            autocompletion=completion.firmwares,
        ),
    ] = None,
    interleave: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SELECTOR",
            help="A group of boards that alternates with the other; given twice.",
            rich_help_panel=_BOARDS,
            autocompletion=completion.boards,
        ),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A suite by name (see below), several by their first word, or your own by path.",
            rich_help_panel=_TESTS,
            autocompletion=completion.suites,
        ),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Only this test: its id, or its name; without [...] with all its parameters.",
            rich_help_panel=_TESTS,
            autocompletion=completion.complete_tests,
        ),
    ] = None,
    last_failed: Annotated[
        bool,
        typer.Option(
            "--last-failed",
            help="Only what went wrong in the last run that came to its end.",
            rich_help_panel=_TESTS,
        ),
    ] = False,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A qualification plan: says what runs, and what it must show.",
            rich_help_panel=_TESTS,
            autocompletion=completion.plans,
        ),
    ] = None,
    list_only: Annotated[
        bool,
        typer.Option(
            "--list",
            help="Only print the suites and tests, with markers and times; nothing is sent.",
            rich_help_panel=_TESTS,
        ),
    ] = False,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate",
            help="Only say what each board and its SIM would spend; nothing is sent.",
            rich_help_panel=_TESTS,
        ),
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Program each board with this application first.", rich_help_panel=_FLASH),
    ] = None,
    modem_image: Annotated[
        Path | None,
        typer.Option(
            "--modem-image",
            metavar="FILE",
            help="Likewise, with this modem firmware (a zip file).",
            rich_help_panel=_FLASH,
        ),
    ] = None,
    flash_always: Annotated[
        bool,
        typer.Option(
            "--flash-always", help="Also program a board that holds its image already.", rich_help_panel=_FLASH
        ),
    ] = False,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", help="Put the golden image of bench.toml back after the run.", rich_help_panel=_FLASH
        ),
    ] = False,
    repeat: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Rounds of the tests; default 1, interleaved 10.",
            rich_help_panel=_TIME,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="End then, with what there is: 06:30, 8h, 2026-11-24 06:30.",
            rich_help_panel=_TIME,
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="Wait so long for a board in use.", rich_help_panel=_TIME),
    ] = 0.0,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The lab's file; default bench.toml, if it is here.", rich_help_panel=_LAB),
    ] = None,
    history: Annotated[Path | None, history_option(_LAB)] = None,
    measured: Annotated[
        bool,
        typer.Option(
            "--measured",
            help="Print all measurements at the end, not only those with limits.",
            rich_help_panel=_LAB,
        ),
    ] = False,
    bisect_exit_codes: Annotated[
        bool,
        typer.Option(
            "--bisect-exit-codes",
            help="Exit codes for git bisect run: 0 good, 1 bad, 125 cannot tell, 128 ends the bisection.",
            rich_help_panel=_LAB,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--output-dir",
            metavar="DIR",
            help="Folder of the run, empty or new; default a new one in reports/runs.",
            rich_help_panel=_LAB,
        ),
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Further limits, written as in bench.toml.", rich_help_panel=_LAB),
    ] = None,
    lab: Annotated[
        bool,
        typer.Option(
            "--lab", help="Boards of several hosts, which labgrid lends, as bench.toml says.", rich_help_panel=_BOARDS
        ),
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=1000, help="With --lab: any N that fit --board.", rich_help_panel=_BOARDS),
    ] = None,
    part_of_lab: Annotated[bool, typer.Option("--part-of-lab", hidden=True)] = False,
) -> None:
    """Run scenario suites on boards. What stands behind -- goes to pytest."""
    # Imported here: a shell that completes words, and --help, wait for all that stands above.
    from bench.cli.console import RunConsole
    from bench.cli.git_bisect import told_to_git
    from bench.cli.github import commands_stopped, tell_github
    from bench.fork_server import ForkServer
    from bench.run import RunRequest, execute, parse_simulate, prepare
    from bench.run.worker import PROGRAMS

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
        image=image,
        modem_image=modem_image,
        flash_always=flash_always,
        restore=restore,
        arguments=context.args,
        limits=limits,
        lab=lab,
        count=count,
        part_of_lab=part_of_lab,
    )
    if list_only:
        from bench.cli.listing import print_tests
        from bench.run.listing import list_tests

        print_tests(list_tests(request))
        raise typer.Exit(ExitCode.OK)
    be_patient(_PATIENCE_SECONDS)
    console = RunConsole(all_measured=measured)
    if estimate and lab:
        raise UsageError("--estimate with --lab: ask on a board's own host, which keeps its budget")
    if estimate:
        from bench.cli.estimate import print_estimate

        raise typer.Exit(print_estimate(prepare(request, console)))
    play = execute
    if lab:
        from bench.lab.lab_run import execute_in_lab as play

    with ForkServer(PROGRAMS), commands_stopped(), told_to_git() if bisect_exit_codes else contextlib.nullcontext():
        summary = play(request, console)
        tell_github(summary, request.suites)
        raise typer.Exit(summary.exit_code)


def _known_firmwares(names: list[str]) -> tuple[str, ...]:
    """Return the names; raise UsageError for one that cannot be simulated."""
    if names:
        from bench.simulator import FIRMWARES  # a run without this option must not wait for the import

        for name in names:
            if name not in FIRMWARES:
                raise UsageError(unknown("--firmware", name, FIRMWARES))
    return tuple(names)
