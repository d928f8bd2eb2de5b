"""The commands of ``nrf91-bench``. Each is imported when it is asked for: a simulator starts in half the time."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from bench import __version__
from bench.cli.terminal import say
from bench.errors import UsageError
from bench.suggestion import did_you_mean

_WITH_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": False}
_COMMANDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "boards": ("boards.app", {}),
    "run": ("run.run", _WITH_ARGUMENTS),
    "report": ("report.report", {}),
    "transcript": ("transcript.transcript", {}),
    "bisect": ("bisect.bisect", _WITH_ARGUMENTS),
    "bundle": ("release.make_bundle", {}),
    "sign": ("release.sign", {}),
    "verify": ("release.verify", {}),
    "matrix": ("matrix.matrix", {}),
    "prune": ("prune.prune", {}),
    "compare": ("compare.compare_runs", {}),
    "history": ("history.app", {}),
    "recording": ("recording.app", {}),
    "simulate": ("simulate.simulate", _WITH_ARGUMENTS),
    "peers": ("peers.peers", {}),
    "doctor": ("doctor.doctor", {}),
    "lab": ("lab_hosts.app", {}),
}
"""Command -> module and name in ``bench.cli``, a function or a Typer with commands of its own; context settings.

What the help of a function says below its options is the ``EPILOG`` of its module.
"""


def _hide_types(options: Iterable[Any]) -> None:
    """Let help show no ``<bool>`` behind options that take no value."""
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = ""


def _without_types(command: Any, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps its click to itself
    """Return a command, and those inside it, with a help that shows types only of options that take a value."""
    _hide_types(command.get_params(ctx))
    for inner in getattr(command, "commands", {}).values():
        _without_types(inner, ctx)
    return command


class WithArguments(TyperCommand):
    """A command that hands on what stands behind ``--``, and takes no other arguments."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer keeps its click to itself
        """Parse the options before ``--``.

        Raises:
            UsageError: an argument stands there.
        """
        end = args.index("--") if "--" in args else len(args)
        super().parse_args(ctx, args[:end])
        if ctx.args and not ctx.resilient_parsing:  # a shell that completes words asks for unfinished lines
            hint = f"; a suite is chosen by --suite {ctx.args[0]}" if ctx.info_name == "run" else ""
            raise UsageError(f"unexpected argument {ctx.args[0]!r}: put arguments for other programs after --{hint}")
        ctx.args = args[end + 1 :]
        return list(ctx.args)


class Commands(TyperGroup):
    """Finds commands in the table."""

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps its click to itself
        """Return the options."""
        found = super().get_params(ctx)
        _hide_types(found)
        return found

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer keeps its click to itself
        """Return all commands, in the table's order."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        """Import a command; return None when there is none of that name.

        Raises:
            UsageError: there is one of a name like it.
        """
        if cmd_name not in _COMMANDS:
            like = did_you_mean(cmd_name, _COMMANDS)
            if like and not (ctx.resilient_parsing or cmd_name.startswith("-")):
                raise UsageError(f"no such command {cmd_name!r}{like}")
            return None
        place, settings = _COMMANDS[cmd_name]
        name, _, attribute = place.partition(".")
        module = import_module(f"bench.cli.{name}")
        found = getattr(module, attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False)
            kind = WithArguments if settings else None
            told = getattr(module, "EPILOG", None)
            alone.command(cmd_name, cls=kind, context_settings=dict(settings), epilog=told)(found)
            found = alone
        command = get_command(found)
        command.name = cmd_name
        return _without_types(command, ctx)


app = typer.Typer(
    name="nrf91-bench",
    cls=Commands,
    help="Hardware-in-the-loop test bench for Nordic nRF91 boards.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"nrf91-bench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass
