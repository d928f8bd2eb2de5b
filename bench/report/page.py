"""The page of the verdict: static HTML without scripts, and Markdown."""

from pathlib import Path

from bench import __version__
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import digest
from bench.evidence.stream import FILE as STREAM
from bench.evidence.summary import Summary
from bench.report.rendering import render_html, render_markdown
from bench.report.specification import Specification
from bench.report.verdict_view import VerdictView, board_line, control_line
from bench.report.views import StatementsView

__all__ = ["board_line", "control_line", "html_page", "markdown_page", "write_pages"]


def write_pages(folder: Path, summary: Summary, specification: Specification) -> None:
    """Write ``verdict.html`` and ``verdict.md`` into a run's folder."""
    (folder / "verdict.html").write_text(html_page(summary, specification, folder), encoding="utf-8")
    (folder / "verdict.md").write_text(markdown_page(summary), encoding="utf-8")


def html_page(summary: Summary, specification: Specification | None = None, folder: Path | None = None) -> str:
    """Return the page: self-contained, without scripts, readable in print."""
    view = VerdictView(summary)
    return render_html(
        "verdict.html",
        view=view,
        statements=None if specification is None else _statements(specification, view.day),
        provenance=_provenance(view, folder),
    )


def markdown_page(summary: Summary) -> str:
    """Return the page as Markdown, for a job page or a mail."""
    return render_markdown("verdict.md", view=VerdictView(summary))


def _statements(specification: Specification, day: str) -> StatementsView:
    rows = [(one.id, specification.last(one, day)) for one in specification.concerned if one.results]
    return StatementsView(rows, len(specification.untested))


def _provenance(view: VerdictView, folder: Path | None) -> str:
    parts = [f"run {view.run}", f"nrf91-bench {__version__}"]
    if folder is not None:
        parts.append(f"evidence results.jsonl sha256 {digest(folder / STREAM)}")
        if view.plan is not None:
            parts.append(f"plan sha256 {digest(folder / PLAN_FILE)}")
    return ", ".join(parts) + "; a result leads to its transcript"
