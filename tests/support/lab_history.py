"""The history of a lab, as large as a test wants it: nights of several boards, measurements and tests."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord, Store

FIRMWARE = ("mfw_nrf91x1_2.0.1", "mfw_nrf91x1_2.0.2")
LAB_ERRORS = ("the port /dev/ttyACM{} was lost", "the peer did not answer within {} s")
FIRST = datetime(2026, 1, 1, 22, tzinfo=UTC)


def night(
    number: int, *, nights: int, measurements: int, boards: int, tests: int, simulated: bool = False, prefix: str = ""
) -> RunRecord:
    """One night: the newer firmware begins in the middle, is slower in every fifth measurement, and fails a test.

    Args:
        number: of the night, from 0.
        nights: of the whole history.
        measurements: on each board.
        boards: of the run.
        tests: on each board.
        simulated: whether no board is hardware.
        prefix: of the names of tests, measurements and boards.
    """
    random_ = random.Random(f"{number} {simulated}")
    newer = number >= nights // 2
    results: list[ResultRecord] = []
    measured: list[MeasurementRecord] = []
    slots = [f"{prefix}{'simulated' if simulated else 'dk'}-{rank}" for rank in range(1, boards + 1)]
    for rank, slot in enumerate(slots):
        for one in range(measurements):
            level = 1e6 * (1 + one) * (1 + 0.05 * rank) * (1.12 if newer and one % 5 == 0 else 1.0)
            value = level * random_.gauss(1, 0.01)
            figures = {"typical": value, "p50": value}
            test = f"{prefix}test_latency.py::test_round_trip[{one}]"
            measured.append(MeasurementRecord(test, slot, 1, 0, f"{prefix}round trip {one:02}", "ns", 7, 400, figures))
        took = {"value": 3e9 * random_.gauss(1, 0.2)}
        measured.append(
            MeasurementRecord(f"test_a.py::t{number % 3}", slot, 1, 0, "time to register", "ns", 7, 1, took)
        )
        for one in range(tests):
            results.append(
                ResultRecord(f"{prefix}test_suite.py::test_{one:03}", slot, 1, *_ending(one, newer, random_))
            )
    firmware = FIRMWARE[newer]
    records = tuple(
        BoardRecord(
            slot, f"imei-{slot}", "nrf9151dk", firmware, "slm", "3.1.0", "LTE-M", "24201", "cell-1", int(simulated)
        )
        for slot in slots
    )
    failed = any(result.outcome == "failed" for result in results)
    started = (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")
    return RunRecord(
        uid=f"{prefix}{simulated} {number}",
        name=f"{prefix}run-{number}{'-simulated' if simulated else ''}",
        started=started,
        verdict="FAILED" if failed else "PASSED",
        exit_code=int(failed),
        simulated=simulated,
        bench="0.1",
        boards=records,
        results=tuple(results),
        measurements=tuple(measured),
    )


def _ending(test: int, newer: bool, random_: random.Random) -> tuple[str, bool, int, int, str]:
    """Outcome, known issue, attempts, duration, message: test 1 fails on the newer firmware, test 2 now and then."""
    if (test == 1 and newer) or (test == 2 and random_.random() < 0.2):
        return "failed", False, 1, 5, "expected b'a', came b''"
    if test % 7 == 3 and random_.random() < 0.05:
        return "lab_error", False, 2, 5, random_.choice(LAB_ERRORS).format(random_.randrange(9))
    return "passed", test == 4, 1, 5, ""


def fill_history(
    store: Store, *, nights: int = 20, measurements: int = 5, boards: int = 2, tests: int = 6, prefix: str = ""
) -> None:
    """Add the nights of a lab, with a simulated board in the last three."""
    size = {"nights": nights, "measurements": measurements, "tests": tests, "prefix": prefix}
    for number in range(nights):
        store.add(night(number, boards=boards, **size))  # type: ignore[arg-type]
    for number in range(max(0, nights - 3), nights):
        run = night(number, boards=1, simulated=True, **size)  # type: ignore[arg-type]
        store.add(replace(run, started=run.started.replace("T22", "T23")))
