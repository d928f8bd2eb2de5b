"""How long the history takes for nights of samples, and for a question; beside bare SQLite and bare numpy."""

import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy

from bench.history import BoardRecord, MeasurementRecord, RunRecord, Store
from bench.measure import typical
from benchmarks.figure import Figure, Row, paired
from benchmarks.sizes import Sizes

SECTION = "history"
_SCENARIOS, _BOARDS, _SAMPLES = 28, 4, 1000
_FIRMWARES = 4
_QUESTIONS = 11


def measure(sizes: Sizes) -> Iterator[Row]:
    """Yield time and size of the import, and the time of a question."""
    with tempfile.TemporaryDirectory() as folder:
        path, bare = Path(folder) / "history.sqlite", Path(folder) / "bare.sqlite"
        ours, theirs = _fill(path, bare, sizes.nights)
        yield paired(SECTION, "import of a night", "s", ours, "SQLite with blobs", theirs)
        each = path.stat().st_size / (sizes.nights * _SCENARIOS * _BOARDS * _SAMPLES)
        yield Figure(SECTION, "bytes a sample", each, "", "a 64-bit number", each / 8)
        yield _question(path)


def _fill(path: Path, bare: Path, nights: int) -> tuple[list[float], list[float]]:
    """Return how long each night took in the history, and in a bare table."""
    ours, theirs = [], []
    with contextlib.closing(sqlite3.connect(bare)) as table, Store(path) as store:
        table.execute("CREATE TABLE samples (night INTEGER, name TEXT, slot TEXT, samples BLOB)")
        for number in range(nights):
            night = _night(number, nights)
            began = time.perf_counter()
            store.add(night)
            stored = time.perf_counter()
            _insert(table, number, night)
            theirs.append(time.perf_counter() - stored)
            ours.append(stored - began)
    return ours, theirs


def _insert(table: sqlite3.Connection, number: int, night: RunRecord) -> None:
    rows = [(number, one.name, one.slot, numpy.asarray(one.samples).tobytes()) for one in night.measurements]
    with table:
        table.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)


def _question(path: Path) -> Figure:
    """Ask for the p99 of a scenario by firmware; beside it, the same arithmetic of values in memory."""
    asked, computed = [], []
    with Store(path) as store:
        for _ in range(_QUESTIONS):
            began = time.perf_counter()
            found = [values for *_, values in store.values_by_firmware("scenario 1")]
            told = [numpy.percentile(values, 99) for values in found]
            answered = time.perf_counter()
            assert told == [numpy.percentile(values, 99) for values in found]
            computed.append(1000 * (time.perf_counter() - answered))
            asked.append(1000 * (answered - began))
    return paired(SECTION, "p99 of a scenario by firmware", "ms", asked, "numpy alone", computed)


def _night(number: int, nights: int) -> RunRecord:
    """Return a run of one night; the firmware changes after every quarter of them."""
    random = numpy.random.default_rng(number)
    slots = [f"dk-{board}" for board in range(_BOARDS)]
    measurements = tuple(_measurement(slot, scenario, random) for slot in slots for scenario in range(_SCENARIOS))
    firmware = f"mfw_{number * _FIRMWARES // nights}"
    records = tuple(BoardRecord(slot, slot, "nrf9151dk", firmware, "slm", "3.1.0", "LTE-M", "24201") for slot in slots)
    started = f"{2026 + number // 360}-{1 + number // 30 % 12:02}-{1 + number % 30:02}T20:00:00Z"
    return RunRecord(f"{number}", f"night {number}", started, "PASSED", 0, False, "", records, (), measurements)


def _measurement(slot: str, scenario: int, random: numpy.random.Generator) -> MeasurementRecord:
    values = (random.gamma(9, 12e6, _SAMPLES) // 1000) * 1000
    quantiles = {f"p{part}": float(numpy.percentile(values, part)) for part in (50, 90, 95, 99)}
    figures = {**quantiles, "typical": typical(values) or 0.0}
    test, name = f"test_{scenario}", f"scenario {scenario}"
    return MeasurementRecord(test, slot, 1, 0, name, "ns", 0, _SAMPLES, figures, "ok", tuple(values))
