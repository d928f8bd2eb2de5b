"""The command that plays tests of a run again."""

import shlex
from collections.abc import Iterable, Sequence

from bench.evidence import TestResult

_MOST_NAMED = 3


def rerun_command(command: Sequence[str], results: Iterable[TestResult]) -> str:
    """Return the command line that plays just these tests again, on the same boards; empty when it is not known.

    Args:
        command: options of the run, as its stream has them (``Summary.command``).
        results: of the tests.
    """
    if not command:
        return ""
    tests = list(dict.fromkeys(result.test for result in results))
    functions = list(dict.fromkeys(test.partition("[")[0] for test in tests))
    named = tests if len(tests) <= _MOST_NAMED else functions
    chosen = [word for test in named for word in ("--test", test)] if len(named) <= _MOST_NAMED else ["--last-failed"]
    split = command.index("--") if "--" in command else len(command)
    return shlex.join(["nrf91-bench", "run", *command[:split], *chosen, *command[split:]])
