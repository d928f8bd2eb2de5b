"""A night's result stream without its night: many boards, many tests, the rows that a run would have written."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from bench import __version__
from bench.evidence import rows
from bench.evidence.outcomes import Outcome
from bench.evidence.stream import FILE

_BOARDS = 200
_STEP_NS = 40_000_000
_BEGAN = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
_FILES = ("udp", "tcp", "tls", "dtls", "dns", "server_accept", "latency", "throughput", "power_saving", "attach")
_MODELS = ("nrf9151dk", "nrf9161dk", "nrf9160dk", "thingy91x")
_COMMANDS = ("AT#XCONNECT", "AT#XSEND", "AT#XRECV", "AT#XACCEPT", "AT#XSSOCKET", "AT+CEREG", "AT+CGACT", "AT%XMONITOR")
_LAB_ERRORS = ("PeerGone", "PortLost", "NetworkGone")
_RADIO = rows.ServingNetwork(access="LTE-M", operator="24201", band=20, cell="c-41f2", rsrp_dbm=-97, snr_db=11)


class Night:
    """The rows of one night.

    A good night has a few skips. In a bad one every thirtieth test fails, for some hundred causes whose numbers differ
    from board to board, every two hundredth is an error of the lab, and some never end.
    """

    def __init__(self, results: int, *, bad: bool) -> None:
        self._random = random.Random(results)
        self._bad = bad
        self._slots = [f"dk-{rank}" for rank in range(1, min(_BOARDS, results) + 1)]
        self._tests = [_test(rank) for rank in range(-(-results // len(self._slots)))]
        self._left = results
        self._stamp = 0

    def write(self, folder: Path) -> None:
        """Write the stream, one JSON object a line."""
        with (folder / FILE).open("w", encoding="utf-8") as file:
            for row in self._rows():
                file.write(self._line(row))

    def _rows(self) -> Iterator[rows.AnyRow]:
        yield rows.RunRow(slots=self._slots, bench=__version__, command=["--board", "all"])
        for rank, slot in enumerate(self._slots):
            yield _board(slot, rank)
        pairs = [(slot, test) for test in self._tests for slot in self._slots][: self._left]
        for slot, test in pairs:
            yield rows.PlanRow(slot=slot, test=test, spec=["XCONNECT.set", "XCONNECT.response"], expected_ms=900)
        for slot, test in pairs:
            yield rows.StartRow(slot=slot, test=test)
            yield from self._measurement(slot, test)
            yield from self._end(slot, test)
        for slot in self._slots:
            yield rows.EndedRow(slot=slot)
        yield rows.ClosedRow()

    def _measurement(self, slot: str, test: str) -> Iterator[rows.AnyRow]:
        if "latency" in test or "throughput" in test:
            middle = self._random.gauss(180e6, 9e6)
            figures = {"p50": middle, "p90": 1.3 * middle, "p99": 2.2 * middle, "min": 0.8 * middle, "max": 3 * middle}
            yield rows.MeasurementRow(
                slot=slot, test=test, name="round trip", unit="ns", figures=figures, n=400, limit="p90 <= 300 ms",
                verdict="ok", intervals={"p50": (0.98 * middle, 1.02 * middle)},
            )  # fmt: skip

    def _end(self, slot: str, test: str) -> Iterator[rows.AnyRow]:
        chance = self._random.random()
        took = int(self._random.expovariate(1 / 8e8))
        if self._bad and chance < 1 / 30:
            yield self._failure(slot, test, took)
        elif self._bad and chance < 1 / 30 + 1 / 200:
            yield self._lab_error(slot, test, took)
        elif self._bad and chance > 1 - 1 / 5000:
            return  # it died
        elif chance > 0.99:
            yield rows.FinishRow(slot=slot, test=test, outcome=Outcome.SKIPPED, message="this network has no IPv6")
        else:
            yield rows.FinishRow(slot=slot, test=test, outcome=Outcome.PASSED, duration_ns=took, allure=self._uuid())

    def _failure(self, slot: str, test: str, took: int) -> rows.FinishRow:
        command, waited = self._random.choice(_COMMANDS), self._random.choice((2, 5, 10, 30))
        said = self._random.choice(("ERROR", "+CME ERROR: 515", "#XCONNECT: 0", "nothing"))
        seconds, name = f"{waited + self._random.random():.3f}", test.rpartition("::")[2]
        return rows.FinishRow(
            slot=slot, test=test, outcome=Outcome.FAILED, duration_ns=took, allure=self._uuid(), radio=_RADIO,
            message=f"{command}={self._random.randrange(9)} answered {said} after {seconds} s",
            place=f"{test.partition('::')[0]}:31: {name.removeprefix('test_')}(board)",
            excerpt=[f"22:14:0{second}.113 dk {command} -> {said}" for second in range(8)],
            transcript=f"transcripts/{slot}/{name}.txt", timeline=f"timelines/{slot}/{name}.html",
        )  # fmt: skip

    def _lab_error(self, slot: str, test: str, took: int) -> rows.FinishRow:
        error = self._random.choice(_LAB_ERRORS)
        return rows.FinishRow(
            slot=slot, test=test, outcome=Outcome.LAB_ERROR, duration_ns=took, error=error, allure=self._uuid(),
            message=f"{error}: lost after {self._random.randrange(900)} ms",
        )  # fmt: skip

    def _uuid(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def _line(self, row: rows.AnyRow) -> str:
        """Return a row as the stream writes it, stamped."""
        self._stamp += _STEP_NS
        moment = _BEGAN + timedelta(microseconds=self._stamp // 1000)
        content = {name: value for name, value in msgspec.to_builtins(row).items() if name != "lent"}
        stamps = {"run": "night", "t_ns": self._stamp, "utc": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"}
        return json.dumps({**content, **stamps}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _test(rank: int) -> str:
    name = _FILES[rank % len(_FILES)]
    return f"test_{name}.py::Test{name.title().replace('_', '')}::test_case_{rank // len(_FILES)}[{rank % 7}]"


def _board(slot: str, rank: int) -> rows.BoardRow:
    return rows.BoardRow(
        slot=slot, port=f"/dev/ttyACM{2 * rank}", model=_MODELS[rank % len(_MODELS)], profile="lte-m",
        manufacturer="Nordic Semiconductor ASA", part="nRF9151-LACA", hardware="nRF9151 LACA A0A",
        modem_firmware="mfw_nrf91x1_2.0.2", application="slm", application_version="3.1.0", ncs_version="3.1.0",
        firmware="mfw_nrf91x1_2.0.2, SLM 3.1.0", ids={"imei": f"i-{rank:04x}", "imsi": f"s-{rank:04x}"},
        network=_RADIO, registered_ns=2_400_000_000,
    )  # fmt: skip
