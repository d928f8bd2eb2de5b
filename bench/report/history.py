"""The record of a run's folder for the history."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.evidence import Summary, rows
from bench.evidence.stream import FILE
from bench.evidence.summary import Recorded
from bench.history import BoardRecord, MeasurementRecord, ResultRecord, RunRecord
from bench.measure import VALUE, typical

_Place = tuple[str, str, int, str]
"""(test, slot, round, name) of a measurement."""


def run_uid(folder: Path) -> str:
    """Return the identity of a run's folder: a digest of the first row of its stream.

    Raises:
        OSError: The stream cannot be read.
    """
    with (folder / FILE).open("rb") as file:
        return hashlib.sha256(file.readline().removesuffix(b"\n")).hexdigest()


def run_record(folder: Path, summary: Summary, verdict: str = "") -> RunRecord:
    """Return the run of a folder; ``verdict`` where it is not the summary's own."""
    sides = {slot: name for name, slots in summary.groups.items() for slot in slots}
    known = {board.slot: board for board in summary.boards}
    slots = sorted({result.slot for result in summary.results} | set(known))
    return RunRecord(
        run_uid(folder),
        summary.run,
        summary.started,
        verdict or summary.verdict,
        summary.exit_code,
        summary.simulated,
        summary.bench,
        tuple(_board(slot, known.get(slot), sides.get(slot, ""), summary) for slot in slots),
        tuple(
            ResultRecord(r.test, r.slot, r.round, r.outcome, r.known_issue, r.attempts, r.duration_ns, r.message)
            for r in summary.results
        ),
        tuple(_measurements(summary.recorded)),
        summary.row_count,
        summary.ended,
    )


def _board(slot: str, row: rows.BoardRow | None, side: str, summary: Summary) -> BoardRecord:
    if row is None:
        return BoardRecord(slot, slot, simulated=summary.simulated, side=side)
    return BoardRecord(
        slot,
        row.identity,
        row.model,
        row.modem_firmware,
        row.application,
        row.application_version,
        row.network.access or "",
        row.network.operator or "",
        row.network.cell or "",
        row.simulated,
        side,
        "" if row.network.band is None else str(row.network.band),
        row.control,
    )


def _measurements(recorded: Iterable[Recorded]) -> Iterable[MeasurementRecord]:
    """Return the measurements of the last attempts."""
    records: dict[tuple[_Place, int], MeasurementRecord] = {}
    turns: dict[tuple[_Place, int], int] = {}
    for row, samples in recorded:
        place = (row.test, row.slot, row.round, row.name)
        turn = turns[place, row.attempt] = turns.get((place, row.attempt), -1) + 1
        records[place, turn] = _record(place, turn, row, samples)
    return records.values()


def _record(place: _Place, turn: int, row: rows.MeasurementRow, values: Sequence[float]) -> MeasurementRecord:
    test, slot, number, name = place
    figures = dict(row.figures) if row.figures else {VALUE: row.value or 0.0}
    middle = typical(values) if values else None
    if middle is not None:
        figures["typical"] = middle
    return MeasurementRecord(
        test, slot, number, turn, name, row.unit, row.t_ns, row.n, figures, row.verdict, tuple(values)
    )
