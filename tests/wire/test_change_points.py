"""Change points, trends and power: pure functions over nights."""

import math
from dataclasses import replace

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.history import CompareSettings, Observation
from bench.history.change_points import change_points
from bench.history.observations import Key
from bench.history.power import power_of, scatter_of
from bench.history.trends import find_trends

KEY = Key("test", "echo", "ns", "nrf9151dk", "LTE-M", "24201")


def series(*parts: tuple[int, float], seed: int = 1, spread: float = 0.02) -> "numpy.typing.NDArray[numpy.float64]":
    """Parts of so many nights at a level each."""
    random = numpy.random.default_rng(seed)
    return numpy.concatenate([math.log(level) + random.normal(0, spread, count) for count, level in parts])


def night(
    number: int, level: float, *, board: str = "a", turn: int = 1, firmware: str = "old", cell: str = "c1"
) -> Observation:
    date = f"2026-{1 + number // 28:02}-{1 + number % 28:02}"
    return Observation(KEY, date, date, board, cell, firmware, turn, {"typical": level}, 100, bench="1.0")


class TestChangePoints:
    def test_a_step_is_found_in_its_night(self) -> None:
        (found,) = change_points(series((20, 100.0), (15, 112.0)))
        assert abs(found.at - 20) <= 1
        assert found.change == pytest.approx(0.12, abs=0.02)

    def test_several_steps(self) -> None:
        found = change_points(series((20, 100.0), (20, 120.0), (20, 100.0)))
        assert [round(point.at / 20) for point in found] == [1, 2]
        assert [point.change > 0 for point in found] == [True, False]

    def test_a_bad_night_is_no_change(self) -> None:
        values = series((30, 100.0))
        values[11] += 0.5
        assert change_points(values) == []

    @pytest.mark.parametrize("rho", [0.0, 0.7])
    def test_nights_that_do_not_change_seldom_have_one(self, rho: float) -> None:
        false = 0
        for seed in range(100):
            random = numpy.random.default_rng(seed)
            values = random.normal(0, 0.05, 30)
            for at in range(1, 30):
                values[at] = rho * values[at - 1] + math.sqrt(1 - rho**2) * values[at]
            false += bool(change_points(values))
        assert false <= (2 if rho == 0 else 10)

    @given(st.lists(st.floats(-5, 5), max_size=25))
    @settings(max_examples=25, deadline=None)
    def test_whatever_the_values(self, values: list[float]) -> None:
        found = change_points(values)
        assert [point.at for point in found] == sorted({point.at for point in found})
        assert all(3 <= point.at <= len(values) - 3 for point in found)


class TestTrends:
    def test_boards_that_come_and_go_are_no_change(self) -> None:
        """A board that is twice as slow takes part in the late nights only."""
        seen = [night(number, 100.0 * (1 + 0.01 * (-1) ** number)) for number in range(20)]
        seen += [night(number, 200.0 * (1 + 0.01 * (-1) ** number), board="b") for number in range(10, 20)]
        (trend,) = find_trends(seen)
        assert trend.moves == []
        assert len(trend.nights) == 20

    def test_what_changed_with_it(self) -> None:
        random = numpy.random.default_rng(2)
        seen = [
            night(number, (110.0 if number >= 12 else 100.0) * math.exp(random.normal(0, 0.01)), board=board,
                  firmware="new" if number >= 12 else "old", cell="c2" if number >= 12 else "c1")
            for number in range(24) for board in "ab"
        ]  # fmt: skip
        (move,) = find_trends(seen)[0].moves
        assert move.since == "2026-01-13"
        assert move.worse
        assert move.with_it == ("firmware old to new", "cell c1 to c2")

    def test_a_new_version_of_the_bench_is_named(self) -> None:
        seen = [night(number, 100.0 if number < 10 else 130.0) for number in range(20)]
        seen = [replace(one, bench="1.1") if one.night >= "2026-01-11" else one for one in seen]
        assert find_trends(seen)[0].moves[0].with_it == ("bench 1.0 to 1.1",)

    def test_few_nights_have_no_trend(self) -> None:
        assert find_trends([night(number, 100.0) for number in range(7)]) == []


class TestPower:
    SETTINGS = CompareSettings()

    def lab(self, wander: float, noise: float, nights: int = 12, rounds: int = 10) -> list[Observation]:
        random = numpy.random.default_rng(3)
        found = []
        for number in range(nights):
            level = random.normal(0, 0.1)
            for board in "abcd":
                own = random.normal(0, wander)
                found += [
                    night(number, math.exp(level + own + random.normal(0, noise)), board=board, turn=turn)
                    for turn in range(1, rounds + 1)
                ]
        return found

    def test_scatter_is_told_apart_by_nights_and_rounds(self) -> None:
        (found,) = scatter_of(self.lab(0.03, 0.05, nights=40), self.SETTINGS).values()
        assert math.sqrt(found.night) == pytest.approx(0.03, rel=0.25)
        assert found.round is not None
        assert math.sqrt(found.round) == pytest.approx(0.05, rel=0.1)

    def test_more_nights_boards_and_rounds_find_less(self) -> None:
        scatter = scatter_of(self.lab(0.01, 0.05), self.SETTINGS)

        def least(groups: tuple[int, int], nights: int, rounds: int) -> float:
            return power_of(scatter, groups, nights, rounds, self.SETTINGS).detectable[KEY]

        assert least((2, 2), 4, 10) > least((2, 2), 8, 10)
        assert least((2, 2), 8, 1) > least((2, 2), 8, 10)
        assert least((2, 2), 4, 10) > least((4, 4), 4, 10)
        assert least((1, 1), 2, 10) == math.inf
        assert power_of(scatter, (4, 4), 8, 10, self.SETTINGS).finding(0.1) == [KEY]

    def test_what_nothing_is_known_of(self) -> None:
        assert scatter_of([night(number, 100.0) for number in range(20)], self.SETTINGS) == {}
        assert scatter_of([], self.SETTINGS) == {}
