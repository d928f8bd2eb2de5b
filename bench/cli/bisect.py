"""``nrf91-bench bisect``: which of an ordered list of images is the first bad one?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench.bisect.bisection import Bisection
from bench.bisect.page import result_text, write_page
from bench.bisect.record import BisectRecord, Wanted, candidates
from bench.bisect.search import Found
from bench.cli import completion
from bench.cli.console import RunConsole
from bench.cli.lab import default_config
from bench.cli.terminal import be_patient, say, short_path
from bench.errors import UsageError, in_words
from bench.evidence import Summary
from bench.exit_code import ExitCode
from bench.run import Level, RunRequest, Simulate, execute

EPILOG = (
    "Exit codes: 0 the first bad image was found; 2 wrong usage; 3 the lab failed or it was interrupted, go on with"
    " --resume; 5 nothing was found."
)
_DEFAULT = Path("reports") / "bisect"
_PATIENCE_SECONDS = 5.0


def bisect(
    context: typer.Context,
    images: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IMAGE...", help="From an old one that is good to a new one that is bad."),
    ] = None,
    test: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="The test that fails, or that measures what became worse.",
            autocompletion=completion.complete_tests,
        ),
    ] = "",
    measurement: Annotated[
        str, typer.Option(metavar="NAME", help="What became slower or larger; both images then run in turn.")
    ] = "",
    board: Annotated[
        list[str] | None, typer.Option(metavar="SELECTOR", help="As of run.", autocompletion=completion.boards)
    ] = None,
    port: Annotated[list[str] | None, typer.Option(metavar="PATH", help="A board at this port.")] = None,
    simulate: Annotated[int, typer.Option(metavar="N", min=0, max=99, help="Simulated boards.")] = 0,
    suite: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Your own suite, by path.")] = None,
    tries: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Tries of an image whose runs the lab spoils.")
    ] = 3,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The lab's bench.toml.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "--output-dir", metavar="DIR", help="Folder of the bisection, new.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on with a bisection that was killed; nothing else is given.")
    ] = None,
) -> None:
    """Find the first bad one of an ordered list of images. What stands behind -- goes to pytest."""
    be_patient(_PATIENCE_SECONDS)
    named = config or default_config()
    wanted = Wanted(
        test=test,
        measurement=measurement,
        boards=board or [],
        ports=port or [],
        simulate=simulate,
        suites=suite or [],
        config=str(named) if named else "",
        arguments=context.args,
        tries=tries,
    )
    folder, record = _resumed(resume, images) if resume else _begun(out, images or [], wanted)
    session = _Session(record.wanted)
    bisection = Bisection(record, folder, session.play, lambda word, text: say(f"{word:<9} {text}"))
    found: Found | None = None
    try:
        found = bisection.find()
    finally:
        page = write_page(folder, bisection.record, found, simulated=session.simulated)
    say(f"found     {result_text(bisection.record, found)}")
    say(f"report    {short_path(page.resolve())}")
    raise typer.Exit(ExitCode.INCOMPLETE if found.why else ExitCode.OK)


def _resumed(folder: Path, images: list[Path] | None) -> tuple[Path, BisectRecord]:
    if images:
        raise UsageError("--resume goes on with the images of its folder: give no others")
    return folder, BisectRecord.load(folder)


def _begun(out: Path | None, images: list[Path], wanted: Wanted) -> tuple[Path, BisectRecord]:
    if not wanted.test:
        raise UsageError(
            "--test ID: which test fails, or measures what became worse? nrf91-bench run --list shows them"
        )
    record = BisectRecord(images=candidates(images), wanted=wanted)
    folder = out or _DEFAULT / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{folder} exists: name a new folder, or go on with --resume {folder}") from None
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {in_words(error)}") from error
    record.save(folder)
    return folder, record


@dataclass
class _Session:
    """Plays the sought test on images.

    Attributes:
        simulated: a board of some run was not hardware.
    """

    wanted: Wanted
    simulated: bool = False

    def play(self, image: Path, folder: Path, rounds: int) -> Summary:
        """Play the test on an image."""
        wanted = self.wanted
        request = RunRequest(
            boards=wanted.boards,
            ports=wanted.ports,
            simulate=wanted.simulate or Simulate.NEVER,
            suites=wanted.suites,
            tests=[wanted.test],
            config=Path(wanted.config) if wanted.config else None,
            repeat=rounds,
            image=image,
            out=folder,
            arguments=wanted.arguments,
        )
        summary = execute(request, _Quiet())
        self.simulated = self.simulated or summary.simulated
        return summary


class _Quiet(RunConsole):
    """Shows how far a run is and what goes wrong in it: what it means is said by the bisection."""

    def line(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Show nothing."""

    def finish(self, summary: Summary) -> None:
        """Show nothing."""
