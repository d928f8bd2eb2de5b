"""Comparisons: no false alarm, no true shift missed, and no verdict where nothing can be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.history import CompareSettings, Observation, compare
from bench.history.comparison import ComparisonVerdict
from bench.history.observations import Key
from bench.history.shift import Shift, between_units, significant, within_nights
from bench.measure.student import t_quantile, t_tail

KEY = Key("test", "echo", "ns", "nrf9151dk", "LTE-M", "24201")
numbers = iter(range(1, 10**9))


def seen(
    night: int, board: str, value: float, *, key: Key = KEY, turn: int = 1, run: str = "", figures: str = "typical"
) -> Observation:
    return Observation(
        key, run or f"run-{night}", f"2026-11-{night:02}", board, "", "fw", turn, {figures: value}, 1000, next(numbers)
    )


def nights(level: float, first: int, last: int, *, board: str = "dk-1", key: Key = KEY) -> list[Observation]:
    """Nights that differ by a per cent."""
    return [seen(night, board, level * (1 + 0.01 * (-1) ** night), key=key) for night in range(first, last + 1)]


class TestStatistics:
    @pytest.mark.parametrize(
        ("tail", "freedom", "t"),
        [(0.05, 1, 6.3138), (0.025, 4, 2.7764), (0.005, 30, 2.7500), (0.0005, 13, 4.2208), (0.1, 1000, 1.2824)],
    )
    def test_quantiles_are_those_of_the_tables(self, tail: float, freedom: int, t: float) -> None:
        assert t_quantile(tail, freedom) == pytest.approx(t, abs=2e-4)

    @given(st.floats(-50, 50), st.integers(1, 500))
    def test_tails_are_chances(self, t: float, freedom: int) -> None:
        tail = t_tail(t, freedom)
        assert 0 <= tail <= 1
        assert tail + t_tail(-t, freedom) == pytest.approx(1)
        assert t_tail(t + 0.5, freedom) <= tail

    def test_student_s_own_figures(self) -> None:
        """The sleep data of Student's paper of 1908: t 1.86, 18 degrees of freedom."""
        first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
        second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
        found = between_units(first, second)
        assert found is not None
        assert (round(found.value / found.error, 2), found.freedom) == (1.86, 18)
        assert 2 * found.chance(upward=True) == pytest.approx(0.0792, abs=1e-4)

    @given(st.lists(st.floats(0, 1), max_size=30), st.floats(0.0001, 0.5))
    def test_many_findings_are_never_easier_than_one(self, chances: list[float], level: float) -> None:
        stands = significant(chances, level)
        assert all(not stand or chance <= level for stand, chance in zip(stands, chances, strict=True))
        weakest = max((chance for chance, stand in zip(chances, stands, strict=True) if stand), default=-1.0)
        assert stands == [chance <= weakest for chance in chances]

    @given(
        st.floats(-0.5, 0.5),
        st.lists(st.floats(-1, 1), min_size=4, max_size=4),
        st.lists(st.floats(-1, 1), min_size=6, max_size=6),
    )
    def test_boards_and_turns_have_levels_of_their_own(
        self, effect: float, boards: list[float], turns: list[float]
    ) -> None:
        """Whatever boards and turns are like, the effect comes out, as soon as a calibration tells boards apart."""
        rows = [
            (boards[b] + turns[t] + (effect if t >= 3 and b >= 2 else 0.0), f"b{b}", f"n{t // 3}", t, t >= 3 and b >= 2)
            for b in range(4)
            for t in range(6)
        ]
        found = within_nights(*map(list, zip(*rows, strict=True)))
        assert found is not None
        assert found.shift.value == pytest.approx(effect, abs=1e-9)
        assert (found.shift.freedom, found.nights) == (24 - 4 - 6, 8 - 4 - 2)
        one_night = [row for row in rows if row[2] == "n1"]
        assert within_nights(*map(list, zip(*one_night, strict=True))) is None

    def test_what_would_have_been_found(self) -> None:
        """95 times in 100 a shift of that size exceeds the limit: by 10,000 draws."""
        import numpy

        error, freedom, level = 0.02, 20, 0.001
        limit = t_quantile(level, freedom)
        detectable = Shift(0.0, error, freedom).detectable(level)
        random = numpy.random.default_rng(1)
        spread = numpy.sqrt(random.chisquare(freedom, 10_000) / freedom)
        found = (detectable / error + random.normal(0, 1, 10_000)) / spread > limit
        assert 0.93 <= float(found.mean()) <= 0.98


class TestWindows:
    def test_a_slower_night_is_named_with_its_interval(self) -> None:
        found = compare(nights(100e6, 1, 14), nights(120e6, 20, 22))
        (judged,) = found.judgements
        assert judged.verdict == ComparisonVerdict.REGRESSION
        assert judged.change is not None
        assert judged.low < 0.2 < judged.high
        assert judged.change == pytest.approx(0.2, abs=0.02)
        assert (judged.units, judged.effective, found.exit_code) == ("14 and 3 nights of 1 board, 1 cell", 17, 1)

    def test_a_faster_one_too_and_rates_the_other_way_round(self) -> None:
        assert (
            compare(nights(100.0, 1, 14), nights(80.0, 20, 22)).judgements[0].verdict == ComparisonVerdict.IMPROVEMENT
        )
        rate = Key("test", "uplink", "B/s", "nrf9151dk", "LTE-M", "24201")
        slower = compare(nights(100.0, 1, 14, key=rate), nights(80.0, 20, 22, key=rate))
        assert slower.judgements[0].verdict == ComparisonVerdict.REGRESSION
        assert slower.judgements[0].change == pytest.approx(-0.2, abs=0.02)

    def test_what_is_sure_but_small_is_no_regression(self) -> None:
        found = compare(nights(100.0, 1, 20), nights(102.0, 21, 28), CompareSettings(confidence=0.9))
        assert found.judgements[0].verdict == ComparisonVerdict.SAME
        assert found.exit_code == 0

    @pytest.mark.parametrize(
        ("baseline", "candidate", "why"),
        [
            (
                nights(100.0, 1, 4),
                nights(100.0, 5, 5),
                "4 nights of the baseline are too few",
            ),
            (nights(100.0, 1, 9), [], "was not measured in the candidate"),
            ([], nights(100.0, 1, 9), "was not measured in the baseline"),
            (nights(100.0, 1, 9), nights(100.0, 10, 11, board="dk-2"), "no board ran with both"),
            (nights(0.0, 1, 9), nights(100.0, 10, 11), "9 of its values are zero, which has no ratio: look at them"),
        ],
    )
    def test_where_nothing_can_be_told(
        self, baseline: list[Observation], candidate: list[Observation], why: str
    ) -> None:
        found = compare(baseline, candidate)
        assert found.judgements[0].verdict == ComparisonVerdict.UNKNOWN
        assert why in found.judgements[0].why
        assert found.exit_code == 5

    def test_a_series_too_short_for_the_statistic(self) -> None:
        found = compare(nights(100.0, 1, 9), nights(100.0, 10, 11), CompareSettings(statistic="p99"))
        assert "has too few samples" in found.judgements[0].why

    def test_a_comparison_that_would_have_missed_it_proves_nothing(self) -> None:
        wild = [seen(night, "dk-1", 100.0 * (1 + 0.5 * (-1) ** night)) for night in range(1, 8)]
        found = compare(wild, nights(100.0, 20, 20))
        assert found.judgements[0].verdict == ComparisonVerdict.UNKNOWN
        assert "could have been missed" in found.judgements[0].why

    def test_the_labs_own_false_alarms_are_counted(self) -> None:
        assert compare(nights(100.0, 1, 14), nights(100.0, 20, 20)).false_alarms == (0, 14)
        assert compare(nights(100.0, 1, 5), nights(100.0, 20, 20)).false_alarms is None

    def test_nothing_is_compared_with_itself(self) -> None:
        rows = nights(100.0, 1, 9)
        with pytest.raises(UsageError, match="9 measurements are part of both sides"):
            compare(rows, rows)

    def test_counts_are_left_to_people(self) -> None:
        lost = Key("test", "lost", "datagrams", "nrf9151dk", "LTE-M", "24201")
        found = compare(nights(1.0, 1, 9, key=lost), nights(2.0, 10, 12, key=lost))
        assert found.judgements[0].verdict == ComparisonVerdict.NOT_COMPARED
        assert found.exit_code == 5

    def test_units_that_agree_to_the_last_digit_are_not_certain(self) -> None:
        same = [seen(night, "dk-1", 100.0) for night in range(1, 10)]
        assert compare(same, [seen(20, "dk-1", 100.05)]).judgements[0].verdict == ComparisonVerdict.SAME

    def test_boards_that_ran_unequally_often(self) -> None:
        """A true 30 %, on boards that differ by 50 %, each of which ran with one firmware far more often."""
        rows = [*nights(100.0, 1, 14), seen(14, "dk-2", 150.0 * 1.01)]
        later = [*nights(130.0, 20, 20), *nights(195.0, 20, 23, board="dk-2")]
        (judged,) = compare(rows, later).judgements
        assert judged.change == pytest.approx(0.3, abs=0.02)
        assert judged.low < 0.3 < judged.high

    def test_boards_that_no_night_joins(self) -> None:
        rows = [*nights(100.0, 1, 6), *nights(150.0, 10, 15, board="dk-2")]
        later = [*nights(100.0, 20, 22), *nights(150.0, 24, 26, board="dk-2")]
        found = compare(rows, later)
        assert found.judgements[0].verdict == ComparisonVerdict.UNKNOWN
        assert "no night joins the boards" in found.judgements[0].why


class TestInterleaved:
    def run(self, night: int, levels: dict[str, float], rounds: int = 6) -> list[Observation]:
        """Boards in turn, all through a night that becomes slower and slower."""
        return [
            seen(night, board, level * (1 + 0.1 * turn) * (1 + 0.002 * (turn * len(board) % 3)), turn=turn)
            for turn in range(rounds)
            for board, level in levels.items()
        ]

    def test_board_and_firmware_are_told_apart_by_a_night_of_calibration(self) -> None:
        calibration = self.run(1, {"a": 100.0, "b": 90.0, "cc": 130.0, "dd": 70.0})
        night = self.run(2, {"a": 100.0, "b": 90.0, "cc": 143.0, "dd": 77.0})
        baseline = [*calibration, *(one for one in night if one.board in "ab")]
        found = compare(baseline, [one for one in night if one.board not in "ab"], CompareSettings(confidence=0.9))
        assert found.judgements[0].verdict == ComparisonVerdict.REGRESSION
        assert found.judgements[0].change == pytest.approx(0.1, abs=0.01)
        assert found.judgements[0].units == "12 rounds of 4 boards in 2 nights, 1 cell"

    def test_without_one_nothing_is_said(self) -> None:
        night = self.run(2, {"a": 100.0, "bb": 143.0})
        found = compare([one for one in night if one.board == "a"], [one for one in night if one.board == "bb"])
        assert found.exit_code == 5
        assert "board and firmware cannot be told apart" in found.judgements[0].why

    def test_three_boards_a_group_are_units_of_their_own(self) -> None:
        night = self.run(2, {"a": 100.0, "b": 101.0, "c": 99.0, "d": 200.0, "e": 202.0, "f": 198.0})
        sides = [[one for one in night if (one.board in "abc") == first] for first in (True, False)]
        found = compare(sides[0], sides[1])
        assert (found.judgements[0].verdict, found.judgements[0].units) == (
            ComparisonVerdict.REGRESSION,
            "3 and 3 boards, 1 cell",
        )

    def test_one_board_a_group_does_not_tell_how_boards_wander(self) -> None:
        calibration = self.run(1, {"a": 100.0, "bb": 130.0})
        night = self.run(2, {"a": 100.0, "bb": 143.0})
        baseline = [*calibration, *(one for one in night if one.board == "a")]
        found = compare(baseline, [one for one in night if one.board == "bb"])
        assert "take at least two boards a group" in found.judgements[0].why

    def test_two_runs_of_one_evening_are_no_interleaving(self) -> None:
        """Run after run on the same board: the night may have changed in between."""
        early = [seen(1, "dk-1", 100.0, run="early", turn=turn) for turn in range(9)]
        late = [seen(1, "dk-1", 120.0, run="late", turn=turn) for turn in range(9)]
        assert compare(early, late).judgements[0].verdict == ComparisonVerdict.UNKNOWN
