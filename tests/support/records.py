"""Runs as the history keeps them."""

import random
from collections.abc import Mapping

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord


def run_record(
    number: int = 1, *, firmware: str = "mfw_nrf91x1_2.0.2", outcome: str = "passed", started: str = ""
) -> RunRecord:
    """A night of one test on one board, with a series and a single value."""
    boards = (BoardRecord("dk-1", "imei-1", "nrf9151dk", firmware, "slm", "3.1.0", "LTE-M", "24201", "cell-1"),)
    results = (ResultRecord("test_a.py::test_a", "dk-1", 1, outcome, duration_ns=5),)
    samples = tuple(float(value) for value in range(1000 * number, 1000 * number + 400))
    series = MeasurementRecord(
        "test_a.py::test_a", "dk-1", 1, 0, "echo", "ns", 7, 400, {"p50": 1200.0, "typical": 1200.0}, "ok", samples
    )
    single = MeasurementRecord("test_a.py::test_a", "dk-1", 1, 0, "loss", "fraction", 8, 1, {"value": 0.25})
    started = started or f"2026-11-{number:02}T22:00:00Z"
    return RunRecord(
        f"uid-{number}", f"run-{number}", started, "PASSED", 0, False, "0.1", boards, results, (series, single)
    )


def night_record(
    number: int,
    firmware: str,
    level: float,
    *,
    boards: Mapping[str, str] | None = None,
    controls: int = 0,
    network: float = 1.0,
    rounds: int = 1,
    model: str = "nrf9151dk",
    simulated: bool = False,
) -> RunRecord:
    """A night of a latency, some permille apart from board to board and night to night.

    Args:
        number: of the night.
        firmware: of the modem.
        level: of the firmware, in ns.
        boards: other firmware of single boards, by slot; None gives four boards the same.
        controls: control boards, which measure 1 ms on golden firmware.
        network: factor by which the network slows all boards, control boards included.
        rounds: of the tests.
        model: of all boards.
        simulated: whether no board is hardware.
    """
    had = dict(boards or {f"dk-{rank}": firmware for rank in range(1, 5)})
    golden = {f"golden-{rank}": "mfw_golden" for rank in range(1, controls + 1)}
    records, measured = [], []
    for rank, (slot, own) in enumerate((had | golden).items()):
        side = own if boards else ""
        place = ("LTE-M", "24201", "cell-1", int(simulated), side, "20", int(slot in golden))
        records.append(BoardRecord(slot, f"imei-{slot}", model, own, "slm", "3.1.0", *place))
        for turn in range(1, rounds + 1):
            noise = random.Random(f"{number} {slot} {turn}").gauss(0, 0.002)
            base = 1e6 if slot in golden else level if own == firmware else 1e6
            value = base * network * (1 + 0.05 * rank) * (1 + noise)
            figures = {"p50": value, "typical": value}
            measured.append(MeasurementRecord("test_t.py::t", slot, turn, 0, "echo", "ns", 7, 400, figures, "ok"))
    results = tuple(ResultRecord("test_t.py::t", slot, 1, "passed", duration_ns=5) for slot in had)
    started = f"2026-11-{number:02}T22:00:00Z"
    return RunRecord(
        f"night-{number}",
        f"run-{number}",
        started,
        "PASSED",
        0,
        simulated,
        "0.1",
        tuple(records),
        results,
        tuple(measured),
    )
