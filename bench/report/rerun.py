"""The command that plays tests of a run again."""

import shlex
from collections.abc import Iterable, Sequence
from itertools import pairwise

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
    options = command[:split] if chosen[0] == "--last-failed" else _without_suites(command[:split])
    return shlex.join(["nrf91-bench", "run", *options, *chosen, *command[split:]])


def _without_suites(options: Sequence[str]) -> list[str]:
    """Return options without the suites, which the ids of tests name; not where a suite is outside of the folder."""
    suites = [value for option, value in pairwise(options) if option == "--suite"]
    if any(suite.startswith(("/", "..", "~")) for suite in suites):
        return list(options)
    places = {place for place, option in enumerate(options) if option == "--suite"}
    return [word for place, word in enumerate(options) if place not in places and place - 1 not in places]
