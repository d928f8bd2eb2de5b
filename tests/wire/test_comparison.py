"""Comparisons: no false alarm, no true shift missed, and no verdict where nothing can be told."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy
import pytest

from bench.errors import UsageError
from bench.history import (
    CompareSettings,
    ComparisonVerdict,
    Evidence,
    FalseAlarms,
    Judgement,
    Observation,
    compare,
)
from bench.history.observations import Key

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


def nightly(
    level: float,
    first: int,
    last: int,
    boards: str = "abcd",
    *,
    key: Key = KEY,
    network: Callable[[int], float] = lambda _: 1.0,
    cell: str = "",
) -> list[Observation]:
    """Nights of several boards in one run each, which differ by some permille; the network slows all of them alike."""
    return [
        replace(
            seen(night, board, level * (1 + 0.1 * rank) * network(night) * (1 + 0.002 * _jitter(night, rank)), key=key),
            cell=cell,
        )
        for night in range(first, last + 1)
        for rank, board in enumerate(boards)
    ]


def _jitter(night: int, rank: int) -> float:
    return float(numpy.random.default_rng((night, rank)).normal())


def judged(
    baseline: Sequence[Observation],
    candidate: Sequence[Observation],
    beside: Sequence[Observation] = (),
    settings: CompareSettings | None = None,
) -> Judgement:
    (one,) = compare(baseline, candidate, settings, beside).judgements
    return one


class TestNightsAlone:
    """A window of nights and another: nothing ran beside them, so the network may be the cause of all."""

    def test_a_change_is_named_as_a_change_and_settles_nothing(self) -> None:
        found = compare(nightly(100e6, 1, 14), nightly(120e6, 20, 22))
        (one,) = found.judgements
        assert one.verdict == ComparisonVerdict.CHANGED
        assert one.change == pytest.approx(0.2, abs=0.02)
        assert one.low < 0.2 < one.high
        assert (one.units, one.effective) == ("14 and 3 nights of 4 boards, 1 cell", 17)
        assert (found.exit_code, found.since, found.evidence) == (5, "2026-11-20", Evidence.NIGHTS_ALONE)

    def test_a_change_for_the_better_is_no_more_than_that(self) -> None:
        found = compare(nightly(100e6, 1, 14), nightly(80e6, 20, 22))
        assert found.judgements[0].verdict == ComparisonVerdict.CHANGED
        assert found.exit_code == 5

    def test_no_change_proves_nothing_either(self) -> None:
        one = judged(nightly(100e6, 1, 14), nightly(100e6, 20, 22))
        assert one.verdict == ComparisonVerdict.UNKNOWN
        assert "nothing ran beside it on a constant firmware" in one.why

    @pytest.mark.parametrize(
        ("baseline", "candidate", "why"),
        [
            (nightly(100.0, 1, 4), nightly(100.0, 5, 5), "the baseline has 4 nights; it takes at least 5"),
            (nightly(100.0, 1, 9), [], "was not measured in the candidate"),
            ([], nightly(100.0, 1, 9), "was not measured in the baseline"),
            (nightly(100.0, 1, 9, "a"), nightly(100.0, 10, 11, "b"), "no board ran both firmwares"),
            (nightly(0.0, 1, 9, "a"), nightly(100.0, 10, 11, "a"), "9 of its values are zero, so there is no ratio"),
            (
                nightly(100.0, 1, 9, cell="north"),
                nightly(100.0, 10, 12, cell="south"),
                "a, b, c, d changed cells between the firmwares",
            ),
            (
                [*nightly(100.0, 1, 6, "a"), *nightly(100.0, 7, 9, "b")],
                [*nightly(100.0, 20, 22, "a"), *nightly(100.0, 24, 26, "b")],
                "no night joins the boards",
            ),
        ],
    )
    def test_where_nothing_can_be_told(
        self, baseline: list[Observation], candidate: list[Observation], why: str
    ) -> None:
        found = compare(baseline, candidate)
        assert found.judgements[0].verdict == ComparisonVerdict.UNKNOWN
        assert why in found.judgements[0].why
        assert found.exit_code == 5

    def test_what_was_seen_is_told_where_nothing_is_proved(self) -> None:
        assert judged(nightly(100.0, 1, 4), nightly(110.0, 5, 5)).change == pytest.approx(0.1, abs=0.01)

    def test_a_series_too_short_for_the_statistic(self) -> None:
        one = judged(nightly(100.0, 1, 9), nightly(100.0, 10, 11), settings=CompareSettings(statistic="p99"))
        assert "has too few samples" in one.why

    def test_nothing_is_compared_with_itself(self) -> None:
        rows = nights(100.0, 1, 9)
        with pytest.raises(UsageError, match="9 measurements are part of both sides"):
            compare(rows, rows)

    def test_counts_are_left_to_people(self) -> None:
        lost = Key("test", "lost", "datagrams", "nrf9151dk", "LTE-M", "24201")
        found = compare(nights(1.0, 1, 9, key=lost), nights(2.0, 10, 12, key=lost))
        assert found.judgements[0].verdict == ComparisonVerdict.NOT_COMPARED
        assert found.exit_code == 5

    def test_a_board_of_unknown_model_counts_for_the_only_one_that_is_known(self) -> None:
        port = nightly(100.0, 20, 22, key=KEY._replace(model="unknown"))
        one = judged(nightly(100.0, 1, 14), port)
        assert one.key == KEY
        assert one.change == pytest.approx(0, abs=0.01)
        other = nightly(100.0, 1, 14, "xyz", key=KEY._replace(model="thingy91x"))
        found = compare([*nightly(100.0, 1, 14), *other], port)
        assert {judgement.why for judgement in found.judgements} == {
            "was not measured in the candidate",
            "was not measured in the baseline",
        }, "two models are known"

    def test_a_simulated_board_is_never_compared_with_a_real_one(self) -> None:
        simulated = nightly(100.0, 20, 22, key=KEY._replace(model="SIMULATED unknown"))
        assert len(compare(nightly(100.0, 1, 14), simulated).judgements) == 2

    @pytest.mark.parametrize("rounds", [1, 2, 3])
    def test_the_number_of_rounds_is_no_change(self, rounds: int) -> None:
        def several(rows: list[Observation], count: int) -> list[Observation]:
            return [replace(one, round=turn, trial=next(numbers)) for one in rows for turn in range(1, count + 1)]

        one = judged(several(nightly(100.0, 1, 14), 2), several(nightly(100.0, 20, 22), rounds))
        assert one.change == pytest.approx(0, abs=0.01)
        assert one.verdict == ComparisonVerdict.UNKNOWN

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_not_a_number_was_not_measured(self, value: float) -> None:
        one = judged(nightly(100.0, 1, 14), [seen(20, "a", value)])
        assert "has too few samples in the candidate" in one.why

    def test_extremes(self) -> None:
        one = judged(nightly(1e-300, 1, 14), nightly(1e300, 20, 22))
        assert one.change == math.inf


class TestFalseAlarmsOfTheLab:
    """The baseline's own nights, window by window, as long as the candidate's."""

    def test_a_quiet_lab_has_none(self) -> None:
        assert compare(nightly(100.0, 1, 14), nightly(100.0, 20, 22)).false_alarms == FalseAlarms(0, 12, 3)

    def test_a_lab_that_changes_by_itself_for_some_nights_is_warned(self) -> None:
        rows = nightly(100.0, 1, 14, network=lambda night: 1.3 if night in (5, 6, 7) else 1.0)
        found = compare(rows, nightly(100.0, 20, 22)).false_alarms
        assert found is not None
        assert found.alarms >= 1

    def test_control_boards_cancel_that(self) -> None:
        def network(night: int) -> float:
            return 1.3 if night in (5, 6, 7) else 1.0

        beside = nightly(100.0, 1, 22, "xyz", network=network)
        found = compare(nightly(100.0, 1, 14, network=network), nightly(100.0, 20, 22), None, beside)
        assert found.false_alarms == FalseAlarms(0, 12, 3)

    def test_it_takes_nights(self) -> None:
        assert compare(nightly(100.0, 1, 7), nightly(100.0, 20, 22)).false_alarms is None


class TestBesideControlBoards:
    def network(self, night: int) -> float:
        """A network that is 30 % slower in the candidate's nights, with a trend."""
        return (1.3 if night >= 20 else 1.0) * 1.005**night

    def control(self, boards: str = "xyz") -> list[Observation]:
        return nightly(90e6, 1, 22, boards, network=self.network)

    def test_what_the_network_did_is_not_the_firmware_s(self) -> None:
        found = compare(
            nightly(100e6, 1, 14, network=self.network),
            nightly(100e6, 20, 22, network=self.network),
            None,
            self.control(),
        )
        (one,) = found.judgements
        assert (one.verdict, found.exit_code) == (ComparisonVerdict.SAME, 0)
        assert one.change == pytest.approx(0, abs=0.01)
        assert one.units == "14 and 3 nights of 4 boards beside 3 control boards, 1 cell"
        assert found.evidence is Evidence.CONTROLLED

    def test_what_the_firmware_did_is_named(self) -> None:
        baseline = nightly(100e6, 1, 14, network=self.network)
        one = judged(baseline, nightly(110e6, 20, 22, network=self.network), self.control())
        assert one.verdict == ComparisonVerdict.REGRESSION
        assert one.change == pytest.approx(0.1, abs=0.01)
        assert one.low < 0.1 < one.high

    def test_faster_is_more_for_rates(self) -> None:
        rate = Key("test", "uplink", "B/s", "nrf9151dk", "LTE-M", "24201")
        beside = nightly(100.0, 1, 22, "xyz", key=rate)
        one = judged(nightly(100.0, 1, 14, key=rate), nightly(80.0, 20, 22, key=rate), beside)
        assert (one.verdict, one.is_worse) == (ComparisonVerdict.REGRESSION, True)
        better = judged(nightly(100.0, 1, 14, key=rate), nightly(120.0, 20, 22, key=rate), beside)
        assert (better.verdict, better.is_worse) == (ComparisonVerdict.IMPROVEMENT, False)

    def test_what_is_sure_but_small_is_no_regression(self) -> None:
        baseline = nightly(100e6, 1, 14, network=self.network)
        one = judged(baseline, nightly(102e6, 20, 22, network=self.network), self.control())
        assert one.verdict == ComparisonVerdict.SAME

    @pytest.mark.parametrize("count", [1, 2])
    def test_few_nights_of_the_candidate_are_a_hint(self, count: int) -> None:
        baseline = nightly(100e6, 1, 14, network=self.network)
        one = judged(baseline, nightly(150e6, 20, 19 + count, network=self.network), self.control())
        assert one.verdict == ComparisonVerdict.UNKNOWN
        assert "which is a hint at most; it takes 3" in one.why
        assert one.change == pytest.approx(0.5, abs=0.02)

    def test_one_board_that_changes_by_itself_is_no_firmware(self) -> None:
        """A moved antenna: one of four boards is 40 % slower from the first night of the candidate on."""
        candidate = [
            replace(one, figures={"typical": 1.4 * one.figures["typical"]}) if one.board == "b" else one
            for one in nightly(100e6, 20, 22, network=self.network)
        ]
        assert judged(nightly(100e6, 1, 14, network=self.network), candidate, self.control()).verdict in (
            ComparisonVerdict.UNKNOWN,
            ComparisonVerdict.SAME,
        )

    def test_single_values_that_are_missing_change_no_error(self) -> None:
        """What boards under test share is known from all measurements, also where each has other gaps."""
        random = numpy.random.default_rng(7)
        keys = [KEY._replace(name=f"m{number}") for number in range(12)]
        sides: list[list[Observation]] = [[], [], []]
        for key in keys:
            wander = [0.0]
            for _ in range(22):
                wander.append(0.9 * wander[-1] + random.normal(0, 0.02))
            for side, rows in enumerate((nightly(1e8, 1, 14), nightly(1e8, 15, 17), nightly(9e7, 1, 17, "xyz"))):
                for one in rows:
                    factor = math.exp(wander[int(one.night[-2:])]) if side < 2 else 1.0
                    if random.random() > 0.02:
                        value = one.figures["typical"] * factor
                        sides[side].append(replace(one, key=key, figures={"typical": value}, trial=next(numbers)))
        found = compare(sides[0], sides[1], None, sides[2])
        assert found.select(ComparisonVerdict.REGRESSION) == []
        assert found.correlation is not None
        assert found.correlation > 0.5

    def test_a_control_board_that_was_under_test_with_another_firmware_is_none(self) -> None:
        tested = [replace(one, firmware="other") for one in nightly(100e6, 1, 14, "x")]
        found = compare([*nightly(100e6, 1, 14), *tested], nightly(100e6, 20, 22), None, nightly(90e6, 15, 22, "xy"))
        assert found.changed_controls == ("x",)

    def test_a_board_alone_cannot_be_told_from_the_firmware(self) -> None:
        baseline = nightly(100e6, 1, 14, "a", network=self.network)
        one = judged(baseline, nightly(150e6, 20, 22, "a", network=self.network), self.control("x"))
        assert "too few boards" in one.why

    def test_control_boards_of_other_nights_say_nothing(self) -> None:
        baseline = nightly(100e6, 1, 14, network=self.network)
        early = [one for one in self.control() if one.night < "2026-11-15"]
        one = judged(baseline, nightly(150e6, 20, 22, network=self.network), early)
        assert "no control board was in the cell of a board under test in both firmwares' nights" in one.why

    def test_a_control_board_whose_firmware_changed_is_left_out_and_named(self) -> None:
        changed = [replace(one, firmware="new") if one.night > "2026-11-15" else one for one in self.control("w")]
        baseline = nightly(100e6, 1, 14, network=self.network)
        candidate = nightly(100e6, 20, 22, network=self.network)
        found = compare(baseline, candidate, None, [*self.control(), *changed])
        assert found.changed_controls == ("w",)
        assert "3 control boards" in found.judgements[0].units

    def test_a_board_that_changed_the_cell_is_left_out_and_named(self) -> None:
        candidate = [
            replace(one, cell="south", figures={"typical": 2 * one.figures["typical"]}) if one.board == "d" else one
            for one in nightly(100e6, 20, 22, network=self.network)
        ]
        found = compare(nightly(100e6, 1, 14, network=self.network), candidate, None, self.control())
        assert found.changed_cell == ("d",)
        assert found.judgements[0].change == pytest.approx(0, abs=0.01)
        assert found.judgements[0].verdict == ComparisonVerdict.SAME

    def test_a_change_below_the_steps_of_the_clock_is_not_found(self) -> None:
        def coarse(rows: list[Observation]) -> list[Observation]:
            return [replace(one, step=30e6) for one in rows]

        baseline, candidate = nightly(100e6, 1, 14), nightly(120e6, 20, 22)
        beside = nightly(90e6, 1, 22, "xyz")
        assert judged(baseline, candidate, beside).verdict == ComparisonVerdict.REGRESSION
        one = judged(coarse(baseline), coarse(candidate), coarse(beside))
        assert one.verdict == ComparisonVerdict.UNKNOWN
        assert one.systematic == pytest.approx(0.8, abs=0.1)
        assert one.low < 0 < one.high

    def test_control_boards_of_both_choices_count_once(self) -> None:
        baseline = nightly(100e6, 1, 14, network=self.network)
        candidate = nightly(110e6, 20, 22, network=self.network)
        control = self.control()
        assert judged(baseline, candidate, [*control, *control]) == judged(baseline, candidate, control)

    def test_few_samples_weigh_less(self) -> None:
        """A night of a hundredth of the samples, off by a half, on every board and control board."""
        poor = [
            replace(one, count=10, figures={"typical": one.figures["typical"] * (1.5 if one.board in "ab" else 1.0)})
            for one in nightly(100e6, 15, 15)
        ]
        beside = nightly(90e6, 1, 22, "xyz")
        one = judged([*nightly(100e6, 1, 14), *poor], nightly(100e6, 20, 22), beside)
        assert one.change == pytest.approx(0, abs=0.01)


class TestInTurn:
    def night(self, number: int, levels: dict[str, float], rounds: int = 6) -> list[Observation]:
        """Boards in turn, all through a night that becomes slower and slower."""
        random = numpy.random.default_rng((number, len(levels)))
        return [
            seen(number, board, level * (1 + 0.1 * turn) * (1 + 0.005 * random.normal()), turn=turn)
            for turn in range(rounds)
            for board, level in levels.items()
        ]

    def swapped(self, effect: float, nights: int = 6) -> tuple[list[Observation], list[Observation]]:
        """Four boards in two groups, whose firmwares are swapped from night to night."""
        sides: tuple[list[Observation], list[Observation]] = ([], [])
        boards = {"a": 100.0, "b": 90.0, "c": 130.0, "d": 70.0}
        for number in range(1, nights + 1):
            new = "ab" if number % 2 else "cd"
            levels = {board: level * (1 + effect * (board in new)) for board, level in boards.items()}
            for one in self.night(number, levels):
                sides[one.board in new].append(one)
        return sides

    def test_swapped_groups_find_a_tenth(self) -> None:
        found = compare(*self.swapped(0.1))
        (one,) = found.judgements
        assert (one.verdict, found.evidence) == (ComparisonVerdict.REGRESSION, Evidence.INTERLEAVED)
        assert one.change == pytest.approx(0.1, abs=0.01)
        assert one.units == "36 rounds of 4 boards in 6 nights, 1 cell"

    def test_and_no_regression_where_there_is_none(self) -> None:
        found = compare(*self.swapped(0.0))
        assert found.judgements[0].verdict == ComparisonVerdict.SAME
        assert found.exit_code == 0

    def test_a_board_s_nights_are_units_not_its_rounds(self) -> None:
        """A board has bad nights of its own, in all rounds and all measurements alike."""
        random = numpy.random.default_rng(3)
        wander = {(number, board): 1 + 0.05 * random.normal() for number in range(1, 7) for board in "abcd"}
        sides = [
            [
                replace(one, figures={"typical": one.figures["typical"] * wander[int(one.night[-2:]), one.board]})
                for one in side
            ]
            for side in self.swapped(0.0)
        ]
        one = judged(sides[0], sides[1])
        assert one.verdict in (ComparisonVerdict.UNKNOWN, ComparisonVerdict.SAME)
        assert one.detectable > 0.1

    def sides_of(self, nights: dict[int, dict[str, float]], new: str) -> tuple[list[Observation], list[Observation]]:
        """Nights by number with the levels of their boards; some boards have the new firmware from night 8 on."""
        seen_all = [one for number, levels in nights.items() for one in self.night(number, levels)]
        has_new = [one for one in seen_all if one.board in new and one.night >= "2026-11-08"]
        return [one for one in seen_all if one not in has_new], has_new

    def test_nights_of_calibration_and_nights_in_turn(self) -> None:
        """The groups are not swapped, but their boards are known from nights of the same firmware."""
        boards = {name: 100.0 + 5 * rank for rank, name in enumerate("abcdefgh")}
        slower = {name: level * (1.1 if name in "efgh" else 1.0) for name, level in boards.items()}
        nights = {**dict.fromkeys(range(4, 8), boards), **dict.fromkeys(range(8, 12), slower)}
        baseline, candidate = self.sides_of(nights, "efgh")
        found = judged(baseline, candidate)
        assert found.verdict == ComparisonVerdict.REGRESSION
        assert found.change == pytest.approx(0.1, abs=0.01)

    def test_one_board_that_keeps_its_firmware_is_no_control(self) -> None:
        """It is faster by itself from some night on."""
        boards = dict.fromkeys("abcdefgh", 100.0)
        faster = {**boards, "a": 90.0}
        nights = {**dict.fromkeys(range(1, 8), boards), **dict.fromkeys(range(8, 11), faster)}
        baseline, candidate = self.sides_of(nights, "bcdefgh")
        found = judged(baseline, candidate)
        assert found.verdict == ComparisonVerdict.UNKNOWN
        assert "take at least 2 that change the firmware and 2 that keep it" in found.why

    def test_what_a_group_shares_in_its_turn_is_not_the_firmware(self) -> None:
        """The boards of a turn meet the same network, which differs from turn to turn."""
        random = numpy.random.default_rng(4)
        false = 0
        for _ in range(20):
            moved = []
            for side in self.swapped(0.0):
                turns = {(one.night, one.round): math.exp(random.normal(0, 0.1)) for one in side}
                moved.append(
                    [
                        replace(one, figures={"typical": one.figures["typical"] * turns[one.night, one.round]})
                        for one in side
                    ]
                )
            false += judged(moved[0], moved[1]).verdict == ComparisonVerdict.REGRESSION
        assert false == 0

    def test_without_one_nothing_is_said(self) -> None:
        night = self.night(2, {"a": 100.0, "b": 143.0})
        found = compare([one for one in night if one.board == "a"], [one for one in night if one.board == "b"])
        assert found.exit_code == 5
        assert "each board ran one firmware only" in found.judgements[0].why

    @pytest.mark.parametrize("group", [1, 3, 10])
    def test_in_one_night_boards_differ_and_nobody_knows_why(self, group: int) -> None:
        """However many: boards that had only one firmware each may differ by themselves."""
        night = self.night(2, {f"{rank:02}": 100.0 + rank % 3 + 100.0 * (rank >= group) for rank in range(2 * group)})
        sides = [[one for one in night if (int(one.board) < group) == first] for first in (True, False)]
        one = judged(sides[0], sides[1])
        assert one.verdict == ComparisonVerdict.UNKNOWN
        assert "each board ran one firmware only" in one.why
        assert one.change is not None

    def test_one_board_a_group_does_not_tell_how_boards_wander(self) -> None:
        calibration = self.night(1, {"a": 100.0, "b": 130.0})
        night = self.night(2, {"a": 100.0, "b": 143.0})
        baseline = [*calibration, *(one for one in night if one.board == "a")]
        one = judged(baseline, [one for one in night if one.board == "b"])
        assert "swap the groups for six nights" in one.why

    def test_boards_of_two_cells_are_compared_within_each(self) -> None:
        """One cell is twice as slow, and which boards it serves has nothing to do with their firmware."""
        sides = [
            [
                replace(one, cell="south", figures={"typical": 2 * one.figures["typical"]})
                if one.board in "bd"
                else one
                for one in side
            ]
            for side in self.swapped(0.1)
        ]
        one = judged(sides[0], sides[1])
        assert one.verdict == ComparisonVerdict.REGRESSION
        assert one.change == pytest.approx(0.1, abs=0.01)

    def test_a_board_that_missed_rounds(self) -> None:
        """Only the early rounds of a night that becomes slower: its other boards tell what the rounds were like."""
        sides = [
            [one for one in side if one.board != "b" or one.night[-1] != "2" or one.round < 3]
            for side in self.swapped(0.0)
        ]
        assert judged(sides[0], sides[1]).change == pytest.approx(0, abs=0.01)

    def test_two_runs_of_one_evening_are_no_interleaving(self) -> None:
        """Run after run on the same board: the night may have changed in between."""
        early = [seen(1, "dk-1", 100.0, run="early", turn=turn) for turn in range(9)]
        late = [seen(1, "dk-1", 120.0, run="late", turn=turn) for turn in range(9)]
        assert judged(early, late).verdict == ComparisonVerdict.UNKNOWN
