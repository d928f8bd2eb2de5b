"""What the history hands to other programs: runs and measurements as JSON and as CSV.

JSON (``nrf91-bench history list --json``)::

    {"schema": 1, "runs": [{
        "uid": "…", "run": "20261128T220000Z-4711", "started": "2026-11-28T22:00:00Z", "night": "2026-11-28",
        "seconds": 214.5, "verdict": "PASSED", "exit_code": 0, "simulated": false, "bench": "0.1.0",
        "boards": [{"name": "dk-1", "model": "nrf9151dk", "firmware": "mfw_nrf91x1_2.0.2, SLM 3.1.0",
                    "simulated": false, "control": false, "identity": "imei-0f98d271"}],
        "passed": 602, "failed": 0, "lab_errors": 0, "script_errors": 0, "skipped": 0, "died": 0, "known_issues": 1}]}

JSON (``nrf91-bench history show NAME --json``)::

    {"schema": 1, "measurements": [{
        "run": "…", "started": "…", "night": "2026-11-28", "board": "dk-1", "model": "nrf9151dk", "simulated": false,
        "modem_firmware": "…", "application": "slm", "application_version": "3.1.0", "test": "test_latency.py::…",
        "name": "TCP echo, 256", "unit": "ns", "round": 1, "count": 200,
        "figures": {"min": 1.0, "typical": 1.0, "p50": 1.0, "p90": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0,
                    "mean": 1.0},
        "verdict": "ok"}]}

``started`` is UTC, ``night`` the date on which the night began where the lab is, ``seconds`` null where unknown.
``figures`` holds those that are known, ``value`` alone for a single value. Times of measurements are nanoseconds.
A program must skip keys that it does not know; keys and their meanings stay as long as ``schema`` does.

CSV has the same in columns, a row a run or a measurement; a text that a spreadsheet would compute begins with an
apostrophe.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from bench.history.listing import ListedMeasurement, ListedRun
from bench.visible import cell

SCHEMA = 1
_COUNTS = {
    "passed": "passed",
    "failed": "failed",
    "lab_errors": "lab_error",
    "script_errors": "script_error",
    "skipped": "skipped",
    "died": "died",
}
_RUN = ("uid", "run", "started", "night", "seconds", "verdict", "exit_code", "simulated", "bench")
_BOARD = ("name", "identity", "model", "firmware", "simulated", "control")
_MEASUREMENT = (
    *("run", "started", "night", "board", "model", "simulated", "modem_firmware", "application", "application_version"),
    *("test", "name", "unit", "round", "count"),
)
_FIGURES = ("value", "min", "typical", "p50", "p90", "p95", "p99", "max", "mean")


def runs_json(runs: Iterable[ListedRun]) -> str:
    """Return runs as JSON."""
    return json.dumps({"schema": SCHEMA, "runs": [_run(one) for one in runs]}, indent=2)


def runs_csv(runs: Iterable[ListedRun]) -> str:
    """Return runs as CSV; boards and firmwares stand in one cell each, with semicolons between."""
    rows = []
    for one in runs:
        row = _run(one)
        boards = [board for board in one.boards if not board.control]
        row["boards"] = "; ".join(board.name for board in boards)
        row["firmware"] = "; ".join(dict.fromkeys(board.firmware for board in boards if board.firmware))
        rows.append(row)
    return _csv((*_RUN, "boards", "firmware", *_COUNTS, "known_issues"), rows)


def measurements_json(measurements: Iterable[ListedMeasurement]) -> str:
    """Return measurements as JSON."""
    return json.dumps({"schema": SCHEMA, "measurements": [asdict(one) for one in measurements]}, indent=2)


def measurements_csv(measurements: Iterable[ListedMeasurement]) -> str:
    """Return measurements as CSV, each figure in a column."""
    return _csv((*_MEASUREMENT, *_FIGURES, "verdict"), [{**asdict(one), **one.figures} for one in measurements])


def _run(one: ListedRun) -> dict[str, object]:
    facts = asdict(one)
    facts["run"] = one.name
    row: dict[str, object] = {name: facts[name] for name in _RUN}
    row["boards"] = [{name: board[name] for name in _BOARD} for board in facts["boards"]]
    row |= {name: one.counts[outcome] for name, outcome in _COUNTS.items()}
    return {**row, "known_issues": one.known_issues}


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(_plain(row.get(name))) for name in columns] for row in rows)
    return text.getvalue()


def _plain(value: object) -> object:
    """Return a value as CSV has it: true and false as JSON spells them, nothing where nothing is known."""
    return {None: "", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else value
