"""The page of the verdict: static HTML without scripts, and Markdown."""

from pathlib import Path

from bench.config.plan import digest
from bench.evidence.stream import FILE as STREAM
from bench.evidence.summary import Summary
from bench.report.links import RunLinks
from bench.report.rendering import render_html, render_markdown
from bench.report.specification import Specification
from bench.report.verdict_view import VerdictView, board_line, control_line
from bench.report.views import SigningView, StatementsView

__all__ = ["board_line", "control_line", "html_page", "markdown_page", "write_pages"]

VERDICT = "verdict.html"
SCENARIOS = "scenarios.html"
"""Beside the verdict: all scenarios, where they are too many for it."""
OTHER_CAUSES = "more-failures.html"
"""Beside the verdict: the causes for which it has no room."""


def write_pages(
    folder: Path, summary: Summary, specification: Specification, signing: SigningView | None = None
) -> None:
    """Write ``verdict.html`` and ``verdict.md`` into a run's folder, and beside them pages of what has no room there.

    Args:
        folder: of the run.
        summary: of the run.
        specification: with the run's results.
        signing: what a bundle's signatures say of it.
    """
    view = VerdictView(summary, RunLinks(folder))
    for name, needed in ((OTHER_CAUSES, view.other_causes), (SCENARIOS, not view.shows_all_scenarios)):
        if needed:
            (folder / name).write_text(render_html(name, view=view, verdict=VERDICT), encoding="utf-8")
        else:
            (folder / name).unlink(missing_ok=True)
    (folder / VERDICT).write_text(_html(view, specification, folder, signing), encoding="utf-8")
    (folder / "verdict.md").write_text(_markdown(view), encoding="utf-8")


def html_page(summary: Summary, specification: Specification | None = None, folder: Path | None = None) -> str:
    """Return the page: self-contained, without scripts, readable in print."""
    return _html(VerdictView(summary, RunLinks(folder)), specification, folder)


def markdown_page(summary: Summary) -> str:
    """Return the page as Markdown, for a job page or a mail."""
    return _markdown(VerdictView(summary))


def _html(
    view: VerdictView, specification: Specification | None, folder: Path | None, signing: SigningView | None = None
) -> str:
    statements = None if specification is None else _statements(specification)
    return render_html(
        VERDICT,
        view=view,
        statements=statements,
        sections=_sections(view, statements),
        others=OTHER_CAUSES,
        scenarios=SCENARIOS,
        evidence="" if folder is None else digest(folder / STREAM),
        signing=signing,
    )


def _markdown(view: VerdictView) -> str:
    return render_markdown("verdict.md", view=view, others=OTHER_CAUSES, verdict=VERDICT)


def _statements(specification: Specification) -> StatementsView:
    rows = [(one.id, one.text, specification.by_firmware(one)) for one in specification.concerned if one.results]
    return StatementsView(specification.firmwares, rows, len(specification.untested))


def _sections(view: VerdictView, statements: StatementsView | None) -> list[tuple[str, str]]:
    """Return (anchor, title) of the sections that the page has, in its order."""
    sections = (
        ("wrong", "What went wrong", view.causes),
        ("incidents", "Incidents", view.incidents or view.control),
        ("plan", "Plan", view.plan),
        ("comparison", "Comparison", view.comparison),
        ("known", "Known issues", view.known_issues),
        ("flaky", "Flaky and retried", view.flaky or view.retried),
        ("skipped", "Skipped", view.skipped),
        ("left-out", "Left out", view.left_out),
        ("boards", "Boards", view.boards),
        ("recovered", "Recovered on the way", view.recoveries),
        ("found", "Found", view.findings),
        ("measured", "Measured", view.measured),
        ("suites", "Suites", view.suites.rows),
        ("scenarios", "All scenarios", view.matrix.suites),
        ("specification", "Specification", statements),
        ("sign", "Signatures", view.plan),
    )
    return [(anchor, title) for anchor, title, content in sections if content]
