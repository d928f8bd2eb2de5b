"""One stream of several hosts, reconciled: no host's end counts for another, and none makes the run smaller."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.evidence import ResultStream, RowReader, RunVerdict, Summary, reconcile, rows
from bench.evidence.rows import AnyRow
from bench.exit_code import ExitCode
from tests.support.rows import row

A, B = "r1-dk-1", "r2-dk-1"


def lent(slot: str, host: str) -> list[AnyRow]:
    return [row("lent", slot=slot, host=host, address=f"bench@{host}", workspace="w")]


def of_host(slot: str, *, tests: int = 2, closed: bool = True, end: bool = True) -> list[AnyRow]:
    """Rows that a board's run wrote on its host."""
    head = {"lent": slot, "slot": slot}
    made: list[AnyRow] = [row("run", lent=slot, simulated=True, slots=[slot], turns=[[1, [slot]]])]
    made.append(row("board", **head, model="nrf9151dk", simulated=True))
    made += [row("plan", **head, test=f"t{n}") for n in range(tests)]
    for n in range(tests):
        made += [row("start", **head, test=f"t{n}"), row("finish", **head, test=f"t{n}", outcome="passed")]
    made += [row("ended", **head)] if end else []
    return [*made, row("closed", lent=slot)] if closed else made


def gathered(slot: str, code: int = 0, why: str = "") -> list[AnyRow]:
    return [row("gathered", slot=slot, exit_code=code, why=why)]


def proved(*parts: Sequence[AnyRow], wanted: int = 2, rounds: int = 1, closed: bool = True) -> Summary:
    first: list[AnyRow] = [row("run", turns=[], wanted=wanted, rounds=rounds, bench="0.1")]
    last: list[AnyRow] = [row("closed")] if closed else []
    return reconcile([*first, *(one for part in parts for one in part), *last])


def test_two_hosts_whole() -> None:
    summary = proved(lent(A, "rack1"), lent(B, "rack2"), of_host(A), of_host(B), gathered(A), gathered(B))
    assert (summary.verdict, summary.exit_code) == (RunVerdict.PASSED, ExitCode.OK)
    assert (summary.hosts, summary.not_here) == ({A: "rack1", B: "rack2"}, set())
    assert summary.simulated
    assert "4 of 4 passed on 2 boards" in summary.reason


CASES = {
    "a host dies before its plan rows": (
        [lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B, tests=0, end=False, closed=False)],
        "results were not fetched from rack2",
    ),
    "a host dies before its first row": (
        [lent(A, "rack1"), of_host(A), gathered(A)],
        "wanted 2 boards, 1 ran",
    ),
    "any host's end is not all hosts' end": (
        [lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B, closed=False), gathered(B)],
        "its run on rack2 did not come to its end",
    ),
    "a line is lost": (
        [
            *(lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B, closed=False, end=False)),
            [row("away", slot=B, why="rack2 was lost at 22:14:07")],
        ],
        "r2-dk-1: rack2 was lost at 22:14:07",
    ),
    "a host's run is killed": (
        [lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B), gathered(B, -9)],
        "its run on rack2 ended with exit code -9",
    ),
    "a round is missing": (
        [lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B, end=False), gathered(B)],
        "round 1 of r2-dk-1 did not come to its end",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_whole_is_incomplete(case: str) -> None:
    parts, reason = CASES[case]
    summary = proved(*parts)
    assert (summary.verdict, summary.exit_code) == (RunVerdict.INCOMPLETE, ExitCode.INCOMPLETE)
    assert reason in summary.reason


@pytest.mark.parametrize(
    ("code", "exit_code", "reason"),
    [
        (4, ExitCode.EVIDENCE, "rack2 kept no evidence of r2-dk-1: disk full"),
        (70, ExitCode.INTERNAL, "on rack2, r2-dk-1: disk full"),
        (2, ExitCode.INCOMPLETE, "its run on rack2 ended with exit code 2: disk full"),
    ],
)
def test_exit_codes_of_hosts_travel(code: int, exit_code: ExitCode, reason: str) -> None:
    summary = proved(
        lent(A, "rack1"), lent(B, "rack2"), of_host(A), gathered(A), of_host(B), gathered(B, code, "disk full")
    )
    assert (summary.exit_code, reason in summary.reason) == (exit_code, True)


def test_a_loss_that_was_made_good_is_no_loss() -> None:
    away = [row("away", slot=B, why="rack2 was lost")]
    summary = proved(lent(A, "rack1"), of_host(A), gathered(A), lent(B, "rack2"), away, of_host(B), gathered(B))
    assert summary.verdict is RunVerdict.PASSED


def test_an_end_of_a_host_is_not_the_runs_end() -> None:
    summary = proved(lent(A, "rack1"), of_host(A), gathered(A), wanted=1, closed=False)
    assert not summary.closed
    assert "the run did not come to its end" in summary.reason


def test_clocks_of_hosts_are_not_the_runs_clock() -> None:
    rows_of_host = [row("trouble", lent=A, slot=A, utc="2031-01-01T00:00:00Z", why="x")]
    first = row("run", turns=[], wanted=1, utc="2026-11-28T20:00:00Z")
    last = row("closed", utc="2026-11-28T21:00:00Z")
    summary = reconcile([first, *lent(A, "rack1"), *rows_of_host, last])
    assert (summary.started, summary.ended) == ("2026-11-28T20:00:00Z", "2026-11-28T21:00:00Z")


def test_rows_of_a_host_keep_its_stamps_and_get_our_name(tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, "ours")
    stream.pass_on({"type": "plan", "run": "theirs", "slot": A, "test": "t\x1b", "t_ns": 5, "utc": "u", "new": 1}, A)
    (found,) = RowReader(tmp_path).new_rows()
    assert isinstance(found, rows.PlanRow)
    assert (found.run, found.lent, found.slot, found.t_ns, found.test) == ("ours", A, A, 5, "t\\x1b")


def test_own_rows_do_not_name_a_lent_board(tmp_path: Path) -> None:
    ResultStream(tmp_path, "ours").add(rows.ClosedRow())
    assert '"lent"' not in (tmp_path / "results.jsonl").read_text()
