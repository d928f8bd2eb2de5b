"""What a run proves: planned tests against finished ones, one outcome a test and slot, a verdict and an exit code."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from bench.config.plan import Plan
from bench.evidence.figures import Figure, figures, of_last_attempts
from bench.evidence.places import network_text
from bench.evidence.qualification import INCOMPLETE, NOT_QUALIFIED, QUALIFIED, Qualification, Ran, qualify
from bench.evidence.results import DIED, FAILED, LAB_ERROR, PASSED, SKIPPED, WORDS, WORST_FIRST, TestResult
from bench.evidence.stream import Row

SCHEMA = 1
FILE = "summary.json"

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_LAB, EXIT_EVIDENCE, EXIT_INCOMPLETE = 0, 1, 2, 3, 4, 5
_EXIT_OF_PLAN = {QUALIFIED: EXIT_OK, NOT_QUALIFIED: EXIT_FAILED, INCOMPLETE: EXIT_INCOMPLETE}


class Told(NamedTuple):
    """Something that happened at a moment."""

    utc: str
    text: str


@dataclass
class Summary:
    """A run, reconciled.

    ``lost`` and ``troubles`` say why evidence is missing and why the run is not whole.
    """

    run: str = ""
    results: list[TestResult] = field(default_factory=list)
    boards: list[Row] = field(default_factory=list)
    peers: Row = field(default_factory=dict)
    measurements: list[Row] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)
    findings: list[Row] = field(default_factory=list)
    limits_used: set[str] = field(default_factory=set)
    simulated: bool = False
    groups: dict[str, list[str]] = field(default_factory=dict)
    comparison: Row | None = None
    earlier: dict[str, str] = field(default_factory=dict)
    surveys: dict[str, list[str]] = field(default_factory=dict)
    """What each board's network can do, as it was tried out."""
    incidents: list[Told] = field(default_factory=list)
    control_probes: int = 0
    control_failures: list[Told] = field(default_factory=list)
    control_untold: list[Told] = field(default_factory=list)
    """Probes that could say nothing of the network."""
    open_turns: set[tuple[str, int]] = field(default_factory=set)
    """Slots and rounds that were to run and have not come to their end."""
    has_parent: bool = False
    closed: bool = False
    """Whether the process that started the others has come to its end, too."""
    qualification: Qualification | None = None
    started: str = ""
    ended: str = ""
    lost: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        """How many planned tests ended so."""
        return sum(result.outcome == outcome for result in self.results)

    def judge(self, plan: Plan, today: date) -> None:
        """Judges the run by a plan: from here on its verdict is the plan's."""
        rows = None if self.comparison is None else self.comparison["measurements"]
        holes = [*self.lost, *self.troubles]
        ran = Ran(self.results, self.boards, self.flaky, holes, rows, frozenset(self.limits_used))
        self.qualification = qualify(plan, ran, today)

    @property
    def exit_code(self) -> int:
        """Lost evidence, failures, lab errors, incompleteness: the worst wins."""
        if self.lost:
            return EXIT_EVIDENCE
        if self.qualification is not None:
            return _EXIT_OF_PLAN[self.qualification.verdict]
        if self.count(FAILED):
            return EXIT_FAILED
        if self.count(LAB_ERROR):
            return EXIT_LAB
        if self.count(DIED) or self.troubles or not self.count(PASSED):
            return EXIT_INCOMPLETE
        return EXIT_OK

    @property
    def verdict(self) -> str:
        """PASSED, FAILED or INCOMPLETE; with a plan QUALIFIED, NOT QUALIFIED or INCOMPLETE."""
        if self.qualification is not None:
            return self.qualification.verdict
        if self.lost or self.count(DIED) or self.troubles:
            return "FAILED" if self.count(FAILED) else "INCOMPLETE"
        if self.count(FAILED):
            return "FAILED"
        return "PASSED" if self.count(PASSED) and not self.count(LAB_ERROR) else "INCOMPLETE"

    @property
    def reason(self) -> str:
        """The verdict's reason in one line."""
        return f"{self.qualification.reason}; {self.counted}" if self.qualification is not None else self.counted

    @property
    def counted(self) -> str:
        """How many tests ended how."""
        boards = len({result.slot for result in self.results}) or len(self.boards)
        on = f"on {boards} board{'' if boards == 1 else 's'}"
        counts = [f"{self.count(PASSED)} of {len(self.results)} passed {on}"]
        if not self.results:
            counts = ["no test was planned"]
        lab_errors = self.count(LAB_ERROR)
        counts += [f"{self.count(FAILED)} failed", f"{lab_errors} lab error{'' if lab_errors == 1 else 's'}"]
        counts.append(f"{self.count(SKIPPED)} skipped")
        known = sum(result.known_issue for result in self.results)
        if known:
            counts.append(f"{known} known issue{'' if known == 1 else 's'}")
        if self.flaky:
            counts.append(f"{len(self.flaky)} flaky")
        retried = sum(result.retried for result in self.results)
        if retried:
            counts.append(f"{retried} passed when tried again")
        if self.count(DIED):
            counts.append(f"{self.count(DIED)} did not finish")
        return "; ".join([", ".join(counts), *self.lost, *self.troubles])

    @property
    def flaky(self) -> list[tuple[str, str]]:
        """Tests with their slots that failed in one round and passed in another."""
        outcomes: dict[tuple[str, str], set[str]] = {}
        for result in self.results:
            outcomes.setdefault((result.test, result.slot), set()).add(result.word)
        return [key for key, found in outcomes.items() if {WORDS[PASSED], WORDS[FAILED]} <= found]

    def figures(self) -> list[Figure]:
        """The measurements, a line each."""
        return figures(self.measurements)

    def to_json(self) -> dict[str, Any]:
        """What ``summary.json`` holds."""
        return {
            "schema": SCHEMA,
            "run": self.run,
            "verdict": self.verdict,
            "reason": self.reason,
            "exit_code": self.exit_code,
            "started": self.started,
            "ended": self.ended,
            "simulated": self.simulated,
            "planned": len(self.results),
            "passed": self.count(PASSED),
            "failed": self.count(FAILED),
            "lab_errors": self.count(LAB_ERROR),
            "skipped": self.count(SKIPPED),
            "died": self.count(DIED),
            "known_issues": sum(result.known_issue for result in self.results),
            "unexpected_passes": sum(result.unexpected_pass for result in self.results),
            "flaky": len(self.flaky),
            "retried": sum(result.retried for result in self.results),
            "rounds": max((result.round for result in self.results), default=1),
            "boards": self.boards,
            "firmware": sorted({str(board.get("firmware", "")) for board in self.boards}),
            "peers": self.peers,
            "recoveries": self.recoveries,
            "surveys": self.surveys,
            "incidents": [f"{told.utc} {told.text}" for told in self.incidents],
            "control_probes": self.control_probes,
            "control_untold": [f"{told.utc} {told.text}" for told in self.control_untold],
            "control_failures": [f"{told.utc} {told.text}" for told in self.control_failures],
            "findings": self.findings,
            "comparison": self.comparison,
            "earlier": self.earlier,
            **self._plan_to_json(),
        }

    def _plan_to_json(self) -> dict[str, Any]:
        if self.qualification is None:
            return {}
        waived = [
            {"test": one.result.test, "slot": one.result.slot, **one.waiver.model_dump(mode="json", exclude={"test"})}
            for one in self.qualification.waived
        ]
        told = {"against": self.qualification.against, "missing": self.qualification.missing, "waived": waived}
        return {"plan": {"name": self.qualification.plan.name, **told}}


Planned = dict[tuple[str, str, int], TestResult]
"""Test, slot and round -> its result."""


def reconcile(rows: Iterable[Row], *, damaged: int = 0) -> Summary:
    """The summary of a stream, of a whole one or of one that a crash cut off.

    A planned test without a finish row has died; a finish row without a plan is evidence that something is wrong.
    """
    summary = Summary()
    planned: Planned = {}
    for row in rows:
        summary.run = summary.run or str(row.get("run", ""))
        summary.started = summary.started or str(row.get("utc", ""))
        summary.ended = str(row.get("utc", "")) or summary.ended
        _take(summary, planned, row)
    summary.results = list(planned.values())
    summary.measurements = of_last_attempts(summary.measurements)
    summary.troubles += [f"round {number} of {slot} did not come to its end" for slot, number in _sorted(summary)]
    if summary.has_parent and not summary.closed:
        summary.troubles.append("the run did not come to its end")
    summary.boards.sort(key=lambda board: _naturally(str(board.get("slot", ""))))
    if damaged:
        summary.lost.append(f"{damaged} damaged rows in the result stream")
    return summary


def _sorted(summary: Summary) -> list[tuple[str, int]]:
    return sorted(summary.open_turns, key=lambda turn: (turn[1], turn[0]))


def _changed(boards: Iterable[Row], row: Row) -> list[str]:
    """What a board says otherwise about itself than it did before in this run: then results are mixed up."""
    told = next((board for board in boards if board["slot"] == row.get("slot")), None)
    keys = ("model", "part", "modem_firmware", "slm_version", "ids")
    other = [key for key in keys if told is not None and told.get(key) != row.get(key)]
    return [f"{row.get('slot')} is another board, or has another firmware, than when the run began"] if other else []


def _take(summary: Summary, planned: Planned, row: Row) -> None:
    kind, slot, test = row["type"], str(row.get("slot", "")), str(row.get("test", ""))
    turn = int(row.get("round", 1))
    if kind == "run":
        summary.simulated = bool(row.get("simulated"))
        summary.groups = row.get("groups") or {}
        summary.open_turns = {(slot, number) for number, slots in row.get("turns") or () for slot in slots}
        summary.has_parent = "turns" in row
    elif kind == "ended":
        summary.open_turns.discard((slot, turn))
    elif kind == "closed":
        summary.closed = True
    elif kind == "board":
        summary.troubles += _changed(summary.boards, row)
        summary.boards = [board for board in summary.boards if board["slot"] != slot] + [_public(row)]
        summary.simulated = summary.simulated or bool(row.get("simulated"))
    elif kind == "peers":
        summary.peers = _public(row)
    elif kind == "plan":
        planned.setdefault((test, slot, turn), TestResult(test, slot, round=turn))
    elif kind == "survey":
        summary.surveys[slot] = [str(text) for text in row.get("text") or ()]
    elif kind == "recovery":
        summary.recoveries.append(str(row.get("text", "")))
    elif kind == "limit":
        summary.limits_used.add(str(row.get("title", "")))
    elif kind == "finding":
        kept = [found for found in summary.findings if (found["slot"], found["name"]) != (slot, row.get("name"))]
        summary.findings = [*kept, _public(row)]  # of several attempts the last
    elif kind == "control":
        summary.control_probes += 1
        if not row.get("ok"):
            told = summary.control_untold if row.get("ok") is None else summary.control_failures
            told.append(Told(str(row.get("utc", "")), f"{slot}: {row.get('text', '')}"))
    elif kind == "incident":
        summary.incidents.append(Told(str(row.get("utc", "")), f"{row.get('what', '')}: {row.get('text', '')}"))
    elif kind == "earlier":
        summary.earlier = row.get("tests") or {}
    elif kind == "comparison":
        summary.comparison = _public(row)
    elif kind == "measurement":
        summary.measurements.append(row)
    elif kind == "lost":
        summary.lost.append(str(row.get("why", "evidence was lost")))
    elif kind == "trouble":
        summary.troubles.append(str(row.get("why", "")))
    elif kind in ("start", "finish"):
        result = planned.get((test, slot, turn))
        if result is None:
            summary.lost.append(f"{test} on {slot} was never planned")
        elif kind == "start":
            result.started = True
        else:
            _finish(result, row)


def _finish(result: TestResult, row: Row) -> None:
    attempt = int(row.get("attempt", 1))
    if attempt > 1 and result.outcome == LAB_ERROR == row.get("outcome"):
        result.attempts = attempt  # the first attempt's message says what happened, the next only that it lasts
        return
    if attempt > 1:
        result.earlier = f"{result.outcome.replace('_', ' ')}: {result.message.partition(chr(10))[0]}"
    result.outcome = row["outcome"] if row.get("outcome") in WORST_FIRST else DIED
    result.message = str(row.get("message", ""))
    result.transcript = str(row.get("transcript", ""))
    result.log, result.support = str(row.get("log", "")), str(row.get("support", ""))
    result.duration_ns = int(row.get("duration_ns", 0))
    result.attempts = attempt
    result.radio = network_text(row.get("radio") or {})
    result.known_issue = bool(row.get("known_issue"))
    result.unexpected_pass = bool(row.get("unexpected_pass"))


def _naturally(slot: str) -> list[tuple[int, str]]:
    """board-2 before board-10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", slot)]


def _public(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if name not in ("schema", "run", "type", "t_ns", "utc")}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces a file in one step, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
