"""Levels of a measurement: by night and firmware with an interval, and by firmware over its nights."""

import math
import random
from collections.abc import Sequence

import pytest

from bench.history import Observation
from bench.history.levels import Level, firmware_levels, levels_of
from bench.history.observations import Key

LATENCY = Key("test", "echo", "ns", "nrf9151dk", "LTE-M", "24201")
LOSS = LATENCY._replace(name="loss", unit="fraction")


def observation(
    night: int, board: str, value: float, *, key: Key = LATENCY, firmware: str = "old", turn: int = 1
) -> Observation:
    return Observation(
        key, f"run-{night}", f"2026-01-{night:02}", board, "cell", firmware, turn, {"typical": value}, 100
    )


def lab(nights: int, boards: Sequence[str], *, spread: float = 0.01, seed: int = 1) -> list[Observation]:
    """Boards 10 % apart, at 1000 ns."""
    noise = random.Random(seed)
    return [
        observation(night, board, 1000.0 * 1.1**rank * math.exp(noise.gauss(0, spread)))
        for night in range(1, nights + 1)
        for rank, board in enumerate(boards)
    ]


class TestNights:
    def test_a_night_on_a_firmware_has_a_level(self) -> None:
        seen = [observation(1, "a", 100.0), observation(2, "a", 200.0), observation(2, "a", 400.0, firmware="new")]
        found = levels_of(LATENCY, seen)
        assert [(one.night, one.firmware, round(one.value)) for one in found] == [
            ("2026-01-01", "old", 100),
            ("2026-01-02", "new", 400),
            ("2026-01-02", "old", 200),
        ]
        assert found[1].boards == {"a": pytest.approx(400.0)}

    def test_rounds_of_a_board_are_one_value(self) -> None:
        (level,) = levels_of(LATENCY, [observation(1, "a", 100.0), observation(1, "a", 400.0, turn=2)])
        assert level.value == pytest.approx(200.0), "the mean of logarithms"
        assert level.interval is None, "rounds of one night say nothing of nights"

    def test_a_board_that_misses_a_night_does_not_move_its_level(self) -> None:
        seen = [one for one in lab(10, "abc", spread=1e-6) if (one.board, one.night) != ("c", "2026-01-04")]
        values = [one.value for one in levels_of(LATENCY, seen)]
        assert max(values) / min(values) == pytest.approx(1.0, abs=1e-4)

    def test_an_interval_holds_the_truth_19_times_in_20(self) -> None:
        held = total = 0
        truth = 1000.0 * 1.1**1.5
        for seed in range(40):
            for level in levels_of(LATENCY, lab(10, "abcd", seed=seed)):
                assert level.interval is not None
                low, high = level.interval
                assert low < level.value < high
                held += low < truth < high
                total += 1
        assert 0.90 < held / total < 0.99

    def test_one_board_has_no_interval(self) -> None:
        assert {one.interval for one in levels_of(LATENCY, lab(5, "a"))} == {None}

    def test_a_single_night_has_none(self) -> None:
        (level,) = levels_of(LATENCY, lab(1, "abc"))
        assert level.interval is None
        assert level.value == pytest.approx(1100, rel=0.05)

    def test_shares_may_be_nothing(self) -> None:
        seen = [observation(night, board, 0.1 * (night == 2), key=LOSS) for night in (1, 2) for board in "ab"]
        assert [round(one.value, 6) for one in levels_of(LOSS, seen)] == [0.0, 0.1]

    @pytest.mark.parametrize("value", [0.0, -3.0])
    def test_a_duration_that_has_no_logarithm(self, value: float) -> None:
        found = levels_of(LATENCY, [observation(1, "a", value), observation(2, "a", 100.0)])
        assert [one.value for one in found] == pytest.approx([value, 100.0])

    @pytest.mark.parametrize("value", [math.nan, math.inf, 1e200, -1e308])
    def test_what_is_not_a_number_is_left_out(self, value: float) -> None:
        assert levels_of(LATENCY, [observation(1, "a", value)]) == []

    def test_nothing(self) -> None:
        assert levels_of(LATENCY, []) == []


class TestFirmware:
    def levels(self, *values: float, firmware: str = "old", first: int = 1) -> list[Level]:
        nights = enumerate(values, first)
        return [Level(f"2026-01-{night:02}", firmware, value, None, {"a": value}) for night, value in nights]

    def test_the_mean_of_its_nights(self) -> None:
        found = firmware_levels(LATENCY, [*self.levels(100.0), *self.levels(400.0, 400.0, firmware="new", first=2)])
        assert [(one.firmware, round(one.value), one.interval, one.nights) for one in found] == [
            ("old", 100, None, 1),
            ("new", 400, None, 2),
        ]

    def test_the_interval_grows_with_the_spread_and_shrinks_with_nights(self) -> None:
        noise = random.Random(1)

        def width(nights: int, spread: float) -> float:
            (found,) = firmware_levels(
                LATENCY, self.levels(*(100 * math.exp(noise.gauss(0, spread)) for _ in range(nights)))
            )
            assert found.interval is not None
            assert found.interval[0] < found.value < found.interval[1]
            return found.interval[1] - found.interval[0]

        assert width(28, 0.01) < width(28, 0.05)
        assert width(28, 0.02) < width(4, 0.02)

    def test_nights_that_resemble_the_last_tell_less(self) -> None:
        apart = [100.0, 110.0] * 14
        together = [100.0] * 14 + [110.0] * 14
        first, second = (firmware_levels(LATENCY, self.levels(*values))[0].interval for values in (apart, together))
        assert first is not None
        assert second is not None
        assert second[1] - second[0] > 2 * (first[1] - first[0])
