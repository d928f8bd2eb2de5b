"""``nrf91-bench lab``: hosts of a lab, what they keep of runs, and boards that nobody gave back."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.console import RunConsole
from bench.cli.lab import HistoryFile, default_config
from bench.cli.terminal import say, say_lines
from bench.config.lab import Config, load
from bench.errors import UsageError
from bench.lab.collect import collect
from bench.lab.coordinator import Coordinator
from bench.lab.host_session import HostSession, HostSessions
from bench.lab.joining import joined, put_into_lab
from bench.lab.places import Where, owner_text
from bench.lab.sweep import see_boards
from bench.lab.tunnel import way_to_coordinator

app = typer.Typer(help="Hosts of a lab whose boards labgrid lends.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Your bench.toml, which says where the lab is.")
]


@app.command("add")
def add_host(
    host: Annotated[str, typer.Argument(metavar="[USER@]HOST", help="As ssh knows it; HOST is its name in the lab.")],
    address: Annotated[
        str | None, typer.Option(metavar="NAME", help="By which others reach it, where that is not HOST.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="In the lab, where that is not HOST.")] = None,
    port: Annotated[int, typer.Option(metavar="N", min=1, max=65535, help="Of its sshd.")] = 22,
    replace_key: Annotated[
        bool, typer.Option("--replace-key", help="Give it this lab's key for short ids in place of its own.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Put a host's boards into the lab: a place and tags each. Prints the file for its labgrid-exporter."""
    lab = _lab(config)
    user, _, plain = host.rpartition("@")
    where = Where(name or plain, host, port)
    with way_to_coordinator(lab.lab) as way, Coordinator(way) as coordinator, HostSession(lab.lab, where) as session:
        done = put_into_lab(joined(session, coordinator, replace_key=replace_key), address or plain, user, port)
    for text in done.changes:
        say(text, error=True)
    say_lines(done.exporter.rstrip("\n"))


@app.command("collect")
def collect_run(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")],
    history: HistoryFile = None,
    config: ConfigFile = None,
) -> None:
    """Fetch what the hosts of a run's boards still keep of it, and judge it anew; exits as the run would have."""
    lab = load(config or default_config())
    console = RunConsole()
    summary = collect(folder, lab, history or lab.history, console.line)
    console.finish(summary)
    raise typer.Exit(summary.exit_code)


@app.command("free")
def free_board(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the board in the lab.")],
    config: ConfigFile = None,
) -> None:
    """Give back a board that somebody else has; refused while it is in use on its host."""
    lab = _lab(config)
    with way_to_coordinator(lab.lab) as way, Coordinator(way) as coordinator, HostSessions(lab.lab) as hosts:
        place = coordinator.place(name)
        if not place.holder:
            raise UsageError(f"{name} is free")
        seen = next((board for board in see_boards(place, hosts) or () if board.name == name), None)
        if seen is None:
            raise UsageError(f"{name} is not given back: {place.host} cannot tell whether somebody uses it now")
        if seen.state == "in use":
            raise UsageError(f"{name} is not given back: it is in use on {place.host} {seen.details}")
        coordinator.release(name, place.holder)
        say(f"{name}   free; {owner_text(place.holder)} had it")


def _lab(config: Path | None) -> Config:
    return load(config or default_config())
