"""Files of an Allure results folder that can be written without Allure: placeholders, pages of the whole report."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any, Self

SCRIPT_ERROR = "script error"
"""How the message of such a result begins: reports/categories.json finds it by that."""


@dataclass(frozen=True)
class Placeholder:
    """A result that stands for a planned test until its own is written. Entered, the test runs.

    Attributes:
        folder: of the results.
        key: distinguishes the test at its place from all others in this run.
        name, full_name: of the test, as Allure has them.
        case_id: distinguishes the test with its parameters from all others.
        history_id: distinguishes that at its place from all others, over runs.
        parameters: of the test.
        place: where it runs.
        labels: of the result that is to come.
    """

    folder: Path
    key: str
    name: str
    full_name: str
    case_id: str
    history_id: str
    parameters: Mapping[str, str]
    place: Mapping[str, str]
    labels: Mapping[str, str]

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
            "testCaseId": self.case_id,
            "historyId": self.history_id,
            "status": "broken",
            "statusDetails": {"message": why},
            "parameters": [
                *({"name": name, "value": value, "excluded": True} for name, value in self.parameters.items()),
                *({"name": name, "value": value} for name, value in self.place.items()),
            ],
            "labels": [{"name": name, "value": value} for name, value in {**self.labels, "outcome": "died"}.items()],
            "start": now,
            "stop": now + 1,
        }

    def _has_result(self) -> bool:
        """Return whether the test's own result is there."""
        others = (path for path in self.folder.glob("*-result.json") if path != self._path)
        return any(f'"{self.history_id}"' in path.read_text(encoding="utf-8", errors="replace") for path in others)


def count_results(folder: Path) -> int:
    """Return how many results a report would show: equal ones count once, as a renderer takes them for retries."""
    shown = set()
    for path in folder.glob("*-result.json"):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # cut off: no report would show it
            continue
        counting = sorted((p["name"], p["value"]) for p in result.get("parameters", ()) if not p.get("excluded"))
        shown.add((result.get("testCaseId") or result.get("fullName"), tuple(counting)))
    return len(shown)


def attach_globally(folder: Path, name: str, page: str, errors: Sequence[str] = ()) -> None:
    """Attach an HTML page and errors of no test to the whole report; a second call of that name replaces the first."""
    stem = md5(name.encode(), usedforsecurity=False).hexdigest()
    source = f"{stem}-attachment.html"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / source).write_text(page, encoding="utf-8")
    row = {"name": name, "source": source, "type": "text/html"}
    content = {"attachments": [row], "errors": [{"message": error} for error in errors]}
    (folder / f"{stem}-globals.json").write_text(json.dumps(content), encoding="utf-8")
