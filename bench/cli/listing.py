"""``run --list``: prints the suites and their tests, with what a person needs to choose among them."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from bench.cli.terminal import say, terminal_width
from bench.number_text import counted
from bench.session.planned import PlannedTest

_TIME = 7


def print_tests(tests: Sequence[PlannedTest]) -> None:
    """Print the tests, a line each, below their suites."""
    width = terminal_width()
    for line in list_lines(tests):
        say(line if width is None or len(line) <= width else f"{line[: width - 1]}…")


def list_lines(tests: Sequence[PlannedTest]) -> Iterator[str]:
    """Yield the lines: the suite with its title and its time, then its tests; at last the totals."""
    for file, found in groupby(tests, lambda test: test.test.partition("::")[0]):
        same = list(found)
        yield f"{_name(file)}   {counted(len(same), 'test')}{_about(same)}   {same[0].suite}"
        longest = max(len(test.test) for test in same)
        for test in same:
            marks = f"   [{', '.join(test.markers)}]" if test.markers else ""
            needs = f"   only with -- {test.needs}" if test.needs else ""
            yield f"  {test.test:<{longest}} {_time(test.milliseconds):>{_TIME}}   {test.title}{marks}{needs}"
    asked = sum(bool(test.needs) for test in tests)
    more = f", and {asked} that run only on request" if asked else ""
    yield f"{counted(len(tests) - asked, 'test')}{more}{_about(tests)}"


def _name(file: str) -> str:
    path = Path(file)
    return path.stem.removeprefix("test_") if path.parent == Path() and not file.startswith("./") else file


def _about(tests: Sequence[PlannedTest]) -> str:
    """Return how long tests take, as far as that is known."""
    run = [test for test in tests if not test.needs]
    known = [test.milliseconds for test in run if test.milliseconds]
    if not known:
        return ", none of which has run here before" if run else ""
    new = len(run) - len(known)
    return f", up to {_time(sum(known)).strip()}{f' and {new} that never ran' if new else ''}"


def _time(milliseconds: int) -> str:
    if not milliseconds:
        return "new"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
