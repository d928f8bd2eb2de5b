"""The history page: what it says of nights, tests, lab errors, boards and runs; nobody's text gets out of its place."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord, Store
from bench.report.history_page import HistoryPage, history_page, render
from bench.report.history_page.page import script_json
from tests.support.elements import Elements
from tests.support.hostile import HOSTILE, HTML_TRICK, is_visible
from tests.support.lab_history import fill_history
from tests.support.records import night_record, run_record


def page_of(*runs: RunRecord, folder: Path = Path("nowhere"), nights: int = 90) -> HistoryPage:
    with Store(":memory:") as store:
        for run in runs:
            assert store.add(run)
        return history_page(store, folder, Path("page"), nights)


def run_with(number: int, *outcomes: str, message: str = "", **board: object) -> RunRecord:
    """A night in which one test had these outcomes in its rounds."""
    run = run_record(number)
    boards = tuple(replace(one, **board) for one in run.boards)  # type: ignore[arg-type]
    results = tuple(
        ResultRecord("test_a.py::test_a", boards[0].slot, turn, outcome, message=message)
        for turn, outcome in enumerate(outcomes, 1)
    )
    simulated = any(one.simulated for one in boards)
    return replace(run, boards=boards, results=results, measurements=(), simulated=simulated)


class TestTests:
    def test_the_pass_rate_counts_what_passed_or_failed(self) -> None:
        (test,) = page_of(run_with(1, "passed", "failed", "passed"), run_with(2, "lab_error", "passed")).grid.tests
        assert (test.passed, test.failed, test.lab_errors, test.rate_text) == (3, 1, 1, "75.0 %")
        assert test.last_failed == "2026-11-01"

    def test_what_never_ran_to_an_end_has_no_rate(self) -> None:
        (test,) = page_of(run_with(1, "lab_error", "skipped")).grid.tests
        assert (test.rate, test.rate_text) == (None, "")

    def test_flaky_is_both_in_one_night(self) -> None:
        (test,) = page_of(run_with(1, "passed", "failed"), run_with(2, "passed"), run_with(3, "failed")).grid.tests
        assert (test.flaky, test.changes) == (1, 1)

    def test_another_firmware_is_no_change_of_mind(self) -> None:
        runs = [
            run_with(number, outcome, modem_firmware=firmware)
            for number, (outcome, firmware) in enumerate(
                (("passed", "old"), ("failed", "new"), ("passed", "old"), ("failed", "new")), 1
            )
        ]
        (test,) = page_of(*runs).grid.tests
        assert (test.changes, test.rate) == (0, 0.5)

    def test_boards_have_cells_of_their_own(self) -> None:
        grid = page_of(run_with(1, "passed"), run_with(2, "failed", slot="dk-1", identity="imei-2")).grid
        (test,) = grid.tests
        found = {grid.columns[column]: grid.counts[cell] for column, cell in enumerate(test.cells) if cell}
        assert sorted(found.values()) == [(0, 1, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0, 0)]
        assert len({board for _, board, _ in found}) == 2

    def test_the_worst_is_first(self) -> None:
        good = replace(run_with(1, "passed"), results=(ResultRecord("test_0.py::good", "dk-1", 1, "passed"),))
        assert [test.name for test in page_of(replace(good, uid="x"), run_with(2, "failed")).grid.tests] == [
            "test_a.py::test_a",
            "test_0.py::good",
        ]


class TestLabErrors:
    def test_numbers_make_no_other_cause(self) -> None:
        runs = [run_with(number, "lab_error", message=f"/dev/ttyACM{number} was lost\nmore") for number in (1, 2, 3)]
        (cause,) = page_of(*runs, run_with(4, "passed")).causes
        assert (cause.text, cause.count, cause.tests) == ("/dev/ttyACM3 was lost", 3, 1)
        assert (cause.first, cause.last, cause.board_names) == ("2026-11-01", "2026-11-03", ["dk-1"])

    def test_very_many_causes(self) -> None:
        runs = [
            run_with(1 + number % 28, "lab_error", message="".join(chr(97 + int(digit)) for digit in str(number)))
            for number in range(1, 120)
        ]
        runs = [replace(run, uid=f"uid {number}", name=f"run {number}") for number, run in enumerate(runs)]
        page = page_of(*runs)
        assert (len(page.causes), page.more_causes) == (100, 19)


class TestBoards:
    def test_what_it_ran_last_and_when(self) -> None:
        newer = run_with(3, "passed", slot="dk-9", modem_firmware="mfw_9", identity="imei-9")
        first, second = page_of(run_record(1), run_record(2), newer).boards
        assert (first.name, first.firmware, first.runs, first.missing) == ("dk-9", "mfw_9, SLM 3.1.0", 1, "")
        assert (second.name, second.night, second.runs, second.first) == ("dk-1", "2026-11-02/03", 2, "2026-11-01/02")
        assert second.missing == "missing for 1 night with runs"

    def test_a_board_that_was_moved_to_another_slot_is_one(self) -> None:
        (board,) = page_of(run_record(1), run_with(2, "passed", slot="dk-7")).boards
        assert (board.name, board.runs) == ("dk-7", 2)

    def test_a_control_board_is_shown_as_such_and_in_no_chart(self) -> None:
        page = page_of(*(night_record(number, "mfw_1", 1e6, controls=1) for number in range(1, 4)))
        assert [board.name for board in page.boards if board.control] == ["golden-1"]
        assert page.measurements[0].boards == ["dk-1", "dk-2", "dk-3", "dk-4"]


class TestSimulated:
    def test_nothing_of_it_is_mixed_with_hardware(self) -> None:
        runs = []
        for number in range(1, 4):
            real, simulated = (night_record(number, "mfw_1", 1e6, simulated=flag) for flag in (False, True))
            runs += [real, replace(simulated, uid=f"simulated {number}", name=f"simulated-{number}")]
        page = page_of(*runs)
        assert [view.simulated for view in page.measurements] == [False, True]
        assert [test.simulated for test in page.grid.tests] == [False, True]
        assert {board.simulated for board in page.boards if board.name == "dk-1"} == {False, True}, "equal identities"
        assert (page.mixed, page.simulated) == (True, False)
        for view in page.measurements:
            assert len(view.nights) == 3
        numbers = [set(view.board_numbers) for view in page.measurements]
        assert not numbers[0] & numbers[1]

    def test_every_row_of_it_says_so(self) -> None:
        text = render(page_of(night_record(1, "mfw_1", 1e6, simulated=True)))
        assert '<h1>Trends <span class="simulated">SIMULATED</span></h1>' in text
        rows = re.findall(r"<(?:tr|article) [^>]*data-kind[^>]*>.*?</(?:tr|article)>", text, re.DOTALL)
        assert len(rows) >= 6
        assert all('data-kind="simulated"' in row and ">SIMULATED<" in row for row in rows)

    def test_hardware_is_not_called_so(self) -> None:
        text = render(page_of(run_record(1)))
        assert ">SIMULATED<" not in text
        assert 'id="kind"' not in text, "there is nothing to choose"


class TestMeasurements:
    def test_a_change_point_with_its_firmware(self) -> None:
        runs = [
            night_record(number, "mfw_1" if number < 8 else "mfw_2", 1e6 if number < 8 else 1.1e6)
            for number in range(1, 15)
        ]
        page = page_of(*runs)
        (view,) = page.measurements
        assert [(move.since, move.change[:2]) for move in view.moves] == [("2026-11-08/09", "+1")]
        assert [(one.name, one.nights) for one in view.firmware] == [("mfw_1, SLM 3.1.0", 7), ("mfw_2, SLM 3.1.0", 7)]
        assert view.firmware[0].level.endswith(" ms")
        assert view.firmware[0].interval
        (change,) = page.changes
        assert (change.since, change.count) == ("2026-11-08/09", "1 measurement")
        assert change.with_it == "firmware mfw_1, SLM 3.1.0 to mfw_2, SLM 3.1.0"
        assert view.chart["moves"][0][0] == 7

    def test_the_chart_has_the_values_of_the_table(self) -> None:
        def numbers(texts: Sequence[str]) -> list[float]:
            assert {text.partition(" ")[2] for text in texts} == {"ms"}
            return [float(text.partition(" ")[0]) for text in texts]

        (view,) = page_of(*(night_record(number, "mfw_1", 2e6) for number in range(1, 4))).measurements
        (line,) = view.chart["lines"]
        assert line["v"] == pytest.approx(numbers([night.level for night in view.nights]), rel=1e-3)
        boards = view.chart["boards"]
        assert [one["v"][0] for one in boards] == pytest.approx(numbers(view.nights[0].values), rel=1e-3)
        assert view.chart["unit"] == "ms"

    @pytest.mark.parametrize(("value", "unit", "text"), [(0.25, "fraction", "25 %"), (0.0, "fraction", "0 %")])
    def test_shares(self, value: float, unit: str, text: str) -> None:
        run = run_record(1)
        single = MeasurementRecord("t", "dk-1", 1, 0, "loss", unit, 1, 1, {"value": value})
        (view,) = page_of(replace(run, measurements=(single,))).measurements
        assert view.nights[0].level == text

    def test_the_time_to_register_is_one_measurement_of_all_tests(self) -> None:
        runs = []
        for number in range(1, 4):
            single = MeasurementRecord(f"test_{number}", "dk-1", 1, 0, "time to register", "ns", 1, 1, {"value": 2e9})
            runs.append(replace(run_record(number), measurements=(single,)))
        page = page_of(*runs)
        (view,) = page.registering
        assert (view.test, len(view.nights), view.nights[0].level) == ("", 3, "2 s")
        assert not page.measurements


class TestNights:
    def test_the_last_ones(self) -> None:
        page = page_of(*(run_record(number) for number in range(1, 9)), nights=3)
        assert page.scope.nights == ["2026-11-06", "2026-11-07", "2026-11-08"]
        assert page.span == "3 nights with runs, 2026-11-06 to 2026-11-08, the last of 8; --nights shows more"
        assert len(page.runs) == 3
        assert {len(view.nights) for view in page.measurements} == {3}

    def test_none_at_all(self) -> None:
        text = render(page_of())
        assert "The history has no run yet." in text

    @pytest.mark.parametrize("started", ["", "yesterday", "2026-13-45T00:00:00Z", "<script>"])
    def test_a_run_of_no_night_stops_nothing(self, started: str) -> None:
        page = page_of(run_record(1), replace(run_record(2), started=started))
        assert page.scope.nights == ["2026-11-01"]
        render(page)


def hostile_page(text: str) -> HistoryPage:
    """A page in which every text that is not the bench's own holds this one."""
    with Store(":memory:") as store:
        fill_history(store, nights=3, measurements=1, boards=1, tests=4, prefix=text)
        board = BoardRecord("dk", text, text, text, text, text, text, text, text, 0, text, text)
        result = ResultRecord(f"{text}::t", "dk", 1, "lab_error", message=text)
        single = MeasurementRecord(f"{text}::t", "dk", 1, 0, text, text, 1, 1, {"value": 1.0})
        store.add(RunRecord("uid", text, "2026-01-02T22:00:00Z", text, 1, False, text, (board,), (result,), (single,)))
        return history_page(store, Path("nowhere"), Path("page"), 90)


@pytest.fixture(scope="module")
def plain() -> Elements:
    return Elements(render(hostile_page("plain ")))


def test_the_library_is_the_one_that_its_note_names() -> None:
    folder = resources.files("bench.report") / "assets" / "uplot"
    note = (folder / "README.md").read_text()
    version = re.search(r"# uPlot (\S+)", note)
    assert version
    assert f"(v{version[1]}) */" in (folder / "uPlot.iife.min.js").read_text()[:100]
    sums = re.findall(r"^([0-9a-f]{64})  (\S+)$", note, re.MULTILINE)
    assert len(sums) == 2
    for digest, name in sums:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    page = render(page_of())
    assert f"uPlot {version[1]}." in page
    assert "Copyright (c) 2022 Leon Sorokin" in page, "its licence goes where it goes"


class TestHostile:
    """Whatever a board, a test or a measurement is called."""

    @pytest.mark.parametrize("text", [HTML_TRICK, "</script><b>", "<!--<script>", *HOSTILE])
    def test_no_text_becomes_an_element(self, text: str, plain: Elements) -> None:
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            text = ascii(text)  # SQLite takes no surrogates
        page = render(hostile_page(text))
        found = Elements(page)
        assert found.tags == plain.tags
        assert {name for name, _ in found.attributes} == {name for name, _ in plain.attributes}
        assert is_visible(page)

    @pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028", "\ud800", "&lt;"])
    def test_json_stays_in_its_script(self, text: str) -> None:
        made = script_json({"text": [text]})
        assert not set(made) & set("<>&\u2028")
        assert made.isascii()
        assert json.loads(made) == {"text": [text]}
