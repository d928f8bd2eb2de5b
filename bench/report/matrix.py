"""The matrix of scenarios by kind of board and firmware: results, boards that deviate, and measurements."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.evidence import Outcome, TestResult
from bench.evidence.rows import BoardRow, MeasurementComparison, MeasurementRow
from bench.measure import VALUE, format_value

_PARAMETERS = re.compile(r"\[.*\]$", re.DOTALL)


@dataclass
class MatrixCell:
    """One scenario on boards of one kind: its results, and a line for each measurement."""

    results: list[TestResult] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The counts: ``12 passed, 1 failed``."""
        words = [result.word for result in self.results]
        kinds = sorted(set(words), key=lambda kind: (kind != Outcome.PASSED, kind))
        return ", ".join(f"{words.count(kind)} {kind}" for kind in kinds) or "not run"

    @property
    def worst(self) -> Outcome:
        """The worst outcome, for a colour."""
        return Outcome.worst(result.outcome for result in self.results)

    @property
    def deviating(self) -> list[TestResult]:
        """Results that differ from most others, and all failures."""
        outcomes = [result.outcome for result in self.results]
        usual = max(outcomes, key=lambda o: (outcomes.count(o), o is Outcome.PASSED, o), default=Outcome.PASSED)
        return [r for r in self.results if r.outcome.bad or r.outcome != usual]


@dataclass(frozen=True)
class Matrix:
    """The matrix: ``cells`` by scenario (a test without its parameters) and kind of board."""

    kinds: Sequence[str]
    cells: Mapping[str, Mapping[str, MatrixCell]]


def kind_of(board: BoardRow) -> str:
    """Return model, firmware and network of a board: boards of one kind share a column."""
    where = " ".join(part for part in (board.network.access, board.network.operator) if part)
    parts = [board.model, board.modem_firmware, board.application_text, where]
    mark = "SIMULATED " if board.simulated else ""
    return mark + ", ".join(part for part in parts if part)


def matrix(
    results: Iterable[TestResult],
    boards: Iterable[BoardRow],
    measurements: Iterable[MeasurementRow],
    comparison: Iterable[MeasurementComparison] = (),
) -> Matrix:
    """The matrix of a run."""
    kinds = {board.slot: kind_of(board) for board in boards}
    cells: dict[str, dict[str, MatrixCell]] = {}
    for result in results:
        kind = kinds.get(result.slot, "no board answered")
        cells.setdefault(scenario_of(result.test), {}).setdefault(kind, MatrixCell()).results.append(result)
    changes = {(row.test, row.measurement): row for row in comparison}
    for (test, kind, name), rows in _series(measurements, kinds).items():
        cell = cells.get(scenario_of(test), {}).get(kind)
        if cell is not None:
            cell.measured.append(_measurement_line(name, rows, changes.get((test, name))))
    found = {kind for row in cells.values() for kind in row}
    return Matrix(sorted(found), cells)


def scenario_of(test: str) -> str:
    """Return a test id without its parameters."""
    return _PARAMETERS.sub("", test)


def _series(
    measurements: Iterable[MeasurementRow], kinds: Mapping[str, str]
) -> dict[tuple[str, str, str], list[MeasurementRow]]:
    found: dict[tuple[str, str, str], list[MeasurementRow]] = {}
    for one in measurements:
        if one.figures and VALUE not in one.figures and not one.part_of:
            found.setdefault((one.test, kinds.get(one.slot, ""), one.name), []).append(one)
    return found


def _measurement_line(name: str, found: Sequence[MeasurementRow], change: MeasurementComparison | None) -> str:
    """Return ``TCP echo  p50 182 ms  p99 410 ms to 433 ms  n 800  +1.2 % (no regression)``, over boards and rounds."""
    unit = found[0].unit
    parts = [name]
    for statistic in ("p50", "p99"):
        values = sorted(one.figures[statistic] for one in found if statistic in one.figures)
        if values:
            low, high = format_value(values[0], unit), format_value(values[-1], unit)
            parts.append(f"{statistic} {low if low == high else f'{low} to {high}'}")
    parts.append(f"n {sum(one.n for one in found)}")
    if change is not None:
        difference = "" if change.change is None else f"{change.change:+.1%} "
        parts.append(f"{difference}({change.verdict})")
    return "   ".join(parts)
