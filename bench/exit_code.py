"""The exit codes of ``nrf91-bench``."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """An exit code of ``nrf91-bench``; commands that judge something use OK, FAILED and INCOMPLETE alike."""

    OK = 0
    """Every planned test ran, at least one passed, none failed or passed unexpectedly."""
    FAILED = 1
    """A test failed, a measurement is a regression, or something in the lab needs a cure."""
    USAGE = 2
    """The request cannot be fulfilled as it was made."""
    LAB = 3
    """Lab errors only."""
    EVIDENCE = 4
    """Evidence was lost."""
    INCOMPLETE = 5
    """Incomplete, interrupted, or not enough evidence."""
    SCRIPT = 6
    """A scenario's own error: it says nothing about the device."""
    INTERNAL = 70
    """An internal error of the bench."""

    @classmethod
    def worst(cls, codes: Iterable["ExitCode"]) -> "ExitCode":
        """Return the worst of some codes; OK when there are none."""
        return min(codes, key=_WORST_FIRST.index, default=cls.OK)


_WORST_FIRST = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.EVIDENCE,
    ExitCode.FAILED,
    ExitCode.SCRIPT,
    ExitCode.LAB,
    ExitCode.INCOMPLETE,
    ExitCode.OK,
)
