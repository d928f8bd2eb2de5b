"""Equal causes are told once, and a command plays their tests again."""

import shlex

import pytest

from bench.evidence import Outcome, TestResult, group_by_cause
from bench.report.rerun import rerun_command
from bench.run import RunRequest

ASSERT = "test_a.py:7: assert came == b'x'"


def result(test: str, message: str = "", outcome: Outcome = Outcome.FAILED, **fields: object) -> TestResult:
    return TestResult(test, str(fields.pop("slot", "dk-1")), outcome, message=message, **fields)  # type: ignore[arg-type]


def causes(*results: TestResult) -> list[list[str]]:
    return [cause.tests for cause in group_by_cause(results)]


def test_what_passed_or_was_skipped_has_no_cause() -> None:
    assert not causes(result("a", outcome=Outcome.PASSED), result("b", outcome=Outcome.SKIPPED))


def test_a_lab_error_is_one_cause_wherever_it_happens() -> None:
    lost = [result(f"test_a.py::{n}", f"no answer in {n}.5 s", Outcome.LAB_ERROR, slot=f"dk-{n}") for n in (1, 2)]
    (cause,) = group_by_cause(lost)
    assert cause.boards == "dk-1, dk-2"
    assert cause.headline == "no answer in 1.5 s"


def test_a_board_that_was_given_up_is_the_cause_that_it_was_given_up_for() -> None:
    first = result("a", "dk-1 gave no answer to AT for 30 s", Outcome.LAB_ERROR)
    later = result("b", "dk-1 was given up after 2 attempts: dk-1 gave no answer to AT for 30 s", Outcome.LAB_ERROR)
    assert causes(first, later) == [["a", "b"]]


def test_an_assert_is_one_cause_for_all_parameters() -> None:
    ten = result("test_a.py::test[10]", "assert b'y' == b'x'", place=ASSERT)
    twenty = result("test_a.py::test[20]", "assert b'yy' == b'xx'", place=ASSERT)
    other = result("test_b.py::test", "assert b'y' == b'x'", place="test_b.py:9: assert came == b'x'")
    assert causes(ten, twenty, other) == [[ten.test, twenty.test], [other.test]]


def test_one_answer_of_the_device_is_one_cause_in_all_scenarios() -> None:
    said = "AT#XSOCKET=1,1,0 answered ERROR after {} ms, expected OK"
    first = result("test_a.py::test", said.format(3.1), place="test_a.py:7: modem.open()")
    second = result("test_b.py::test", said.format(4.2), place="test_b.py:9: modem.open()")
    assert causes(first, second) == [[first.test, second.test]]
    assert len(causes(first, result("c", said.format(3.1), Outcome.SCRIPT_ERROR, place=first.place))) == 2


def test_a_result_without_a_message_says_that_it_did_not_finish() -> None:
    (cause,) = group_by_cause([result("a", outcome=Outcome.DIED)])
    assert "did not finish" in cause.headline


@pytest.mark.parametrize("number", [1, 3])
def test_few_tests_are_named_by_their_ids(number: int) -> None:
    results = [result(f"test_a.py::test[{n}]") for n in range(number)]
    command = shlex.split(rerun_command(["--simulate", "1", "--", "--slow"], results))
    assert command[:4] == ["nrf91-bench", "run", "--simulate", "1"]
    assert command[4:-2] == [word for one in results for word in ("--test", one.test)]
    assert command[-2:] == ["--", "--slow"]


def test_many_parameters_are_named_by_their_test_and_many_tests_not_at_all() -> None:
    many = [result(f"test_a.py::test[{n}]") for n in range(9)]
    assert rerun_command(["--port", "/dev/x"], many).endswith("--port /dev/x --test test_a.py::test")
    more = [result(f"test_a.py::test_{n}") for n in range(9)]
    assert rerun_command(["--port", "/dev/x"], more).endswith("--port /dev/x --last-failed")


@pytest.mark.parametrize(
    ("suite", "kept"), [("dns", False), ("own/test_a.py", False), ("../team", True), ("/srv/lab/suites", True)]
)
def test_suites_are_named_where_the_id_of_a_test_does_not(suite: str, kept: bool) -> None:
    command = rerun_command(["--simulate", "1", "--suite", suite, "--suite", "udp"], [result("test_a.py::test")])
    assert command == (
        f"nrf91-bench run --simulate 1 {f'--suite {suite} --suite udp ' if kept else ''}--test test_a.py::test"
    )


def test_a_run_that_does_not_know_its_command_has_none_to_play_it_again() -> None:
    assert rerun_command([], [result("a")]) == ""


def test_a_run_plays_again_on_the_same_boards_with_the_same_suites() -> None:
    request = RunRequest(boards=["dk-1"], simulate=2, realistic=True, firmwares=["slm-2.9"])
    words = request.again(["dns", "own/test_x.py"], ["--slow"])
    expected = "--board dk-1 --simulate 2 --firmware slm-2.9 --suite dns --suite own/test_x.py --realistic -- --slow"
    assert words == expected.split()
