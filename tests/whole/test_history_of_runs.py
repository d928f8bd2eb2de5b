"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord, Store
from tests.support.lab import COMMAND, Lab


def run_record(number: int = 1, *, firmware: str = "mfw_nrf91x1_2.0.2", outcome: str = "passed") -> RunRecord:
    boards = (BoardRecord("dk-1", "imei-1", "nrf9151dk", firmware, "3.1.0", "LTE-M", "24201", "cell-1"),)
    results = (ResultRecord("test_a.py::test_a", "dk-1", 1, outcome, duration_ns=5),)
    samples = tuple(float(value) for value in range(1000 * number, 1000 * number + 400))
    series = MeasurementRecord(
        "test_a.py::test_a", "dk-1", 1, 0, "echo", "ns", 7, 400, {"p50": 1200.0, "typical": 1200.0}, "ok", samples
    )
    single = MeasurementRecord("test_a.py::test_a", "dk-1", 1, 0, "loss", "fraction", 8, 1, {"value": 0.25})
    started = f"2026-11-{number:02}T22:00:00Z"
    return RunRecord(
        f"uid-{number}", f"run-{number}", started, "PASSED", 0, False, "0.1", boards, results, (series, single)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


class TestRuns:
    """Whole runs on simulated boards."""

    def test_a_run_is_remembered_and_importing_it_again_adds_nothing(self, lab: Lab) -> None:
        history = lab.folder / "history.sqlite"
        run = lab.run(arguments=("--simulate", "1", "--history", str(history)))
        assert run.code == 0
        again = self.command("history", "import", str(run.folder), "--history", str(history))
        assert "was there   2 results, 1 measurements" in again
        listed = self.command("history", "list", "--history", str(history))
        assert listed.count("PASSED   SIMULATED   mfw_nrf91x1_2.0.2, SLM 3.1.0") == 1

    def test_a_measurement_by_firmware(self, path: Path) -> None:
        with Store(path) as store:
            for number in (1, 2):
                store.add(run_record(number, firmware=f"mfw_{number}"))
        shown = self.command("history", "show", "echo", "--history", str(path)).splitlines()
        assert [line.split("   ")[0] for line in shown] == ["mfw_1, SLM 3.1.0", "mfw_2, SLM 3.1.0"]
        assert all(line.endswith("n 400") and "p99" in line for line in shown)

    def test_a_history_that_cannot_be_written_changes_no_verdict(self, lab: Lab) -> None:
        run = lab.run(arguments=("--simulate", "1", "--history", "/proc/none/history.sqlite"))
        assert (run.code, run.summary["verdict"]) == (0, "PASSED")
        assert "history   " in run.output

    def test_a_killed_run_can_be_imported_from_its_stream(self, lab: Lab) -> None:
        history = lab.folder / "history.sqlite"
        process = lab.start(
            "import time\ndef test_first(modem):\n    pass\ndef test_long(modem):\n    time.sleep(60)\n"
        )
        lab.until("start", "test_long")
        process.kill()
        process.communicate()
        self.command("history", "import", str(lab.out), "--history", str(history))
        with Store(history) as store:
            rows = dict(store.rows("SELECT test, outcome FROM results"))
        assert rows == {"test_lab.py::test_first": "passed", "test_lab.py::test_long": "died"}

    @staticmethod
    def command(*arguments: str) -> str:
        finished = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=True)
        return finished.stdout


def test_how_long_a_question_takes_is_a_benchmark(tmp_path: Path) -> None:
    """Small here, only that the program works; ten million samples by hand."""
    program = Path(__file__).parents[2] / "benchmarks" / "history.py"
    began = time.monotonic()
    finished = subprocess.run(
        [sys.executable, str(program), "--nights", "3", "--scenarios", "2", "--file", str(tmp_path / "h.sqlite")],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "p99 by firmware" in finished.stdout
    assert time.monotonic() > began
