"""The statistics below comparisons: fits, shifts, serial correlation, resolution of clocks."""

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.history.fit import fit_cells, fit_effect
from bench.history.resolution import step_of
from bench.history.serial_correlation import inflation, serial_correlation
from bench.history.shift import Shift, significant
from bench.measure.student import t_quantile, t_tail


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
        values = numpy.asarray([*first, *second])[:, None]
        effect = fit_effect(values, [["all"] * 20], [False] * 10 + [True] * 10, [1.0] * 20)
        assert effect is not None
        shift = Shift(float(effect.value[0]), math.sqrt(effect.variance[0] / effect.weight), effect.freedom)
        assert (round(shift.value / shift.error, 2), shift.freedom) == (1.86, 18)
        assert 2 * shift.chance(upward=True) == pytest.approx(0.0792, abs=1e-4)

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
        rows = [(b, t, t >= 3 and b >= 2) for b in range(4) for t in range(6)]
        values = numpy.asarray([boards[b] + turns[t] + (effect if candidate else 0.0) for b, t, candidate in rows])
        levels = [[b for b, _, _ in rows], [t for _, t, _ in rows]]
        found = fit_effect(values[:, None], levels, [one[2] for one in rows], [1.0] * len(rows))
        assert found is not None
        assert found.value[0] == pytest.approx(effect, abs=1e-9)
        assert found.freedom == 24 - 4 - 6
        late = [number for number, one in enumerate(rows) if one[1] >= 3]
        levels = [[level[number] for number in late] for level in levels]
        candidate = [rows[number][2] for number in late]
        assert fit_effect(values[late][:, None], levels, candidate, [1.0] * len(late)) is None

    @given(st.floats(0.0, 0.9))
    def test_a_resolution_widens_on_both_sides(self, step: float) -> None:
        plain, coarse = Shift(0.1, 0.01, 10), Shift(0.1, 0.01, 10, step)
        assert coarse.interval(0.01)[0] == pytest.approx(plain.interval(0.01)[0] - step)
        assert coarse.detectable(0.01) == pytest.approx(plain.detectable(0.01) + step)
        assert coarse.chance(upward=True) >= plain.chance(upward=True)

    @pytest.mark.parametrize("true", [0.0, 0.5, 0.8])
    def test_serial_correlation_is_estimated(self, true: float) -> None:
        random = numpy.random.default_rng(5)
        series = random.normal(0, 1, (14, 400))
        for night in range(1, 14):
            series[night] = true * series[night - 1] + math.sqrt(1 - true**2) * series[night]
        assert serial_correlation([series]) == pytest.approx(true, abs=0.1)
        mean = float(numpy.var(series.mean(axis=0))) * 14
        assert inflation(14, true) == pytest.approx(mean, rel=0.25)

    def test_an_outlier_is_pulled_in(self) -> None:
        cells, turns = [board for board in "abcd" for _ in range(8)], list(range(8)) * 4
        values = numpy.random.default_rng(1).normal(0, 0.01, (32, 1))
        values[8:16] += 0.5
        values[3] += 3.0
        found = fit_cells(values, cells, turns, [1.0] * 32, robust=True)
        assert float(found.values[1, 0] - found.values[0, 0]) == pytest.approx(0.5, abs=0.02)

    def test_what_would_have_been_found(self) -> None:
        """95 times in 100 a shift of that size exceeds the limit: by 10,000 draws."""
        error, freedom, level = 0.02, 20, 0.001
        limit = t_quantile(level, freedom)
        detectable = Shift(0.0, error, freedom).detectable(level)
        random = numpy.random.default_rng(1)
        spread = numpy.sqrt(random.chisquare(freedom, 10_000) / freedom)
        found = (detectable / error + random.normal(0, 1, 10_000)) / spread > limit
        assert 0.93 <= float(found.mean()) <= 0.98


class TestResolution:
    @pytest.mark.parametrize("step", [1.0, 10e6, 0.125])
    def test_steps_are_seen(self, step: float) -> None:
        random = numpy.random.default_rng(1)
        values = numpy.round(random.gamma(9, 3 / 9, 200) / 1.0) * step
        assert step_of(values) == pytest.approx(step)

    def test_ticks_that_another_clock_reads_are_seen(self) -> None:
        random = numpy.random.default_rng(1)
        ticks = random.integers(3, 9, 200) * 10e6 + random.uniform(0, 3e5, 200)
        assert step_of(ticks) == pytest.approx(10e6, rel=0.01)

    @given(st.integers(0, 10**6))
    def test_fine_values_have_none(self, seed: int) -> None:
        random = numpy.random.default_rng(seed)
        assert step_of(random.gamma(9, 12e6 / 9, 300)) == 0
        assert step_of(random.normal(100e6, 1e6, 12)) == 0

    @pytest.mark.parametrize("values", [[], [1.0] * 7, [5.0] * 50, [math.nan] * 20])
    def test_too_few_or_all_alike_have_none(self, values: list[float]) -> None:
        assert step_of(values) == 0
