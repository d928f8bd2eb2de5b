"""A real browser without a window: how pages print, and how wide they are."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WITH_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
_SECONDS = 120
_WIDTH = "<script>document.documentElement.dataset.width = document.documentElement.scrollWidth</script>"


def printed_pages(page: Path) -> int:
    """The number of sheets on which a page prints."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "page.pdf"
        _chromium("--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri())
        return len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))


def width_of(page: Path, window: int) -> int:
    """How wide the content of a page is in a window of so many pixels."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(page.read_text(encoding="utf-8") + _WIDTH, encoding="utf-8")
        shown = _chromium(f"--window-size={window},900", "--dump-dom", copy.as_uri())
    found = re.search(r'data-width="(\d+)"', shown)
    assert found, shown[-500:]
    return int(found[1])


def _chromium(*arguments: str) -> str:
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory() as profile:
        own = (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={profile}",
        )
        finished = subprocess.run(
            [CHROMIUM, *own, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    return finished.stdout
