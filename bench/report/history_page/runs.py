"""Runs and boards on a history page."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bench.clock import seconds_between, span_text
from bench.evidence import Outcome
from bench.history.listing import OUTCOMES, ListedBoard, ListedRun
from bench.history.night import night_of
from bench.number_text import counted
from bench.report.history_page.run_folders import RunFolder
from bench.report.history_page.scope import SILENT, Scope
from bench.report.lab_time import lab_time
from bench.report.tone import tone_of


@dataclass(frozen=True)
class RunView:
    """A run.

    Attributes:
        date: of its night; ``night`` is for people.
        link: to the page of its verdict, from the history page; empty where that is not there.
        tone: how the verdict looks: good, bad, unsure.
        board_numbers: as the scope has them.
        firmware_numbers: likewise.
    """

    name: str
    date: str
    night: str
    started: str
    took: str
    verdict: str
    tone: str
    simulated: bool
    boards: Sequence[str]
    board_numbers: Sequence[int]
    firmware: Sequence[str]
    firmware_numbers: Sequence[int]
    results: str
    link: str


@dataclass(frozen=True)
class BoardView:
    """A board, what it ran last, and when."""

    number: int
    board_numbers: Sequence[int]
    name: str
    identity: str
    model: str
    simulated: bool
    control: bool
    firmware: str
    firmware_numbers: Sequence[int]
    network: str
    last: str
    night: str
    missing: str
    run: str
    link: str
    runs: int
    first: str


def run_views(scope: Scope, folders: Mapping[str, RunFolder], page_folder: Path) -> list[RunView]:
    """Return the runs of the scope's nights, the latest first, with those that only a folder has."""
    known = {run.uid for run in scope.runs}
    only_folders = [_listed(one, scope) for uid, one in folders.items() if uid not in known]
    runs = [*scope.runs, *(run for run in only_folders if not scope.nights or run.night >= scope.since)]
    runs.sort(key=lambda run: (run.started, run.name), reverse=True)
    return [_run(run, scope, link_to(folders.get(run.uid), page_folder)) for run in runs]


def _listed(folder: RunFolder, scope: Scope) -> ListedRun:
    summary = folder.summary
    numbers = (summary.passed, summary.failed, summary.lab_errors, summary.script_errors, summary.skipped, summary.died)
    boards = [
        ListedBoard(one.slot, one.model, one.firmware, one.simulated, one.control, one.ids.get("imei") or one.slot)
        for one in summary.boards
    ]
    return ListedRun(
        uid=folder.uid,
        name=summary.run,
        started=summary.started,
        night=night_of(summary.started, scope.night_ends),
        seconds=seconds_between(summary.started, summary.ended),
        verdict=summary.verdict,
        exit_code=summary.exit_code,
        simulated=summary.simulated,
        bench="",
        boards=boards,
        counts=dict(zip(OUTCOMES, numbers, strict=True)),
        known_issues=summary.known_issues,
    )


def _run(run: ListedRun, scope: Scope, link: str) -> RunView:
    verdict = run.verdict or "no verdict"
    boards = [board for board in run.boards if not board.control]
    firmware = list(dict.fromkeys(board.firmware for board in boards))
    return RunView(
        name=run.name,
        date=run.night,
        night=scope.night_text(run.night),
        started=lab_time(run.started),
        took="" if run.seconds is None else span_text(round(run.seconds)),
        verdict=verdict,
        tone=tone_of(verdict),
        simulated=run.simulated,
        boards=[board.name for board in boards],
        board_numbers=scope.numbers_of_boards((board.identity, board.simulated) for board in boards),
        firmware=[text or SILENT for text in firmware],
        firmware_numbers=scope.numbers_of_firmware(firmware),
        results=_results(run),
        link=link,
    )


def _results(run: ListedRun) -> str:
    words = {outcome: Outcome(outcome).word for outcome, count in run.counts.items() if count}
    parts = [
        counted(run.counts[outcome], word) if word.endswith("error") else f"{run.counts[outcome]} {word}"
        for outcome, word in words.items()
    ]
    if run.known_issues:
        parts.append(counted(run.known_issues, "known issue"))
    return ", ".join(parts) or "no test"


def link_to(folder: RunFolder | None, page_folder: Path) -> str:
    """Return the link from a page in ``page_folder`` to a run's verdict; empty where there is none."""
    if folder is None or folder.page is None:
        return ""
    return quote(os.path.relpath(folder.page.resolve(), page_folder.resolve()), errors="surrogateescape")


def board_views(scope: Scope, folders: Mapping[str, RunFolder], page_folder: Path) -> list[BoardView]:
    """Return the boards, those that were seen last first; hardware before simulated ones."""
    links = {folder.summary.run: link_to(folder, page_folder) for folder in folders.values()}
    ran: dict[tuple[str, bool], set[str]] = {}
    for run in scope.runs:
        for board in run.boards:
            ran.setdefault((board.identity, board.simulated), set()).add(board.firmware)
    views = [
        BoardView(
            number=number,
            board_numbers=(number,),
            name=board.slot,
            identity=board.identity if board.identity != board.slot else "",
            model=board.model or "unknown model",
            simulated=board.simulated,
            control=board.control,
            firmware=board.firmware or SILENT,
            firmware_numbers=scope.numbers_of_firmware(ran.get((board.identity, board.simulated), ())),
            network=board.network,
            last=lab_time(board.started),
            night=scope.night_text(board.night),
            missing=_missing(board.night, scope.nights),
            run=board.run,
            link=links.get(board.run, ""),
            runs=board.runs,
            first=scope.night_text(board.first),
        )
        for number, board in enumerate(scope.boards)
    ]
    views.sort(key=lambda view: view.name)
    return sorted(views, key=lambda view: (view.night, not view.simulated), reverse=True)


def _missing(night: str, nights: Sequence[str]) -> str:
    """Return how many nights with runs there were since then; empty for the last one."""
    later = sum(one > night for one in nights)
    return f"missing for {counted(later, 'night')} with runs" if later else ""
