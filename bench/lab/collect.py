"""Collecting what lent boards' hosts still keep of a run, after a broken line, a full disk, or the client's death."""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.config.lab import Config
from bench.errors import LabError, UsageError, in_words
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, rows
from bench.evidence.run_folder import check_run_folder
from bench.evidence.stream import FILE as STREAM
from bench.history import Store
from bench.lab.board_run import BoardRun, LentSlot
from bench.lab.host_session import HostSessions
from bench.lab.places import Where
from bench.report.history import run_record
from bench.run.folder import rebuild, save

Tell = Callable[[str, str], None]


def collect(folder: Path, lab: Config, history: Path | None, tell: Tell) -> Summary:
    """Fetch what is missing of a run from its boards' hosts; return what it proves now.

    Args:
        folder: of the run.
        lab: says how hosts are reached.
        history: the history file, in which the run is then whole; None keeps none.
        tell: takes a word and a text for whoever watches.

    Raises:
        UsageError: the folder holds no run on lent boards.
        LabError: what was fetched cannot be kept here.
    """
    check_run_folder(folder)
    _drop_cut_row(folder / STREAM)
    state = _Collected(folder)
    if not state.lent:
        raise UsageError(f"{folder} holds no run on boards of several hosts: there is nothing to collect")
    stream = ResultStream(folder, state.run or folder.name, begins=False)
    missing = [slot for slot in state.lent if slot not in state.gathered]
    try:
        with HostSessions(lab.lab) as hosts:
            for slot in missing:
                board = BoardRun(state.lent[slot], hosts, stream, state.passed_on[slot])
                why = board.gather(folder, 0.0, lambda: True)
                tell("collected" if not why else "missing", f"{slot}{f': {why}' if why else ''}")
        if not state.closed and not _Collected(folder).missing:
            stream.add(rows.ClosedRow())  # the client was killed: its boards came to their ends without it
        summary = rebuild(folder)
        save(folder, summary)
    except (EvidenceLost, OSError) as error:
        raise LabError(f"what the hosts keep of {folder} cannot be kept here: {in_words(error)}") from error
    summary.folder = folder
    if missing and not summary.lost and history is not None:
        _remember(folder, summary, history, lab, tell)
    return summary


def _drop_cut_row(stream: Path) -> None:
    """Take away a last row that a full disk has cut: its host has it whole.

    Raises:
        LabError: the stream cannot be written.
    """
    try:
        content = stream.read_bytes()
        if content and not content.endswith(b"\n"):
            os.truncate(stream, content.rfind(b"\n") + 1)
    except OSError as error:
        raise LabError(f"cannot write {stream}: {in_words(error)}") from error


class _Collected:
    """What a run's stream says of its lent boards."""

    def __init__(self, folder: Path) -> None:
        self.lent: dict[str, LentSlot] = {}
        self.gathered: set[str] = set()
        self.passed_on: Counter[str] = Counter()
        self.closed = False
        self.run = ""
        for row in RowReader(folder).new_rows():
            self.run = self.run or row.run
            if row.lent:
                self.passed_on[row.lent] += 1
            elif isinstance(row, rows.LentRow):
                self.lent[row.slot] = LentSlot(row.slot, Where(row.host, row.address, row.port), row.workspace)
            elif isinstance(row, rows.GatheredRow):
                self.gathered.add(row.slot)
            elif isinstance(row, rows.ClosedRow):
                self.closed = True

    @property
    def missing(self) -> set[str]:
        """Slots whose folders have not arrived."""
        return set(self.lent) - self.gathered


def _remember(folder: Path, summary: Summary, history: Path, lab: Config, tell: Tell) -> None:
    """Add the run to the history; one that was added before it was whole is replaced."""
    try:
        with Store(history, night_ends=lab.night_ends) as store:
            added = store.add(run_record(folder, summary))
    except (LabError, OSError, sqlite3.Error) as error:
        tell("history", f"{in_words(error)}; nrf91-bench history import adds a run that is missing")
        return
    tell("history", "the run is whole there now" if added else "the run was there already")
