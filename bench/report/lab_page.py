"""The page of the lab now, for a screen on the wall: one file that reloads itself, and says when it is old."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError, in_words
from bench.report.lab_now import LabNow
from bench.report.rendering import render_html
from bench.shared_files import replace_plain

_RELOAD_S = 10
# A page that is written again and again is old when this many writings did not come; one that is written once, after:
_MISSED = 3
_ONCE_S = 300.0
# Columns of boards, by the number of boards that still fit on a screen of 16:9.
_COLUMNS = ((2, 2), (6, 3), (12, 4), (20, 5))
_MOST_COLUMNS = 6
_EVENTS = 8


def lab_page(now: LabNow, events: Sequence[str] = (), *, every: float | None = None) -> str:
    """Return the page.

    Args:
        now: the lab.
        events: what has changed, a line each, the latest last; a page of many boards has no room for them.
        every: seconds after which the page is written again at the latest; None for a page that is written once.
    """
    local = now.moment.astimezone()
    columns = next((columns for most, columns in _COLUMNS if len(now.boards) <= most), _MOST_COLUMNS)
    return render_html(
        "lab.html",
        now=now,
        columns=columns,
        events=list(reversed(events))[:_EVENTS] if columns < _MOST_COLUMNS else (),
        reload=_RELOAD_S,
        written_ms=round(now.moment.timestamp() * 1000),
        old_ms=round(1000 * (_ONCE_S if every is None else _MISSED * every)),
        written=f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}",
    )


def write_lab_page(path: Path, now: LabNow, events: Sequence[str] = (), *, every: float | None = None) -> None:
    """Write the page in one step, so that no reader sees a half; the other arguments are those of :func:`lab_page`.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        replace_plain(path, lab_page(now, events, every=every), 0o644)
    except (OSError, ValueError) as error:
        why = in_words(error) if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise UsageError(f"--page: cannot write {path}: {why}") from error
