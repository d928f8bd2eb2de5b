"""The folder of a history page: made in one step, never over what is not such a page."""

from pathlib import Path

from bench.errors import UsageError, in_words
from bench.report.history_page.page import MARK, HistoryPage, render
from bench.shared_files import replace_plain

DEFAULT = Path("reports") / "history-page"
PAGE = "index.html"
_HEAD = 2000


def check_site(folder: Path) -> None:
    """Check that a page may be written into a folder: it is new, empty, or has a page of the same kind.

    Raises:
        UsageError: It holds something else, or cannot be read.
    """
    try:
        if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
            return
        if folder.is_dir() and MARK in _head_of(folder / PAGE):
            return
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write the page into {folder}: {in_words(error)}") from error
    kind = f"holds something else than a page of {MARK}" if folder.is_dir() else "is not a folder"
    raise UsageError(f"{folder} {kind}: name a new folder with --out")


def _head_of(page: Path) -> str:
    if not page.is_file():
        return ""
    with page.open("rb") as file:
        return file.read(_HEAD).decode(errors="replace")


def write_site(folder: Path, page: HistoryPage) -> Path:
    """Write the page into a folder; return the page's path. A reader sees the former page or this one, whole.

    Raises:
        UsageError: as :func:`check_site`, or it cannot be written.
    """
    check_site(folder)
    text = render(page)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_plain(folder / PAGE, text, 0o644)
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write the page into {folder}: {in_words(error)}") from error
    return folder / PAGE
