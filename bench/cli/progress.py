"""How far a run is, as lines of text: how much is done first, then what runs, then the suites."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench.cli.time_left import TimeLeft
from bench.evidence import Outcome, rows
from bench.evidence.ids import suite_of
from bench.evidence.progress import RunProgress

_COLUMN = 10
_BOARDS = 8
"""Boards that have a line each; of more, those that are longest at one thing."""
_LONG_S = 2.0
"""What a board does for longer than this is shown with its time."""
_STILL_S = 60.0
"""Where nothing has ended for so long, any figure of what is left would only grow."""
_FIRST_S, _FIRST_TESTS = 5.0, 5


@dataclass
class _Doing:
    """What a board does: a test in its suite, or something else."""

    what: str
    since: float
    suite: str = ""
    done: float | None = None


class ProgressLines:
    """Takes the rows of a run.

    Args:
        clock: tells seconds, and only goes on; None is that of the host.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._began = self._clock()
        self._run = RunProgress()
        self._time_left = TimeLeft()
        self._suites: dict[str, Counter[str]] = {}
        self._doing: dict[str, _Doing] = {}
        self._finished_at = 0.0

    def take(self, row: rows.Row) -> None:
        """Take the next row."""
        before = self._run.of(row.slot)
        self._run.take(row)
        self._time_left.take(row)
        after = self._run.of(row.slot)
        match row:
            case rows.PlanRow():
                self._suite(row.test)["planned"] += 1
            case rows.StartRow():
                suite = suite_of(row.test)
                what = f"{suite}: {row.test.partition('::')[2]}"
                self._doing[row.slot] = _Doing(what, self._clock(), suite)
            case rows.ProgressRow():
                self._take_progress(row)
            case rows.FinishRow():
                self._suite(row.test)["finished"] += after.done - before.done  # a second attempt is not a further test
                self._finished_at = self._clock()
                self._doing.pop(row.slot, None)
            case rows.EndedRow():
                self._doing.pop(row.slot, None)

    def _suite(self, test: str) -> Counter[str]:
        return self._suites.setdefault(suite_of(test), Counter())

    def _take_progress(self, row: rows.ProgressRow) -> None:
        before = self._doing.get(row.slot)
        if row.done is None or before is None:
            self._doing[row.slot] = _Doing(row.text, self._clock(), done=row.done)
        else:
            before.what, before.done = row.text, row.done

    # ---------------------------------------------------------------- figures

    @property
    def finished(self) -> int:
        """How many tests have ended."""
        return sum(self._run.of(slot).done for slot in self._run.slots)

    @property
    def planned(self) -> int:
        """How many tests there are in all rounds, as far as their boards have told."""
        return sum(self._run.of(slot).planned for slot in self._run.slots)

    def seconds_left(self) -> float | None:
        """Return how long the run may still take; None where nobody can say."""
        elapsed = self._clock() - self._began
        stands_still = self._clock() - self._finished_at > _STILL_S
        if self.finished < _FIRST_TESTS or elapsed < _FIRST_S or stands_still or self.finished >= self.planned:
            return None
        return self._time_left.seconds(elapsed)

    # ---------------------------------------------------------------- lines

    def lines(self, width: int) -> list[str]:
        """Return the lines for a terminal of so many columns; none is longer."""
        boards = self._run.slots or list(self._doing)
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
        bad: Counter[Outcome] = Counter()
        for slot in self._run.slots:
            bad.update(self._run.of(slot).bad)
        return [f"{count} {outcome.word}" for outcome, count in bad.items()]

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
        board = self._run.of(slot)
        bad = sum(board.bad.values())
        return f"{f'{board.done}/{board.planned}':>9}  {f'{bad} not passed' if bad else '':<14}"

    def _suite_line(self, width: int) -> list[str]:
        """Return the suites in one line as far as they fit: those at work first, then those to come, then the rest."""
        working = {doing.suite for doing in self._doing.values()}

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
