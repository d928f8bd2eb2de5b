"""What a stream proves: outcomes, verdict, exit code; never green for what did not finish."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config.plan import Plan, Waiver, WantedBoards
from bench.evidence import EvidenceLost, ResultStream, RowReader, Summary, reconcile, worst
from bench.evidence.qualification import Qualification, Waived
from bench.evidence.stream import Row
from bench.evidence.summary import EXIT_EVIDENCE, EXIT_FAILED, EXIT_INCOMPLETE, EXIT_LAB, EXIT_OK
from bench.report import stem_of, write_pages
from bench.report.matrix import matrix
from bench.report.specification import Specification, Statement


def row(kind: str, **fields: object) -> Row:
    return {"schema": 1, "run": "r", "type": kind, "slot": "dk-1", **fields}


def stream_of(*outcomes: str) -> list[Row]:
    tests = [f"test_{index}" for index in range(len(outcomes))]
    rows = [row("plan", test=test) for test in tests]
    for test, outcome in zip(tests, outcomes, strict=True):
        rows += [row("start", test=test)]
        rows += [row("finish", test=test, outcome=outcome)] if outcome != "died" else []
    return rows


@pytest.mark.parametrize(
    ("outcomes", "verdict", "code"),
    [
        (["passed", "passed"], "PASSED", EXIT_OK),
        (["passed", "skipped"], "PASSED", EXIT_OK),
        (["passed", "failed", "lab_error", "died"], "FAILED", EXIT_FAILED),
        (["passed", "lab_error", "died"], "INCOMPLETE", EXIT_LAB),
        (["passed", "died"], "INCOMPLETE", EXIT_INCOMPLETE),
        (["skipped", "skipped"], "INCOMPLETE", EXIT_INCOMPLETE),
        ([], "INCOMPLETE", EXIT_INCOMPLETE),
    ],
)
def test_the_worst_outcome_decides(outcomes: list[str], verdict: str, code: int) -> None:
    summary = reconcile(stream_of(*outcomes))
    assert (summary.verdict, summary.exit_code) == (verdict, code)
    counts = summary.to_json()
    parts = ("passed", "failed", "lab_errors", "skipped", "died")
    assert counts["planned"] == len(outcomes) == sum(counts[part] for part in parts)


def test_lost_evidence_is_worse_than_a_failure() -> None:
    summary = reconcile([*stream_of("failed"), row("lost", why="disk full")])
    assert summary.exit_code == EXIT_EVIDENCE
    assert "disk full" in summary.reason
    assert reconcile(stream_of("passed"), damaged=1).exit_code == EXIT_EVIDENCE
    assert reconcile([row("finish", test="nobody planned me", outcome="passed")]).exit_code == EXIT_EVIDENCE


@given(st.integers(0, 200))
def test_a_stream_cut_anywhere_is_never_green_unless_it_is_whole(cut: int) -> None:
    rows = stream_of("passed", "passed", "passed")
    summary = reconcile(rows[: min(cut, len(rows) - 1)])
    assert summary.exit_code != EXIT_OK
    assert summary.verdict != "PASSED"


def test_unknown_outcomes_and_rows_are_not_trusted() -> None:
    rows = [*stream_of("died"), row("finish", test="test_0", outcome="splendid"), row("something new", test="x")]
    assert reconcile(rows).exit_code == EXIT_INCOMPLETE


def test_the_worst_phase_is_the_outcome() -> None:
    assert worst(["passed", "failed", "lab_error"]) == "failed"
    assert worst(["passed", "passed", "lab_error"]) == "lab_error"
    assert worst(["skipped", "passed"]) == "skipped"


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
    stream.add("plan", test="t")
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(b'{"type": "sta')
        file.flush()
        rows = list(reader.new_rows())
        assert [(r["type"], r["test"], r["attempt"], r["slot"]) for r in rows] == [("plan", "t", 1, "dk-1")]
        file.write(b'rt", "test": "t"}\nno json\n[1]\n')
    assert [r["type"] for r in reader.new_rows()] == ["start"]
    assert reader.damaged == 2


def test_a_row_that_cannot_be_written_is_lost_evidence(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").symlink_to("/dev/full")
    with pytest.raises(EvidenceLost):
        ResultStream(tmp_path, "r").add("plan", test="t")


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

    def rows(self) -> list[Row]:
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
        specification.take(self.rows())
        assert specification.statements["X.a"].results == {"dk-1": {"t::a": "failed"}}
        assert specification.statements["X.b"].results == {"dk-1": {"t::b": "failed"}}
        specification.take([one for one in self.rows() if one.get("round") == 1])
        assert "| X.b | it echoes | 1 known issue |" in specification.markdown()

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
        assert "so did <code>t::lost[1]</code>, <code>t::lost[2]</code>" in page

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
        assert "**failed** (waived until 2099-01-01 (anna)) `test_0`" in (tmp_path / "verdict.md").read_text()
        assert "<b>waived until 2099-01-01 (anna)</b>" in (tmp_path / "verdict.html").read_text()
