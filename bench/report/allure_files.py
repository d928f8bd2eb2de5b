"""Files of an Allure results folder that can be written without Allure: environment and pages of the whole report."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Placeholder:
    """A result that stands for a planned test until its own is written. Entered, the test runs.

    Attributes:
        folder: of the results.
        key: distinguishes the test at its place from all others in this run.
        name, full_name: of the test, as Allure has them.
        history_id: distinguishes the test at its place from all others, over runs.
        parameters: of the test, and where it runs.
        suite: its file.
    """

    folder: Path
    key: str
    name: str
    full_name: str
    history_id: str
    parameters: Mapping[str, str]
    suite: str

    @property
    def _path(self) -> Path:
        return self.folder / f"{md5(self.key.encode(), usedforsecurity=False).hexdigest()}-result.json"

    def __enter__(self) -> Self:
        self.write(started=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A test that was interrupted, perhaps before Allure's plugin had begun a result, keeps it.
        if kind is None or self._has_result():
            self._path.unlink(missing_ok=True)

    def write(self, *, started: bool = False) -> None:
        """Write it, complete or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self._content(started=started)), encoding="utf-8")
        temporary.replace(self._path)

    def _content(self, *, started: bool) -> dict[str, Any]:
        now = round(time.time() * 1000)
        why = "the bench's process died during this test" if started else "planned, but never run"
        return {
            "uuid": str(uuid.uuid4()),
            "name": self.name,
            "fullName": self.full_name,
            "testCaseId": md5(self.full_name.encode(), usedforsecurity=False).hexdigest(),
            "historyId": self.history_id,
            "status": "broken",
            "statusDetails": {"message": why},
            "parameters": [{"name": name, "value": value} for name, value in self.parameters.items()],
            "labels": [{"name": "tag", "value": "bench-died"}, {"name": "suite", "value": self.suite}],
            "start": now,
            "stop": now + 1,
        }

    def _has_result(self) -> bool:
        """Return whether the test's own result is there."""
        others = (path for path in self.folder.glob("*-result.json") if path != self._path)
        return any(f'"{self.history_id}"' in path.read_text(encoding="utf-8", errors="replace") for path in others)


def write_environment(folder: Path, slot: str, facts: Mapping[str, str]) -> None:
    """Add a board's facts to the report's environment, under its slot."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "environment.properties").open("a", encoding="utf-8") as file:
        for name, value in facts.items():
            file.write(f"{slot}.{name} = {value}\n")


def count_results(folder: Path) -> int:
    """Return how many results a report would show: equal ones count once, as a renderer takes them for retries."""
    shown = set()
    for path in folder.glob("*-result.json"):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # cut off: no report would show it
            continue
        parameters = sorted((p["name"], p["value"]) for p in result.get("parameters", ()))
        shown.add((result.get("fullName"), tuple(parameters)))
    return len(shown)


def attach_globally(folder: Path, name: str, page: str) -> None:
    """Attach an HTML page to the whole report; a second call for the same name replaces the first."""
    stem = md5(name.encode(), usedforsecurity=False).hexdigest()
    source = f"{stem}-attachment.html"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / source).write_text(page, encoding="utf-8")
    row = {"name": name, "source": source, "type": "text/html"}
    (folder / f"{stem}-globals.json").write_text(json.dumps({"attachments": [row]}), encoding="utf-8")
