"""Traceability: the scenarios that check each statement of the specification, and their last results."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UsageError
from bench.evidence import Outcome, rows
from bench.evidence.outcomes import KNOWN_ISSUE
from bench.report.rendering import markdown_text

FILE = "specification.toml"
_WORST_FIRST: tuple[str, ...] = (
    Outcome.DIED,
    Outcome.FAILED,
    Outcome.SCRIPT_ERROR,
    Outcome.LAB_ERROR,
    Outcome.SKIPPED,
    KNOWN_ISSUE,
    Outcome.PASSED,
)


@dataclass
class Statement:
    """One statement of the specification.

    ``results`` holds the outcome of each scenario by slot, the worst of several rounds; "died" when it did not finish,
    "known issue" when its failure is known.
    """

    id: str
    text: str
    scenarios: list[str] = field(default_factory=list)
    results: dict[str, dict[str, str]] = field(default_factory=dict)


class Specification:
    """All statements, in the order of the file."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.firmware: dict[str, str] = {}
        self.statements = {statement.id: statement for statement in statements}

    @classmethod
    def load(cls, path: Path) -> "Specification":
        """Read a file with a table for each command, of ``id = text``.

        Raises:
            UsageError: The file cannot be read.
        """
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"cannot read the specification {path}: {error}") from error
        return cls(
            Statement(f"{command}.{name}", str(text)) for command, rows in tables.items() for name, text in rows.items()
        )

    def take(self, found: Iterable[rows.Row]) -> None:
        """Add what the rows of a run say: plans name the statements, finishes the outcomes."""
        planned: dict[tuple[str, str], list[str]] = {}
        ended: dict[tuple[str, str], dict[int, str]] = {}
        for row in found:
            if isinstance(row, rows.BoardRow):
                self.firmware[row.slot] = f"{row.firmware}{', SIMULATED' if row.simulated else ''}"
            elif isinstance(row, rows.PlanRow):
                planned[row.test, row.slot] = row.spec
                ended.setdefault((row.test, row.slot), {})[row.round] = Outcome.DIED
            elif isinstance(row, rows.FinishRow) and (row.test, row.slot) in planned:
                known = row.known_issue and row.outcome is Outcome.PASSED
                ended[row.test, row.slot][row.round] = KNOWN_ISSUE if known else row.outcome
        for key, rounds in ended.items():
            self._result(planned[key], *key, min(rounds.values(), key=_WORST_FIRST.index))

    @property
    def untested(self) -> list[Statement]:
        """The statements that no planned scenario checks."""
        return [statement for statement in self.statements.values() if not statement.scenarios]

    def markdown(self) -> str:
        """Return the matrix as Markdown: id, text, and the results on each board."""
        slots = sorted({slot for statement in self.statements.values() for slot in statement.results})
        heads = [markdown_text(f"{slot} ({self.firmware[slot]})" if slot in self.firmware else slot) for slot in slots]
        lines = ["| statement | what it says | " + " | ".join(heads or ["no result"]) + " |"]
        lines.append("| --- " * (2 + max(1, len(slots))) + "|")
        for statement in self.statements.values():
            cells = [_count_text(statement.results.get(slot, {})) for slot in slots] or [""]
            lines.append(f"| {statement.id} | {markdown_text(statement.text)} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def last(self, statement: Statement, date: str) -> str:
        """Return the last results of a statement: ``3 passed, 2026-11-23, SLM 3.1.0, SIMULATED``."""
        by_firmware: dict[str, dict[str, str]] = {}
        for slot, outcomes in statement.results.items():
            found = by_firmware.setdefault(self.firmware.get(slot, "no board answered"), {})
            found |= {f"{slot} {test}": outcome for test, outcome in outcomes.items()}
        return "; ".join(f"{_count_text(found)}, {date}, {firmware}" for firmware, found in by_firmware.items())

    def _result(self, ids: Iterable[str], test: str, slot: str, outcome: str) -> None:
        for name in ids:
            statement = self.statements.get(name)
            if statement is not None:
                if test not in statement.scenarios:
                    statement.scenarios.append(test)
                statement.results.setdefault(slot, {})[test] = outcome


def _count_text(outcomes: dict[str, str]) -> str:
    """Return ``3 passed, 1 failed``, or a dash for no outcomes."""
    kinds = sorted(set(outcomes.values()), key=lambda kind: (kind != "passed", kind))
    return ", ".join(f"{sum(o == kind for o in outcomes.values())} {kind.replace('_', ' ')}" for kind in kinds) or "-"
