"""``nrf91-bench boards --watch`` and ``--page``: the lab now, on a terminal, in lines, as JSON, on a page."""

import contextlib
import json
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from bench.boards import BoardMonitor
from bench.cli.board_screen import BoardScreen
from bench.cli.terminal import VisibleConsole, be_patient, is_gone, say
from bench.report.lab_now import PROGRESS, Change, LabNow, LabWatch, changes, plugged
from bench.report.lab_page import write_lab_page

# Plugs wake the watch; leases, reservations and streams are looked at this often.
_LOOK_S = 1.0
# A line a test would be noise: progress is told this often, and where something more went wrong.
_PROGRESS_S = 30.0
# The page is written when something has changed, and at least this often, so that a dead writer shows.
_PAGE_S = 30.0
# A change of the test alone need not be on the wall at once.
_PAGE_PROGRESS_S = 5.0
_EVENTS_KEPT = 20
# Whoever does not read the lines shall not keep the page from being written.
_STUCK_S = 1.0
# What else changes is a board's state.
_EVENTS = ("attached", "unplugged", PROGRESS)
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Showing(Protocol):
    """A way to show the lab."""

    def show(self, now: LabNow, changed: Sequence[Change]) -> None:
        """Show the lab, and what has changed since the last time: nothing, where only time has passed."""


class Lines:
    """A line a change, for a console that is not a terminal."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[float, int]] = {}
        self._waiting: dict[str, Change] = {}

    def show(self, now: LabNow, changed: Sequence[Change]) -> None:
        """Print a line a change; progress now and then."""
        for change in changed:
            if change.word == PROGRESS:
                self._waiting[change.board.row.key] = change
            else:
                say(change.line(now.moment))
                self._waiting.pop(change.board.row.key, None)
        for key, change in [*self._waiting.items()]:
            if self._is_due(change):
                say(change.line(now.moment))
                del self._waiting[key]

    def _is_due(self, change: Change) -> bool:
        progress = change.board.progress
        bad = sum(progress.bad.values()) if progress is not None else 0
        told, before = self._told.get(change.board.row.key, (-_PROGRESS_S, 0))
        ended = progress is not None and 0 < progress.planned == progress.done
        if time.monotonic() - told < _PROGRESS_S and bad <= before and not ended:
            return False
        self._told[change.board.row.key] = time.monotonic(), bad
        return True


class JsonLines:
    """A JSON object a change, for programs."""

    def show(self, now: LabNow, changed: Sequence[Change]) -> None:
        """Print them."""
        for change in changed:
            row = change.board.row
            event = change.word if change.word in _EVENTS else "state"
            progress = change.board.progress
            content = {
                "event": event,
                "utc": now.moment.isoformat(timespec="milliseconds"),
                **row.to_json(),
                "progress": None if progress is None else msgspec.to_builtins(progress),
            }
            say(json.dumps(content))


class Page:
    """A page for a wall."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0.0
        self._wait = _PAGE_S
        self._events: deque[str] = deque(maxlen=_EVENTS_KEPT)

    def show(self, now: LabNow, changed: Sequence[Change]) -> None:
        """Write the page, where it is time.

        Raises:
            UsageError: it cannot be written.
        """
        if self._written:  # what was so at the beginning is no event
            self._events += [change.line(now.moment) for change in changed if change.word != PROGRESS]
        for change in changed:
            self._wait = min(self._wait, _PAGE_PROGRESS_S if change.word == PROGRESS else 0.0)
        if not self._written or time.monotonic() - self._written >= self._wait:
            write_lab_page(self._path, now, self._events, every=_PAGE_S)
            self._written, self._wait = time.monotonic(), _PAGE_S


def watch_boards(lab: LabWatch, *, as_json: bool, page: Path | None) -> None:
    """Show the boards until Ctrl-C, or until nobody takes the lines any more.

    Raises:
        UsageError: the page cannot be written.
        LabError: libudev is missing.
    """
    console = VisibleConsole()
    with contextlib.suppress(_Ended), _ended_by_signals(), contextlib.ExitStack() as stack:
        monitor = stack.enter_context(BoardMonitor(lab.catalog))
        showing: list[Showing] = []
        if page is not None:
            be_patient(_STUCK_S)
            showing.append(Page(page))
        if as_json:
            showing.append(JsonLines())
        elif console.is_terminal and not console.is_dumb_terminal:
            showing.append(stack.enter_context(BoardScreen(console)))
        else:
            showing.append(Lines())
        for now, changed in _follow(lab, monitor):
            for way in showing:
                way.show(now, changed)
            if is_gone() and page is None:
                return


def _follow(lab: LabWatch, monitor: BoardMonitor) -> Iterator[tuple[LabNow, list[Change]]]:
    """Yield the lab and its changes: at each plug, and each time that it was looked at."""
    now = lab.look(monitor.boards)
    attached = [board for board in now.boards if board.row.spec.place and board.row.ports]
    told = {board.row.key: replace(board, progress=None) for board in attached}
    first = [plugged(board, attached=True, moment=now.moment) for board in attached]
    yield now, [*first, *changes(told, now)]
    while True:
        told = {board.row.key: board for board in now.boards}
        for plug in monitor.changes(_LOOK_S):
            now = lab.look(monitor.boards)
            change = lab.plug_change(plug)
            told[change.board.row.key] = change.board
            yield now, [change]
        now = lab.look(monitor.boards)
        yield now, list(changes(told, now))


class _Ended(Exception):
    """A signal has ended the watch."""


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a signal end what is entered, so that the terminal is given back as it was.

    SIGINT too, even where it was inherited as ignored, as in a shell's background job.
    """

    def end(*_: object) -> None:
        raise _Ended

    before = {number: signal.signal(number, end) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
