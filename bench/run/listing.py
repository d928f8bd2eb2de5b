"""The tests that a request means, asked from a pytest process: their ids, titles, markers and times."""

import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from bench.boards import BoardSpec
from bench.config.lab import load
from bench.errors import UsageError
from bench.evidence.ids import names_of
from bench.evidence.run_folder import DEFAULT, runs_in
from bench.packages import bundled_suites
from bench.run import suites
from bench.run.folder import rebuild
from bench.run.request import RunRequest, check_arguments
from bench.session.planned import PlannedTest, decode_tests
from bench.suggestion import did_you_mean

_SECONDS = 120.0
NO_BOARD = BoardSpec("listed", os.devnull, hardware=False)
"""Stands for the board where none is needed to know the tests."""


def list_tests(request: RunRequest) -> list[PlannedTest]:
    """Return the tests of the suites that a request names, those on request included. Needs no board.

    Raises:
        UsageError: there is no such suite or test, or a suite cannot be read.
    """
    load(request.config)
    check_arguments(request.arguments)
    selection = select_suites(request)
    found = query_tests(selection, request.arguments, request.config, NO_BOARD)
    wanted = set(selection.tests)
    return [test for test in found if not wanted or test.test in wanted]


def select_suites(request: RunRequest) -> suites.SuiteSelection:
    """Return the suites that a request names, and which of their tests are meant.

    Raises:
        UsageError: there is no such suite or test, or nothing failed in the last run.
    """
    if not request.tests and not request.last_failed:
        return suites.select(request.suites)
    wanted, names = list(request.tests), list(request.suites)
    if request.last_failed:
        failed, of_run = _last_failed()
        wanted, names = [*wanted, *failed], names or of_run
    selection = suites.select(names or _suites_of(wanted))
    found = query_tests(selection, request.arguments, request.config, NO_BOARD)
    tests = [test for name in wanted for test in _matching(name, found)]
    return replace(selection, tests=tuple(dict.fromkeys(tests)))


def _suites_of(tests: Iterable[str]) -> list[str]:
    """Return the suites that the ids of tests name; none, which means all, where one names no file."""
    own, names = bundled_suites(), []
    for test in tests:
        file, colons, _ = test.partition("::")
        stem = Path(file).stem.removeprefix("test_")
        if colons and file == f"test_{stem}.py" and stem in own:
            names.append(stem)
        elif colons:
            names.append(file)
        else:
            return []
    return list(dict.fromkeys(names))


def _matching(name: str, found: Sequence[PlannedTest]) -> list[str]:
    """Return the ids that a name means: whole, without parameters, or the name of the test alone.

    Raises:
        UsageError: none, or the test runs only with an option that was not given.
    """
    fitting = [test for test in found if name in names_of(test.test)]
    if not fitting:
        known = sorted({one for test in found for one in names_of(test.test)})
        like = did_you_mean(name, known)
        raise UsageError(f"--test {name}: no test of these suites has that id{like} (--list shows all)")
    ready = [test.test for test in fitting if not test.needs]
    if not ready:
        raise UsageError(f"--test {name} runs only on request: add -- {fitting[0].needs}")
    return ready


def _last_failed() -> tuple[list[str], list[str]]:
    """Return the tests that went wrong in the last run that came to its end, and the suites that it was asked for.

    Raises:
        UsageError: there is no run, or nothing went wrong in it.
    """
    for run in reversed(runs_in(DEFAULT)):
        summary = rebuild(run.folder)
        if not summary.closed:
            continue  # it runs still, or was killed
        failed = list(dict.fromkeys(one.test for one in summary.results if one.outcome.bad and one.started))
        if not failed:
            raise UsageError(f"--last-failed: nothing went wrong in the last run, {run.folder}")
        options = summary.command
        return failed, [value for option, value in pairwise(options) if option == "--suite"]
    raise UsageError(f"--last-failed: there is no run in {DEFAULT} that came to its end")


def query_tests(
    selection: suites.SuiteSelection, arguments: Sequence[str], config: Path | None, spec: BoardSpec
) -> list[PlannedTest]:
    """Return the tests of a selection on a board, as a pytest process tells them. It opens nothing.

    Raises:
        UsageError: the tests cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="nrf91-bench-") as folder:
        answer, run = Path(folder) / "tests.json", Path(folder) / "run"
        run.mkdir()
        command = [*suites.pytest_command(selection, (), spec, run, config), f"--bench-list={answer}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if not answer.exists():
            raise UsageError(f"the tests cannot be read:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return decode_tests(answer.read_bytes())
