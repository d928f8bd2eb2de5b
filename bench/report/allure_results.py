"""Allure results that cannot lie. The only module that knows allure-pytest's insides (pinned to 2.16).

allure-pytest shows a test that was interrupted as passed, and one whose process was killed not at all. So a placeholder
result says "died" for as long as a test runs, an interrupted test is set to broken, and the status follows the bench's
own outcome: a device's error is "failed", a lab error "broken".
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from hashlib import md5
from pathlib import Path

import allure
import allure_commons
import pytest
from allure_commons.model2 import Parameter, Status, StatusDetails, TestResult, TestStepResult
from allure_commons.utils import represent
from allure_pytest.utils import allure_full_name, get_history_id

from bench.at import printable
from bench.evidence.results import DIED, FAILED, LAB_ERROR, PASSED, SKIPPED
from bench.report.steps import Step

_STATUS = {
    PASSED: Status.PASSED,
    FAILED: Status.FAILED,
    LAB_ERROR: Status.BROKEN,
    DIED: Status.BROKEN,
    SKIPPED: Status.SKIPPED,
}


class Placeholder:
    """A result that stands for a planned test until its own is written.

    ``where`` is what tells its result from others of the same test, such as its board.
    """

    def __init__(self, folder: Path, item: pytest.Item, where: Mapping[str, object]) -> None:
        name = md5(f"{where} {item.nodeid}".encode(), usedforsecurity=False).hexdigest()
        self._path = folder / f"{name}-result.json"
        self._content = _died(item, where)

    def write(self, *, started: bool = False) -> None:
        """Writes it, complete or not at all."""
        why = "the bench's process died during this test" if started else "planned, but never run"
        content = {**self._content, "statusDetails": {"message": why}}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content), encoding="utf-8")
        temporary.replace(self._path)

    def replaced(self) -> bool:
        """Whether the test's own result is there."""
        mine = self._content["historyId"]
        others = (path for path in self._path.parent.glob("*-result.json") if path != self._path)
        return any(f'"{mine}"' in path.read_text(encoding="utf-8", errors="replace") for path in others)

    def remove(self) -> None:
        """The test's own result is there."""
        self._path.unlink(missing_ok=True)


def _died(item: pytest.Item, where: Mapping[str, object]) -> dict[str, object]:
    full_name = allure_full_name(item)
    now = round(time.time() * 1000)
    return {
        "uuid": str(uuid.uuid4()),
        "name": item.name,
        "fullName": full_name,
        "testCaseId": md5(full_name.encode(), usedforsecurity=False).hexdigest(),
        "historyId": _history(item, where),
        "status": "broken",
        "parameters": [{"name": shown.name, "value": shown.value} for shown in _represented(item, where)],
        "labels": [{"name": "tag", "value": "bench-died"}, {"name": "suite", "value": Path(item.fspath).stem}],
        "start": now,
        "stop": now + 1,
    }


def _history(item: pytest.Item, where: Mapping[str, object]) -> str:
    """What tells a test at its place from all others, over runs."""
    values = getattr(getattr(item, "callspec", None), "params", {})
    return str(get_history_id(allure_full_name(item), _represented(item, where), original_values=values))


def _represented(item: pytest.Item, where: Mapping[str, object]) -> list[Parameter]:
    return [Parameter(name=name, value=represent(value)) for name, value in _parameters(item, where).items()]


def _parameters(item: pytest.Item, where: Mapping[str, object]) -> dict[str, object]:
    """The test's parameters and where it runs. allure-pytest shows bytes as their class, all alike: spelt out here."""
    values = getattr(getattr(item, "callspec", None), "params", {})
    plain = (str, int, float, bool, type(None))
    spelt = {name: value if isinstance(value, plain) else _spelt(value) for name, value in values.items()}
    return {**spelt, **where}


def _spelt(value: object) -> str:
    return printable(value) if isinstance(value, bytes) else repr(value)


def describe(item: pytest.Item, where: Mapping[str, object], labels: Mapping[str, str]) -> None:
    """Labels of the present test; its board and its own parameters, so that no two results look like one retried."""
    for name, value in _parameters(item, where).items():
        allure.dynamic.parameter(name, value)
    result = _present_test()
    if result is not None:  # allure-pytest gives it at the test's end, which an interrupted one never sees
        result.historyId = _history(item, where)
    for name, value in labels.items():
        if name in ("epic", "feature", "story"):
            getattr(allure.dynamic, name)(value)
        else:
            allure.dynamic.label(name, value)
    if "simulated" in labels:
        allure.dynamic.tag(labels["simulated"])


def label_firmware(firmware: str) -> None:
    """The present test's firmware, as label and as tag: never a parameter, which would give it a new history."""
    allure.dynamic.label("firmware", firmware)
    allure.dynamic.tag(firmware)


def tag(text: str) -> None:
    """Tags the present test."""
    allure.dynamic.tag(text)


def attach(name: str, text: str, kind: str = "text/plain", extension: str = "txt") -> None:
    """Attaches a text to the present test."""
    allure.attach(text, name=name, attachment_type=kind, extension=extension)


def headline(text: str) -> None:
    """Numbers of the present test, as its description: never a parameter, which would give it a new history."""
    allure.dynamic.description(text)


def add_steps(steps: Iterable[Step], conceal: Callable[[str], str]) -> None:
    """Appends steps that have ended, with their own times, to the present test."""
    result = _present_test()
    if result is not None:
        result.steps += [
            TestStepResult(
                name=conceal(step.name),
                status=Status.PASSED if step.ok else Status.FAILED,
                start=step.start_ms,
                stop=step.stop_ms,
                parameters=[Parameter(name="took", value=step.took)] if step.took else [],
            )
            for step in steps
        ]


def set_outcome(outcome: str, message: str, conceal: Callable[[str], str], *, flaky: bool = False) -> None:
    """Sets the present test's status and message; keeps its trace, identities concealed."""
    result = _present_test()
    if result is not None:
        result.status = _STATUS[outcome]
        trace = result.statusDetails.trace if result.statusDetails else None
        if message or trace or flaky:
            details = StatusDetails(message=conceal(message), trace=conceal(trace or ""), flaky=flaky or None)
            result.statusDetails = details


def _present_test() -> TestResult | None:
    for plugin in allure_commons.plugin_manager.get_plugins():
        if type(plugin).__name__ == "AllureListener":
            return plugin.allure_logger.get_last_item(TestResult)
    return None


def write_environment(folder: Path, slot: str, facts: Mapping[str, str]) -> None:
    """Adds a board's facts to the report's environment, under its slot."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "environment.properties").open("a", encoding="utf-8") as file:
        for name, value in facts.items():
            file.write(f"{slot}.{name} = {value}\n")


def count_results(folder: Path) -> int:
    """How many results a report would show: alike ones count once, for a renderer takes them for retries."""
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
    """Attaches an HTML page to the whole report; a second call for the same name replaces the first."""
    stem = md5(name.encode(), usedforsecurity=False).hexdigest()
    source = f"{stem}-attachment.html"
    (folder / source).write_text(page, encoding="utf-8")
    row = {"name": name, "source": source, "type": "text/html"}
    (folder / f"{stem}-globals.json").write_text(json.dumps({"attachments": [row]}), encoding="utf-8")
