"""Files of an Allure results folder that can be written without Allure: environment and pages of the whole report."""

import json
from collections.abc import Mapping
from hashlib import md5
from pathlib import Path


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
    (folder / source).write_text(page, encoding="utf-8")
    row = {"name": name, "source": source, "type": "text/html"}
    (folder / f"{stem}-globals.json").write_text(json.dumps({"attachments": [row]}), encoding="utf-8")
