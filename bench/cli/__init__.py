"""``nrf91-bench``: the bench on the command line."""

import sys

from bench.cli.application import app
from bench.errors import BenchError, UsageError

_USAGE, _LAB = 2, 3


def main() -> None:
    """Runs the command line; mistakes of the user and of the lab are told in words, without a traceback."""
    try:
        app()
    except BenchError as error:
        sys.stderr.write(f"nrf91-bench: {error}\n")
        sys.exit(_USAGE if isinstance(error, UsageError) else _LAB)


__all__ = ["main"]
