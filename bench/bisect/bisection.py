"""A bisection from its first try to what it finds: each image is played, judged, and kept on disk."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

from bench.bisect.measured import LEAST_BLOCKS, Change, change_of, judge_between, judge_end
from bench.bisect.record import BisectRecord, Block, Try
from bench.bisect.search import Found, Judgement, Search
from bench.errors import InternalError, LabError, UsageError, headline
from bench.evidence import Outcome, Summary, group_by_cause
from bench.exit_code import ExitCode
from bench.run.interruption import INTERRUPTED

Play = Callable[[Path, Path, int], Summary]
"""Plays the tests on an image: the image, the folder of the run, the number of rounds."""
Tell = Callable[[str, str], None]
"""Takes a word and a text for whoever watches."""
_TYPICAL = ("p50", "value", "mean")
_LOST_BLOCKS = 3
"""Blocks in a row of which no number came."""


class Interrupted(LabError):
    """The bisection was interrupted; it can be resumed."""


@dataclass
class Bisection:
    """A search among the images of a record.

    Attributes:
        record: what is searched, and what was tried.
        folder: where the record and the runs are.
        play: plays the tests on an image.
        tell: takes a line for whoever watches.
    """

    record: BisectRecord
    folder: Path
    play: Play
    tell: Tell = field(default=lambda word, text: None)
    _after: tuple[int, str, dict[str, float]] | None = None
    """The last run of the reference: after which image's block, its folder, the levels of its boards."""

    def find(self) -> Found:
        """Try image after image until the first bad one is found, or nothing more can be.

        Raises:
            Interrupted: the bisection was interrupted; the record has all that was judged.
            UsageError: the scenario itself is wrong.
            BenchError: a run could not begin at all.
        """
        search = Search(len(self.record.images), self.record.wanted.tries)
        measured = bool(self.record.wanted.measurement)
        while not isinstance(place := search.next(self.record.seen), Found):
            name = self.record.images[place].name
            left = search.steps_left(self.record.seen)
            self.tell("try", f"image {place + 1} of {search.count}, {name}; at most {left} to go")
            one = self._measure(place) if measured else self._test(place)
            self._keep(self.record.with_try(one))
            self.tell(str(one.judgement), f"image {place + 1}: {one.reason}")
        return place

    def _keep(self, record: BisectRecord) -> None:
        self.record = record
        record.save(self.folder)

    # ---------------------------------------------------------------- a test

    def _test(self, place: int) -> Try:
        summary = self._run(place, f"image-{place + 1}", 1)
        judgement, reason = judgement_of(summary)
        return _try(place, judgement, reason, summary)

    def _run(self, place: int, name: str, rounds: int) -> Summary:
        """Play an image in a folder of its own; a folder that a killed bisection has left is another one."""
        number = 1
        while (folder := self.folder / f"{name}{f'-again-{number - 1}' if number > 1 else ''}").exists():
            number += 1
        summary = self.play(Path(self.record.images[place].path), folder, rounds)
        if any(why.startswith(INTERRUPTED) for why in summary.troubles):
            raise Interrupted(f"the bisection was interrupted; go on with: nrf91-bench bisect --resume {self.folder}")
        wrong = [one.headline for one in group_by_cause(summary.results) if one.outcome is Outcome.SCRIPT_ERROR]
        wrong += list(summary.script_errors.values())
        if wrong:
            raise UsageError(f"the scenario itself is wrong, whatever the image: {headline(wrong[0])} (see {folder})")
        if summary.internal_errors:
            raise InternalError(f"the bench made a mistake in {folder}: {summary.internal_errors[0]}")
        return summary

    # ---------------------------------------------------------------- a measurement

    def _measure(self, place: int) -> Try:
        """Judge an image by blocks beside the first image, which is the reference."""
        if place == 0:
            return Try(place=0, judgement=Judgement.GOOD, reason="the reference", utc=_now())
        lost = 0
        while True:
            change = self._change(place)
            judgement = self._judge(place, change)
            if judgement is not None:
                return Try(place=place, judgement=judgement, reason=change.text, run=self._last_run(place), utc=_now())
            block = self._block(place)
            if block is not None:
                lost = 0
                self._keep(self.record.with_block(block))
                self.tell("block", f"image {place + 1}: {self._change(place).text}")
                continue
            lost += 1
            if lost >= _LOST_BLOCKS:
                why = f"{lost} blocks in a row gave no number of {self.record.wanted.measurement}: see their runs"
                return Try(place=place, judgement=Judgement.UNKNOWN, reason=why, run=self._last_run(place), utc=_now())

    def _change(self, place: int) -> Change:
        return change_of(self.record.differences(place))

    def _judge(self, place: int, change: Change) -> Judgement | None:
        if change.blocks < LEAST_BLOCKS:
            return None
        last = len(self.record.images) - 1
        return judge_end(change) if place == last else judge_between(change, self._change(last).mean)

    def _last_run(self, place: int) -> str:
        runs = [run for block in self.record.blocks if block.place == place for run in block.runs]
        return runs[-1] if runs else ""

    def _block(self, place: int) -> Block | None:
        """Play a block; None where one of its runs gave no number."""
        name = f"image-{place + 1}-block-{len(self.record.differences(place)) + 1}"
        if self._after is not None and self._after[0] == place:
            _, run_before, before = self._after  # the end of one block is the beginning of the next
        else:
            run_before, before = self._levels(0, f"{name}-before", 1)
        run, image = self._levels(place, name, 2)
        run_after, after = self._levels(0, f"{name}-after", 1)
        self._after = (place, run_after, after)
        boards = before.keys() & image.keys() & after.keys()
        if not boards:
            return None
        difference = fmean(image[board] - (before[board] + after[board]) / 2 for board in boards)
        return Block(place=place, difference=difference, runs=[run_before, run, run_after])

    def _levels(self, place: int, name: str, rounds: int) -> tuple[str, dict[str, float]]:
        summary = self._run(place, name, rounds)
        return _name(summary), dict(_levels(summary, self.record.wanted.measurement))


def judgement_of(summary: Summary) -> tuple[Judgement, str]:
    """Return what a run of the sought test shows, and why in a line.

    Only a device that did wrong is bad: where the lab failed, or a scenario is wrong, nobody can tell.
    """
    if summary.count(Outcome.FAILED):
        return Judgement.BAD, next(one.headline for one in group_by_cause(summary.results) if one.outcome == "failed")
    if summary.exit_code is ExitCode.OK:
        return Judgement.GOOD, summary.reason
    return Judgement.UNKNOWN, summary.reason


def _levels(summary: Summary, name: str) -> Iterator[tuple[str, float]]:
    """Yield the logarithm of the typical value of a measurement, by board."""
    found: dict[str, list[float]] = {}
    for row in summary.measurements:
        value = next((row.figures[figure] for figure in _TYPICAL if figure in row.figures), row.value)
        if row.name == name and value is not None and value > 0:
            found.setdefault(row.slot, []).append(math.log(value))
    yield from ((slot, fmean(values)) for slot, values in found.items())


def _try(place: int, judgement: Judgement, reason: str, summary: Summary) -> Try:
    return Try(place=place, judgement=judgement, reason=reason, run=_name(summary), utc=_now())


def _name(summary: Summary) -> str:
    return summary.folder.name if summary.folder is not None else ""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
