"""How far a run is, as lines of text: how much is done first, then what runs, then the suites."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.clock import NS_PER_MS
from bench.evidence import Outcome, rows

_COLUMN = 10
_BOARDS = 8
"""Boards that have a line each; of more, those that are longest at one thing."""
_LONG_S = 2.0
"""What a board does for longer than this is shown with its time."""
_STILL_S = 60.0
"""Where nothing has ended for so long, any figure of what is left would only grow."""
_FIRST_S, _FIRST_TESTS = 5.0, 5


@dataclass
class _Turn:
    """The tests of a board in one round: expected time in ms of those that are left, by test; 0 is not known."""

    left: dict[str, int] = field(default_factory=dict)
    all: dict[str, int] = field(default_factory=dict)
    ended: bool = False


@dataclass
class _Doing:
    what: str
    since: float
    done: float | None = None


class ProgressLines:
    """Takes the rows of a run.

    Args:
        clock: tells seconds, and only goes on; None is that of the host.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._began = self._clock()
        self._turns: list[tuple[int, list[str]]] = []
        self._plans: dict[tuple[str, int], _Turn] = {}
        self._outcomes: dict[tuple[str, str, int], Outcome] = {}
        self._suites: dict[str, Counter[str]] = {}
        self._doing: dict[str, _Doing] = {}
        self._took_ms = self._finished_at = 0.0

    def take(self, row: rows.Row) -> None:
        """Take the next row."""
        match row:
            case rows.RunRow():
                self._turns = list(row.turns or ())
            case rows.PlanRow():
                plan = self._plans.setdefault((row.slot, row.round), _Turn())
                plan.left[row.test] = plan.all[row.test] = row.expected_ms
                self._suite(row.test)["planned"] += 1
            case rows.StartRow():
                self._doing[row.slot] = _Doing(_short(row.test), self._clock())
            case rows.ProgressRow():
                self._take_progress(row)
            case rows.FinishRow():
                self._take_finish(row)
            case rows.EndedRow():
                self._plans.setdefault((row.slot, row.round), _Turn()).ended = True
                self._doing.pop(row.slot, None)

    def _suite(self, test: str) -> Counter[str]:
        return self._suites.setdefault(suite_of(test), Counter())

    def _take_progress(self, row: rows.ProgressRow) -> None:
        before = self._doing.get(row.slot)
        if row.done is None or before is None:
            self._doing[row.slot] = _Doing(row.text, self._clock(), row.done)
        else:
            before.what, before.done = row.text, row.done

    def _take_finish(self, row: rows.FinishRow) -> None:
        key = (row.slot, row.test, row.round)
        if key not in self._outcomes:  # a second attempt is not a further test
            self._suite(row.test)["finished"] += 1
            self._plans.setdefault((row.slot, row.round), _Turn()).left.pop(row.test, None)
            self._took_ms += row.duration_ns / NS_PER_MS
        self._outcomes[key] = row.outcome
        self._finished_at = self._clock()
        self._doing.pop(row.slot, None)

    # ---------------------------------------------------------------- figures

    @property
    def finished(self) -> int:
        """How many tests have ended."""
        return len(self._outcomes)

    @property
    def planned(self) -> int:
        """How many tests there are in all rounds, as far as their boards have told."""
        told = sum(len(plan.all) for plan in self._plans.values())
        return told + sum(len(plan.all) for plan in self._plans_to_come())

    def _plans_to_come(self) -> Iterator[_Turn]:
        """Yield, for each turn that has not begun, what its board planned in an earlier one."""
        for number, slots in self._turns:
            for slot in slots:
                if (slot, number) not in self._plans:
                    earlier = next((plan for (one, _), plan in self._plans.items() if one == slot), None)
                    if earlier is not None:
                        yield earlier

    def seconds_left(self) -> float | None:
        """Return how long the run may still take, by its pace so far; None where nobody can say."""
        elapsed = self._clock() - self._began
        stands_still = self._clock() - self._finished_at > _STILL_S
        if self.finished < _FIRST_TESTS or elapsed < _FIRST_S or stands_still or self.finished >= self.planned:
            return None
        mean = self._took_ms / self.finished
        done = left = 0.0
        for number, slots in self._turns or [(number, [slot]) for slot, number in self._plans]:
            works = [self._work(slot, number, mean) for slot in slots]
            done += max((one for one, _ in works), default=0.0)  # the boards of a turn run at the same time
            left += max((one for _, one in works), default=0.0)
        return elapsed * left / done if done else None

    def _work(self, slot: str, number: int, mean: float) -> tuple[float, float]:
        """Return what a board has done of a turn and what is left of it, in ms that its tests are expected to take."""
        plan = self._plans.get((slot, number))
        if plan is None:
            earlier = next((one for (name, _), one in self._plans.items() if name == slot), _Turn())
            return 0.0, sum(expected or mean for expected in earlier.all.values())
        left = 0.0 if plan.ended else sum(expected or mean for expected in plan.left.values())
        return sum(expected or mean for test, expected in plan.all.items() if test not in plan.left), left

    # ---------------------------------------------------------------- lines

    def lines(self, width: int) -> list[str]:
        """Return the lines for a terminal of so many columns; none is longer."""
        boards = list(dict.fromkeys(slot for slot, _ in self._plans)) or list(self._doing)
        head = [self._how_far(), *self._went_wrong(), self._time()]
        found = []
        if len(boards) == 1 and self._doing:
            head.append(self._what(boards[0]))
        elif len(boards) > 1:
            head.append(f"{len(boards)} boards")
            found = self._board_lines(boards)
        first = f"{'running':<{_COLUMN}}{'   '.join(part for part in head if part)}"
        return [cut_to(line, width) for line in (first, *found, *self._suite_line(width)) if line]

    def _how_far(self) -> str:
        return f"{self.finished}/{self.planned}" if self.planned else "starting"

    def _went_wrong(self) -> list[str]:
        counts = Counter(outcome.word for outcome in self._outcomes.values() if outcome.bad)
        return [f"{count} {word}" for word, count in counts.items()]

    def _time(self) -> str:
        left = self.seconds_left()
        return clock(self._clock() - self._began) + (f", about {clock(left)} left" if left is not None else "")

    def _what(self, slot: str) -> str:
        doing = self._doing.get(slot)
        if doing is None:
            return ""
        seconds = self._clock() - doing.since
        bar = f"{_bar(doing.done)} " if doing.done is not None else ""
        return f"{bar}{doing.what}{f'  {seconds:.0f} s' if seconds > _LONG_S else ''}"

    def _board_lines(self, boards: list[str]) -> list[str]:
        """Return a line for each board; of many, for those that are longest at one thing, in the order of the run."""
        longest = sorted((slot for slot in boards if slot in self._doing), key=lambda slot: self._doing[slot].since)
        shown = set(boards if len(boards) <= _BOARDS else longest[:_BOARDS])
        column = max((len(slot) for slot in shown), default=0)
        lines = []
        for slot in boards:
            if slot in shown:
                lines.append(f"{'':<{_COLUMN}}{slot:<{column}}  {self._board_figures(slot)} {self._what(slot)}")
        if len(boards) > len(shown):
            lines.append(f"{'':<{_COLUMN}}and {len(boards) - len(shown)} more boards")
        return lines

    def _board_figures(self, slot: str) -> str:
        planned = sum(len(plan.all) for (one, _), plan in self._plans.items() if one == slot)
        outcomes = [outcome for (one, _, _), outcome in self._outcomes.items() if one == slot]
        bad = sum(outcome.bad for outcome in outcomes)
        return f"{f'{len(outcomes)}/{planned}':>9}  {f'{bad} not passed' if bad else '':<14}"

    def _suite_line(self, width: int) -> list[str]:
        """Return the suites in one line as far as they fit: those at work first, then those to come, then the rest."""
        working = {suite_of(doing.what) for doing in self._doing.values()}

        def order(item: tuple[str, Counter[str]]) -> int:
            name, count = item
            return 0 if name in working else 2 if count["finished"] >= count["planned"] else 1

        if len(self._suites) < 2:
            return []
        texts = [f"{name} {n['finished']}/{n['planned']}" for name, n in sorted(self._suites.items(), key=order)]
        line, left = f"{'':<{_COLUMN}}", len(texts)
        for text in texts:
            more = f"   and {left - 1} more" if left > 1 else ""
            if len(line) + len(text) + len(more) + 3 > width:
                break
            line, left = f"{line}{text}   ", left - 1
        return [f"{line}and {left} more suites" if left else line.rstrip()] if left < len(texts) else []


def suite_of(test: str) -> str:
    """Return the name of a test's suite, by the test's id or by its short form."""
    file, colons, _ = test.partition("::")
    return Path(file).stem.removeprefix("test_") if colons else test.partition(": ")[0]


def _short(test: str) -> str:
    """Return ``latency: test_round_trip[TCP-256]`` of the id of a test."""
    return f"{suite_of(test)}: {test.partition('::')[2]}"


def _bar(done: float) -> str:
    """Return a bar of ten marks."""
    full = round(10 * min(1.0, max(0.0, done)))
    return f"{'#' * full}{'.' * (10 - full)} {done:4.0%}"


def clock(seconds: float) -> str:
    """Return a time as ``1:48`` or ``2:03:10``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def cut_to(line: str, width: int) -> str:
    """Return a line of at most so many columns."""
    return line if len(line) <= width else f"{line[: width - 1]}…"
