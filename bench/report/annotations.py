"""What a run says to GitHub: an annotation for each cause of failures, and the verdict in the job's summary.

The syntax is that of workflow commands, ``::error file=FILE,line=N,title=TITLE::TEXT``; GitHub shows the first ten of a
step. See "Workflow commands for GitHub Actions" in GitHub's documentation.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.evidence import Cause, Summary, group_by_cause
from bench.evidence.ids import TestIds
from bench.evidence.outcomes import Outcome
from bench.packages import SUITES, package_folder
from bench.visible import visible

_MOST = 10
_LONGEST = 4000
_PLACE = re.compile(r"([^:]+):(\d+): ")
_COMMANDS = {Outcome.FAILED: "error", Outcome.SCRIPT_ERROR: "error"}
"""What speaks of the device or the suite is an error, what speaks of the lab a warning."""


def is_github(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether this runs as a step of a workflow."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotations(summary: Summary, suites: Iterable[Path] = (), workspace: Path | None = None) -> list[str]:
    """Return a workflow command for each cause of what went wrong, failures first, at most ten.

    Args:
        summary: of the run.
        suites: files and folders that it ran.
        workspace: the folder of the repository, to which the names of files are relative; None is the working folder.
    """
    causes = sorted(group_by_cause(summary.results), key=lambda cause: cause.outcome not in _COMMANDS)
    root = (workspace or Path.cwd()).resolve()
    return [_annotation(cause, summary, list(suites), root) for cause in causes[:_MOST]]


def append_summary(folder: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Append a run's ``verdict.md`` to the summary of the job, where there is one.

    Raises:
        OSError: one of the files cannot be read or written.
    """
    name = environment.get("GITHUB_STEP_SUMMARY")
    if name:
        text = (folder / "verdict.md").read_text(encoding="utf-8")
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def _annotation(cause: Cause, summary: Summary, suites: list[Path], root: Path) -> str:
    first = cause.first
    file, line = _file_of(cause, suites, root)
    simulated = "SIMULATED " if summary.simulated else ""
    title = f"{simulated}{first.outcome.word}: {first.test} on {cause.boards}"
    others = [test for test in cause.tests if test != first.test]
    text = "\n".join([cause.message[:_LONGEST], *first.excerpt, *(f"also {test}" for test in others[:_MOST])])
    values = {"file": file, "line": line, "title": title}
    properties = ",".join(f"{name}={_property(value)}" for name, value in values.items() if value)
    return f"::{_COMMANDS.get(cause.outcome, 'warning')} {properties}::{_escape(visible(text))}"


def _file_of(cause: Cause, suites: list[Path], root: Path) -> tuple[str, str]:
    """Return the file of the first test, relative to the repository, and the line; empty where they are not in it."""
    test = cause.first.test
    path = Path(TestIds(package_folder(SUITES), Path.cwd()).locate(test.partition("::")[0], suites)).resolve()
    if not (path.is_file() and path.is_relative_to(root)):
        return "", ""
    place = _PLACE.match(cause.first.place)
    line = place[2] if place and place[1] == path.name else ""
    return path.relative_to(root).as_posix(), line


def _escape(text: str) -> str:
    """Return a text as a workflow command takes it: on one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(visible(text)).replace(":", "%3A").replace(",", "%2C")
