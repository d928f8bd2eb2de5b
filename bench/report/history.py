"""The record of a run's folder for the history."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bench.evidence.stream import FILE, Row, RowReader
from bench.evidence.summary import Summary
from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord
from bench.measure import VALUE, typical

_Place = tuple[str, str, int, str]
"""(test, slot, round, name) of a measurement."""


def run_record(folder: Path, summary: Summary, verdict: str = "") -> RunRecord:
    """Return the record of a run's folder; ``verdict`` replaces the verdict of the summary."""
    rows = list(RowReader(folder).new_rows())
    first = (folder / FILE).read_bytes().partition(b"\n")[0]
    sides = {slot: name for name, slots in summary.groups.items() for slot in slots}
    known = {str(board["slot"]): board for board in summary.boards}
    slots = sorted({result.slot for result in summary.results} | set(known))
    return RunRecord(
        hashlib.sha256(first).hexdigest(),
        summary.run,
        summary.started,
        verdict or summary.verdict,
        summary.exit_code,
        summary.simulated,
        next((str(row.get("bench", "")) for row in rows if row["type"] == "run"), ""),
        tuple(_board(slot, known.get(slot, {}), sides.get(slot, ""), summary) for slot in slots),
        tuple(
            ResultRecord(r.test, r.slot, r.round, r.outcome, r.known_issue, r.attempts, r.duration_ns, r.message)
            for r in summary.results
        ),
        tuple(_measurements(rows)),
        len(rows),
    )


def _board(slot: str, row: Row, side: str, summary: Summary) -> BoardRecord:
    network = row.get("network") or {}
    identity = str((row.get("ids") or {}).get("imei") or slot)
    place = {name: str(network.get(name) or "") for name in ("access", "operator", "cell")}
    simulated = bool(row.get("simulated", summary.simulated))
    firmware = {"modem_firmware": str(row.get("modem_firmware", "")), "slm": str(row.get("slm_version", ""))}
    return BoardRecord(slot, identity, str(row.get("model", "")), **firmware, **place, simulated=simulated, side=side)


def _measurements(rows: Iterable[Row]) -> Iterable[MeasurementRecord]:
    """Return the measurements, the last of several attempts; samples stand before their measurement."""
    samples: dict[tuple[_Place, int], list[float]] = {}
    found: dict[tuple[_Place, int], MeasurementRecord] = {}
    turns: dict[tuple[_Place, int], int] = {}
    for row in rows:
        if row["type"] not in ("samples", "measurement") or not {"test", "slot", "name", "unit"} <= row.keys():
            continue  # the summary counts damaged rows
        number, attempt = int(row.get("round", 1)), int(row.get("attempt", 1))
        place = (str(row["test"]), str(row["slot"]), number, str(row["name"]))
        if row["type"] == "samples":
            samples.setdefault((place, attempt), []).extend(row["values"])
            continue
        turn = turns[place, attempt] = turns.get((place, attempt), -1) + 1
        values = samples.pop((place, attempt), [])
        figures = {name: float(value) for name, value in (row.get("figures") or {VALUE: row["value"]}).items()}
        middle = typical(values) if values else None
        if middle is not None:
            figures["typical"] = middle
        found[place, turn] = MeasurementRecord(
            place[0],
            place[1],
            number,
            turn,
            place[3],
            str(row["unit"]),
            int(row["t_ns"]),
            int(row.get("n", 1)),
            figures,
            str(row.get("verdict", "")),
            tuple(values),
        )
    return found.values()
