"""The verdict as a page: static HTML without scripts, and the same as Markdown."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench import __version__
from bench.config.plan import FILE as PLAN_FILE
from bench.config.plan import Waiver, digest
from bench.evidence.figures import Figure
from bench.evidence.places import network_text
from bench.evidence.results import DIED, FAILED, LAB_ERROR, PASSED, SKIPPED, WORDS, TestResult
from bench.evidence.stream import FILE as STREAM
from bench.evidence.summary import Summary, Told
from bench.measure import shown
from bench.report.lab_time import lab_clock, lab_time
from bench.report.matrix import Cell, matrix
from bench.report.specification import Specification

_COLOURS = {
    "PASSED": "#1a7f37",
    "QUALIFIED": "#1a7f37",
    "FAILED": "#b42318",
    "NOT QUALIFIED": "#b42318",
    "INCOMPLETE": "#9a6700",
}
# A page of a bad night stays a page.
_MOST_FAILURES, _MOST_LETTERS, _MOST_DEVIATING = 40, 2500, 8
_MOST_NAMED = 8
_LINE = 300
_ANY_NUMBER = re.compile(r"\d[\d.,]*(?: [num]?s\b)?")
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


def write_pages(folder: Path, summary: Summary, specification: Specification) -> None:
    """Writes ``verdict.html`` and ``verdict.md`` into a run's folder."""
    (folder / "verdict.html").write_text(html_page(summary, specification, folder), encoding="utf-8")
    (folder / "verdict.md").write_text(markdown_page(summary), encoding="utf-8")


def html_page(summary: Summary, specification: Specification | None = None, folder: Path | None = None) -> str:
    """The page: self-contained, without scripts, readable in print."""
    simulated = ' <span class="simulated">SIMULATED</span>' if summary.simulated else ""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(summary.verdict)} {escape(summary.run)}</title><style>{_STYLE}</style>",
        f'<h1 style="color:{_COLOURS[summary.verdict]}">{escape(summary.verdict)}{simulated}</h1>',
        *_reasons(summary),
        f"<p>{escape(_when(summary))}</p>",
        *_incidents(summary),
        *_wrong(summary),
        *_compared(summary),
        *_excused(summary),
    ]
    parts += ["<h2>Boards</h2>", _table(("board", "what it says about itself", "port"), _board_rows(summary))]
    parts += [
        f"<p>Network of {escape(slot)}, tried out: {escape('; '.join(told))}</p>"
        for slot, told in summary.surveys.items()
    ]
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
    parts += _scenarios(summary)
    if specification is not None:
        parts += ["<h2>Specification</h2>", _traceability(specification, summary)]
    parts.append(f"<p><small>{escape(_provenance(summary, folder))}</small></p></html>")
    return "\n".join(parts) + "\n"


def _reasons(summary: Summary) -> list[str]:
    """The verdict in words; with a plan its name and its waivers come first."""
    judged = summary.qualification
    if judged is None:
        return [f"<p>{escape(summary.reason)}</p>"]
    waivers = len({one.waiver for one in judged.waived})
    parts = [f"<p><b>Plan {escape(judged.plan.name)}; waivers used: {waivers}</b></p>"]
    why = [*judged.against, *judged.missing]
    parts.append("<ul>" + "".join(f"<li>{escape(text)}" for text in why) + "</ul>" if why else "")
    return [*parts, f"<p>{escape(summary.counted)}</p>"]


def _wrong(summary: Summary) -> list[str]:
    """What did not pass, a test or a cause of the lab's once."""
    groups: dict[tuple[str, str], list[TestResult]] = {}
    for result in summary.results:
        if result.outcome in (FAILED, LAB_ERROR, DIED):
            said = result.message.partition("\n")[0] if result.outcome == FAILED else result.message
            alike = _ANY_NUMBER.sub("#", said)
            cause = f"{result.test} {alike}" if result.outcome == FAILED else alike
            groups.setdefault((result.outcome, cause), []).append(result)
    if not groups:
        return []
    excuses = _excuses(summary)
    shown = [
        _failure(same, summary.earlier.get(same[0].test, ""), excuses.get(id(same[0]), ""))
        for same in list(groups.values())[:_MOST_FAILURES]
    ]
    rest = len(groups) - len(shown)
    return ["<h2>What went wrong</h2>", *shown, f"<p>and {rest} more, see results.jsonl</p>" if rest > 0 else ""]


def _excuses(summary: Summary) -> dict[int, str]:
    """Of the results that a plan's waivers excuse: by whom, and until when."""
    waived = summary.qualification.waived if summary.qualification is not None else ()
    return {id(one.result): f"waived until {one.waiver.expires} ({one.waiver.owner})" for one in waived}


def _compared(summary: Summary) -> list[str]:
    """Regressions first, by size; what could not be judged, with why, once."""
    if summary.comparison is None:
        return []
    told = summary.comparison
    rows = [row for row in told["measurements"] if row["change"] is not None]
    unjudged = Counter(row["why"] for row in told["measurements"] if row["verdict"] == "not enough evidence")
    head = ("measurement", "baseline", "candidate", "difference", "interval", "finds from", "units", "verdict")
    return [
        f"<h2>Compared with {escape(str(told['baseline']))}</h2>",
        f"<p>{escape(told['verdict'])}: {escape(told['reason'])}</p>",
        _table(head, [_comparison_row(row) for row in rows]) if rows else "",
        *(f"<p>not judged: {count} x {escape(why)}</p>" for why, count in unjudged.items()),
        f"<p><small>False alarms of this lab: {escape(told['false_alarms'])}. Effective n of a measurement is the"
        " number of its rounds, boards or nights, never of its samples.</small></p>",
    ]


def _comparison_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    unit = row["unit"]
    values = [escape(shown(row[side], unit)) if row[side] is not None else "" for side in ("baseline", "candidate")]
    where = " ".join(row[name] for name in ("model", "access", "operator") if row[name])
    known = row["change"] is not None and row["low"] is not None
    told = (f"{row['change']:+.1%}", f"{row['low']:+.1%} to {row['high']:+.1%}") if known else ("", "")
    finds = f"{row['detectable']:.0%}" if row["detectable"] is not None else ""
    kind = {"regression": "failed", "improvement": "passed"}.get(row["verdict"], "")
    name = f"{escape(row['measurement'])}<br><small>{escape(where)}</small>"
    return (name, *values, *told, finds, escape(row["units"]), f'<span class="{kind}">{row["verdict"]}</span>')


def _excused(summary: Summary) -> list[str]:
    """Waivers, known issues, flaky and retried tests, skips: whatever is not plainly passed or failed."""
    parts = []
    if summary.qualification is not None and summary.qualification.waived:
        waived = {one.result.test: one.waiver for one in summary.qualification.waived}
        tests = _by_test(one.result for one in summary.qualification.waived)
        rows = [(_linked(same[0]), escape(_places(same)), *_waiver_cells(waived[same[0].test])) for same in tests]
        head = ("test", "board", "as", "why", "reference", "owner", "until")
        parts += ["<h2>Waived</h2>", _table(head, rows)]
    issues = _by_test(result for result in summary.results if result.known_issue)
    known = [(_linked(same[0]), escape(_places(same)), escape(_reason(same[0]))) for same in issues]
    if known:
        parts += ["<h2>Known issues</h2>", _table(("test", "board", "what is known"), known)]
    flaky = [
        (f"<code>{escape(test)}</code>", escape(slot), "failed in one round, passed in another")
        for test, slot in summary.flaky
    ]
    flaky += [(_linked(r), escape(r.slot), f"first {escape(r.earlier)}") for r in summary.results if r.retried]
    if flaky:
        parts += ["<h2>Flaky, or passed when tried again</h2>", _table(("test", "board", "how"), flaky)]
    skipped = Counter(result.message for result in summary.results if result.outcome == SKIPPED)
    if skipped:
        reasons = [(str(count), _plain(reason)) for reason, count in skipped.most_common(_MOST_FAILURES)]
        parts += ["<h2>Skipped</h2>", _table(("tests", "reason"), reasons)]
    return parts


def _waiver_cells(waiver: Waiver) -> list[str]:
    texts = (waiver.kind, waiver.reason, waiver.reference, waiver.owner, str(waiver.expires))
    return [escape(text) for text in texts]


def _reason(result: TestResult) -> str:
    return result.message.removeprefix("known issue: ")[:_LINE]


def _scenarios(summary: Summary) -> list[str]:
    """The matrix: scenario by kind of board, deviating boards named."""
    compared = (summary.comparison or {}).get("measurements", ())
    found = matrix(summary.results, summary.boards, summary.measurements, compared)
    rows = []
    for scenario, cells in found.cells.items():
        row = [f"<code>{escape(scenario)}</code>"]
        row += [_cell(cells[kind]) if kind in cells else "" for kind in found.kinds]
        rows.append(row)
    return ["<h2>Scenarios</h2>", _table(("scenario", *found.kinds), rows)]


def _cell(cell: Cell) -> str:
    first = next((r.transcript for r in [*cell.deviating, *cell.results] if r.transcript), "")
    text = f'<a href="{escape(first)}">{cell.text}</a>' if first else cell.text
    lines = [text if cell.worst in (PASSED, SKIPPED) else f'<span class="{cell.worst}">{text}</span>']
    lines += [f"<small>{escape(line)}</small>" for line in cell.measured]
    for result in cell.deviating[:_MOST_DEVIATING]:
        turn = f", round {result.round}" if result.round > 1 else ""
        lines.append(f"<small>{escape(result.slot)}{turn}: {WORDS[result.outcome]}</small>")
    return "<br>".join(lines)


def _traceability(specification: Specification, summary: Summary) -> str:
    date = summary.ended[:10]
    rows = []
    for statement in specification.statements.values():
        if statement.scenarios:
            rows.append((f"<code>{statement.id}</code>", escape(specification.last(statement, date))))
    untested = sum(not statement.scenarios for statement in specification.statements.values())
    note = f"<p>{untested} statements were not part of this run.</p>" if untested else ""
    return _table(("statement", "last result: scenarios, date, firmware"), rows) + note


def _provenance(summary: Summary, folder: Path | None) -> str:
    parts = [f"run {summary.run}", f"nrf91-bench {__version__}"]
    if folder is not None:
        parts.append(f"evidence results.jsonl sha256 {digest(folder / STREAM)}")
        if summary.qualification is not None:
            parts.append(f"plan sha256 {digest(folder / PLAN_FILE)}")
    return ", ".join(parts) + "; a result leads to its transcript"


def _incidents(summary: Summary) -> list[str]:
    """What befell several boards together, and what the control board says of the network."""
    parts = ["<h2>Incidents</h2>"] if summary.incidents else []
    parts += [f"<p>{escape(_at(told))}</p>" for told in summary.incidents]
    return [*parts, f"<p>{escape(control_line(summary))}</p>"] if summary.control_probes else parts


def control_line(summary: Summary) -> str:
    """What the control board says of the network."""
    bad, untold, probes = summary.control_failures, summary.control_untold, summary.control_probes
    good = probes - len(bad) - len(untold)
    parts = [f"the network was good in {good} of {probes} probes"]
    if bad:
        parts = [f"the network was bad in {len(bad)} of {probes} probes, first {_at(bad[0])}"]
    if untold:
        parts.append(f"it could say nothing in {len(untold)}, first {_at(untold[0])}")
    return f"Control board: {'; '.join(parts)}"


def markdown_page(summary: Summary) -> str:
    """The same for a job page or a mail."""
    lines = [f"# {summary.verdict}{' (SIMULATED)' if summary.simulated else ''}", "", summary.reason, ""]
    lines += [f"* {board}" for board in (board_line(board) for board in summary.boards)]
    told, excuses = 0, _excuses(summary)
    lines += ["", *(f"* incident {_at(told)}" for told in summary.incidents)] if summary.incidents else []
    lines += ["", f"* {control_line(summary)}"] if summary.control_probes else []
    for result in summary.results:
        if result.outcome in (FAILED, LAB_ERROR, DIED):
            first = result.message.split("\n", 1)[0]
            told += 1
            if told <= _MOST_FAILURES:
                excuse = f" ({_plain(excuses[id(result)])})" if id(result) in excuses else ""
                lines += [
                    "",
                    f"**{WORDS[result.outcome]}**{excuse} `{result.test}` on {result.slot}",
                    "",
                    _plain(first),
                ]
    if told > _MOST_FAILURES:
        lines += ["", f"and {told - _MOST_FAILURES} more"]
    if summary.comparison is not None:
        found = summary.comparison
        lines += ["", f"Compared with {found['baseline']}: {found['verdict']}, {found['reason']}"]
    retried = [result for result in summary.results if result.retried]
    if retried:
        lines += ["", "Passed only when tried again:", ""]
        lines += [f"* `{result.test}` on {result.slot}: first {result.earlier}" for result in retried]
    if summary.flaky:
        lines += ["", "Flaky, failed in one round and passed in another:", ""]
        lines += [f"* `{test}` on {slot}" for test, slot in summary.flaky]
    known = sorted({(r.test, r.message.partition("\n")[0]) for r in summary.results if r.known_issue})
    if known:
        lines += ["", "Known issues:", "", *(f"* `{test}`: {_plain(why)}" for test, why in known[:_MOST_FAILURES])]
    skips = sorted({(r.message, r.outcome) for r in summary.results if r.outcome == SKIPPED})
    if skips:
        lines += ["", "Skipped:", "", *(f"* {_plain(reason)}" for reason, _ in skips[:_MOST_FAILURES])]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A line of text from elsewhere, for Markdown: no HTML, and no longer than a line should be."""
    return escape(text[:_LINE])


def board_line(board: Mapping[str, Any]) -> str:
    """A board in one line: slot, part, firmware, SLM version, short ids."""
    parts = [board.get("part"), board.get("modem_firmware"), f"SLM {board.get('slm_version', '?')}"]
    parts += [network_text(board.get("network") or {})]
    parts += list((board.get("ids") or {}).values())
    text = "   ".join(str(part) for part in parts if part)
    return f"{board.get('slot', '')}   {text}{'   SIMULATED' if board.get('simulated') else ''}"


def _when(summary: Summary) -> str:
    return f"{lab_time(summary.started)} to {lab_clock(summary.ended)}, nrf91-bench {__version__}"


def _at(told: Told) -> str:
    return f"{lab_clock(told.utc)} {told.text}"


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


def _failure(same: Sequence[TestResult], earlier: str, excuse: str) -> str:
    """Results of one cause, with the names of all their tests."""
    first = same[0]
    kept = {"transcript": first.transcript, "log": first.log, "collected for support": first.support}
    links = ", ".join(f'<a href="{escape(path)}">{name}</a>' for name, path in kept.items() if path)
    message = first.message or "the test did not finish: its process ended or the run was interrupted"
    others = sorted({result.test for result in same} - {first.test})
    more = f", {escape(earlier)}" if earlier else ""
    more += f", <b>{escape(excuse)}</b>" if excuse else ""
    if others:
        named = ", ".join(f"<code>{escape(test)}</code>" for test in others[:_MOST_NAMED])
        rest = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        more += f"<br><small>so did {named}{rest}</small>"
    more += f"<br><small>{escape(first.radio)}</small>" if first.radio else ""
    return (
        f"<p>{_outcome(first)} <code>{escape(first.test)}</code> on {escape(_places(same))}{more}</p>"
        f"<pre>{escape(message[:_MOST_LETTERS])}</pre>" + (f"<p>{links}</p>" if links else "")
    )


def _places(same: Sequence[TestResult]) -> str:
    """``dk-1 (2), dk-2``: the boards of results, with how many each has."""
    counts = Counter(result.slot for result in same)
    told = [f"{slot} ({count})" if count > 1 else slot for slot, count in sorted(counts.items())]
    return ", ".join(told)


def _by_test(results: Iterable[TestResult]) -> list[list[TestResult]]:
    groups: dict[str, list[TestResult]] = {}
    for result in results:
        groups.setdefault(result.test, []).append(result)
    return list(groups.values())


def _linked(result: TestResult) -> str:
    name = f"<code>{escape(result.test)}</code>"
    return f'<a href="{escape(result.transcript)}">{name}</a>' if result.transcript else name


def _outcome(result: TestResult) -> str:
    word = WORDS[result.outcome] + (" (known issue)" if result.known_issue else "")
    if result.earlier:
        return f'<span class="{result.outcome}">{word}</span> when tried again; first {escape(result.earlier)}'
    reason = f": {escape(result.message)}" if result.outcome == SKIPPED or result.known_issue else ""
    return f'<span class="{result.outcome}">{word}</span>{reason}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"
