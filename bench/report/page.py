"""The verdict as a page: static HTML without scripts, and the same as Markdown."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench import __version__
from bench.clock import NS_PER_S
from bench.report.figures import Figure
from bench.report.summary import DIED, FAILED, LAB_ERROR, PASSED, SKIPPED, Summary, TestResult

_COLOURS = {"PASSED": "#1a7f37", "FAILED": "#b42318", "INCOMPLETE": "#9a6700"}
_WORDS = {PASSED: "passed", FAILED: "failed", LAB_ERROR: "lab error", SKIPPED: "skipped", DIED: "did not finish"}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.9rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th { font-weight: 600; }
td, th { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #d8dee4; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f8fa; padding: .6rem; margin: .3rem 0; }
pre { font-size: 12.5px; }
.simulated { background: #9a6700; color: #fff; padding: .1rem .6rem; border-radius: .3rem; font-weight: 600; }
.failed, .died { color: #b42318; font-weight: 600; } .lab_error { color: #9a6700; font-weight: 600; }
a { color: inherit; } code { font-size: 12.5px; overflow-wrap: anywhere; }
small { color: #57606a; } .outside { color: #b42318; font-weight: 600; } .marginal { color: #9a6700; }
.passed { color: #1a7f37; } .skipped { color: #57606a; }
@media print { body { margin: 0; max-width: none; } pre { background: none; border: 1px solid #d8dee4; } }
"""


def write_pages(folder: Path, summary: Summary) -> None:
    """Writes ``verdict.html`` and ``verdict.md`` into a run's folder."""
    (folder / "verdict.html").write_text(html_page(summary), encoding="utf-8")
    (folder / "verdict.md").write_text(markdown_page(summary), encoding="utf-8")


def html_page(summary: Summary) -> str:
    """The page."""
    simulated = ' <span class="simulated">SIMULATED</span>' if summary.simulated else ""
    bad = [result for result in summary.results if result.outcome in (FAILED, LAB_ERROR, DIED)]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(summary.verdict)} {escape(summary.run)}</title><style>{_STYLE}</style>",
        f'<h1 style="color:{_COLOURS[summary.verdict]}">{escape(summary.verdict)}{simulated}</h1>',
        f"<p>{escape(summary.reason)}</p>",
        f"<p>{escape(_when(summary))}</p>",
    ]
    if bad:
        parts += ["<h2>What went wrong</h2>", *(_failure(result) for result in bad)]
    parts += ["<h2>Boards</h2>", _table(("board", "what it says about itself", "port"), _board_rows(summary))]
    if summary.peers:
        told = (summary.peers.get(name, "") for name in ("where", "security"))
        parts.append(f"<p>Peers: {escape(', '.join(str(text) for text in told if text))}</p>")
    if summary.recoveries:
        parts += ["<h2>Recovered on the way</h2>", *(f"<p>{escape(text)}</p>" for text in summary.recoveries)]
    if summary.findings:
        keys = ("name", "slot", "verdict", "text")
        found = [[escape(str(row[key])) for key in keys] for row in summary.findings]
        parts += ["<h2>Found</h2>", _table(("what", "board", "verdict", "why"), found)]
    if summary.measurements:
        figures = [_figure_row(figure) for figure in summary.figures()]
        parts += ["<h2>Measured</h2>", _table(("measurement", "value", "n", "limit", ""), figures)]
    rows = [
        (_linked(r), f"<nobr>{escape(r.slot)}</nobr>", _outcome(r), f"<nobr>{r.duration_ns / NS_PER_S:.2f} s</nobr>")
        for r in summary.results
    ]
    parts += ["<h2>Tests</h2>", _table(("test", "board", "outcome", "took"), rows)]
    parts.append(f"<p>run {escape(summary.run)}; a test's name leads to its transcript</p></html>")
    return "\n".join(parts) + "\n"


def markdown_page(summary: Summary) -> str:
    """The same for a job page or a mail."""
    lines = [f"# {summary.verdict}{' (SIMULATED)' if summary.simulated else ''}", "", summary.reason, ""]
    lines += [f"* {board}" for board in (board_line(board) for board in summary.boards)]
    for result in summary.results:
        if result.outcome in (FAILED, LAB_ERROR, DIED):
            first = result.message.split("\n", 1)[0]
            lines += ["", f"**{_WORDS[result.outcome]}** `{result.test}` on {result.slot}", "", first]
    flaky = [result for result in summary.results if result.flaky]
    if flaky:
        lines += ["", "Passed only when tried again:", ""]
        lines += [f"* `{result.test}` on {result.slot}: first {result.earlier}" for result in flaky]
    skips = sorted({(r.message, r.outcome) for r in summary.results if r.outcome == SKIPPED})
    if skips:
        lines += ["", "Skipped:", "", *(f"* {reason}" for reason, _ in skips)]
    return "\n".join(lines) + "\n"


def board_line(board: Mapping[str, Any]) -> str:
    """A board in one line: slot, part, firmware, SLM version, short ids."""
    parts = [board.get("part"), board.get("modem_firmware"), f"SLM {board.get('slm_version', '?')}"]
    parts += list((board.get("ids") or {}).values())
    text = "   ".join(str(part) for part in parts if part)
    return f"{board.get('slot', '')}   {text}{'   SIMULATED' if board.get('simulated') else ''}"


def _when(summary: Summary) -> str:
    return f"{summary.started[:19].replace('T', ' ')} UTC to {summary.ended[11:19]}, nrf91-bench {__version__}"


def _board_rows(summary: Summary) -> Sequence[Sequence[str]]:
    rows = []
    for board in summary.boards:
        slot, _, facts = board_line(board).partition("   ")
        rows.append(
            (
                f"<nobr>{escape(slot)}</nobr>",
                escape(facts).replace("   ", " &middot; "),
                escape(str(board.get("port", ""))),
            )
        )
    return rows


def _figure_row(figure: Figure) -> tuple[str, ...]:
    verdict = f'<span class="{figure.verdict}">{figure.verdict}</span>' if figure.limit else ""
    beside = "".join(f"<br><small>{escape(fact)}</small>" for fact in figure.beside)
    parts = f"<br><small>{escape(', '.join(figure.parts))}</small>" if figure.parts else ""
    value = escape(figure.value) + parts + beside
    return (escape(figure.name), value, str(figure.count), escape(figure.limit or "none"), verdict)


def _failure(result: TestResult) -> str:
    transcript = f'<p><a href="{escape(result.transcript)}">transcript</a></p>' if result.transcript else ""
    message = result.message or "the test did not finish: its process ended or the run was interrupted"
    return (
        f"<p>{_outcome(result)} <code>{escape(result.test)}</code> on {escape(result.slot)}</p>"
        f"<pre>{escape(message)}</pre>{transcript}"
    )


def _linked(result: TestResult) -> str:
    name = f"<code>{escape(result.test)}</code>"
    return f'<a href="{escape(result.transcript)}">{name}</a>' if result.transcript else name


def _outcome(result: TestResult) -> str:
    word = _WORDS[result.outcome] + (" (known issue)" if result.known_issue else "")
    if result.earlier:
        return f'<span class="{result.outcome}">{word}</span> when tried again; first {escape(result.earlier)}'
    reason = f": {escape(result.message)}" if result.outcome == SKIPPED or result.known_issue else ""
    return f'<span class="{result.outcome}">{word}</span>{reason}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
