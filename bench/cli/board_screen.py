"""The lab now on a terminal: a table over the whole window, drawn anew when something changes."""

import contextlib
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bench.boards.board_state import BoardState
from bench.report.lab_now import PROGRESS, BoardNow, Change, LabNow

# Ages pass without a change.
_DRAW_S = 5.0
_EVENTS = 100
# In a window that is narrower, the model has no column.
_NARROW = 90
_STYLES = {
    BoardState.FREE: "green",
    BoardState.IN_USE: "bold cyan",
    BoardState.RESERVED: "magenta",
    BoardState.NOT_ATTACHED: "dim",
    BoardState.NO_PERMISSION: "red",
}
_GAP = "   "


class BoardScreen(contextlib.AbstractContextManager["BoardScreen"]):
    """Takes the window for as long as it is entered, and gives it back as it was."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._events: deque[str] = deque(maxlen=_EVENTS)
        self._drawn = 0.0
        self._size = console.size
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, now: LabNow, changed: Sequence[Change]) -> None:
        """Draw the table where something has changed: the lab, the window, or how long ago it was."""
        for change in changed if self._drawn else ():  # what was so at the beginning is no event
            if change.word != PROGRESS:
                self._events.append(change.line(now.moment))
        size = self._console.size
        if changed or size != self._size or time.monotonic() - self._drawn >= _DRAW_S:
            self._drawn, self._size = time.monotonic(), size
            self._live.update(lab_screen(self._console, now, list(self._events)), refresh=True)


def lab_screen(console: Console, now: LabNow, events: Sequence[str]) -> RenderableType:
    """Return what fits into the console's window: head, boards, and the last events in the room that is left.

    Args:
        console: its size counts.
        now: the lab.
        events: a line each, the latest last.
    """
    clock = now.moment.astimezone()
    parts = [Text(f"{clock:%H:%M:%S} {clock.tzname()}{_GAP}{now.summary}{_GAP}Ctrl-C ends", style="bold")]
    if now.problem:
        parts.append(Text(f"the boards cannot be listed: {now.problem}", style="bold red"))
    if not now.boards:
        parts.append(Text("no board is attached; is it switched on, and is its cable a data cable?"))
    room = console.height - _height(console, Group(*parts)) - 1
    table = _table(now.boards, now.moment, console.width)
    height = _height(console, table)
    if height > room:  # a line a board, and as many as there is room for
        shown = now.boards if len(now.boards) < room else now.boards[: max(0, room - 2)]
        table = _table(shown, now.moment, console.width, a_line_each=True)
        height = _height(console, table)
        if len(shown) < len(now.boards):
            parts.append(_line(f"and {len(now.boards) - len(shown)} more: make the window larger", "yellow"))
            height += 1
    left = room - height - 1
    last = [Text(), *(_line(event, "dim") for event in events[-left:])] if left > 0 and events else []
    return Group(*parts, Text(), table, *last)


def _table(boards: Sequence[BoardNow], now: datetime, width: int, *, a_line_each: bool = False) -> Table:
    wide = width >= _NARROW
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    table.add_column("board", no_wrap=True, overflow="ellipsis", max_width=width // 4)
    if wide:
        table.add_column("model", no_wrap=True, overflow="ellipsis", max_width=width // 4)
    table.add_column("state", no_wrap=True)
    table.add_column("who, what, how far", no_wrap=a_line_each, overflow="ellipsis" if a_line_each else "fold", ratio=1)
    for board in boards:
        name = Text(board.name, style="bold")
        state = Text(str(board.state), style=_STYLES.get(board.state, "yellow"))
        details = _details(board, now, a_line_each=a_line_each)
        if wide:
            table.add_row(name, _model(board), state, details)
        else:
            table.add_row(name, state, Text(_GAP).join(filter(None, (_model(board, short=a_line_each), details))))
    return table


def _model(board: BoardNow, *, short: bool = False) -> Text:
    """Return the model of a board, and whether it is simulated, which is never left out."""
    simulated = Text("SIMULATED", style="bold yellow") if board.simulated else Text()
    return Text(" ").join(filter(None, (Text("" if short else board.title, style="dim"), simulated)))


def _details(board: BoardNow, now: datetime, *, a_line_each: bool) -> Text:
    """Return who uses a board since when and for what, how far that is, and who keeps it."""
    use = Text(_GAP).join(map(Text, filter(None, (board.use(now), board.purpose))))
    progress = board.progress
    bad = progress is not None and progress.bad
    numbers = Text(progress.text if progress else "", style="bold red" if bad else "bold green")
    how_far = Text(_GAP).join(filter(None, (numbers, Text(board.doing(now)))))
    kept = Text(board.kept_beside(now), style="magenta")
    if a_line_each:
        return Text(_GAP).join(filter(None, (how_far, use, kept)))
    return Text("\n").join(filter(None, (use, how_far, kept)))


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _height(console: Console, shown: RenderableType) -> int:
    return len(console.render_lines(shown, pad=False))
