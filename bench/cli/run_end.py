"""The end of a run on the console: what went wrong, by cause; what was measured; the verdict."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.cli.terminal import short_path
from bench.clock import span_text
from bench.evidence import Cause, Outcome, RunVerdict, Summary, TestResult, boards_text, group_by_cause
from bench.evidence.figures import Figure
from bench.number_text import counted
from bench.report.rerun import rerun_command

COLOURS = {
    RunVerdict.PASSED: "bold green",
    RunVerdict.QUALIFIED: "bold green",
    RunVerdict.FAILED: "bold red",
    RunVerdict.NOT_QUALIFIED: "bold red",
    RunVerdict.INCOMPLETE: "bold yellow",
}
_LINES, _OTHERS, _CAUSES = 12, 3, 40
_NAME = 36
_CHANGED = ("regression", "improvement", "changed")

Print = Callable[[str, str, str], None]
"""Prints a line: its word, its text, its style."""


class RunEnd:
    """Tells what a run proves.

    Args:
        summary: of the run.
        printed: prints a line.
        all_measured: all measurements, not only those that have limits or changed.
    """

    def __init__(self, summary: Summary, printed: Print, *, all_measured: bool = False) -> None:
        self._summary = summary
        self._print = printed
        self._all_measured = all_measured

    def tell(self) -> None:
        """Print it; the verdict comes last, where it is seen."""
        self._tell_measured()
        self._tell_failures()
        self._tell_what_counts_as_passed()
        self._tell_what_was_not_tested()
        self._tell_verdict()

    def _tell_measured(self) -> None:
        summary = self._summary
        figures = summary.figures()
        shown = figures if self._all_measured else [one for one in figures if one.limit or self._has_changed(one)]
        beside: tuple[str, ...] = ()
        for figure in shown:
            if figure.beside != beside:  # what several lines in a row are read by is said once
                beside = figure.beside
                if beside:
                    self._print("", "; ".join(beside), "dim")
            self._print("measured", f"{figure.name:<{_NAME}} {figure.text}", "")
            if figure.parts:
                self._print("", f"{'':<{_NAME}} {', '.join(figure.parts)}", "dim")
        if len(shown) < len(figures):
            others = counted(len(figures) - len(shown), "more measurement" if shown else "measurement")
            text = f"{others} without a limit: on the verdict page, or here with --measured"
            self._print("measured", text, "")
        for found in summary.findings:
            self._print("found", f"{found.slot}  {found.name}   {found.verdict}: {found.text}", "")
        if summary.comparison is not None:
            told = summary.comparison
            self._print("compared", f"with {told.baseline}: {told.verdict}, {told.reason}", "")

    def _has_changed(self, figure: Figure) -> bool:
        compared = self._summary.comparison.measurements if self._summary.comparison is not None else ()
        changed = {one.measurement for one in compared if one.verdict.startswith(_CHANGED)}
        return any(figure.name == name or figure.name.startswith(f"{name} (") for name in changed)

    def _tell_failures(self) -> None:
        causes = group_by_cause(self._summary.results)
        for cause in causes[:_CAUSES]:
            self._tell_cause(cause)
        if len(causes) > _CAUSES:
            self._print("", f"and {counted(len(causes) - _CAUSES, 'cause')} more: see the verdict page", "bold")

    def _tell_cause(self, cause: Cause) -> None:
        first, folder = cause.first, self._summary.folder or Path()
        earlier = self._summary.earlier.get(first.test, "")
        self._print("", "", "")
        self._print(first.outcome.word, f"{cause.boards}  {first.test}{f'   {earlier}' if earlier else ''}", "bold")
        for line in [line for line in cause.message.split("\n") if line.strip()][:_LINES]:
            self._print("", line, "")
        if first.place:
            self._print("", f"at {first.place}", "")
        for line in first.excerpt:
            self._print("", f"  {line}", "dim")
        if first.radio:
            self._print("", first.radio, "dim")
        others = [test for test in cause.tests if test != first.test]
        for test in others[:_OTHERS]:
            self._print("so did", test, "")
        if len(others) > _OTHERS:
            self._print("", f"and {counted(len(others) - _OTHERS, 'test')} more", "")
        if first.transcript:
            self._print("", f"transcript {short_path(folder / first.transcript)}", "dim")
        rerun = rerun_command(self._summary.command, cause.results)
        if rerun:
            self._print("rerun", rerun, "")

    def _tell_what_counts_as_passed(self) -> None:
        known: dict[tuple[str, str], list[TestResult]] = {}
        for result in self._summary.results:
            if result.known_issue and result.outcome is Outcome.PASSED:
                known.setdefault((result.test, result.message.removeprefix("known issue: ")), []).append(result)
            if result.retried:
                self._print("retried", f"{result.slot}  {result.test}   first {result.earlier}", "yellow")
        for (test, text), same in known.items():
            self._print("known", f"{boards_text(same)}  {test}   {text}", "")
        for test, slot in self._summary.flaky:
            self._print("flaky", f"{slot}  {test}   failed in one round, passed in another", "yellow")

    def _tell_what_was_not_tested(self) -> None:
        reasons = Counter(one.message for one in self._summary.results if one.outcome is Outcome.SKIPPED)
        for reason, count in reasons.items():
            self._print("skipped", f"{count} x {reason}", "")
        for reason, count in self._summary.left_out_by_reason:
            self._print("left out", f"{count} x {reason}", "")

    def _tell_verdict(self) -> None:
        summary = self._summary
        simulated = "   SIMULATED" if summary.simulated else ""
        seconds = summary.seconds
        took = f", in {span_text(seconds if seconds < 1 else round(seconds))}" if seconds is not None else ""
        if group_by_cause(summary.results):
            self._print("", "", "")
        self._print("verdict", f"{summary.verdict}{simulated}   {summary.reason}{took}", COLOURS[summary.verdict])
        page = (summary.folder or Path()) / "verdict.html"
        self._print("report", short_path(page) if page.exists() else f"none: {short_path(page)} is not there", "")
