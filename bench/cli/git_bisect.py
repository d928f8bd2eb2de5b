"""``run --bisect-exit-codes``: what a run shows, in the exit codes that ``git bisect run`` understands."""

import contextlib
from collections.abc import Iterator, Mapping

import typer

from bench.cli.terminal import say_lines
from bench.errors import BenchError, LabError
from bench.exit_code import ExitCode

_EXIT_CODES: Mapping[ExitCode, int] = {
    ExitCode.OK: 0,
    ExitCode.FAILED: 1,
    ExitCode.USAGE: 128,
    ExitCode.INTERNAL: 128,
}
"""Exit codes of a run as ``git bisect run`` takes them: good, bad, and what ends the bisection."""
_CANNOT_TELL = 125
"""``git bisect run`` passes over a commit of which nobody can tell."""


def git_exit_code(code: ExitCode) -> int:
    """Return the exit code of a run as ``git bisect run`` takes it."""
    return _EXIT_CODES.get(code, _CANNOT_TELL)


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
