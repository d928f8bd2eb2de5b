"""Pages in a real browser: the sheets that they print on, and the width that they need."""

from pathlib import Path

import pytest

from bench.evidence import reconcile
from bench.evidence.rows import AnyRow
from bench.packages import SUITES, package_folder
from bench.report import Origin, measured_page, write_pages
from bench.report.specification import FOLDER, Specification
from tests.support.browser import WITH_BROWSER, Browser
from tests.support.measured import measured
from tests.support.rows import row
from tests.support.run_folders import board_row, ended_test, run_rows

pytestmark = WITH_BROWSER
TESTS, MEASUREMENTS, SUITES_OF_A_RUN = 606, 100, 20


def measurement(number: int) -> AnyRow:
    told = {"min": 1e6, "p50": 2.41e6, "p90": 3.52e6, "p99": 9.87e6, "max": 24.1e6}
    limit = {"limit": "p90 at most 300 ms", "verdict": "ok"} if number % 3 == 0 else {}
    return row(
        "measurement",
        test=f"test_suite_{number % SUITES_OF_A_RUN}.py::TestAll::test_that_measures",
        slot="simulated-1",
        name=f"TCP echo number {number}, 1024 bytes",
        unit="ns",
        n=400,
        figures=told,
        beside=["host noise p50/p99: pty 20 us/36 us, loopback 18 us/26 us"],
        noise={"p50": 2e4, "p99": 3.6e4},
        **limit,
    )


def write_run(folder: Path, *further: AnyRow, slot: str = "simulated-1") -> Path:
    """A whole run on one board."""
    statements = sorted(Specification.load(package_folder(SUITES) / FOLDER).statements)
    rows = [board_row(slot, simulated=True, network={"access": "LTE-M", "operator": "24201", "band": 20})]
    for number in range(TESTS):
        name = f"test_suite_{number % SUITES_OF_A_RUN}.py::TestAll::test_that_has_a_long_name_of_its_own_{number}[TCP]"
        ended = ended_test(name, slot=slot)[1:]
        rows += [row("plan", test=name, slot=slot, spec=[statements[number % len(statements)]]), *ended]
    rows = run_rows(*rows, *map(measurement, range(MEASUREMENTS)), *further)
    specification = Specification.load(package_folder(SUITES) / FOLDER)
    specification.take(reconcile(rows))
    write_pages(folder, reconcile(rows), specification)
    return folder / "verdict.html"


def test_a_green_run_prints_on_five_sheets(chromium: Browser, tmp_path: Path) -> None:
    page = write_run(tmp_path)
    assert page.stat().st_size < 300_000
    assert chromium.sheets(page) <= 5


@pytest.mark.parametrize("window", [500, 1280])  # a browser's window is not narrower
class TestWidth:
    """No page is wider than its window, whatever the names on it."""

    def test_of_a_verdict(self, chromium: Browser, tmp_path: Path, window: int) -> None:
        long = ended_test(f"test_a.py::test_{'x' * 400}", "failed", slot="simulated-1", message="y" * 900)
        page = write_run(tmp_path, *long)
        assert chromium.width_of(page, window) <= window

    def test_of_measurements(self, chromium: Browser, tmp_path: Path, window: int) -> None:
        page = tmp_path / "measured.html"
        page.write_text(measured_page(measured(), Origin(f"test_a.py::{'x' * 300}", "dk-1")))
        assert chromium.width_of(page, window) <= window
