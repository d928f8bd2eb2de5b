"""What a shell may complete: suites, boards, runs, measurements, tests. Asked at each press of Tab.

So each function imports only what it needs, opens no port, and takes a file that it cannot read for one that is empty:
:mod:`bench.cli.shell` keeps what goes wrong from the screen.
"""

import ast
import json
import os
import sqlite3
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.packages import SUITES, bundled_suites, package_folder

_BENCH_TOML = Path("bench.toml")
_RUNS = Path("reports") / "runs"
_HISTORY = Path("reports") / "history.sqlite"
_STREAM = "results.jsonl"
_OF_RUNS = {"name": "slot", "model": "model", "group": "side", "operator": "operator"}
"""Kinds of conditions -> columns of the history."""
_MOST = 200


def suites(incomplete: str) -> list[str]:
    """Return the names of the bench's own suites."""
    return _beginning(bundled_suites(), incomplete)


def simulate(incomplete: str) -> list[str]:
    """Return the words of ``--simulate``, and small numbers."""
    return _beginning(("never", "auto", "1", "2", "4"), incomplete)


def firmwares(incomplete: str) -> list[str]:
    """Return the firmwares of simulated boards."""
    from bench.simulator import FIRMWARES

    return _beginning(FIRMWARES, incomplete)


def models(incomplete: str) -> list[str]:
    """Return the models of simulated boards."""
    from bench.simulator import MODELS

    return _beginning(MODELS, incomplete)


def boards(incomplete: str) -> list[str]:
    """Return selectors of the inventory's boards and of attached ones; of several conditions the last is completed."""
    before, comma, last = incomplete.rpartition(",")
    facts = _facts_of_boards()
    words = [value for kind, values in facts.items() for value in values if kind != "place"]
    words += [f"{kind}={value}" for kind, values in facts.items() for value in values if value]
    words += _firmwares_of_history() + ([] if comma else ["all"])
    return [f"{before}{comma}{word}" for word in _beginning(words, last)]


def runs(incomplete: str) -> list[str]:
    """Return the folders of runs, the latest first."""
    folders = sorted(_RUNS.iterdir(), reverse=True) if _RUNS.is_dir() else []
    return _beginning((str(folder) for folder in folders if (folder / _STREAM).is_file()), incomplete)


def choices(incomplete: str) -> list[str]:
    """Return what ``compare`` compares: firmwares, boards and nights of the history, and runs."""
    before, comma, last = incomplete.rpartition(",")
    words = [] if comma else runs(incomplete)
    words += _firmwares_of_history()
    for kind, column in _OF_RUNS.items():
        words += [
            f"{kind}={value}" for value in _of_history(f"SELECT DISTINCT {column} FROM boards WHERE {column} <> ''")
        ]
    words += _of_history("SELECT DISTINCT night FROM runs ORDER BY night DESC")
    return [f"{before}{comma}{word}" for word in _beginning(words, last)]


def measurements(incomplete: str) -> list[str]:
    """Return the names of the measurements that the history has."""
    return _beginning(_of_history("SELECT DISTINCT name FROM series ORDER BY name"), incomplete)


def plans(incomplete: str) -> list[str]:
    """Return the plans near the working folder; a shell completes other paths by itself."""
    folder = Path(incomplete).parent if "/" in incomplete else Path()
    found = (str(path) for path in sorted((*folder.glob("*.toml"), *folder.glob("*/*.toml"))) if _is_plan(path))
    return _beginning(found, incomplete)


def complete_tests(incomplete: str) -> list[str]:
    """Return ids of tests, or their names alone: those of the last run with their parameters, others as written."""
    ids = list(dict.fromkeys((*_tests_of_last_run(), *_tests_as_written())))
    names = [test.rpartition("::")[2] for test in ids]
    return _beginning(dict.fromkeys((*ids, *names) if ".py" in incomplete else (*names, *ids)), incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin so: no empty ones, no repeated ones, and none that is not one line of text."""
    fitting = (word for word in words if word and word.startswith(incomplete) and word.isprintable())
    return list(dict.fromkeys(fitting))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


def _is_plan(path: Path) -> bool:
    return {"name", "boards"} <= _toml(path).keys()


def _facts_of_boards() -> dict[str, list[str]]:
    """Return what is known of boards without asking them, by the kinds of conditions."""
    found: dict[str, list[str]] = {kind: [] for kind in ("name", "model", "serial", "place", "label")}
    for entry in _toml(_BENCH_TOML).get("boards", ()):
        for kind in ("name", "model", "serial", "place"):
            found[kind].append(str(entry.get(kind, "")))
        found["label"] += map(str, entry.get("labels", ()))
    from bench.boards import Catalog, attached_boards

    ranks: dict[str, int] = {}
    for board in attached_boards(Catalog()):
        rank = ranks[board.model] = ranks.get(board.model, 0) + 1
        if board.serial not in found["serial"] and board.place not in found["place"]:
            found["name"].append(f"{board.model}-{rank}")
        found["model"].append(board.model)
        found["serial"].append(board.serial)
        found["place"].append(board.place)
    return found


def _firmwares_of_history() -> list[str]:
    """Return the conditions that choose a firmware which the history knows."""
    return [
        *_of_history("SELECT DISTINCT 'modem=' || modem_firmware FROM boards WHERE modem_firmware <> ''"),
        *_of_history("SELECT DISTINCT application || '=' || application_version FROM boards WHERE application <> ''"),
    ]


def _of_history(query: str) -> list[str]:
    """Return the texts that a query gives. :mod:`bench.history` is not imported: numpy takes longer than the query."""
    path = Path(os.environ.get("NRF91_BENCH_HISTORY") or _toml(_BENCH_TOML).get("history") or _HISTORY)
    if not path.is_file():
        return []
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.2)
    try:
        return [str(value) for (value,) in connection.execute(query).fetchmany(_MOST)]
    finally:
        connection.close()


def _tests_of_last_run() -> Iterator[str]:
    """Yield the ids of the tests that the last run planned; they stand at the beginning of its stream."""
    for folder in runs("")[:1]:
        with (Path(folder) / _STREAM).open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                if '"type":"start"' in line:
                    return
                if '"type":"plan"' in line:
                    yield str(json.loads(line)["test"])


def _tests_as_written() -> Iterator[str]:
    """Yield the ids of the bench's own tests without their parameters."""
    for file in sorted(package_folder(SUITES).glob("test_*.py")):
        for outer in ast.parse(file.read_bytes()).body:
            inner = outer.body if isinstance(outer, ast.ClassDef) else [outer]
            prefix = f"{file.name}::{outer.name}::" if isinstance(outer, ast.ClassDef) else f"{file.name}::"
            yield from (
                f"{prefix}{one.name}"
                for one in inner
                if isinstance(one, ast.FunctionDef) and one.name.startswith("test")
            )
