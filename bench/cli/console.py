"""What a person sees of a run while it goes, and at its end."""

import textwrap
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench.cli.live_lines import LiveLines
from bench.cli.progress import ProgressLines
from bench.cli.run_end import RunEnd
from bench.cli.terminal import VisibleConsole
from bench.evidence import Summary, rows
from bench.evidence.causes import cause_key
from bench.report import board_line
from bench.run import Level, Watcher
from bench.visible import visible_line

_COLUMN = 10
# Bad results that are told when they happen; all are told at the end.
_TOLD_AT_ONCE = 20
_LINES_AT_ONCE = 4
# A board that does something else than a test for longer than this says what.
_WAITING_SECONDS = 3.0
# On a console that is not a terminal a line a test would be noise; one now and then shows that the run lives.
_QUIET_SECONDS = 30.0
_QUIET_COLUMNS = 160
_COPIED = ("", "rerun", "report", "run")
"""Words of lines that a person copies, or whose spaces mean something: they are not broken."""
_NARROWEST = 30
_INDENT = f"\n{'':<{_COLUMN}}"
_STYLES = {Level.PLAIN: "", Level.WARNING: "yellow", Level.ERROR: "bold red"}


class RunConsole(Watcher):
    """Follows the rows of a run. Entered, it keeps a live line on a terminal."""

    def __init__(self, console: Console | None = None, *, all_measured: bool = False) -> None:
        """Args: all_measured: the end has all measurements, not only those that have limits or changed."""
        self._console = console or VisibleConsole(soft_wrap=True)
        self._all_measured = all_measured
        self._progress = ProgressLines()
        self._waiting: dict[str, tuple[str, float]] = {}
        self._causes: set[tuple[str, ...]] = set()
        self._spoke = time.monotonic()
        self._live: LiveLines | None = None
        self._told: set[str] = set()

    def __enter__(self) -> "RunConsole":
        if self._console.is_terminal:
            self._live = LiveLines(self._console)
            self._console.show_cursor(show=False)
            self._draw()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.erase()
            self._console.show_cursor()
            self._live = None

    def line(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Print a line with its word in front."""
        if word == "run":
            text = text.replace(f"{Path.cwd()}/", "")
        self._print(word, text, _STYLES[level])

    def _print(self, word: str, text: str, style: str = "") -> None:
        line = visible_line(text)  # nobody's name may look like a line of ours
        if self._live is not None:
            self._live.erase()
        head = Text(f"{word:<{_COLUMN - 1}} " if word or line else "", style="dim")
        if self._console.is_terminal and word not in _COPIED:
            width = max(_NARROWEST, self._console.size.width - _COLUMN)
            line = _INDENT.join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False))
        self._console.print(head + Text(line, style=style))

    def _once(self, word: str, text: str) -> None:
        """Print a line that further rounds and attempts would only repeat."""
        if text not in self._told:
            self._told.add(text)
            self._print(word, text)

    def follow(self, row: rows.Row) -> None:
        """Take a row of the stream."""
        self._progress.take(row)
        match row:
            case rows.BoardRow():
                self._once("board", board_line(row))
            case rows.PeersRow():
                self._once("peers", f"{row.where}   for {row.slot}")
            case rows.SurveyRow():
                self._once("network", f"{row.slot}   {'; '.join(row.text)}")
            case rows.RecoveryRow():
                self._print("recovery", row.text, "yellow")
            case rows.ProgressRow() if row.done is None:
                self._waiting[row.slot] = (row.text, time.monotonic())
            case rows.StartRow():
                self._waiting.pop(row.slot, None)
            case rows.FinishRow():
                self._waiting.pop(row.slot, None)
                self._tell_at_once(row)

    def _tell_at_once(self, row: rows.FinishRow) -> None:
        """Print a bad result of a cause that was not seen before; the end has all of them."""
        if not row.outcome.bad:
            return
        cause = (row.slot, row.outcome, cause_key(row))
        if cause in self._causes or len(self._causes) >= _TOLD_AT_ONCE:
            return
        self._causes.add(cause)
        self._print(row.outcome.word, f"{row.slot}  {row.test}", "bold")
        for line in [line for line in row.message.split("\n") if line.strip()][:_LINES_AT_ONCE]:
            self._print("", line)
        if row.place:
            self._print("", f"at {row.place}")

    def tick(self) -> None:
        """Show the progress."""
        for slot, (what, since) in self._waiting.items():
            if time.monotonic() - since > _WAITING_SECONDS:
                self._once("waiting", f"{slot}   {what}; Ctrl-C ends the run")
        if self._live is not None:
            self._draw()
        elif time.monotonic() - self._spoke > _QUIET_SECONDS:
            self._spoke = time.monotonic()
            first, *_ = self._progress.lines(_QUIET_COLUMNS)
            self._console.print(first)

    def _draw(self) -> None:
        lines = [visible_line(line) for line in self._progress.lines(self._console.size.width)]
        if self._live is not None:
            self._live.draw([Text(line[:_COLUMN], style="dim") + Text(line[_COLUMN:]) for line in lines])

    def finish(self, summary: Summary) -> None:
        """Print what the run proves."""
        RunEnd(summary, self._print, all_measured=self._all_measured).tell()
