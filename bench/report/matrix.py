"""The matrix of scenarios by kind of board and firmware: results, boards that deviate, and measurements."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.evidence.results import FAILED, LAB_ERROR, PASSED, SKIPPED, WORDS, TestResult
from bench.evidence.stream import Row
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
        kinds = sorted(set(words), key=lambda kind: (kind != WORDS[PASSED], kind))
        return ", ".join(f"{words.count(kind)} {kind}" for kind in kinds) or "not run"

    @property
    def worst(self) -> str:
        """The worst outcome, which gives the colour."""
        order = (FAILED, "died", LAB_ERROR, SKIPPED, PASSED)
        return min((result.outcome for result in self.results), key=order.index, default=SKIPPED)

    @property
    def deviating(self) -> list[TestResult]:
        """Results that differ from most others, and all failures."""
        outcomes = [result.outcome for result in self.results]
        usual = max(outcomes, key=lambda outcome: (outcomes.count(outcome), outcome == PASSED, outcome), default=PASSED)
        return [r for r in self.results if r.outcome not in (PASSED, SKIPPED) or r.outcome != usual]


@dataclass(frozen=True)
class Matrix:
    """The matrix: ``cells`` by scenario (a test without its parameters) and kind of board."""

    kinds: Sequence[str]
    cells: Mapping[str, Mapping[str, MatrixCell]]


def kind_of(board: Mapping[str, Any]) -> str:
    """Return model, firmware and network of a board: boards with the same kind share a column."""
    network = board.get("network") or {}
    where = " ".join(str(network[name]) for name in ("access", "operator") if network.get(name))
    parts = [board.get("model"), board.get("modem_firmware"), f"SLM {board.get('slm_version', '?')}", where]
    mark = "SIMULATED " if board.get("simulated") else ""
    return mark + ", ".join(str(part) for part in parts if part)


def matrix(
    results: Iterable[TestResult],
    boards: Iterable[Mapping[str, Any]],
    measurements: Iterable[Row],
    comparison: Iterable[Mapping[str, Any]] = (),
) -> Matrix:
    """Return the matrix of a run."""
    kinds = {str(board["slot"]): kind_of(board) for board in boards}
    cells: dict[str, dict[str, MatrixCell]] = {}
    for result in results:
        kind = kinds.get(result.slot, "no board answered")
        cells.setdefault(scenario_of(result.test), {}).setdefault(kind, MatrixCell()).results.append(result)
    changes = {(row["test"], row["measurement"]): row for row in comparison}
    for (test, kind, name), rows in _series(measurements, kinds).items():
        cell = cells.get(scenario_of(test), {}).get(kind)
        if cell is not None:
            cell.measured.append(_measurement_line(name, rows, changes.get((test, name))))
    found = {kind for row in cells.values() for kind in row}
    return Matrix(sorted(found), cells)


def scenario_of(test: str) -> str:
    """Return a test id without its parameters."""
    return _PARAMETERS.sub("", test)


def _series(rows: Iterable[Row], kinds: Mapping[str, str]) -> dict[tuple[str, str, str], list[Row]]:
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        series = VALUE not in (row.get("figures") or {VALUE: 0})
        if series and not row.get("part_of"):
            key = (str(row.get("test", "")), kinds.get(str(row.get("slot", "")), ""), str(row["name"]))
            found.setdefault(key, []).append(row)
    return found


def _measurement_line(name: str, rows: Sequence[Row], change: Mapping[str, Any] | None) -> str:
    """Return ``TCP echo  p50 182 ms  p99 410 ms to 433 ms  n 800  +1.2 % (no regression)``, over boards and rounds."""
    unit = str(rows[0]["unit"])
    parts = [name]
    for statistic in ("p50", "p99"):
        values = sorted(row["figures"][statistic] for row in rows if statistic in row["figures"])
        if values:
            low, high = format_value(values[0], unit), format_value(values[-1], unit)
            parts.append(f"{statistic} {low if low == high else f'{low} to {high}'}")
    parts.append(f"n {sum(int(row.get('n', 1)) for row in rows)}")
    if change is not None:
        difference = "" if change["change"] is None else f"{change['change']:+.1%} "
        parts.append(f"{difference}({change['verdict']})")
    return "   ".join(parts)
