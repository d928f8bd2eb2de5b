"""What a run proves: one outcome a test and slot, a verdict and an exit code."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.clock import seconds_between
from bench.config.plan import Plan
from bench.errors import headline
from bench.evidence import rows
from bench.evidence.figures import Figure, figures
from bench.evidence.outcomes import Outcome, RunVerdict, TestResult
from bench.evidence.qualification import Qualification, Ran, qualify
from bench.exit_code import ExitCode
from bench.number_text import counted

SCHEMA = 2
FILE = "summary.json"
# Between the firmware and the feature, in the reason why a test was left out.
_HAS_NO = " has no "

_EXIT_OF_PLAN = {
    RunVerdict.QUALIFIED: ExitCode.OK,
    RunVerdict.NOT_QUALIFIED: ExitCode.FAILED,
    RunVerdict.INCOMPLETE: ExitCode.INCOMPLETE,
}


class Recorded(NamedTuple):
    """A measurement as it was recorded, with its samples; a single value has none."""

    row: rows.MeasurementRow
    samples: Sequence[float]


class Moment(NamedTuple):
    """Something that happened at a moment."""

    utc: str
    text: str


@dataclass
class Summary:
    """A run, reconciled.

    Attributes:
        results: of the tests that count.
        left_out: of the tests that do not count, as the board's firmware does not have what they are about.
        control_results: of control boards, which prove nothing of the firmware under test: in no total.
        boards: that answered, control boards included.
        flashes: what became of the images of the boards.
        measurements: of the last attempt at each test, without those of control boards.
        recorded: all measurements in their order, with their samples.
        statements: of the specification that each test checks, by its id.
        row_count: how many rows tell of the run.
        limits_used: titles of the limits that some measurement of the run fits.
        surveys: what each board's network can do, as it was tried out, by slot.
        earlier: what the history says of tests that failed, by test id.
        control_untold: probes of the control board that could not tell how the network is.
        open_turns: slots and rounds that were to run and have not come to their end.
        has_parent: a parent started the boards' processes, and must have come to its end as well (``closed``).
        script_errors: suites that cannot be read, by path.
        lost: why evidence is missing.
        internal_errors: of the bench, in a line each.
        troubles: why the run is not whole.
        command: options of the command line that plays the tests again; empty when it is not known.
        folder: of the run, where it is known.
        hosts: the host of each lent board, by slot; empty for a run on this host's boards.
        not_here: slots of lent boards whose evidence has not arrived from their hosts.
    """

    run: str = ""
    results: list[TestResult] = field(default_factory=list)
    left_out: list[TestResult] = field(default_factory=list)
    control_results: list[TestResult] = field(default_factory=list)
    boards: list[rows.BoardRow] = field(default_factory=list)
    peers: rows.PeersRow = field(default_factory=rows.PeersRow)
    measurements: list[rows.MeasurementRow] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    row_count: int = 0
    flashes: list[rows.FlashRow] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)
    findings: list[rows.FindingRow] = field(default_factory=list)
    limits_used: set[str] = field(default_factory=set)
    simulated: bool = False
    groups: dict[str, list[str]] = field(default_factory=dict)
    comparison: rows.ComparisonRow | None = None
    earlier: dict[str, str] = field(default_factory=dict)
    surveys: dict[str, list[str]] = field(default_factory=dict)
    incidents: list[Moment] = field(default_factory=list)
    control_probes: int = 0
    control_failures: list[Moment] = field(default_factory=list)
    control_untold: list[Moment] = field(default_factory=list)
    open_turns: set[tuple[str, int]] = field(default_factory=set)
    has_parent: bool = False
    closed: bool = False
    qualification: Qualification | None = None
    started: str = ""
    ended: str = ""
    bench: str = ""
    script_errors: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    folder: Path | None = None
    hosts: dict[str, str] = field(default_factory=dict)
    not_here: set[str] = field(default_factory=set)

    @property
    def under_test(self) -> list[rows.BoardRow]:
        """The boards without control boards."""
        return [board for board in self.boards if not board.control]

    @property
    def seconds(self) -> float | None:
        """How long the run took, by the clock on the wall; None where its rows do not tell."""
        return seconds_between(self.started, self.ended)

    @property
    def images(self) -> dict[str, str]:
        """The SHA-256 of each image that was tested, by file name; where two have one name, with the board's slot."""
        tested = [flash for flash in self.flashes if flash.outcome in ("programmed", "kept")]
        found: dict[str, str] = {}
        for flash in tested:
            other = found.get(flash.image, flash.sha256) != flash.sha256
            found[f"{flash.image} of {flash.slot}" if other else flash.image] = flash.sha256
        return found

    def count(self, outcome: Outcome) -> int:
        """Return how many planned tests ended so."""
        return self._by_outcome()[outcome]

    def _by_outcome(self) -> Counter[Outcome]:
        return Counter(result.outcome for result in self.results)

    def judge(self, plan: Plan, today: date) -> None:
        """Judge the run by a plan: from here on its verdict is the plan's."""
        compared = None if self.comparison is None else self.comparison.measurements
        holes = [*self._unread, *self.internal_errors, *self.lost, *self.troubles]
        ran = Ran(self.results, self.under_test, self.flaky, holes, compared, frozenset(self.limits_used))
        self.qualification = qualify(plan, ran, today)

    @property
    def exit_code(self) -> ExitCode:
        """The worst of what the run says."""
        return ExitCode.worst(self._exit_codes())

    def _exit_codes(self) -> Iterator[ExitCode]:
        if self.internal_errors:
            yield ExitCode.INTERNAL
        if self.lost:
            yield ExitCode.EVIDENCE
        ended = self._by_outcome()
        if self.script_errors or ended[Outcome.SCRIPT_ERROR]:
            yield ExitCode.SCRIPT
        if self.qualification is not None:
            yield _EXIT_OF_PLAN[self.qualification.verdict]
            return
        if ended[Outcome.FAILED]:
            yield ExitCode.FAILED
        if ended[Outcome.LAB_ERROR]:
            yield ExitCode.LAB
        if ended[Outcome.DIED] or self.troubles or not any(result.proved for result in self.results):
            yield ExitCode.INCOMPLETE

    @property
    def verdict(self) -> RunVerdict:
        """PASSED, FAILED or INCOMPLETE; with a plan QUALIFIED, NOT QUALIFIED or INCOMPLETE."""
        if self.qualification is not None:
            return self.qualification.verdict
        if self.count(Outcome.FAILED):
            return RunVerdict.FAILED
        return RunVerdict.PASSED if self.exit_code is ExitCode.OK else RunVerdict.INCOMPLETE

    @property
    def reason(self) -> str:
        """The verdict's reason in one line."""
        return f"{self.qualification.reason}; {self.counted}" if self.qualification is not None else self.counted

    @property
    def counted(self) -> str:
        """How many tests ended how."""
        parts = [*self._unread, *self.internal_errors, *self.lost, *self.troubles]
        if self.count(Outcome.PASSED) and not any(result.proved for result in self.results):
            parts.append("no test really passed: some failed as expected, which proves nothing")
        return "; ".join([", ".join(self._counts()), *parts])

    def _counts(self) -> Iterator[str]:
        ended = self._by_outcome()
        boards = len({result.slot for result in self.results}) or len(self.under_test)
        passed = f"{ended[Outcome.PASSED]} of {len(self.results)} passed on {counted(boards, 'board')}"
        planned = "every test was left out" if self.left_out else "no test was planned"
        yield passed if self.results else planned
        yield f"{ended[Outcome.FAILED]} failed"
        if ended[Outcome.SCRIPT_ERROR]:
            yield counted(ended[Outcome.SCRIPT_ERROR], "script error")
        yield counted(ended[Outcome.LAB_ERROR], "lab error")
        yield f"{ended[Outcome.SKIPPED]} skipped"
        known = sum(result.known_issue for result in self.results)
        retried = sum(result.retried for result in self.results)
        died, flaky = ended[Outcome.DIED], len(self.flaky)
        if known:
            yield counted(known, "known issue")
        if flaky:
            yield f"{flaky} flaky"
        if retried:
            yield f"{retried} passed when tried again"
        if died:
            yield f"{died} did not finish"
        if self.left_out:
            yield f"{len(self.left_out)} left out"

    @property
    def _unread(self) -> list[str]:
        """Suites that cannot be read, in a line each."""
        return [f"{path} cannot be read: {headline(text)}" for path, text in self.script_errors.items()]

    @property
    def flaky(self) -> list[tuple[str, str]]:
        """Tests with their slots that failed in one round and passed in another."""
        failed = {(result.test, result.slot): False for result in self.results if result.outcome is Outcome.FAILED}
        for result in self.results if failed else ():
            if result.proved and (result.test, result.slot) in failed:
                failed[result.test, result.slot] = True
        return [place for place, passed in failed.items() if passed]

    @property
    def left_out_by_reason(self) -> list[tuple[str, int]]:
        """Reasons why tests were left out, one a firmware with all that it lacks, each with the number of tests."""
        counts: dict[str, int] = {}
        lacks: dict[str, list[str]] = {}
        for result in self.left_out:
            firmware, _, feature = result.message.partition(_HAS_NO)
            counts[firmware] = counts.get(firmware, 0) + 1
            features = lacks.setdefault(firmware, [])
            if feature and feature not in features:
                features.append(feature)
        return [
            (f"{one}{' does not have: ' if names else ''}{', '.join(names)}", counts[one])
            for one, names in lacks.items()
        ]

    def figures(self) -> list[Figure]:
        """Return the measurements, a line each."""
        return figures(self.measurements)

    def to_json(self) -> dict[str, Any]:
        """Return what ``summary.json`` holds."""
        ended = self._by_outcome()
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
            "passed": ended[Outcome.PASSED],
            "failed": ended[Outcome.FAILED],
            "lab_errors": ended[Outcome.LAB_ERROR],
            "script_errors": ended[Outcome.SCRIPT_ERROR] + len(self.script_errors),
            "skipped": ended[Outcome.SKIPPED],
            "left_out": len(self.left_out),
            "died": ended[Outcome.DIED],
            "known_issues": sum(result.known_issue for result in self.results),
            "unexpected_passes": sum(result.unexpected_pass for result in self.results),
            "flaky": len(self.flaky),
            "retried": sum(result.retried for result in self.results),
            "rounds": max((result.round for result in self.results), default=1),
            "boards": [content_of(board) for board in self.boards],
            "firmware": sorted({board.firmware for board in self.under_test}),
            "hosts": self.hosts,
            "peers": content_of(self.peers),
            "flashes": [content_of(flash) for flash in self.flashes],
            "images": self.images,
            "recoveries": self.recoveries,
            "surveys": self.surveys,
            "incidents": [" ".join(moment) for moment in self.incidents],
            "control_probes": self.control_probes,
            "control_untold": [" ".join(moment) for moment in self.control_untold],
            "control_failures": [" ".join(moment) for moment in self.control_failures],
            "findings": [content_of(finding) for finding in self.findings],
            "comparison": None if self.comparison is None else content_of(self.comparison),
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
        judged = {"against": self.qualification.against, "missing": self.qualification.missing, "waived": waived}
        return {"plan": {"name": self.qualification.plan.name, **judged}}


def content_of(row: rows.Row) -> rows.Json:
    """Return what a row says, without what the stream writes around it; its slot is kept."""
    around = rows.HEADER - {"slot"} | {"type"}
    content: rows.Json = msgspec.to_builtins(row)
    return {name: value for name, value in content.items() if name not in around}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(path)
