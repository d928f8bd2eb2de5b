"""What an Allure report says of the whole run: its name, its environment, and what went wrong outside of tests."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.evidence.summary import Summary
from bench.report.allure_files import attach_globally

_SIMULATED = "SIMULATED"
_MOST_ERRORS = 20
_KEY_ESCAPES = {ord(letter): f"\\{letter}" for letter in "\\ =:#!"}
_VALUE_ESCAPES = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r"}


def report_name(summary: Summary) -> str:
    """Return verdict, firmware and SIMULATED: ``PASSED, SIMULATED: mfw_nrf91x1_2.0.2, SLM 3.1.0``."""
    firmware = _some(board.firmware for board in summary.under_test) or "no board answered"
    return f"{_verdict(summary)}: {firmware}"


def environment(summary: Summary) -> dict[str, str]:
    """Return the facts of the report's first page, the most important first; their names are short enough for it."""
    boards = summary.under_test
    facts = {
        "Verdict": _verdict(summary),
        "Boards": ", ".join([str(len(boards)), *([_SIMULATED] if summary.simulated else ["on hardware"])]),
        "Firmware": _some(board.application_text for board in boards),
        "Modem firmware": _some(board.modem_firmware for board in boards),
        "Network profile": _some(board.profile for board in boards),
        "Run": summary.run,
        "Bench": f"nrf91-bench {summary.bench}" if summary.bench else "",
        "Plan": summary.qualification.plan.name if summary.qualification is not None else "",
        "Started": summary.started[:19].replace("T", " ") + " UTC" if summary.started else "",
        "Network": _some(board.network.text for board in boards),
        "Tests": summary.counted,
    }
    for board in summary.boards:
        parts = [board.part, board.firmware, *board.ids.values(), "control board" * board.control]
        facts[board.slot] = ", ".join(part for part in [*parts, _SIMULATED * board.simulated] if part)
    return {name: value for name, value in facts.items() if value}


def describe_run(folder: Path, summary: Summary, page: str) -> None:
    """Write the files that describe a run into its folder of Allure results; ``page`` is its verdict as HTML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "environment.properties").write_text(_properties(environment(summary)), encoding="ascii")
    executor = {"name": "nrf91-bench", "type": "nrf91-bench", "buildName": summary.run}
    (folder / "executor.json").write_text(
        json.dumps({**executor, "reportName": report_name(summary)}), encoding="utf-8"
    )
    attach_globally(folder, "verdict", page, list(_errors(summary))[:_MOST_ERRORS])


def _verdict(summary: Summary) -> str:
    return f"{summary.verdict}, {_SIMULATED}" if summary.simulated else summary.verdict


def _some(texts: Iterator[str]) -> str:
    """Return each text once, in order."""
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _errors(summary: Summary) -> Iterator[str]:
    """Yield what no test's result shows: suites that cannot be read, and why the run is not whole."""
    yield from (f"{path} cannot be read: {text}" for path, text in summary.script_errors.items())
    yield from (*summary.internal_errors, *summary.lost, *summary.troubles)


def _properties(facts: Mapping[str, str]) -> str:
    """Return facts as Java properties, which know no letters beyond ASCII."""
    lines = (f"{name.translate(_KEY_ESCAPES)} = {value.translate(_VALUE_ESCAPES)}\n" for name, value in facts.items())
    return "".join(map(_ascii, "".join(lines)))


def _ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    units = letter.encode("utf-16-be", "replace").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
