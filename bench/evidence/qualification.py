"""The verdict on a release: what a run proves of what its plan asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase

from bench.config.patterns import matches_test
from bench.config.plan import KNOWN_ISSUE, QUARANTINE, Plan, Waiver, WantedBoards
from bench.evidence.outcomes import OBSERVATION, Outcome, RunVerdict, TestResult
from bench.evidence.rows import BoardRow, MeasurementComparison

_NAMED = 3
_JUDGED = ("regression", "improvement", "no regression")
_EVIDENCE = ("interleaved", "controlled")  # the strongest first


@dataclass(frozen=True)
class Waived:
    """A result that a waiver excuses."""

    result: TestResult
    waiver: Waiver


@dataclass(frozen=True)
class Qualification:
    """What the plan says of a run.

    Attributes:
        against: why the firmware is not qualified.
        missing: why nothing can be said.
        waived: results that count neither way, with their waivers.
    """

    plan: Plan
    against: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    waived: tuple[Waived, ...] = field(default_factory=tuple)

    @property
    def verdict(self) -> RunVerdict:
        """NOT QUALIFIED whatever is missing, INCOMPLETE when something is, else QUALIFIED."""
        if self.against:
            return RunVerdict.NOT_QUALIFIED
        return RunVerdict.INCOMPLETE if self.missing else RunVerdict.QUALIFIED

    @property
    def reason(self) -> str:
        """In one line, waivers first."""
        waivers = len({one.waiver for one in self.waived})
        count = f"{waivers} waiver{'' if waivers == 1 else 's'} used"
        return "; ".join([f"plan {self.plan.name}, {count}", *self.against, *self.missing])


@dataclass(frozen=True)
class Ran:
    """What is judged.

    Attributes:
        results: of every planned test.
        boards: what each said about itself.
        flaky: tests with their slots that failed in one round and passed in another.
        holes: why evidence is missing.
        comparison: rows of the comparison with the plan's baseline; None when it was not made.
        limits_used: titles of the limits that some measurement of the run fits.
    """

    results: list[TestResult]
    boards: list[BoardRow]
    flaky: list[tuple[str, str]]
    holes: list[str]
    comparison: list[MeasurementComparison] | None
    limits_used: frozenset[str] = frozenset()


def qualify(plan: Plan, ran: Ran, today: date) -> Qualification:
    """Judge a run by its plan, as of a day: waivers expire."""
    waived = list(_find_waived(plan, ran.results, today))
    excused = {id(one.result) for one in waived}
    counting = [result for result in ran.results if id(result) not in excused and not _tolerates(plan, ran, result)]
    against = [
        *_named_tests(plan, (r for r in counting if r.outcome is Outcome.FAILED), "failed", QUARANTINE, today),
        *_named_tests(plan, (r for r in counting if r.known_issue), "known issue without a waiver", KNOWN_ISSUE, today),
        *_flaky(plan, ran, today),
        *_slower(ran.comparison),
    ]
    missing = [
        *ran.holes,
        *_boards(plan, ran.boards, ran.results),
        *_unproved(plan, ran),
        *_not_compared(plan, ran.comparison),
    ]
    return Qualification(plan, tuple(against), tuple(missing), tuple(waived))


def _tolerates(plan: Plan, ran: Ran, result: TestResult) -> bool:
    """Return whether it is a failure of a test that passed in another round, and the plan allows that."""
    return plan.flaky == "allow" and result.outcome is Outcome.FAILED and (result.test, result.slot) in ran.flaky


def _find_waived(plan: Plan, results: Iterable[TestResult], today: date) -> Iterable[Waived]:
    for result in results:
        kind = KNOWN_ISSUE if result.known_issue else QUARANTINE if result.outcome is Outcome.FAILED else ""
        waiver = plan.waiver_of(result.test, kind, today) if kind else None
        if waiver is not None:
            yield Waived(result, waiver)


def _named_tests(plan: Plan, results: Iterable[TestResult], what: str, kind: str, today: date) -> Iterable[str]:
    tests = sorted({result.test for result in results})
    if tests:
        expired = [waiver for waiver in plan.waivers if waiver.kind == kind and waiver.expires < today]
        late = sum(any(matches_test(waiver.test, test) for waiver in expired) for test in tests)
        yield f"{what}: {_some(tests)}{f' (the waivers of {late} have expired)' if late else ''}"


def _flaky(plan: Plan, ran: Ran, today: date) -> Iterable[str]:
    if plan.flaky == "fail":
        tests = sorted({test for test, _ in ran.flaky if plan.waiver_of(test, QUARANTINE, today) is None})
        if tests:
            yield f"flaky: {_some(tests)}"


def _slower(rows: list[MeasurementComparison] | None) -> Iterable[str]:
    slower = [f"{row.measurement} {row.change:+.1%}" for row in rows or () if row.verdict == "regression"]
    if slower:
        yield f"slower than the baseline: {_some(slower)}"


def _boards(plan: Plan, boards: list[BoardRow], results: list[TestResult]) -> Iterable[str]:
    if any(board.simulated for board in boards):
        yield "SIMULATED: no hardware, no qualification"
    proved = {result.slot for result in results if result.proved}
    real = {board.identity: board for board in boards if board.slot in proved}
    for wanted, found in _assign(plan, list(real.values())):
        if found < wanted.count:
            yield f"wanted {wanted.text}; {found} took part and passed a test"
    strangers = [b.slot for b in boards if not any(wanted.matches(b) for wanted in plan.boards)]
    if strangers and not any(board.simulated for board in boards):
        yield f"no board of the plan: {_some(strangers)}"


def _assign(plan: Plan, boards: list[BoardRow]) -> Iterable[tuple[WantedBoards, int]]:
    """Yield how many boards count for each entry of the plan; each counts once, so that most entries are filled."""
    places = [index for index, wanted in enumerate(plan.boards) for _ in range(min(wanted.count, len(boards)))]
    holder: dict[int, int] = {}  # place -> board

    def place(board: int, seen: set[int]) -> bool:
        for number, index in enumerate(places):
            if number not in seen and plan.boards[index].matches(boards[board]):
                seen.add(number)
                if number not in holder or place(holder[number], seen):
                    holder[number] = board
                    return True
        return False

    for board in range(len(boards)):
        place(board, set())
    for index, wanted in enumerate(plan.boards):
        yield wanted, sum(places[number] == index for number in holder)


def _unproved(plan: Plan, ran: Ran) -> Iterable[str]:
    planned = len(ran.results)
    errors = sum(result.outcome is Outcome.LAB_ERROR for result in ran.results)
    if planned and errors / planned > plan.lab_error_rate:
        yield f"{errors} lab errors of {planned} tests, more than the {plan.lab_error_rate:.1%} that are tolerated"
    broken = sorted({result.test for result in ran.results if result.outcome is Outcome.SCRIPT_ERROR})
    if broken:
        yield f"script errors: {_some(broken)}"
    if any(result.outcome is Outcome.DIED for result in ran.results):
        yield f"{sum(result.outcome is Outcome.DIED for result in ran.results)} tests did not finish"
    skips = {r.message for r in ran.results if r.outcome is Outcome.SKIPPED and not _allows(r.message, plan.skips)}
    if skips:
        yield f"skipped for no reason of the plan: {_some(sorted(skips))}"
    if not any(result.proved for result in ran.results):
        yield "no test passed"
    rounds = max((result.round for result in ran.results), default=0)
    if rounds < plan.repetitions:
        yield f"{rounds} of {plan.repetitions} repetitions ran"
    unfit = [limit.title for limit in plan.measurements if limit.title not in ran.limits_used]
    if unfit:
        yield f"no measurement fits the plan's limit of {_some(unfit)}"
    unproved = sorted({test for (_, test), found in _outcomes(ran).items() if _is_unproved(found)})
    if unproved:
        yield f"lab errors only: {_some(unproved)}"


def _outcomes(ran: Ran) -> dict[tuple[str, str], set[Outcome]]:
    """Return the outcomes of each test on each kind of board."""
    models = {board.slot: board.model for board in ran.boards}
    outcomes: dict[tuple[str, str], set[Outcome]] = {}
    for result in ran.results:
        outcomes.setdefault((models.get(result.slot, ""), result.test), set()).add(result.outcome)
    return outcomes


def _is_unproved(outcomes: set[Outcome]) -> bool:
    return Outcome.LAB_ERROR in outcomes and outcomes <= {Outcome.LAB_ERROR, Outcome.SKIPPED}


def _not_compared(plan: Plan, rows: list[MeasurementComparison] | None) -> Iterable[str]:
    if not plan.baseline:
        return
    if rows is None:
        yield f"not compared with the baseline {plan.baseline}"
    elif not any(row.verdict in _JUDGED for row in rows):
        yield f"not enough evidence for a comparison with {plan.baseline}"
    unsure = [row.measurement for row in rows or () if _measured_but_unsure(row)]
    if unsure:
        yield f"not enough evidence to compare {_some(unsure)}"
    changed = [row.measurement for row in rows or () if row.verdict == "changed"]
    if changed:
        yield f"changed since the baseline, by the firmware or by the network: {_some(changed)}"
    weak = [row.measurement for row in rows or () if row.verdict in _JUDGED and not _is_strong(plan, row)]
    if weak:
        yield f"the plan asks for {plan.evidence} evidence, which is missing for {_some(weak)}"


def _is_strong(plan: Plan, row: MeasurementComparison) -> bool:
    """Return whether a comparison rests on the kind of evidence that the plan asks for, or on a stronger one."""
    return plan.evidence == "any" or row.evidence in _EVIDENCE[: _EVIDENCE.index(plan.evidence) + 1]


def _measured_but_unsure(row: MeasurementComparison) -> bool:
    both = row.baseline is not None and row.candidate is not None
    return both and row.verdict == "not enough evidence"


def _allows(reason: str, patterns: Iterable[str]) -> bool:
    """Return whether a plan allows a reason to skip; an observation must be named in full."""
    words = (pattern for pattern in patterns if pattern != "*" or not reason.startswith(OBSERVATION))
    return any(fnmatchcase(reason, pattern) for pattern in words)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
