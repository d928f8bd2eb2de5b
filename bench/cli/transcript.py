"""``nrf91-bench transcript``: what board and peers did in a test of a run, every byte with its time."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.terminal import say, say_lines
from bench.errors import UsageError
from bench.evidence.ids import names_of
from bench.evidence.run_folder import check_run_folder
from bench.number_text import counted
from bench.report import KeptTest, kept_file, kept_tests
from bench.suggestion import did_you_mean, unknown


class Form(StrEnum):
    """How a test is printed."""

    TEXT = "text"
    TIMELINE = "timeline"
    TIMINGS = "timings"
    JSONL = "jsonl"


def transcript(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a run.", autocompletion=completion.runs)],
    test: Annotated[
        str, typer.Argument(metavar="TEST", help="Its id or its name; without one, the tests are listed.")
    ] = "",
    board: Annotated[str, typer.Option(metavar="SLOT", help="Of this board alone.")] = "",
    round_number: Annotated[
        int | None, typer.Option("--round", metavar="N", min=1, help="Of this round alone.")
    ] = None,
    attempt: Annotated[int | None, typer.Option(metavar="N", min=1, help="Of this attempt alone.")] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--as",
            help="The board's port as text, port and peers on one clock, a CSV row a command, or rows to replay.",
        ),
    ] = Form.TEXT,
) -> None:
    """Print what board and peers did in a test, or list the tests of a run."""
    check_run_folder(folder)
    files = _files(folder, board)
    if not test:
        for one in _all(files, round_number, attempt):
            size = counted(len(one.kept.evidence.transactions), "command")
            say(f"{one.slot:<14} {one.kept.test}   {size}{one.turn}")
        return
    found = [one for one in _all(files, round_number, attempt) if test in names_of(one.kept.test)]
    if not found:
        names = sorted({name for one in _all(files) for name in names_of(one.kept.test)})
        raise UsageError(f"no test called {test!r} has sent anything in this run{did_you_mean(test, names)}")
    if form in (Form.JSONL, Form.TIMINGS) and len(found) > 1:
        where = ", ".join(dict.fromkeys(f"{one.kept.test} on {one.slot}{one.turn}" for one in found))
        more = "give the whole id, --board, --round or --attempt"
        raise UsageError(f"--as {form} prints one test, {test!r} means {where}: {more}")
    for one in found:
        if form in (Form.TEXT, Form.TIMELINE):
            say(f"{one.kept.test} on {one.slot}{one.turn}")
        say_lines(_printed(one.kept, form).rstrip("\n"))


@dataclass(frozen=True)
class _Found:
    slot: str
    kept: KeptTest

    @property
    def turn(self) -> str:
        """The round and attempt, where they are not the first."""
        parts = [f"round {self.kept.round}"] * (self.kept.round > 1)
        parts += [f"attempt {self.kept.attempt}"] * (self.kept.attempt > 1)
        return f"   {', '.join(parts)}" if parts else ""


def _files(folder: Path, board: str) -> dict[str, Path]:
    """Return the files of a run by the boards' slots."""
    end = kept_file(folder, "").name
    files = {path.name.removesuffix(end): path for path in sorted(kept_file(folder, "").parent.glob(f"*{end}"))}
    if not files:
        raise UsageError(f"{folder} has no transcript: no test has sent anything, or an older bench has written it")
    if board and board not in files:
        raise UsageError(unknown("board", board, files))
    return {board: files[board]} if board else files


def _all(files: dict[str, Path], round_number: int | None = None, attempt: int | None = None) -> Iterator[_Found]:
    """Yield the tests of these boards, of one round and attempt where they are given."""
    for slot, path in files.items():
        for kept in kept_tests(path):
            if round_number in (None, kept.round) and attempt in (None, kept.attempt):
                yield _Found(slot, kept)


def _printed(kept: KeptTest, form: Form) -> str:
    match form:
        case Form.TEXT:
            return kept.evidence.transcript()
        case Form.TIMELINE:
            return kept.evidence.timeline()
        case Form.TIMINGS:
            return kept.evidence.timings()
        case Form.JSONL:
            return kept.evidence.to_jsonl()
