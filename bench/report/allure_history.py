"""Allure's history of a lab: ``allure-history.jsonl`` beside its history store, a line a run, as Allure 3 reads it.

A line is written when its run ends, by the bench and not by Allure: so a run that nobody renders is in the trend too,
one that is rendered twice is there once, and a report never holds runs that came after it.
"""

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from datetime import datetime
from hashlib import md5
from pathlib import Path
from typing import Any

from bench.evidence.outcomes import LEFT_OUT
from bench.evidence.summary import Summary
from bench.report.allure_environment import report_name
from bench.shared_files import open_plain, replace_plain

MOST_RUNS = 30
"""How many simulated runs, and how many on hardware, are kept: each adds to the size of every report."""
_MOST_LETTERS = 500


def history_beside(store: Path) -> Path:
    """Return the file that belongs to a history store."""
    return store.with_name(f"allure-{store.stem}.jsonl")


def remember_run(file: Path, results: Path, summary: Summary) -> None:
    """Add a run, or put it in the place of what was known of it.

    Args:
        file: of the lab's runs; made if need be. Several processes may write it at the same time.
        results: folder of the run's Allure results.
        summary: of the run.

    Raises:
        OSError: the file cannot be read or written.
    """
    own = _line(results, summary)
    if not own["testResults"]:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        kept = [line for line in _read(file) if line["uuid"] != own["uuid"]]
        alike = [line for line in (*kept, own) if line["simulated"] == own["simulated"]]
        alike = sorted(alike, key=_moment)[-MOST_RUNS:]
        others = [line for line in kept if line["simulated"] != own["simulated"]]
        text = "".join(json.dumps(line) + "\n" for line in sorted((*others, *alike), key=_moment))
        replace_plain(file, text, 0o644)


def runs_before(file: Path, summary: Summary, results: Path) -> list[dict[str, Any]]:
    """Return the lines of earlier runs that share a test with a run; simulated ones only for a simulated run."""
    own = _line(results, summary)
    tests = set(own["testResults"])
    return [
        line
        for line in _read(file)
        if line["simulated"] == own["simulated"] and _moment(line) < _moment(own) and tests & set(line["testResults"])
    ]


def _line(results: Path, summary: Summary) -> dict[str, Any]:
    """Return a run as Allure's own ``appendHistory`` would; ``simulated`` is ours, and Allure does not read it."""
    found = _last_results(results)
    return {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"nrf91-bench {summary.run} {summary.started}")),
        "name": report_name(summary),
        "timestamp": _epoch_ms(summary.started),
        "simulated": summary.simulated,
        "knownTestCaseIds": sorted({_md5(result["testCaseId"]) for result in found.values()}),
        "testResults": {key: _item(key, result) for key, result in found.items()},
        "metrics": {},
        "url": "",
    }


def _item(key: str, result: dict[str, Any]) -> dict[str, Any]:
    start, stop = int(result.get("start") or 0), int(result.get("stop") or 0)
    message = (result.get("statusDetails") or {}).get("message")
    return {
        "id": _md5(result["uuid"]),
        "name": result.get("name", ""),
        "fullName": result.get("fullName", ""),
        "status": result.get("status", "unknown"),
        **({"message": message[:_MOST_LETTERS]} if message else {}),
        "start": start,
        "stop": stop,
        "duration": max(0, stop - start),
        "labels": [],
        "url": "",
        "historyId": key,
        "reportLinks": [],
    }


def _last_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last result of each test at its place that counts, by the id that Allure 3 gives its history."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*-result.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # cut off: no report shows it either
            result = json.loads(path.read_text(encoding="utf-8"))
            key = _history_id(result)
            if {"name": "outcome", "value": LEFT_OUT} in result["labels"]:
                continue  # it counts nowhere
            if key not in found or int(result["start"]) >= int(found[key]["start"]):
                found[key] = result
    return found


def _history_id(result: dict[str, Any]) -> str:
    """Return Allure 3's id (calculateHistoryId in its store): of the test case, and of the parameters that count."""
    counting = sorted((one["name"], one["value"]) for one in result["parameters"] if not one.get("excluded"))
    return f"{_md5(result['testCaseId'])}.{_md5(','.join(f'{name}:{value}' for name, value in counting))}"


def _read(file: Path) -> list[dict[str, Any]]:
    """Return the lines of the file that are whole; a broken one costs its run, and no other."""
    lines = []
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            content = json.loads(line)
            content["uuid"], content["simulated"], content["testResults"].keys, _moment(content)
            lines.append(content)
    return lines


def _moment(line: dict[str, Any]) -> int:
    return int(line["timestamp"])


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock beside a file, which every writer takes."""
    descriptor = open_plain(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _epoch_ms(utc: str) -> int:
    try:
        return round(datetime.fromisoformat(utc).timestamp() * 1000)
    except ValueError:
        return 0


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
