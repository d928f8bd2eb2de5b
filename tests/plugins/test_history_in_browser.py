"""The history page in a real browser, from the disk: charts, filters, links; it asks nobody for anything."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from bench.history import Store
from tests.support.browser import WITH_BROWSER, Browser
from tests.support.hostile import HTML_TRICK
from tests.support.inline import command_line
from tests.support.lab_history import FIRMWARE, fill_history
from tests.support.run_folders import run_folder

pytestmark = WITH_BROWSER

SHOWN = "[...document.querySelectorAll('article')].filter(one => !one.hidden).map(one => one.id)"
ROWS = "[...document.querySelectorAll('#test-grid tbody tr')].map(one => one.querySelector('.name').textContent)"


def make_page(folder: Path, *, prefix: str = "", **size: int) -> Path:
    history = folder / "history.sqlite"
    with Store(history) as store:
        fill_history(store, prefix=prefix, **size)
    finished = command_line("history", "page", "--history", str(history), "--out", "site", folder=folder)
    assert finished.returncode == 0, finished.stderr
    return folder / "site" / "index.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty nights of two boards, three with a simulated board; one run has a folder."""
    folder = tmp_path_factory.mktemp("lab")
    run = run_folder(folder / "reports" / "runs" / "one #1", "passed", started="2026-01-05T23:00:00Z")
    command_line("history", "import", str(run), "--history", str(folder / "history.sqlite"))
    return make_page(folder)


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page, open; whatever a test does with it, nothing is asked for and nothing goes wrong."""
    chromium.open(page)
    yield chromium
    assert chromium.complaints() == []
    assert {urlsplit(address).scheme for address in chromium.requests()} <= {"file", "data"}


def test_it_asks_for_itself_only(opened: Browser, page: Path) -> None:
    asked = [address for address in opened.requests() if not address.startswith("data:")]
    assert asked == [page.resolve().as_uri()]


def test_every_link_leads_somewhere(opened: Browser, page: Path) -> None:
    links = opened.ask("[...document.querySelectorAll('a')].map(one => one.getAttribute('href'))")
    files = [link for link in links if not link.startswith("#")]
    assert len(files) >= 1
    for link in files:
        assert (page.parent / unquote(link)).is_file(), link
    places = {link[1:] for link in links if link.startswith("#")}
    assert len(places) > 7, "the sections, and measurements that have changed"
    assert not [place for place in places if not opened.ask("document.getElementById(arguments[0]) !== null", place)]


def test_a_run_leads_to_its_verdict(opened: Browser) -> None:
    opened.ask("document.querySelector('#runs a').click()")
    assert opened.driver.title.startswith("PASSED")


class TestCharts:
    def test_those_in_view_are_drawn(self, opened: Browser) -> None:
        wait_for(opened, "document.querySelector('.plot canvas') !== null")
        opened.ask("document.querySelector('#registering article').scrollIntoView()")
        wait_for(opened, "document.querySelector('#registering .plot canvas') !== null")

    def test_a_night_under_the_pointer_is_told_in_words(self, opened: Browser) -> None:
        wait_for(opened, "document.querySelector('.plot .u-over') !== null")
        x, y, width, height = opened.ask(
            "(r => [r.x, r.y, r.width, r.height])(document.querySelector('.plot .u-over').getBoundingClientRect())"
        )
        opened.tell("Input.dispatchMouseEvent", type="mouseMoved", x=x + width - 3, y=y + height / 2)
        wait_for(opened, "document.querySelector('.reading').textContent !== ''")
        told = opened.ask("document.querySelector('.reading').textContent")
        assert told.startswith(f"2026-01-20/21   {FIRMWARE[1]}, SLM 3.1.0: 1.")
        assert told.endswith(" ms")
        assert " to " in told, "with its interval"

    def test_ink_follows_the_theme(self, chromium: Browser, page: Path) -> None:
        shades = []
        for dark in (False, True):
            chromium.open(page, dark=dark)
            shades.append(chromium.ask("getComputedStyle(document.body).backgroundColor"))
        assert shades == ["rgb(255, 255, 255)", "rgb(18, 22, 28)"]

    def test_paper_gets_every_chart_with_dark_letters(self, chromium: Browser, page: Path) -> None:
        chromium.open(page, dark=True)
        chromium.ask(
            """addEventListener("beforeprint", () => {
              const places = [...document.querySelectorAll(".plot")];
              const drawn = places.every((one) => one.querySelector("canvas"));
              window.printed = [drawn, getComputedStyle(document.body).color];
            })"""
        )
        assert chromium.tell("Page.printToPDF")["data"]
        assert chromium.ask("window.printed") == [True, "rgb(31, 35, 40)"]
        assert chromium.ask("getComputedStyle(document.body).color") != "rgb(31, 35, 40)"


class TestFilters:
    def test_a_board(self, opened: Browser) -> None:
        everything = opened.ask(SHOWN)
        opened.choose(board=board_number(opened, "dk-2"))
        shown = opened.ask(SHOWN)
        assert 0 < len(shown) < len(everything)
        assert opened.ask("[...document.querySelectorAll('#boards tbody tr:not([hidden])')].length") == 1
        assert opened.ask("document.getElementById('shown').textContent") == f"{len(shown)} of {len(everything)} charts"
        opened.choose(board="")
        assert opened.ask(SHOWN) == everything

    def test_a_board_is_drawn_as_it_measured(self, opened: Browser) -> None:
        def told() -> str:
            x, y, width = opened.ask(
                "(r => [r.x, r.y, r.width])(document.querySelector('.plot .u-over').getBoundingClientRect())"
            )
            for at in (x + 3, x + width - 3):
                opened.tell("Input.dispatchMouseEvent", type="mouseMoved", x=at, y=y + 20)
            wait_for(opened, "document.querySelector('.reading').textContent.startsWith('2026-01-20')")
            return str(opened.ask("document.querySelector('.reading').textContent"))

        both = told()
        opened.choose(board=board_number(opened, "dk-2"))
        alone = told()
        assert alone != both
        assert " to " not in alone, "one board has no interval"

    def test_a_firmware(self, opened: Browser) -> None:
        opened.choose(firmware="0")
        nights = opened.ask(
            "[...document.querySelectorAll('#runs tbody tr:not([hidden]) td:first-child')].map(one => one.textContent)"
        )
        assert min(nights) == "2026-01-11/12"
        opened.choose(firmware="1")
        nights = opened.ask(
            "[...document.querySelectorAll('#runs tbody tr:not([hidden]) td:first-child')].map(one => one.textContent)"
        )
        assert max(nights) == "2026-01-10/11"

    def test_simulated_results_can_be_hidden(self, opened: Browser) -> None:
        opened.choose(kind="hardware")
        assert opened.ask("[...document.querySelectorAll('[data-kind=simulated]')].every(one => one.hidden)")
        assert "SIMULATED" not in "".join(opened.ask(ROWS))
        opened.choose(kind="simulated")
        assert opened.ask("[...document.querySelectorAll('[data-kind=hardware]')].every(one => one.hidden)")
        assert all(row.startswith("SIMULATED ") for row in opened.ask(ROWS))

    def test_a_text(self, opened: Browser) -> None:
        opened.choose(text="  ROUND TRIP 03 ")
        assert len(opened.ask(SHOWN)) == 2, "on hardware, and SIMULATED"
        opened.choose(text="test_002")
        assert [row.removeprefix("SIMULATED ") for row in opened.ask(ROWS)] == ["test_suite.py::test_002"] * 2
        opened.choose(text="nothing is called so")
        assert opened.ask(SHOWN) == []
        assert "Nothing fits the filters." in opened.ask("document.getElementById('test-grid').textContent")

    def test_a_cell_of_the_grid_tells_its_night_and_leads_to_its_runs(self, opened: Browser) -> None:
        opened.ask("document.querySelector('#test-grid tbody tr .cell.f').click()")
        told = opened.ask("document.querySelector('#test-grid .reading').textContent")
        assert told == "2026-01-11/12   test_suite.py::test_001   failed: 2 failed   runs of this night"
        opened.ask("document.querySelector('#test-grid .reading a').click()")
        assert opened.ask("document.querySelector(':target').cells[0].textContent") == "2026-01-11/12"

    def test_a_known_issue_is_seen_as_such(self, opened: Browser) -> None:
        opened.choose(text="test_004", kind="hardware")
        assert opened.ask("document.querySelector('#test-grid tbody .cell').textContent") == "K"
        opened.ask("document.querySelector('#test-grid tbody .cell').click()")
        told = opened.ask("document.querySelector('#test-grid .reading').textContent")
        assert "   known issue: 2 passed, 2 known issue   " in told

    def test_rates_are_those_of_the_chosen_firmware(self, opened: Browser) -> None:
        rates = []
        for firmware in ("", "0", "1"):
            opened.choose(firmware=firmware, text="test_001", kind="hardware")
            rates.append(opened.ask("document.querySelector('#test-grid tbody .rate').textContent"))
        assert rates == ["50 %", "0 %", "100 %"]


@pytest.mark.parametrize("prefix", ["", "a_name_without_any_space_" * 6])
def test_a_telephone_scrolls_down_only(chromium: Browser, tmp_path: Path, prefix: str) -> None:
    chromium.open(make_page(tmp_path, prefix=prefix, nights=4), width=400)
    assert chromium.ask("document.documentElement.scrollWidth") == 400


def test_nobodys_text_runs(chromium: Browser, tmp_path: Path) -> None:
    trick = f"{HTML_TRICK}</script>"
    chromium.open(make_page(tmp_path, prefix=trick, nights=3, measurements=1, boards=1, tests=3))
    assert chromium.ask("document.querySelectorAll('img').length") == 0
    assert any(row.startswith(trick) for row in chromium.ask(ROWS)), "it is there as text"
    assert chromium.complaints() == []


def test_an_empty_history(chromium: Browser, tmp_path: Path) -> None:
    chromium.open(make_page(tmp_path, nights=0))
    assert "The history has no run yet." in chromium.ask("document.body.textContent")
    assert chromium.complaints() == []


@pytest.mark.long
def test_a_season_of_a_lab_opens_at_once(chromium: Browser, tmp_path: Path) -> None:
    """90 nights of 50 measurements on 4 boards: two seconds of the main thread's own time."""
    page = make_page(tmp_path, nights=90, measurements=50, boards=4, tests=50)
    assert page.stat().st_size < 3_000_000
    chromium.tell("Performance.enable", timeDomain="threadTicks")
    chromium.open(page)
    wait_for(chromium, "document.querySelector('.plot canvas') !== null")
    spent = chromium.cpu_seconds()
    assert spent["TaskDuration"] < 2, spent


def wait_for(browser: Browser, condition: str) -> None:
    """Wait until an expression is true in the page: it is asked again each time that the page is drawn."""
    found = browser.driver.execute_async_script(
        "const done = arguments[0];"
        f"const look = () => ({condition}) ? done(true) : requestAnimationFrame(look); look();"
    )
    assert found, condition


def board_number(browser: Browser, name: str) -> str:
    """Return the value by which a board is chosen."""
    return str(
        browser.ask(
            "[...document.querySelectorAll('#board option')].find(o => o.textContent === arguments[0]).value", name
        )
    )
