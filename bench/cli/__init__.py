"""``nrf91-bench``: the bench on the command line."""

import sys
import traceback

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
    except Exception as error:  # noqa: BLE001 - a mistake of the bench must not end in a code that speaks of the device
        traceback.print_exc()
        sys.stderr.write(
            f"nrf91-bench: internal error of the bench: {type(error).__name__}: {error}; it says nothing about any"
            " board. Report it with the lines above. What a run had written is in its folder: nrf91-bench report\n"
        )
        sys.exit(ExitCode.INTERNAL)


__all__ = ["main"]
