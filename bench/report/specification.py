"""Traceability: the scenarios that check each statement of the specifications, and their last results.

Each application has a table of its own. A statement that two of them share has the same id and text in both.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from bench.config.firmware import application_title
from bench.errors import UsageError, in_words
from bench.evidence import Outcome, Summary, TestResult, rows
from bench.evidence.outcomes import KNOWN_ISSUE, LEFT_OUT
from bench.report.lab_time import lab_time
from bench.report.rendering import markdown_text

FOLDER = "specification"
"""Beside the suites: a file for each application, such as ``slm.toml``."""
NO_ANSWER = "no board answered"
_WORST_FIRST: tuple[str, ...] = (
    Outcome.DIED,
    Outcome.FAILED,
    Outcome.SCRIPT_ERROR,
    Outcome.LAB_ERROR,
    Outcome.SKIPPED,
    KNOWN_ISSUE,
    Outcome.PASSED,
    LEFT_OUT,
)


@dataclass
class Statement:
    """One statement of the specification.

    Attributes:
        id: command and name, such as ``XSOCKET.read``.
        text: what it says.
        applications: the names of those of which it holds; empty where that is not known.
        results: the outcome of each scenario by board, the worst of several rounds; "died" when it did not finish,
            "known issue" when its failure is known, "left out" when the firmware does not have what it is about.
    """

    id: str
    text: str
    applications: list[str] = field(default_factory=list)
    results: dict["BoardOfRun", dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class BoardOfRun:
    """A board as a run saw it: its slot, and the firmware that it said it had. Both are empty where none answered."""

    slot: str
    firmware: str = ""
    application: str = ""

    def __str__(self) -> str:
        """Return ``dk-1 (mfw_nrf91x1_2.0.2, SLM 3.1.0)``."""
        return f"{self.slot} ({self.firmware})" if self.firmware else self.slot


class Specification:
    """All statements, in the order of the files.

    Attributes:
        boards: of the runs.
        runs: names of the runs, each with its date (UTC).
    """

    def __init__(self, statements: Iterable[Statement]) -> None:
        self.statements = {statement.id: statement for statement in statements}
        self.boards: set[BoardOfRun] = set()
        self.runs: dict[str, str] = {}

    @classmethod
    def load(cls, folder: Path) -> "Specification":
        """Read the files of a folder: a table for each command, of ``id = text``; the file's name is the application's.

        Raises:
            UsageError: a file cannot be read, or two give one id different texts.
        """
        files = sorted(folder.glob("*.toml"), key=lambda file: (file.stem != "slm", file.stem))
        if not files:
            raise UsageError(f"cannot read the specification: {folder} has no *.toml")
        statements: dict[str, Statement] = {}
        for file in files:
            for name, text in _read(file):
                statement = statements.setdefault(name, Statement(name, text))
                if statement.text != text:
                    raise UsageError(f"{file}: {name} says {text!r}, elsewhere {statement.text!r}: give it another id")
                statement.applications.append(file.stem)
        return cls(statements.values())

    def take(self, summary: Summary) -> None:
        """Add what a run says: which statements its tests check, and how they ended, the worst of several rounds."""
        self.runs.setdefault(summary.run, summary.started)
        boards = {row.slot: _board_of_run(row) for row in summary.boards}
        ended: dict[tuple[str, str], str] = {}
        for result in chain(summary.results, summary.left_out, summary.control_results):
            place, word = (result.test, result.slot), _word(result)
            ended[place] = min(ended.get(place, word), word, key=_WORST_FIRST.index)
        for (test, slot), word in ended.items():
            board = boards.get(slot) or boards.setdefault(slot, BoardOfRun(slot))
            self.boards.add(board)
            self._result(summary.statements.get(test, ()), test, board, word)

    @property
    def untested(self) -> list[Statement]:
        """The statements of the tested applications that no planned scenario checks."""
        return [statement for statement in self.concerned if not statement.results]

    @property
    def concerned(self) -> list[Statement]:
        """The statements of the applications that were tested; all where that is not known."""
        tested = {board.application for board in self.boards} - {""}
        return [
            statement
            for statement in self.statements.values()
            if not tested or not statement.applications or tested.intersection(statement.applications)
        ]

    def markdown(self) -> str:
        """Return the matrix as Markdown: id, text, applications, and the results on each board."""
        boards = sorted(self.boards)
        runs = ", ".join(f"{run} ({lab_time(utc)})" for run, utc in self.runs.items())
        title = ["# What the specification says, and how its tests ended", "", markdown_text(f"Runs: {runs}"), ""]
        heads = ["statement", "what it says", "of", *(markdown_text(str(board)) for board in boards)]
        lines = [*title, f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
        for statement in self.statements.values():
            of = ", ".join(application_title(name) for name in statement.applications)
            results = [_cell(statement, board) for board in boards]
            lines.append(
                f"| {' | '.join([statement.id, markdown_text(statement.text), markdown_text(of), *results])} |"
            )
        return "\n".join(lines) + "\n"

    @property
    def firmwares(self) -> list[str]:
        """What the boards run; of boards that did not answer it is not known."""
        return sorted({board.firmware or NO_ANSWER for board in self.boards})

    def by_firmware(self, statement: Statement) -> list[str]:
        """Return the results of a statement on each of the firmwares: ``3 passed, 1 failed``."""
        outcomes: dict[str, dict[str, str]] = {}
        for board, found in statement.results.items():
            own = {f"{board.slot} {test}": outcome for test, outcome in found.items()}
            outcomes.setdefault(board.firmware or NO_ANSWER, {}).update(own)
        return [_count_text(outcomes.get(firmware, {})) for firmware in self.firmwares]

    def _result(self, ids: Iterable[str], test: str, board: BoardOfRun, outcome: str) -> None:
        for name in ids:
            statement = self.statements.get(name)
            if statement is not None and _holds(statement, board):
                statement.results.setdefault(board, {})[test] = outcome


def _read(file: Path) -> list[tuple[str, str]]:
    """Return ids and texts of a file."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read the specification {file}: {in_words(error)}") from error
    return [(f"{command}.{name}", str(text)) for command, texts in tables.items() for name, text in texts.items()]


def _holds(statement: Statement, board: BoardOfRun) -> bool:
    """Return True for a statement about a board's application, as far as both are known."""
    return not board.application or not statement.applications or board.application in statement.applications


def _board_of_run(row: rows.BoardRow) -> BoardOfRun:
    return BoardOfRun(row.slot, f"{row.firmware}{', SIMULATED' if row.simulated else ''}", row.application)


def _word(result: TestResult) -> str:
    """Return how a scenario ended."""
    if result.left_out:
        return LEFT_OUT
    return KNOWN_ISSUE if result.known_issue and result.outcome is Outcome.PASSED else result.outcome


def _cell(statement: Statement, board: BoardOfRun) -> str:
    """Return how the scenarios of a statement ended on a board; empty for a statement about another application."""
    return _count_text(statement.results.get(board, {})) if _holds(statement, board) else ""


def _count_text(outcomes: dict[str, str]) -> str:
    """Return ``3 passed, 1 failed``, or a dash for no outcomes. Tests that were left out are named only alone."""
    kinds = sorted(set(outcomes.values()), key=lambda kind: (kind != "passed", kind))
    kinds = [kind for kind in kinds if kind != LEFT_OUT or len(kinds) == 1]
    return ", ".join(f"{sum(o == kind for o in outcomes.values())} {kind.replace('_', ' ')}" for kind in kinds) or "-"
