"""A run as a step of a GitHub workflow: annotations, the job's summary, and no commands of anybody else."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.cli.terminal import say, say_lines
from bench.errors import in_words
from bench.evidence import Summary
from bench.report.annotations import annotations, append_summary, is_github


@contextlib.contextmanager
def commands_stopped() -> Iterator[None]:
    """Let GitHub take nothing that is printed for a command: boards and tests write what they like."""
    if not is_github():
        yield
        return
    token = secrets.token_hex(16)
    say(f"::stop-commands::{token}")
    try:
        yield
    finally:
        say(f"::{token}::")


def tell_github(summary: Summary, suites: Sequence[str]) -> None:
    """Print an annotation for each cause, and append the verdict to the job's summary; nothing outside a workflow."""
    if not is_github():
        return
    workspace = os.environ.get("GITHUB_WORKSPACE")
    paths = [path.resolve() for path in map(Path, suites) if path.exists()]
    for line in annotations(summary, paths, Path(workspace) if workspace else None):
        say_lines(line)
    if summary.folder is not None:
        try:
            append_summary(summary.folder)
        except OSError as error:
            say(f"github    the verdict is not in the job's summary: {in_words(error)}")
