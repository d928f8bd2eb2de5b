"""What a run knows of itself: which tests are tried again, and what explains how a process ended."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.boards import BoardSpec
from bench.errors import UsageError
from bench.evidence import Outcome, rows
from bench.run.schedule import Turn, interleaved
from bench.run.state import RunState, retries
from bench.session.earlier import Earlier

TURN = Turn(1, (BoardSpec("dk-1", "/dev/null", hardware=False),))


def finish(
    test: str, outcome: Outcome, *, attempt: int = 1, worth_retry: bool = True, lab_lost: bool = False
) -> rows.FinishRow:
    return rows.FinishRow(
        slot="dk-1", attempt=attempt, test=test, outcome=outcome, worth_retry=worth_retry, lab_lost=lab_lost
    )


def lab_errors(number: int) -> RunState:
    state = RunState()
    for test in range(number):
        state.take(finish(f"test_{test}", Outcome.LAB_ERROR))
    return state


@pytest.mark.parametrize(("number", "again", "too_many"), [(0, 0, 0), (1, 1, 0), (3, 3, 0), (4, 0, 4)])
def test_at_most_three_are_tried_again(number: int, again: int, too_many: int) -> None:
    tests, refused = retries(lab_errors(number), TURN, most=3)
    assert (len(tests.get("dk-1", [])), refused.get("dk-1", 0)) == (again, too_many)


def test_a_lab_may_try_none_again() -> None:
    assert retries(lab_errors(2), TURN, most=0) == ({}, {})


@pytest.mark.parametrize("more", [{"worth_retry": False}, {"lab_lost": True}])
def test_what_another_try_would_not_cure_or_would_hide(more: dict[str, bool]) -> None:
    state = RunState()
    state.take(finish("test_a", Outcome.LAB_ERROR, **more))
    assert state.to_retry("dk-1", 1) == []


def test_a_test_that_passed_when_tried_again_still_explains_the_first_process() -> None:
    state = RunState()
    state.take(finish("test_a", Outcome.LAB_ERROR))
    state.take(finish("test_a", Outcome.PASSED, attempt=2))
    assert state.to_retry("dk-1", 1) == []
    assert state.went_wrong("dk-1", 1, 1)
    assert not state.went_wrong("dk-1", 1, 2), "nor does the first lab error explain the second process"


def test_of_passes_nothing_explains_a_process_that_failed() -> None:
    state = RunState()
    state.take(finish("test_a", Outcome.PASSED))
    assert not state.went_wrong("dk-1", 1, 1)


def test_neither_of_two_groups_is_first_more_often() -> None:
    groups: dict[str, Sequence[BoardSpec]] = {name: [BoardSpec(name, "/dev/null", hardware=False)] for name in "ab"}
    schedule = interleaved(groups, 4)
    assert [turn.specs[0].slot for turn in schedule.turns] == ["a", "b", "b", "a", "a", "b", "b", "a"]
    with pytest.raises(UsageError, match="--repeat 3 with --interleave: give an even number"):
        interleaved(groups, 3)


def test_what_the_next_process_of_a_board_is_told(tmp_path: Path) -> None:
    state = RunState()
    for number, outcome in ((1, Outcome.FAILED), (2, Outcome.PASSED), (3, Outcome.FAILED)):
        state.take(rows.FinishRow(slot="dk-1", round=number, test="test_a", outcome=outcome))
    state.take(rows.FinishRow(slot="dk-2", round=1, test="test_b", outcome=Outcome.PASSED))
    for reset in (True, False, True):
        state.take(rows.RecoveryRow(slot="dk-1", text="reset", reset=reset))
    survey = rows.SurveyRow(slot="dk-1", mtu=1280, missing=["ipv6"])
    state.take(survey)
    assert state.earlier("dk-1", 1) == Earlier({}, 2, survey)
    told = state.earlier("dk-1", 3)
    assert told == Earlier({"test_a": Outcome.PASSED}, 2, survey)
    assert state.earlier("dk-3", 2) == Earlier()
    told.hand_over(tmp_path / "earlier.json")
    assert Earlier.take_over(tmp_path / "earlier.json") == told
    assert list(tmp_path.iterdir()) == []
