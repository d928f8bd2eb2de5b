"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

from pathlib import Path

import pytest

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord, Store
from tests.support.inline import command_line


def run_record(number: int = 1, *, firmware: str = "mfw_nrf91x1_2.0.2", outcome: str = "passed") -> RunRecord:
    boards = (BoardRecord("dk-1", "imei-1", "nrf9151dk", firmware, "slm", "3.1.0", "LTE-M", "24201", "cell-1"),)
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

    def test_a_measurement_by_firmware(self, path: Path) -> None:
        with Store(path) as store:
            for number in (1, 2):
                store.add(run_record(number, firmware=f"mfw_{number}"))
        shown = command_line("history", "show", "echo", "--history", str(path)).stdout.splitlines()
        assert [line.split("   ")[0] for line in shown] == ["mfw_1, SLM 3.1.0", "mfw_2, SLM 3.1.0"]
        assert all(line.endswith("n 400") and "p99" in line for line in shown)
