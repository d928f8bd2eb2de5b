"""What a stream proves: outcomes, verdict, exit code; never green for what did not finish."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.plan import Plan, Waiver, WantedBoards
from bench.evidence import EvidenceLost, Outcome, ResultStream, RowReader, Summary, reconcile
from bench.evidence.qualification import Qualification, Waived
from bench.evidence.rows import AnyRow, PlanRow, StartRow
from bench.exit_code import ExitCode
from bench.report import stem_of, write_pages
from bench.report.matrix import matrix
from bench.report.specification import BoardOfRun, Specification, Statement
from tests.support.rows import row as any_row


def row(kind: str, **fields: object) -> AnyRow:
    return any_row(kind, **{"schema": 1, "run": "r", "slot": "dk-1", **fields})


def stream_of(*outcomes: str) -> list[AnyRow]:
    tests = [f"test_{index}" for index in range(len(outcomes))]
    rows = [row("board"), *(row("plan", test=test) for test in tests)]
    for test, outcome in zip(tests, outcomes, strict=True):
        rows += [row("start", test=test)]
        rows += [row("finish", test=test, outcome=outcome)] if outcome != "died" else []
    return rows


@pytest.mark.parametrize(
    ("outcomes", "verdict", "code"),
    [
        (["passed", "passed"], "PASSED", ExitCode.OK),
        (["passed", "skipped"], "PASSED", ExitCode.OK),
        (["passed", "failed", "lab_error", "died"], "FAILED", ExitCode.FAILED),
        (["passed", "lab_error", "died"], "INCOMPLETE", ExitCode.LAB),
        (["passed", "script_error"], "INCOMPLETE", ExitCode.SCRIPT),
        (["passed", "script_error", "lab_error"], "INCOMPLETE", ExitCode.SCRIPT),
        (["failed", "script_error"], "FAILED", ExitCode.FAILED),
        (["passed", "died"], "INCOMPLETE", ExitCode.INCOMPLETE),
        (["skipped", "skipped"], "INCOMPLETE", ExitCode.INCOMPLETE),
        ([], "INCOMPLETE", ExitCode.INCOMPLETE),
    ],
)
def test_the_worst_outcome_decides(outcomes: list[str], verdict: str, code: int) -> None:
    summary = reconcile(stream_of(*outcomes))
    assert (summary.verdict, summary.exit_code) == (verdict, code)
    counts = summary.to_json()
    parts = ("passed", "failed", "lab_errors", "script_errors", "skipped", "died")
    assert counts["planned"] == len(outcomes) == sum(counts[part] for part in parts)


def test_lost_evidence_is_worse_than_a_failure() -> None:
    summary = reconcile([*stream_of("failed"), row("lost", why="disk full")])
    assert summary.exit_code == ExitCode.EVIDENCE
    assert "disk full" in summary.reason
    assert reconcile(stream_of("passed"), lambda: 1).exit_code == ExitCode.EVIDENCE
    assert reconcile([row("finish", test="nobody planned me", outcome="passed")]).exit_code == ExitCode.EVIDENCE


@given(st.integers(0, 200))
def test_a_stream_cut_anywhere_is_never_green_unless_it_is_whole(cut: int) -> None:
    rows = stream_of("passed", "passed", "passed")
    summary = reconcile(rows[: min(cut, len(rows) - 1)])
    assert summary.exit_code != ExitCode.OK
    assert summary.verdict != "PASSED"


def test_unknown_outcomes_are_damage_and_unknown_rows_are_skipped(tmp_path: Path) -> None:
    lines = [
        '{"type": "plan", "test": "t"}',
        '{"type": "finish", "test": "t", "outcome": "splendid"}',
        '{"type": "something new", "test": "x"}',
    ]
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + "\n")
    reader = RowReader(tmp_path)
    summary = reconcile(reader.new_rows(), lambda: reader.damaged)
    assert (summary.exit_code, reader.damaged) == (ExitCode.EVIDENCE, 1)
    assert summary.count(Outcome.DIED) == 1


def test_a_suite_that_cannot_be_read_is_told_and_never_green() -> None:
    summary = reconcile([*stream_of("passed"), row("script_error", path="test_x.py", message="ImportError: no\nmore")])
    assert (summary.verdict, summary.exit_code) == ("INCOMPLETE", ExitCode.SCRIPT)
    assert "test_x.py cannot be read: ImportError: no" in summary.reason
    assert summary.to_json()["script_errors"] == 1


def test_streams_of_bench_0_1_are_read() -> None:
    board = row("board", slm_version="2.9.0", modem_firmware="mfw", network={}, ids={"imei": "i"})
    summary = reconcile([*stream_of("passed"), board])
    assert (summary.boards[0].application, summary.boards[0].application_version) == ("slm", "2.9.0")


def test_text_that_json_cannot_hold_is_made_visible(tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, "r", "dk-1")
    stream.add(PlanRow(test="t[\udce9]"))
    reader = RowReader(tmp_path)
    assert [row.test for row in reader.new_rows() if isinstance(row, PlanRow)] == ["t[\\udce9]"]
    with (tmp_path / "results.jsonl").open("ab") as file:  # as bench 0.1 wrote it
        file.write(b'{"type": "plan", "test": "t[\\udce9]"}\n')
    assert [row.test for row in reader.new_rows() if isinstance(row, PlanRow)] == ["t[\\udce9]"]
    assert reader.damaged == 0


def test_every_test_has_files_of_its_own() -> None:
    tests = ["a/test_x.py::test_y", "b/test_x.py::test_y", "test_x.py::test_y[a/b]", "test_x.py::test_y[a_b]"]
    tests += [f"test_x.py::test_{'long' * 60}[{n}]" for n in range(3)] + ["test_x.py::test_é", "test_x.py::test_è"]
    stems = {stem_of(test) for test in tests}
    assert len(stems) == len(tests)
    assert all(stem.isascii() and "/" not in stem and len(stem) < 200 for stem in stems)


def test_rows_are_read_whole_and_once(tmp_path: Path) -> None:
    stream = ResultStream(tmp_path, "r", "dk-1")
    reader = RowReader(tmp_path)
    assert list(reader.new_rows()) == []
    stream.add(PlanRow(test="t"))
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(b'{"type": "sta')
        file.flush()
        rows = list(reader.new_rows())
        assert [(type(r), r.attempt, r.slot) for r in rows] == [(PlanRow, 1, "dk-1")]
        file.write(b'rt", "test": "t"}\nno json\n[1]\n')
    assert [type(r) for r in reader.new_rows()] == [StartRow]
    assert reader.damaged == 2


def test_a_row_that_cannot_be_written_is_lost_evidence(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").symlink_to("/dev/full")
    with pytest.raises(EvidenceLost):
        ResultStream(tmp_path, "r").add(PlanRow(test="t"))


def test_pages_escape_what_devices_send_and_say_simulated(tmp_path: Path) -> None:
    rows = [
        row(
            "board", part="<script>", modem_firmware="mfw", slm_version="2.9.0", ids={"imei": "imei-1"}, simulated=True
        ),
        *stream_of("failed", "passed"),
        row("finish", test="test_0", outcome="failed", message="expected <OK> & got nothing"),
        row("measurement", test="test_1", name="rtt", value=1.5e6, unit="ns", limit="at most 1 ms", ok=False),
    ]
    summary: Summary = reconcile(rows)
    write_pages(tmp_path, summary, Specification([]))
    html = (tmp_path / "verdict.html").read_text()
    assert "<script>" not in html
    assert "expected &lt;OK&gt; &amp; got nothing" in html
    assert "SIMULATED" in html
    assert "SIMULATED" in (tmp_path / "verdict.md").read_text()
    assert json.dumps(summary.to_json())


class TestKnownIssues:
    """They count as passed, and are never told as that."""

    STATEMENTS = (Statement("X.a", "it answers"), Statement("X.b", "it echoes"))

    def rows(self) -> list[AnyRow]:
        rows = []
        for number in (1, 2):
            rows += [row("plan", test=f"t::{name}", spec=[f"X.{name}"], round=number) for name in "ab"]
        ended = [
            ("a", 1, "failed", False),
            ("a", 2, "passed", False),
            ("b", 1, "passed", True),
            ("b", 2, "failed", False),
        ]
        for name, number, outcome, known in ended:
            more = {"known_issue": True, "message": "seven, not eight"} if known else {"message": "no"}
            rows += [row("start", test=f"t::{name}", round=number)]
            rows += [row("finish", test=f"t::{name}", round=number, outcome=outcome, **more)]
        return rows

    def test_of_rounds_the_worst_counts_in_the_specification(self) -> None:
        specification = Specification(self.STATEMENTS)
        specification.take(reconcile(self.rows()))
        board = BoardOfRun("dk-1")
        assert specification.statements["X.a"].results == {board: {"t::a": "failed"}}
        assert specification.statements["X.b"].results == {board: {"t::b": "failed"}}
        specification.take(reconcile([one for one in self.rows() if one.round == 1]))
        assert "| X.b | it echoes |  | 1 known issue |" in specification.markdown()

    def test_what_was_left_out_does_not_count(self) -> None:
        """Not in the totals, not in the rate of lab errors, and a statement has other scenarios or none."""
        rows = self.rows()
        for name, feature in (("c", "#XPOLL"), ("d", "echo"), ("e", "#XPOLL")):
            reason = f"this firmware (SLM 3.1.0) has no {feature}"
            rows += [row("plan", test=f"t::{name}", spec=["X.a", "X.b"]), row("start", test=f"t::{name}")]
            rows += [row("finish", test=f"t::{name}", outcome="skipped", message=reason, left_out=True)]
        summary, before = reconcile(rows), reconcile(self.rows())
        assert summary.results == before.results
        assert summary.counted == before.counted.replace("1 flaky", "1 flaky, 3 left out")
        assert summary.left_out_by_reason == [("this firmware (SLM 3.1.0) does not have: #XPOLL, echo", 3)]
        assert summary.to_json()["left_out"] == 3
        specification = Specification(Statement(one.id, one.text) for one in self.STATEMENTS)
        specification.take(reconcile([one for one in rows if one.round == 1]))
        assert "| X.b | it echoes |  | 1 known issue |" in specification.markdown()
        specification = Specification(Statement(one.id, one.text) for one in self.STATEMENTS)
        specification.take(reconcile(rows[-9:]))
        assert "| X.b | it echoes |  | 3 left out |" in specification.markdown()
        assert reconcile(rows[-9:]).counted.startswith("every test was left out, ")

    def test_one_is_no_pass_that_makes_a_failure_flaky(self) -> None:
        summary = reconcile(self.rows())
        assert summary.flaky == [("t::a", "dk-1")]
        cells = matrix(summary.results, (), ()).cells
        assert [cell.text for cell in cells["t::b"].values()] == ["1 failed, 1 known issue"]

    def test_pages_name_them_and_every_test_of_a_cause(self, tmp_path: Path) -> None:
        lost = [row("plan", test=f"t::lost[{n}]") for n in range(3)]
        for number in range(3):
            lost += [row("start", test=f"t::lost[{number}]")]
            lost += [row("finish", test=f"t::lost[{number}]", outcome="lab_error", message="no network", error="X")]
        write_pages(tmp_path, reconcile([*self.rows(), *lost]), Specification(()))
        assert "* `t::b`: seven, not eight" in (tmp_path / "verdict.md").read_text()
        page = (tmp_path / "verdict.html").read_text()
        assert "The same in <code>t::<wbr>lost<wbr>[1]</code>, <code>t::<wbr>lost<wbr>[2]</code>" in page

    def test_pages_say_what_a_plan_waives(self, tmp_path: Path) -> None:
        summary = reconcile(stream_of("failed", "passed"))
        waiver = Waiver.model_validate(
            {
                "test": "*",
                "kind": "quarantine",
                "reason": "r",
                "reference": "N-1",
                "owner": "anna",
                "expires": "2099-01-01",
            }
        )
        plan = Plan(name="release", boards=(WantedBoards(model="nrf9151dk"),), waivers=(waiver,))
        waived = Waived(summary.results[0], waiver)
        summary.qualification = Qualification(plan, (), (), (waived,))
        write_pages(tmp_path, summary, Specification(()))
        assert (
            "| **failed** (waived until 2099-01-01 (anna)): the test did not finish"
            in (tmp_path / "verdict.md").read_text()
        )
        assert "<b>waived until 2099-01-01 (anna)</b>" in (tmp_path / "verdict.html").read_text()


class TestTwoResults:
    """Of one attempt: a forked process, or a plugin that runs a test again."""

    @pytest.mark.parametrize("order", [("failed", "passed"), ("passed", "failed")])
    def test_the_worse_counts(self, order: tuple[str, str]) -> None:
        first, second = order
        again = row("finish", test="test_0", outcome=second, message=second)
        summary = reconcile([*stream_of(first), again])
        assert (summary.verdict, summary.exit_code) == ("FAILED", ExitCode.FAILED)
        assert summary.results[0].outcome is Outcome.FAILED

    def test_a_second_attempt_replaces_a_first(self) -> None:
        again = row("finish", test="test_0", outcome="passed", attempt=2)
        summary = reconcile([*stream_of("lab_error"), again])
        assert (summary.verdict, summary.results[0].retried) == ("PASSED", True)
        late = row("finish", test="test_0", outcome="failed", attempt=1)
        assert reconcile([*stream_of("lab_error"), again, late]).verdict == "PASSED", "it was of the first"

    @given(st.permutations(["passed", "failed", "skipped", "lab_error", "script_error"]))
    def test_whatever_the_order(self, order: list[str]) -> None:
        rows = [*stream_of("passed"), *(row("finish", test="test_0", outcome=outcome) for outcome in order)]
        assert reconcile(rows).results[0].outcome is Outcome.FAILED


def test_without_a_board_nothing_passes() -> None:
    summary = reconcile([one for one in stream_of("passed", "skipped") if type(one).__name__ != "BoardRow"])
    assert (summary.verdict, summary.exit_code) == ("INCOMPLETE", ExitCode.INCOMPLETE)
    assert "no board answered as dk-1: its tests passed without one" in summary.reason


def test_failing_as_expected_proves_nothing() -> None:
    rows = [*stream_of("skipped"), row("plan", test="x"), row("finish", test="x", outcome="passed", known_issue=True)]
    summary = reconcile(rows)
    assert (summary.verdict, summary.exit_code) == ("INCOMPLETE", ExitCode.INCOMPLETE)
    assert "no test really passed: some failed as expected, which proves nothing" in summary.reason
    assert reconcile([*rows, row("plan", test="y"), row("finish", test="y", outcome="passed")]).verdict == "PASSED"


def test_a_mistake_of_the_bench_outweighs_everything() -> None:
    summary = reconcile([*stream_of("failed"), row("lost", why="disk full"), row("internal_error", why="KeyError: 1")])
    assert summary.exit_code == ExitCode.INTERNAL
    assert "KeyError: 1" in summary.reason
