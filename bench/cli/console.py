"""What a person sees of a run while it goes, and at its end."""

import re
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from bench.cli.terminal import VisibleConsole
from bench.evidence import Outcome, RunVerdict, Summary, TestResult, rows
from bench.report import board_line
from bench.run import Level, Watcher
from bench.visible import visible_line

_COLUMN = 10
_COLOURS = {
    RunVerdict.PASSED: "bold green",
    RunVerdict.QUALIFIED: "bold green",
    RunVerdict.FAILED: "bold red",
    RunVerdict.NOT_QUALIFIED: "bold red",
    RunVerdict.INCOMPLETE: "bold yellow",
}
# Bad results that are told when they happen; all are told at the end.
_TOLD_AT_ONCE = 20
_LINES_AT_ONCE = 4
# A board that does something else than a test for longer than this says what.
_WAITING_SECONDS = 3.0
_SLOW_SECONDS = 60.0
# On a console that is not a terminal a line a test would be noise; one now and then shows that the run lives.
_QUIET_SECONDS = 30.0
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_GIVEN_UP = re.compile(r"^\S+ was given up(?: after \d+ attempts)?: ")
_STYLES = {Level.PLAIN: "", Level.WARNING: "yellow", Level.ERROR: "bold red"}


class RunConsole(Watcher):
    """Follows the rows of a run. Entered, it keeps a live line on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or VisibleConsole(soft_wrap=True)
        self._planned: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        self._running: dict[str, tuple[str, float]] = {}
        self._waiting: dict[str, tuple[str, float]] = {}
        self._slots: set[str] = set()
        self._outcomes: dict[tuple[str, str, int], Outcome] = {}
        self._causes: set[tuple[str, ...]] = set()
        self._finished_last = 0.0
        self._started = time.monotonic()
        self._spoke = self._started
        self._live: Live | None = None
        self._told: set[str] = set()

    def __enter__(self) -> "RunConsole":
        if self._console.is_terminal:
            self._live = Live(self._progress(), console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def line(self, word: str, text: str, level: Level = Level.PLAIN) -> None:
        """Print a line with its word in front."""
        if word == "run":
            text = text.replace(f"{Path.cwd()}/", "")
        self._print(word, text, _STYLES[level])

    def _print(self, word: str, text: str, style: str = "") -> None:
        line = visible_line(text)  # nobody's name may look like a line of ours
        self._console.print(Text(f"{word:<{_COLUMN - 1}} ", style="dim") + Text(line, style=style))

    def _once(self, word: str, text: str) -> None:
        """Print a line that further rounds and attempts would only repeat."""
        if text not in self._told:
            self._told.add(text)
            self._print(word, text)

    def follow(self, row: rows.Row) -> None:
        """Take a row of the stream."""
        match row:
            case rows.BoardRow():
                self._once("board", board_line(row))
            case rows.PeersRow():
                self._once("peers", f"{row.where}   for {row.slot}")
            case rows.SurveyRow():
                self._once("network", f"{row.slot}   {'; '.join(row.text)}")
            case rows.RecoveryRow():
                self._print("recovery", row.text, "yellow")
            case rows.ProgressRow():
                self._show_progress(row)
            case rows.PlanRow():
                self._planned[_suite(row.test)] += 1
                self._slots.add(row.slot)
            case rows.StartRow():
                self._running[row.slot] = (row.test, time.monotonic())
            case rows.FinishRow():
                self._count(row)
                self._tell_at_once(row)

    def _show_progress(self, row: rows.ProgressRow) -> None:
        if row.done is None:
            self._running[row.slot] = self._waiting[row.slot] = (row.text, time.monotonic())
        else:
            self._running[row.slot] = (f"{_bar(row.done)} {row.text}", self._began(row.slot))

    def _count(self, row: rows.FinishRow) -> None:
        key = (row.slot, row.test, row.round)
        if key not in self._outcomes:  # a second attempt is not a further test
            self._finished[_suite(row.test)] += 1
        self._outcomes[key] = row.outcome
        self._finished_last = time.monotonic()
        self._running.pop(row.slot, None)
        self._waiting.pop(row.slot, None)

    def _tell_at_once(self, row: rows.FinishRow) -> None:
        """Print a bad result of a cause that was not seen before; the summary has all of them."""
        lines = row.message.split("\n")
        cause = (row.slot, row.outcome, _NUMBER.sub("#", _GIVEN_UP.sub("", lines[0])))
        if not row.outcome.bad or cause in self._causes or len(self._causes) >= _TOLD_AT_ONCE:
            return
        self._causes.add(cause)
        self._print(row.outcome.word, f"{row.slot}  {row.test}", "bold")
        for line in lines[:_LINES_AT_ONCE]:
            self._print("", line)

    def _began(self, slot: str) -> float:
        """Return when a board began what it is doing; progress does not change that."""
        return self._running[slot][1] if slot in self._running else time.monotonic()

    def tick(self) -> None:
        """Show the progress."""
        for slot, (what, since) in self._waiting.items():
            if time.monotonic() - since > _WAITING_SECONDS:
                self._once("waiting", f"{slot}   {what}; Ctrl-C ends the run")
        if self._live is not None:
            self._live.update(self._progress())
        elif time.monotonic() - self._spoke > _QUIET_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(self._progress())

    def _progress(self) -> Text:
        elapsed = time.monotonic() - self._started
        suites = "   ".join(f"{name} {self._finished[name]}/{total}" for name, total in self._planned.items())
        outcomes = Counter(outcome.word for outcome in self._outcomes.values() if outcome.bad)
        bad = "".join(f"   {count} {name}" for name, count in outcomes.items())
        done, planned = self._finished.total(), self._planned.total()
        left = ""
        stands_still = time.monotonic() - self._finished_last > _SLOW_SECONDS  # any figure would only grow
        if 5 <= done < planned and elapsed > 5 and not stands_still:
            left = f", about {_clock(elapsed / done * (planned - done))} left"
        boards = f"{len(self._slots)} board{'' if len(self._slots) == 1 else 's'}, " if self._slots else ""
        text = Text(f"{'running':<{_COLUMN}}", style="dim") + Text(f"{suites or 'starting'}{bad}   ({boards}")
        text += Text(f"{_clock(elapsed)}{left})")
        for slot, (what, since) in sorted(self._running.items()):
            if time.monotonic() - since > 2.0:  # what takes long says what it is
                text += Text(f"\n{'':<{_COLUMN}}{slot}  {what}  {time.monotonic() - since:.0f} s", style="dim")
        return text

    def finish(self, summary: Summary) -> None:
        """Print what the run proves."""
        folder = summary.folder or Path()
        beside: tuple[str, ...] = ()
        for figure in summary.figures():
            if figure.beside != beside:  # what several lines in a row are read by is said once
                beside = figure.beside
                if beside:
                    self._print("", "; ".join(beside), "dim")
            self._print("measured", f"{figure.name:<36} {figure.text}")
            if figure.parts:
                self._print("", f"{'':<36} {', '.join(figure.parts)}", "dim")
        for found in summary.findings:
            self._print("found", f"{found.slot}  {found.name}   {found.verdict}: {found.text}")
        if summary.comparison is not None:
            told = summary.comparison
            self._print("compared", f"with {told.baseline}: {told.verdict}, {told.reason}")
        for same in _group_by_cause(summary.results):
            self._bad_results(same, folder, summary.earlier.get(same[0].test, ""))
        for result in summary.results:
            if result.known_issue and result.outcome is Outcome.PASSED:
                self._once("known", f"{result.slot}  {result.test}   {result.message.removeprefix('known issue: ')}")
        for result in summary.results:
            if result.retried:
                self._print("retried", f"{result.slot}  {result.test}   first {result.earlier}", "yellow")
        for test, slot in summary.flaky:
            self._print("flaky", f"{slot}  {test}   failed in one round, passed in another", "yellow")
        reasons = Counter(result.message for result in summary.results if result.outcome is Outcome.SKIPPED)
        for reason, count in reasons.items():
            self._print("skipped", f"{count} x {reason}")
        for reason, count in summary.left_out_by_reason:
            self._print("left out", f"{count} x {reason}")
        simulated = "   SIMULATED" if summary.simulated else ""
        self._print("verdict", f"{summary.verdict}{simulated}   {summary.reason}", _COLOURS[summary.verdict])
        page = folder / "verdict.html"
        self._print("report", short_path(page) if page.exists() else f"none: {short_path(page)} is not there")

    def _bad_results(self, same: list[TestResult], folder: Path, earlier: str) -> None:
        first = same[0]
        word = "died" if first.outcome is Outcome.DIED else first.outcome.word
        more = f"   and {len(same) - 1} more" if len(same) > 1 else ""
        self._print(word, f"{first.slot}  {first.test}{more}{f'   {earlier}' if earlier else ''}", "bold")
        message = first.message or "its process ended, or the run was interrupted, before it finished"
        for line in message.split("\n")[:16]:
            self._print("", line)
        if first.place:
            self._print("", f"at {first.place}")
        if first.radio:
            self._print("", first.radio, "dim")
        if first.transcript:
            self._print("", f"transcript {short_path(folder / first.transcript)}", "dim")


def _group_by_cause(results: list[TestResult]) -> list[list[TestResult]]:
    """Group the bad results by cause: a board that vanished is told once, not for every test."""
    groups: dict[tuple[str, ...], list[TestResult]] = {}
    for result in results:
        if result.outcome.bad:
            own = result.test if result.outcome is Outcome.FAILED else ""
            groups.setdefault((result.outcome, result.slot, result.message, own), []).append(result)
    return list(groups.values())


def _bar(done: float) -> str:
    """Return a bar of twenty marks."""
    full = round(20 * min(1.0, max(0.0, done)))
    return f"{'#' * full}{'.' * (20 - full)} {done:4.0%}"


def _suite(test: str) -> str:
    return Path(test.partition("::")[0]).stem.removeprefix("test_")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"


def short_path(path: Path) -> str:
    """Return a path relative to the working folder, where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
