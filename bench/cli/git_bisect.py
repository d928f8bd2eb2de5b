"""``run --bisect-exit-codes``: what a run shows, in the exit codes that ``git bisect run`` understands."""

import contextlib
from collections.abc import Iterator

import typer

from bench.bisect.bisection import git_exit_code
from bench.cli.terminal import say_lines
from bench.errors import BenchError, LabError
from bench.exit_code import ExitCode


@contextlib.contextmanager
def told_to_git() -> Iterator[None]:
    """End with a code for git, whatever ends the command inside.

    Errors are told here: their own exit codes would call the commit bad.
    """
    try:
        yield
    except typer.Exit as ended:
        raise typer.Exit(git_exit_code(ExitCode(ended.exit_code))) from None
    except BenchError as error:
        say_lines(f"nrf91-bench: {error}", error=True)
        raise typer.Exit(git_exit_code(ExitCode.LAB if isinstance(error, LabError) else ExitCode.USAGE)) from None
