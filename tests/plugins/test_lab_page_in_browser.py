"""The page of the lab now in a real browser: it says when it is old, and thirty boards fit on a wall."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.report.lab_now import LabNow
from bench.report.lab_page import write_lab_page
from tests.support.browser import WITH_BROWSER, Browser
from tests.support.lab_boards import HOSTILE, mixed, used

pytestmark = WITH_BROWSER

STALE = "document.getElementById('stale').hidden ? '' : document.getElementById('stale').textContent"
BOTTOM = "document.querySelector('main').getBoundingClientRect().bottom"
WIDTH = "document.documentElement.scrollWidth"


def opened(chromium: Browser, page: Path, now: LabNow, *, old: float = 0.0, width: int = 1280) -> Browser:
    """The page of a lab, written ``old`` seconds ago by a watch."""
    write_lab_page(page, replace(now, moment=datetime.now(UTC) - timedelta(seconds=old)), [HOSTILE], every=30)
    chromium.open(page, width=width)
    return chromium


def test_a_page_that_is_kept_new_is_not_stale(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, tmp_path / "lab.html", mixed(4), old=20)
    assert page.ask(STALE) == ""
    assert " s ago" in page.ask("document.getElementById('age').textContent")


def test_a_dead_writer_shows(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, tmp_path / "lab.html", mixed(4), old=3700)
    assert "STALE: not refreshed since " in page.ask(STALE)
    assert "(1 h 1 min)" in page.ask(STALE)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_thirty_boards_fit(chromium: Browser, tmp_path: Path, width: int, height: int) -> None:
    page = opened(chromium, tmp_path / "lab.html", mixed(30), width=width)
    assert page.ask("document.querySelectorAll('article').length") == 30
    assert page.ask(BOTTOM) <= height
    assert page.ask(WIDTH) <= width


@pytest.mark.parametrize("count", [1, 8, 30])
def test_a_phone_scrolls_one_way_only(chromium: Browser, tmp_path: Path, count: int) -> None:
    assert opened(chromium, tmp_path / "lab.html", mixed(count), width=400).ask(WIDTH) <= 400


def test_simulated_is_never_cut(chromium: Browser, tmp_path: Path) -> None:
    page = opened(chromium, tmp_path / "lab.html", mixed(30))
    cut = "[...document.querySelectorAll('.simulated')].filter(one => one.offsetWidth > one.parentElement.offsetWidth)"
    assert page.ask(f"{cut}.length") == 0
    assert page.ask("document.querySelectorAll('.simulated').length") == 7


def test_hostile_names_do_nothing(chromium: Browser, tmp_path: Path) -> None:
    boards = [used(HOSTILE, job=HOSTILE), used("x" * 300, job="y" * 300)]
    page = opened(chromium, tmp_path / "lab.html", LabNow(datetime.now(UTC), boards))
    assert page.complaints() == []
    assert page.ask(WIDTH) <= 1280
    asked = [address for address in page.requests() if not address.startswith("data:")]
    assert {address.partition("?")[0] for address in asked} == {(tmp_path / "lab.html").resolve().as_uri()}
