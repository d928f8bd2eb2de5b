"""``nrf91-bench``: the bench on the command line."""

import sys

from bench.cli.application import app
from bench.errors import BenchError, UsageError
from bench.exit_code import ExitCode


def main() -> None:
    """Run the command line; mistakes of the user and of the lab are told in words, without a traceback."""
    try:
        app()
    except BenchError as error:
        sys.stderr.write(f"nrf91-bench: {error}\n")
        sys.exit(ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.LAB)


__all__ = ["main"]
