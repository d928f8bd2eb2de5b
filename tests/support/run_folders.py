"""Folders of runs, as a stream and files of evidence make them, without a run."""

import json
from collections.abc import Iterable, Mapping, Sequence
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


def run_of(folder: Path, *outcomes: str, spec: str = "XSOCKET.read", ended: bool = True) -> Path:
    """The folder of a run of one board, as its stream and its results in Allure are; it has no pages yet."""
    board = {"model": "nrf9151dk", "part": "nRF9151-LACA", "simulated": False, "modem_firmware": "mfw", "ids": {}}
    around = {"schema": 1, "run": "r", "utc": ""}
    return _write_stream(folder, outcomes, around, board, spec=[spec], last=around if ended else None)


def run_folder(folder: Path, *outcomes: str, started: str = "2026-11-01T22:00:00Z", simulated: bool = False) -> Path:
    """Write the folder of a run of one board, an outcome a test; return it."""
    moment = datetime.fromisoformat(started)
    later = moment.replace(minute=moment.minute + 4).isoformat().replace("+00:00", "Z")
    facts = {"modem_firmware": "mfw_1", "application": "slm", "application_version": "3.1.0"}
    board = {"model": "nrf9151dk", "simulated": simulated, "ids": {"imei": "imei-1"}, **facts}
    around = {"schema": 2, "run": folder.name, "utc": started}
    _write_stream(folder, outcomes, around, board, spec=[], last={**around, "utc": later})
    save(folder, rebuild(folder))
    return folder


def _write_stream(
    folder: Path,
    outcomes: Iterable[str],
    around: Mapping[str, object],
    board: Mapping[str, object],
    *,
    spec: Sequence[str],
    last: Mapping[str, object] | None,
) -> Path:
    """Write the stream of a run on one board, and a result in Allure a test; ``last`` is around its last rows."""

    def line(kind: str, head: Mapping[str, object] = around, /, **fields: object) -> str:
        return json.dumps({"slot": "dk-1", "t_ns": 1, **head, "type": kind, **fields}) + "\n"

    (folder / "allure-results").mkdir(parents=True)
    lines = [line("run", simulated=board["simulated"], slots=["dk-1"], groups={}, turns=[[1, ["dk-1"]]])]
    lines.append(line("board", around, **board))
    for number, outcome in enumerate(outcomes):
        test = f"test_a.py::test_{number}"
        lines += [line("plan", test=test, spec=spec), line("start", test=test)]
        lines.append(line("finish", test=test, outcome=outcome, message=f"why {number}", duration_ns=5))
        result = {"name": test, "fullName": test, "start": number, "status": "passed"}
        (folder / "allure-results" / f"{number}-result.json").write_text(json.dumps(result))
    lines += [line("ended", last), line("closed", last)] if last is not None else []
    (folder / FILE).write_text("".join(lines))
    return folder
