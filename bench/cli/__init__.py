"""``nrf91-bench``: the bench on the command line."""

import os
import sys

from bench.children import FEW_THREADS
from bench.cli import shell
from bench.cli.application import app
from bench.cli.terminal import install, say_lines
from bench.errors import BenchError, InternalError, UsageError
from bench.exit_code import ExitCode
from bench.internal_error import internal_error


def main() -> None:
    """Run the command line; mistakes of the user, of the lab and of the bench are told in words."""
    if shell.is_asked():
        sys.stdout.write(f"{shell.answer(app)}\n")
        return
    install()
    for name, value in FEW_THREADS.items():
        os.environ.setdefault(name, value)
    try:
        app()
    except BenchError as error:
        _end(error)
    except Exception as error:  # noqa: BLE001 - a mistake of the bench must not end in a code that speaks of the device
        _end(internal_error(error))


def _end(error: BenchError) -> None:
    say_lines(f"nrf91-bench: {error}", error=True)
    if isinstance(error, InternalError):
        sys.exit(ExitCode.INTERNAL)
    sys.exit(ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.LAB)


__all__ = ["main"]
