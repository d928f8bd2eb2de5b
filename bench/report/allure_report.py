"""The Allure report of a run as HTML: rendered by Allure 3, with the bench's verdict, without network and analytics.

It is an extra: results and verdict page need none of it. What Allure is told is in ``templates/allure.mjs``.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.errors import in_words
from bench.evidence import Outcome, TestResult
from bench.evidence.outcomes import KNOWN_ISSUE, LEFT_OUT
from bench.evidence.run_folder import ALLURE_RESULTS
from bench.evidence.summary import Summary
from bench.packages import package_folder
from bench.report.allure_environment import report_name
from bench.report.allure_history import runs_before
from bench.report.allure_program import AllureProgram, CannotRender, last_lines, run_bounded

MOST_BYTES_IN_ONE_FILE = 50_000_000
"""Of results: a page of some 100 MB, which a browser still opens in seconds; a run of 1,200 tests has a third of it."""
_SECONDS = 900
_SCRIPT = Path(__file__).parent / "templates" / "allure.mjs"
_ANALYTICS = re.compile(
    r'<script[^>]*src="https://www\.googletagmanager\.com[^>]*></script>\s*<script[^>]*>(?:(?!</script>).)*gtag\(.*?</script>',
    re.DOTALL,
)


def render(program: AllureProgram, folder: Path, summary: Summary, history: Path) -> Path:
    """Render a run's Allure results into its folder, and return the page to open.

    Up to 50 MB of results make one file, which opens from anywhere; more make a folder that needs a web server.

    Args:
        program: Node and Allure.
        folder: of the run.
        summary: of the run.
        history: the lab's file of earlier runs; it is only read.

    Raises:
        CannotRender: Allure failed; the text has its last lines.
    """
    results, report = folder.resolve() / ALLURE_RESULTS, folder.resolve() / "allure-report"
    try:
        shutil.rmtree(report, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="nrf91-bench-allure-") as scratch:
            told = Path(scratch) / "told.json"
            content = _told(program, results, summary) | {"output": str(report), "history": ""}
            earlier = _earlier_runs(history, summary, results)
            if earlier:
                content["history"] = str(Path(scratch) / "history.jsonl")
                Path(content["history"]).write_text("".join(json.dumps(line) + "\n" for line in earlier), "utf-8")
            told.write_text(json.dumps(content), encoding="utf-8")
            _run([str(program.node), str(_SCRIPT), str(told)], Path(scratch))
        page = report / "index.html"
        if not page.is_file():
            raise CannotRender(f"Allure ended well, but {page} is not there")
        for found in report.rglob("index.html"):
            found.write_text(_ANALYTICS.sub("", found.read_text(encoding="utf-8")), encoding="utf-8")
    except OSError as error:
        raise CannotRender(f"the HTML report was not rendered: {in_words(error)}") from error
    return page


def _earlier_runs(history: Path, summary: Summary, results: Path) -> list[dict[str, Any]]:
    try:
        return runs_before(history, summary, results)
    except OSError as error:
        raise CannotRender(f"the history of Allure, {history}, cannot be read: {in_words(error)}") from error


def is_one_file(folder: Path) -> bool:
    """Return whether a run's report is a single file."""
    return sum(path.stat().st_size for path in (folder / ALLURE_RESULTS).iterdir()) <= MOST_BYTES_IN_ONE_FILE


def _told(program: AllureProgram, results: Path, summary: Summary) -> dict[str, Any]:
    """Return what the script tells Allure."""
    categories = package_folder("nrf91_bench_reports") / "categories.json"
    return {
        "allure": str(program.allure),
        "results": str(results),
        "name": report_name(summary),
        "singleFile": is_one_file(results.parent),
        "categories": json.loads(categories.read_text(encoding="utf-8")),
        "boards": sorted({board.slot for board in summary.boards} | {result.slot for result in summary.results}),
        "verdict": {"ok": not summary.exit_code, "text": f"{summary.verdict}: {summary.reason}"},
        "planned": len(summary.results),
        "leftOut": LEFT_OUT,
        "limits": list(_limits(summary)),
    }


def _limits(summary: Summary) -> Iterator[dict[str, Any]]:
    """Yield the limits of the quality gate, by the plan where there is one: how many results of which outcomes."""
    judged = summary.qualification
    if judged is None:
        yield _limit(summary, "tests that did not pass", [outcome for outcome in Outcome if outcome.bad])
        return
    tolerated = [one.result for one in judged.waived]
    if judged.plan.flaky == "allow":
        tolerated += [result for result in summary.results if (result.test, result.slot) in summary.flaky]
    errors = int(judged.plan.lab_error_rate * len(summary.results))
    yield _limit(summary, "failures without a waiver", [Outcome.FAILED], excused=tolerated)
    yield _limit(summary, "known issues without a waiver", [KNOWN_ISSUE], excused=tolerated)
    yield _limit(summary, "lab errors", [Outcome.LAB_ERROR], errors)
    yield _limit(summary, "script errors, and tests that did not finish", [Outcome.SCRIPT_ERROR, Outcome.DIED])


def _limit(
    summary: Summary, name: str, outcomes: Iterable[str], most: int = 0, excused: Iterable[TestResult] = ()
) -> dict[str, Any]:
    """Return a limit; ``outcomes`` are found by the label that each result has."""
    return {
        "id": name,
        "outcomes": [outcome.replace("_", " ") for outcome in outcomes],
        "most": most,
        "controls": [board.slot for board in summary.boards if board.control],
        "excused": [[result.test, result.slot, str(result.round)] for result in excused],
    }


def _run(command: Sequence[str], folder: Path) -> None:
    code, output = run_bounded(command, _SECONDS, folder)
    if code is None:
        raise CannotRender(f"Allure did not end within {_SECONDS} s")
    if code:
        raise CannotRender(f"Allure ended with code {code}{last_lines(output)}")
