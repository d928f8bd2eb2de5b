"""Folders of runs, as a stream and files of evidence make them, without a run."""

import json
from collections.abc import Iterable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bench.evidence import reconcile
from bench.evidence.rows import AnyRow
from bench.evidence.stream import FILE
from bench.evidence.summary import Summary
from bench.run.folder import rebuild, save
from tests.support.rows import row

STARTED, ENDED = "2026-11-29T22:10:00.000000Z", "2026-11-29T22:13:33.000000Z"
FIRMWARE = {"modem_firmware": "mfw_nrf91x1_2.0.2", "application": "slm", "application_version": "3.1.0"}


def board_row(slot: str = "dk-1", **fields: object) -> AnyRow:
    """A board that has answered."""
    facts = {"model": "nrf9151dk", "part": "nRF9151-LACA", "firmware": "mfw_nrf91x1_2.0.2, SLM 3.1.0", **FIRMWARE}
    return row("board", slot=slot, **{**facts, **fields})


def ended_test(test: str, outcome: str = "passed", slot: str = "dk-1", **fields: object) -> list[AnyRow]:
    """A test that was planned and has ended."""
    common: dict[str, object] = {"test": test, "slot": slot}
    return [row("plan", **common), row("start", **common), row("finish", **common, outcome=outcome, **fields)]


def run_rows(*found: AnyRow, command: Iterable[str] = ("--board", "dk-1")) -> list[AnyRow]:
    """A run of 3 min 33 s around some rows."""
    begin = row("run", run="night-7", utc=STARTED, slots=["dk-1"], turns=[], command=list(command))
    return [begin, *found, row("closed", run="night-7", utc=ENDED)]


def summary_of(*found: AnyRow) -> Summary:
    """The summary of a run around some rows."""
    return reconcile(run_rows(*found))


class _References(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.anchors.add(value or "")


def links_of(page: str) -> list[str]:
    """The links of a page, in its order."""
    return _References(page).links


def broken_links(page: Path) -> list[str]:
    """The links of a page that lead to no file, or to no place of the page."""
    references = _References(page.read_text(encoding="utf-8"))
    broken = []
    for link in references.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            broken.append(link)
        elif not parts.path:
            broken += [link] * (parts.fragment not in references.anchors)
        elif not (page.parent / unquote(parts.path)).exists():
            broken.append(link)
    return broken


def run_folder(folder: Path, *outcomes: str, started: str = "2026-11-01T22:00:00Z", simulated: bool = False) -> Path:
    """Write the folder of a run of one board, an outcome a test; return it."""
    (folder / "allure-results").mkdir(parents=True)
    moment = datetime.fromisoformat(started)

    def row(kind: str, **fields: object) -> str:
        return json.dumps(
            {"schema": 2, "run": folder.name, "type": kind, "slot": "dk-1", "t_ns": 1, "utc": started, **fields}
        )

    rows = [row("run", simulated=simulated, slots=["dk-1"], groups={}, turns=[[1, ["dk-1"]]])]
    facts = {"modem_firmware": "mfw_1", "application": "slm", "application_version": "3.1.0"}
    rows.append(row("board", model="nrf9151dk", simulated=simulated, ids={"imei": "imei-1"}, **facts))
    for number, outcome in enumerate(outcomes):
        test = f"test_a.py::test_{number}"
        rows += [row("plan", test=test), row("start", test=test)]
        rows.append(row("finish", test=test, outcome=outcome, message=f"why {number}", duration_ns=5))
        result = {"name": test, "fullName": test, "start": number, "status": "passed"}
        (folder / "allure-results" / f"{number}-result.json").write_text(json.dumps(result))
    later = moment.replace(minute=moment.minute + 4).isoformat().replace("+00:00", "Z")
    rows += [row("ended", utc=later), row("closed", utc=later)]
    (folder / FILE).write_text("\n".join(rows) + "\n")
    save(folder, rebuild(folder))
    return folder
