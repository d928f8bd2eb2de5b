"""The commands of ``nrf91-bench``, collected."""

from typing import Annotated

import typer

from bench import __version__
from bench.cli.boards import app as boards
from bench.cli.compare import compare_runs
from bench.cli.doctor import doctor
from bench.cli.history import app as history
from bench.cli.matrix import matrix
from bench.cli.peers import peers
from bench.cli.prune import prune
from bench.cli.report import report
from bench.cli.run import run
from bench.cli.simulate import simulate

app = typer.Typer(
    name="nrf91-bench",
    help="Hardware-in-the-loop test bench for Nordic nRF91 boards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(boards, name="boards")
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})(run)
app.command()(report)
app.command()(matrix)
app.command()(prune)
app.command("compare")(compare_runs)
app.add_typer(history, name="history")
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})(simulate)
app.command()(peers)
app.command()(doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nrf91-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass
