"""Comparisons: no false alarm, no true shift missed, and no verdict where nothing can be told."""

import math
import statistics
from collections.abc import Callable

import pytest
import verdicts


class TestFalseAlarmsAndPower:
    """A part of benchmarks/verdicts.py: seeded, so the same wherever it runs."""

    @pytest.mark.parametrize("design", verdicts.DESIGNS)
    def test_a_firmware_is_not_worse_than_itself(self, design: str) -> None:
        labs = 15 if "window" in design else 30  # two windows that differ by two nights only, and take long
        assert verdicts.alarms(design, labs, seed=1) <= 1

    @pytest.mark.parametrize("design", list(verdicts.DESIGNS)[:2])
    def test_boards_that_wander_from_night_to_night_raise_no_alarm(self, design: str) -> None:
        assert verdicts.alarms(design, 20, seed=1, wander=0.03) <= 1

    def test_a_tenth_is_found_beside_a_calibration_night(self) -> None:
        design = "interleaved, calibration night, 2 boards a group"
        assert verdicts.hits(design, 40, 0.1, seed=1) >= 37


def test_designs_say_what_they_are() -> None:
    turns: Callable[[], list[verdicts.Turn]] = verdicts.DESIGNS["window of 14 nights, 4 boards, 1 night"]
    assert len({turn.night for turn in turns() if not turn.candidate}) == 14
    assert math.isclose(statistics.fmean(turn.rounds for turn in turns()), 1)
