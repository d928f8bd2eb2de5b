"""Runs as the history keeps them."""

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord


def run_record(number: int = 1, *, firmware: str = "mfw_nrf91x1_2.0.2", outcome: str = "passed") -> RunRecord:
    """A night of one test on one board, with a series and a single value."""
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
