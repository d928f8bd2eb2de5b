"""``nrf91-bench recording``: transcripts of real boards as test cases that can be sent."""

from pathlib import Path
from typing import Annotated

import typer

from bench.at.anonymous import anonymous
from bench.at.recording import BYTES, READING, Recording, recordings_in
from bench.at.transcript import read_jsonl
from bench.cli.terminal import say
from bench.errors import UsageError, in_words
from bench.exit_code import ExitCode

app = typer.Typer(
    help="Make a test case of a transcript, and check such recordings.", add_completion=False, no_args_is_help=True
)


@app.command("make")
def make(
    transcript: Annotated[
        Path, typer.Argument(metavar="TRANSCRIPT.jsonl", help="Of a run: nrf91-bench transcript RUN TEST --as jsonl.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "--output-dir", metavar="DIR", help="The folder of the new recording.")
    ] = Path("recordings"),
    name: Annotated[str, typer.Option(metavar="NAME", help="Default: the transcript's.")] = "",
) -> None:
    """Make a recording of a transcript: known identities are replaced, and what the bytes mean is written beside."""
    stem = name or transcript.stem
    if Path(stem).name != stem or stem.startswith("."):
        raise UsageError(f"--name {stem}: write a name without a folder that does not begin with a dot")
    entries = anonymous(read_jsonl(transcript))
    if not entries:
        raise UsageError(f"{transcript} holds no bytes of a board")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {in_words(error)}") from error
    made = Recording.make(out / f"{stem}{BYTES}", entries)
    for line in made.meaning:
        say(line)
    beside = made.path.with_suffix(READING)
    say(f"written {made.path} and {beside.name}")
    say(f"Look through {made.path.name} for names, addresses and payloads that the bench does not know as identities.")
    say(f"Correct the lines of {beside.name} that are wrong. Then send both.")


@app.command("check")
def check(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of recordings.")]) -> None:
    """Check the recordings of a folder; exit code 1 when the bench misreads one."""
    wrong = 0
    found = recordings_in(folder)
    for recording in found:
        misread = recording.misread()
        wrong += bool(misread)
        say(f"wrong {misread}" if misread else f"ok    {recording.path.name}")
    say(f"{len(found) - wrong} of {len(found)} recordings are read as they are meant")
    raise typer.Exit(ExitCode.FAILED if wrong else ExitCode.OK)
