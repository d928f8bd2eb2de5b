"""Student's t against scipy, which is here for this test only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from bench.measure.student import t_quantile, t_tail

FREEDOMS = (1, 2, 3, 4, 5, 7, 10, 18, 19, 29, 50, 99, 100, 365, 999, 1000, 3162, 9999, 10_000)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_tails_are_those_of_scipy(freedom: int) -> None:
    for t in (0.0, 1e-3, 0.5, 1.0, 1.96, 2.0, 3.0, 5.0, 8.0, 12.0, 40.0):
        assert t_tail(t, freedom) == pytest.approx(stdtr(freedom, -t), rel=1e-9, abs=0)
        assert t_tail(-t, freedom) == pytest.approx(stdtr(freedom, t), rel=1e-9, abs=0)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_quantiles_are_those_of_scipy(freedom: int) -> None:
    for tail in (0.49, 0.4, 0.25, 0.1, 0.05, 0.025, 0.005, 0.003, 1e-4, 1e-6, 1e-9):
        assert t_quantile(tail, freedom) == pytest.approx(-stdtrit(freedom, tail), rel=1e-9, abs=0)


def test_every_freedom_of_small_samples() -> None:
    for freedom in range(1, 500):
        assert t_quantile(0.025, freedom) == pytest.approx(-stdtrit(freedom, 0.025), rel=1e-9, abs=0)


@given(st.floats(-50, 50), st.integers(1, 500))
def test_tails_are_chances(t: float, freedom: int) -> None:
    tail = t_tail(t, freedom)
    assert 0 <= tail <= 1
    assert tail + t_tail(-t, freedom) == pytest.approx(1)
    assert t_tail(t + 0.5, freedom) <= tail


@pytest.mark.parametrize("tail", [0.0, -0.1, 0.6, float("nan")])
def test_what_is_not_a_tail(tail: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most"):
        t_quantile(tail, 4)
