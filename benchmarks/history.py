"""How large the history gets, and how long a question takes: ten million samples of ninety nights.

python benchmarks/history.py [--nights 90] [--scenarios 28] [--boards 4] [--samples 1000] [--file history.sqlite]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy

from bench.history import BoardRecord, MeasurementRecord, RunRecord, Store
from bench.measure import typical

FIRMWARES = 4


def night(number: int, boards: int, scenarios: int, samples: int) -> RunRecord:
    """A run of one night; the firmware changes after every quarter of them."""
    random = numpy.random.default_rng(number)
    slots = [f"dk-{board}" for board in range(boards)]
    measurements = []
    for slot in slots:
        for scenario in range(scenarios):
            values = (random.gamma(9, 12e6, samples) // 1000) * 1000
            quantiles = {f"p{part}": float(numpy.percentile(values, part)) for part in (50, 90, 95, 99)}
            figures = {**quantiles, "typical": typical(values) or 0.0}
            measurements.append(
                MeasurementRecord(
                    f"test_{scenario}",
                    slot,
                    1,
                    0,
                    f"scenario {scenario}",
                    "ns",
                    0,
                    samples,
                    figures,
                    "ok",
                    tuple(values),
                )
            )
    records = tuple(
        BoardRecord(slot, slot, "nrf9151dk", f"mfw_{number * FIRMWARES // 90}", "slm", "3.1.0", "LTE-M", "24201")
        for slot in slots
    )
    started = f"{2026 + number // 360}-{1 + number // 30 % 12:02}-{1 + number % 30:02}T20:00:00Z"
    return RunRecord(f"{number}", f"night {number}", started, "PASSED", 0, False, "", records, (), tuple(measurements))


def main() -> None:
    """Fills a history, asks it, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("nights", 90), ("scenarios", 28), ("boards", 4), ("samples", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--file", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = asked.file or Path(folder) / "history.sqlite"
        with Store(path) as store:
            spent = 0.0
            for number in range(asked.nights):
                record = night(number, asked.boards, asked.scenarios, asked.samples)
                began = time.perf_counter()
                store.add(record)
                spent += time.perf_counter() - began
        total = asked.nights * asked.scenarios * asked.boards * asked.samples
        print(f"{total:,} samples, {path.stat().st_size / 1e6:.1f} MB, imported in {spent:.1f} s")
        with Store(path) as store:
            times = []
            for _ in range(11):
                began = time.perf_counter()
                found = store.values_by_firmware("scenario 1")
                told = [numpy.percentile(values, 99) for *_, values in found]
                times.append(time.perf_counter() - began)
        each = sum(len(values) for *_, values in found)
        took = 1000 * sorted(times)[5]
        print(f"p99 by firmware of one scenario, {each:,} samples of {len(told)} firmwares: {took:.1f} ms")


if __name__ == "__main__":
    main()
