"""Control boards: they run what measures beside the boards under test, and nothing of theirs counts for the verdict."""

from pathlib import Path
from typing import Any

import pytest

from bench.boards import BoardSpec, Lease
from bench.history import Store
from tests.support.lab import Finished, Lab
from tests.support.programs import simulator

SUITE = """
def test_answers(modem):
    assert modem.link.command("AT").ok


def test_echo(modem, tcp_echo, measure):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
        client.send(b"hello")
        measure("receive", client.receive(5).response.duration_ns, unit="ns")
"""
CONFIG = """
[[boards]]
name = "dk"
port = "{dk}"

[[boards]]
name = "golden"
port = "{golden}"
control_board = true
"""


def run(lab: Lab, suite: str, boards: list[dict[str, Any]], *arguments: str) -> Finished:
    text = CONFIG.format(dk=boards[0]["port"], golden=boards[1]["port"])
    (lab.folder / "bench.toml").write_text(text)
    history = str(lab.folder / "history.sqlite")
    return lab.run(suite, ("--config", str(lab.folder / "bench.toml"), "--history", history, *arguments))


def finished(run: Finished) -> set[tuple[str, str]]:
    return {(row["slot"], row["test"].partition("::")[2]) for row in run.rows if row["type"] == "finish"}


def kept(folder: Path) -> list[tuple[str, int, int]]:
    """Slot, whether it is a control board, and the number of its measurements."""
    query = "SELECT slot, control, count(measurements.id) FROM boards LEFT JOIN measurements ON board_id = boards.id"
    with Store(folder / "history.sqlite") as store:
        return [(slot, control, count) for slot, control, count in store.rows(f"{query} GROUP BY slot ORDER BY slot")]


def test_it_measures_beside_the_board_under_test_and_is_in_no_total(lab: Lab) -> None:
    with simulator("--count", "2") as boards:
        done = run(lab, SUITE, boards)
    assert done.code == 0, done.output
    assert finished(done) == {("dk", "test_answers"), ("dk", "test_echo"), ("golden", "test_echo")}
    assert (done.summary["planned"], done.summary["passed"]) == (2, 2)
    assert kept(lab.folder) == [("dk", 0, 1), ("golden", 1, 1)]
    assert "1 board beside 1 control board, results in" in done.output
    page = (done.folder / "verdict.html").read_text()
    assert "golden ran 1 test beside the boards under test; 0 did not pass" in page
    assert "control board" in page


def test_what_it_fails_is_the_network_s_and_changes_no_verdict(lab: Lab) -> None:
    suite = SUITE.replace("(modem, tcp_echo", "(modem, board, tcp_echo")
    with simulator("--count", "2") as boards:
        golden = f"    assert board.spec.port != {boards[1]['port']!r}\n"
        done = run(lab, suite.replace("    with modem", f"{golden}    with modem"), boards)
    assert (done.code, done.summary["verdict"], done.summary["lab_errors"]) == (0, "PASSED", 0), done.output
    (row,) = (row for row in done.rows if row["type"] == "finish" and row["slot"] == "golden")
    assert row["outcome"] == "lab_error"
    assert "the control board, whose firmware is known to be good, failed" in row["message"]
    assert (
        "golden ran 1 test beside the boards under test; 1 did not pass" in (done.folder / "verdict.html").read_text()
    )


def test_suites_that_measure_nothing_need_it_for_nothing(lab: Lab) -> None:
    with simulator("--count", "2") as boards:
        done = run(lab, SUITE.partition("def test_echo")[0], boards)
    assert done.code == 0, done.output
    assert finished(done) == {("dk", "test_answers")}


def test_one_that_is_in_use_is_left_out(lab: Lab) -> None:
    with (
        simulator("--count", "2") as boards,
        Lease(BoardSpec("golden", boards[1]["port"], hardware=False).key, "golden", "another run"),
    ):
        done = run(lab, SUITE, boards)
    assert done.code == 0, done.output
    assert "it measures nothing in this run" in done.output
    assert {slot for slot, _ in finished(done)} == {"dk"}


def test_one_that_is_named_is_a_board_under_test(lab: Lab) -> None:
    with simulator("--count", "2") as boards:
        done = run(lab, SUITE, boards, "--board", "golden")
    assert done.code == 0, done.output
    assert finished(done) == {("golden", "test_answers"), ("golden", "test_echo")}
    assert kept(lab.folder) == [("golden", 0, 1)]


@pytest.mark.long
def test_boards_in_turn_are_each_other_s_control(lab: Lab) -> None:
    with simulator("--count", "3") as boards:
        config = CONFIG + '\n[[boards]]\nname = "other"\nport = "{other}"\n'
        ports = {name: board["port"] for name, board in zip(("dk", "golden", "other"), boards, strict=True)}
        (lab.folder / "bench.toml").write_text(config.format(**ports))
        groups = ("--interleave", "dk", "--interleave", "other", "--repeat", "2")
        done = lab.run(SUITE, ("--config", str(lab.folder / "bench.toml"), *groups))
    assert done.code == 0, done.output
    assert {slot for slot, _ in finished(done)} == {"dk", "other"}


def test_in_every_round(lab: Lab) -> None:
    with simulator("--count", "2") as boards:
        done = run(lab, SUITE, boards, "--repeat", "2")
    assert done.code == 0, done.output
    assert kept(lab.folder) == [("dk", 0, 2), ("golden", 1, 2)]
