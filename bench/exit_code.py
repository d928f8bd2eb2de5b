"""The exit codes of ``nrf91-bench``."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """An exit code of ``nrf91-bench``; commands that judge something use OK, FAILED and INCOMPLETE alike."""

    OK = 0
    """Nothing is wrong. Of a run: every planned test ran, at least one passed, and none failed."""
    FAILED = 1
    """A test failed or passed unexpectedly, a measurement is a regression, or ``doctor`` found something to fix."""
    USAGE = 2
    """The command line or a file of the lab has a mistake; nothing ran."""
    LAB = 3
    """Only lab errors: a port was lost, a peer was down, there was no network."""
    EVIDENCE = 4
    """Evidence was lost, such as a result file that was deleted during the run."""
    INCOMPLETE = 5
    """Incomplete, interrupted, no board answered, or not enough evidence."""
    SCRIPT = 6
    """Script errors: a scenario or suite is wrong itself. It says nothing about the device."""
    INTERNAL = 70
    """An internal error of the bench; one line says where its details are."""

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
