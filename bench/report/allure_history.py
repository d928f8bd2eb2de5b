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
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from bench.evidence.outcomes import LEFT_OUT
from bench.evidence.summary import Summary
from bench.report.allure_environment import report_name
from bench.report.allure_results import WrittenResult, written_results
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
    if not own.tests:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        kept = [line for line in _read(file) if line.uuid != own.uuid]
        alike = [line for line in (*kept, own) if line.simulated == own.simulated]
        alike = sorted(alike, key=_moment)[-MOST_RUNS:]
        others = [line for line in kept if line.simulated != own.simulated]
        replace_plain(file, "".join(line.text + "\n" for line in sorted((*others, *alike), key=_moment)), 0o644)


def runs_before(file: Path, summary: Summary, results: Path) -> list[dict[str, Any]]:
    """Return the lines of earlier runs that share a test with a run; simulated ones only for a simulated run."""
    own = _line(results, summary)
    earlier = (line for line in _read(file) if line.simulated == own.simulated and line.timestamp < own.timestamp)
    return [json.loads(line.text) for line in earlier if own.tests.keys() & line.tests.keys()]


class _Line(msgspec.Struct, rename={"tests": "testResults"}):
    """A run in the file, as far as the bench itself looks at it, and the text of its line, which is only copied."""

    uuid: str
    simulated: bool
    timestamp: int
    tests: dict[str, msgspec.Raw]
    text: str = ""

    @classmethod
    def read(cls, text: str) -> "_Line":
        """Raises: ValueError: it is not the line of a run."""
        line = _LINE.decode(text)
        line.text = text
        return line


_LINE = msgspec.json.Decoder(_Line)
_moment = attrgetter("timestamp")


def _line(results: Path, summary: Summary) -> _Line:
    """Return a run as Allure's own ``appendHistory`` would; ``simulated`` is ours, and Allure does not read it."""
    found = _last_results(results)
    content = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"nrf91-bench {summary.run} {summary.started}")),
        "name": report_name(summary),
        "timestamp": _epoch_ms(summary.started),
        "simulated": summary.simulated,
        "knownTestCaseIds": sorted({_md5(result.test_case_id) for result in found.values()}),
        "testResults": {key: _item(key, result) for key, result in found.items()},
        "metrics": {},
        "url": "",
    }
    return _Line.read(json.dumps(content))  # in ASCII: to Node, further characters end a line


def _item(key: str, result: WrittenResult) -> dict[str, Any]:
    message = result.status_details.message if result.status_details is not None else None
    return {
        "id": _md5(result.uuid),
        "name": result.name,
        "fullName": result.full_name,
        "status": result.status,
        **({"message": message[:_MOST_LETTERS]} if message else {}),
        "start": result.start,
        "stop": result.stop,
        "duration": max(0, result.stop - result.start),
        "labels": [],
        "url": "",
        "historyId": key,
        "reportLinks": [],
    }


def _last_results(folder: Path) -> dict[str, WrittenResult]:
    """Return the last result of each test at its place that counts, by the id that Allure 3 gives its history."""
    found: dict[str, WrittenResult] = {}
    for result in written_results(folder):
        left_out = any((label.name, label.value) == ("outcome", LEFT_OUT) for label in result.labels)
        if left_out or not result.test_case_id:
            continue  # it counts nowhere, or Allure would not know it again
        key = _history_id(result)
        if key not in found or result.start >= found[key].start:
            found[key] = result
    return found


def _history_id(result: WrittenResult) -> str:
    """Return Allure 3's id (calculateHistoryId in its store): of the test case, and of the parameters that count."""
    return f"{_md5(result.test_case_id)}.{_md5(','.join(f'{name}:{value}' for name, value in result.counting))}"


def _read(file: Path) -> list[_Line]:
    """Return the lines of the file that are whole; a broken one costs its run, and no other."""
    lines = []
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            lines.append(_Line.read(line))
    return lines


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
