"""A bisection: which image is played when, what is kept, and how it goes on after it was killed."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.bisect import Judgement
from bench.bisect.bisection import Bisection, Interrupted, judgement_of
from bench.bisect.record import BisectRecord, Wanted, candidates
from bench.cli.git_bisect import git_exit_code
from bench.evidence import Outcome, Summary, TestResult
from bench.evidence.rows import MeasurementRow
from bench.exit_code import ExitCode
from bench.run.interruption import INTERRUPTED

COUNT = 8
Judge = Callable[[int, int], Summary]
"""Returns what a run shows, by the number of the image from 1 and the number of the run from 1."""


def ran(outcome: Outcome, *measurements: MeasurementRow) -> Summary:
    result = TestResult("test_a.py::test", "dk-1", outcome, started=True, message=f"it {outcome}")
    return Summary("run", results=[result], measurements=list(measurements))


class Lab:
    """Images, and a lab that plays them."""

    def __init__(self, folder: Path, judge: Judge) -> None:
        self.folder = folder / "bisect"
        self.folder.mkdir()
        self.paths = [folder / f"{number + 1}.hex" for number in range(COUNT)]
        for path in self.paths:
            path.write_text(f"image {path.stem}")
        self._judge = judge
        self.played: list[int] = []
        self.dies_after = 10_000

    def play(self, image: Path, folder: Path, rounds: int) -> Summary:
        if len(self.played) >= self.dies_after:
            raise KeyboardInterrupt
        self.played.append(int(image.stem))
        folder.mkdir()
        summary = self._judge(int(image.stem), len(self.played))
        summary.folder = folder
        return summary

    def bisection(self, *, measured: bool = False) -> Bisection:
        wanted = Wanted(test="test_a.py::test", measurement="echo" if measured else "")
        try:
            record = BisectRecord.load(self.folder)
        except Exception:  # noqa: BLE001 - the first time there is none
            record = BisectRecord(images=candidates(self.paths), wanted=wanted)
        return Bisection(record, self.folder, self.play)


def sixth_fails(image: int, _: int) -> Summary:
    return ran(Outcome.FAILED if image >= 6 else Outcome.PASSED)


def test_the_first_bad_image_is_found_and_each_try_is_kept(tmp_path: Path) -> None:
    lab = Lab(tmp_path, sixth_fails)
    bisection = lab.bisection()
    found = bisection.find()
    assert (found.last_good, list(found.suspects)) == (4, [5])
    assert lab.played == [1, 8, 4, 6, 5]
    kept = BisectRecord.load(lab.folder).tries
    assert [(one.place + 1, one.judgement, one.run) for one in kept] == [
        (1, Judgement.GOOD, "image-1"),
        (8, Judgement.BAD, "image-8"),
        (4, Judgement.GOOD, "image-4"),
        (6, Judgement.BAD, "image-6"),
        (5, Judgement.GOOD, "image-5"),
    ]
    assert kept[1].reason == "it failed"


@pytest.mark.parametrize("dies_after", range(5))
def test_a_killed_bisection_goes_on_where_it_was(tmp_path: Path, dies_after: int) -> None:
    lab = Lab(tmp_path, sixth_fails)
    lab.dies_after = dies_after
    first = lab.bisection()
    first.record.save(lab.folder)
    with pytest.raises(KeyboardInterrupt):
        first.find()
    lab.dies_after = 10_000
    assert list(lab.bisection().find().suspects) == [5]
    assert lab.played == [1, 8, 4, 6, 5], "nothing is flashed twice"


def test_a_run_that_was_interrupted_is_no_judgement(tmp_path: Path) -> None:
    def interrupted(image: int, run: int) -> Summary:
        summary = sixth_fails(image, run)
        if run == 3:
            summary.troubles.append(INTERRUPTED)
        return summary

    lab = Lab(tmp_path, interrupted)
    with pytest.raises(Interrupted, match="--resume"):
        lab.bisection().find()
    assert [one.place for one in BisectRecord.load(lab.folder).tries] == [0, 7]
    assert list(lab.bisection().find().suspects) == [5]
    assert lab.played == [1, 8, 4, 4, 6, 5]


def test_a_lab_error_is_tried_again_and_blames_no_image(tmp_path: Path) -> None:
    def troubled(image: int, run: int) -> Summary:
        return ran(Outcome.LAB_ERROR) if run in (2, 4, 5) else sixth_fails(image, run)

    lab = Lab(tmp_path, troubled)
    assert list(lab.bisection().find().suspects) == [5]
    assert lab.played == [1, 8, 8, 4, 4, 4, 6, 5]


def test_an_image_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    def fifth_is_broken(image: int, run: int) -> Summary:
        return ran(Outcome.LAB_ERROR) if image == 5 else sixth_fails(image, run)

    found = Lab(tmp_path, fifth_is_broken).bisection().find()
    assert (found.last_good, list(found.suspects)) == (3, [4, 5])


class TestMeasurement:
    def level(self, image: int, run: int) -> float:
        """The fourth image made it 15 % slower; the lab drifts by 1 % a run, and what a run measures scatters."""
        return (1.15 if image >= 4 else 1.0) * (1 + 0.01 * run) * (1 + 0.002 * math.sin(7 * run))

    def judge(self, image: int, run: int) -> Summary:
        row = MeasurementRow(test="t", name="echo", unit="ms", slot="dk-1", figures={"p50": self.level(image, run)})
        return ran(Outcome.PASSED, row)

    def test_the_image_that_made_it_slower_is_found(self, tmp_path: Path) -> None:
        lab = Lab(tmp_path, self.judge)
        bisection = lab.bisection(measured=True)
        found = bisection.find()
        assert (found.last_good, list(found.suspects)) == (2, [3])
        assert {image for image in lab.played if image != 1} == {8, 4, 2, 3}
        tried = {one.place + 1: one.reason for one in bisection.record.tries}
        assert tried[1] == "the reference"
        assert tried[4].startswith("+1")

    def test_it_goes_on_in_the_middle_of_the_blocks_of_an_image(self, tmp_path: Path) -> None:
        lab = Lab(tmp_path, self.judge)
        lab.dies_after = 8
        with pytest.raises(KeyboardInterrupt):
            lab.bisection(measured=True).find()
        whole = len(BisectRecord.load(lab.folder).blocks)
        assert whole == 3
        lab.dies_after = 10_000
        assert list(lab.bisection(measured=True).find().suspects) == [3]

    def test_blocks_without_a_number_tell_nothing(self, tmp_path: Path) -> None:
        lab = Lab(tmp_path, lambda image, run: ran(Outcome.LAB_ERROR))
        bisection = lab.bisection(measured=True)
        found = bisection.find()
        assert "nobody can tell whether the last image is bad" in found.why
        assert "gave no number of echo" in bisection.record.tries[-1].reason


@pytest.mark.parametrize(
    ("outcome", "judgement"),
    [
        (Outcome.PASSED, Judgement.GOOD),
        (Outcome.FAILED, Judgement.BAD),
        (Outcome.LAB_ERROR, Judgement.UNKNOWN),
        (Outcome.SKIPPED, Judgement.UNKNOWN),
        (Outcome.DIED, Judgement.UNKNOWN),
    ],
)
def test_only_a_device_that_did_wrong_is_bad(outcome: Outcome, judgement: Judgement) -> None:
    assert judgement_of(ran(outcome))[0] is judgement


def test_git_is_told_good_bad_or_that_nobody_can_tell() -> None:
    codes = {code: git_exit_code(code) for code in ExitCode}
    assert codes[ExitCode.OK] == 0
    assert codes[ExitCode.FAILED] == 1
    assert codes[ExitCode.USAGE] == codes[ExitCode.INTERNAL] == 128
    assert {codes[one] for one in (ExitCode.LAB, ExitCode.EVIDENCE, ExitCode.INCOMPLETE, ExitCode.SCRIPT)} == {125}
