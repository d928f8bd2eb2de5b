"""Files of an Allure results folder that can be written without Allure: placeholders, pages of the whole report."""

import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5
from pathlib import Path
from typing import Any, Self

import msgspec

SCRIPT_ERROR = "script error"
"""How the message of such a result begins: reports/categories.json finds it by that."""


_PLANNED, _STARTED = "planned, but never run", "the bench's process died during this test"
_BEGINNING = 160
"""Bytes of a placeholder up to what stays the same when its test starts."""


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

    @cached_property
    def _path(self) -> Path:
        return self.folder / f"{md5(self.key.encode(), usedforsecurity=False).hexdigest()}-result.json"

    def __enter__(self) -> Self:
        try:
            # In place, at the same length: to make a fresh file takes much longer.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW)
        except OSError:
            self._write(_beginning(_STARTED))
        else:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                file.write(_beginning(_STARTED))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A test that was interrupted, perhaps before Allure's plugin had begun a result, keeps it.
        if kind is None or self._has_result():
            self._path.unlink(missing_ok=True)

    def write(self) -> None:
        """Write it, complete or not at all."""
        self._write(_beginning(_PLANNED))

    def _write(self, beginning: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_bytes(beginning + msgspec.json.encode(self._content).removeprefix(b"{"))
        temporary.replace(self._path)

    @property
    def _content(self) -> dict[str, Any]:
        return {
            "uuid": str(uuid.uuid4()),
            "name": self.name,
            "fullName": self.full_name,
            "testCaseId": self.case_id,
            "historyId": self.history_id,
            "status": "broken",
            "parameters": [
                *({"name": name, "value": value, "excluded": True} for name, value in self.parameters.items()),
                *({"name": name, "value": value} for name, value in self.place.items()),
            ],
            "labels": [{"name": name, "value": value} for name, value in {**self.labels, "outcome": "died"}.items()],
        }

    def _has_result(self) -> bool:
        """Return whether the test's own result is there."""
        others = (path for path in self.folder.glob("*-result.json") if path != self._path)
        return any(f'"{self.history_id}"' in path.read_text(encoding="utf-8", errors="replace") for path in others)


def _beginning(why: str) -> bytes:
    """Return the part of a placeholder that changes when its test starts; it always has the same length."""
    now = round(time.time() * 1000)
    times = msgspec.json.encode({"start": now, "stop": now + 1})
    details = msgspec.json.encode({"statusDetails": {"message": why}})
    return (times[:-1] + b"," + details[1:-1] + b",").ljust(_BEGINNING)


def attach_globally(folder: Path, name: str, page: str, errors: Sequence[str] = ()) -> None:
    """Attach an HTML page and errors of no test to the whole report; a second call of that name replaces the first."""
    stem = md5(name.encode(), usedforsecurity=False).hexdigest()
    source = f"{stem}-attachment.html"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / source).write_text(page, encoding="utf-8")
    row = {"name": name, "source": source, "type": "text/html"}
    content = {"attachments": [row], "errors": [{"message": error} for error in errors]}
    (folder / f"{stem}-globals.json").write_text(json.dumps(content), encoding="utf-8")
