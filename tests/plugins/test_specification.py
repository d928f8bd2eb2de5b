"""Traceability: every statement has a scenario, every marker a statement."""

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from bench.config.firmware import application_text
from bench.config.known_issues import KnownIssue, load_known_issues
from bench.config.toml_file import ConfigError
from bench.errors import UsageError
from bench.evidence import Outcome, reconcile
from bench.evidence.rows import BoardRow, FinishRow, PlanRow, Row
from bench.modem.features import SERIAL_MODEM_FEATURES, SLM_FEATURES
from bench.report.specification import FOLDER, Specification

SUITES = Path(__file__).parents[2] / "tests_hil"
COLLECT = """
import sys
import pytest

class Markers:
    def pytest_collection_finish(self, session):
        for item in session.items:
            for marker in item.iter_markers("spec"):
                for name in marker.args:
                    print("SPEC", name)
            for marker in item.iter_markers("needs"):
                for name in marker.args:
                    print("NEED", name)
            print("TEST", item.nodeid)

everything = ("--slow", "--detach", "--soak=1")  # what runs on request states as much
sys.exit(pytest.main([sys.argv[1], "--collect-only", "-q", "-p", "no:cacheprovider", *everything], plugins=[Markers()]))
"""


@pytest.fixture(scope="module")
def collected() -> list[tuple[str, str]]:
    command = [sys.executable, "-c", COLLECT, str(SUITES)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = [line.partition(" ") for line in finished.stdout.splitlines()]
    return [(kind, rest) for kind, _, rest in lines if kind in ("SPEC", "NEED", "TEST")]


def test_every_statement_has_a_scenario_and_every_marker_a_statement(collected: list[tuple[str, str]]) -> None:
    marked = {name for kind, name in collected if kind == "SPEC"}
    stated = set(Specification.load(SUITES / FOLDER).statements)
    assert stated - marked == set()
    assert marked - stated == set()


def test_every_feature_is_needed_by_a_scenario_and_every_need_is_a_feature(collected: list[tuple[str, str]]) -> None:
    """A feature that no scenario needs is one that no scenario tests."""
    assert {name for kind, name in collected if kind == "NEED"} == {*SLM_FEATURES, *SERIAL_MODEM_FEATURES}


def firmware(version: str, modem: str = "mfw_nrf91x1_2.0.2", application: str = "slm") -> BoardRow:
    return BoardRow(modem_firmware=modem, application=application, application_version=version)


def test_every_known_issue_names_a_scenario_that_there_is(collected: list[tuple[str, str]]) -> None:
    tests = [name for kind, name in collected if kind == "TEST"]
    spoken = [
        firmware("3.1.0"),
        *(firmware(version, application="serial-modem") for version in ("1.0.1", "1.99.0", "2.0.0rc1")),
    ]
    for issue in load_known_issues(SUITES / "known_issues.toml"):
        assert any(issue.excuses(test, one) for test in tests for one in spoken), issue.test


def test_the_matrix_counts_outcomes_by_board() -> None:
    specification = Specification.load(SUITES / FOLDER)
    spec = ["XSOCKET.read"]
    rows = [
        PlanRow(test="a", slot="dk-1", spec=spec),
        PlanRow(test="b", slot="dk-1", spec=spec),
        PlanRow(test="c", slot="dk-1"),
        FinishRow(test="a", slot="dk-1", outcome=Outcome.PASSED),
    ]
    specification.take(reconcile(rows))
    row = next(line for line in specification.markdown().splitlines() if line.startswith("| XSOCKET.read |"))
    assert row.endswith("| 1 passed, 1 died |")
    assert "XSOCKET.read" not in {statement.id for statement in specification.untested}


class TestApplications:
    """Two applications, each with a table; what both say has one id."""

    TABLES: ClassVar[dict[str, str]] = {
        "slm": '[A]\nboth = "the same"\nold = "only of SLM"\n',
        "serial-modem": '[A]\nboth = "the same"\nnew = "only of Serial Modem"\n',
    }

    def load(self, folder: Path, **others: str) -> Specification:
        for name, text in {**self.TABLES, **others}.items():
            (folder / f"{name}.toml").write_text(text)
        return Specification.load(folder)

    def run_on(self, slot: str, application: str, version: str) -> list[Row]:
        firmware = f"mfw_nrf91x1_2.0.2, {application_text(application, version)}"
        planned = [
            PlanRow(test=name, slot=slot, spec=[f"A.{name}"] if name != "shared" else ["A.both", "A.old", "A.new"])
            for name in ("old", "new", "shared")
        ]
        ended = [FinishRow(test=row.test, slot=slot, outcome=Outcome.PASSED) for row in planned]
        return [BoardRow(slot=slot, application=application, firmware=firmware), *planned, *ended]

    def test_a_board_counts_for_the_statements_of_its_application(self, tmp_path: Path) -> None:
        specification = self.load(tmp_path)
        specification.take(reconcile([*self.run_on("a", "slm", "3.1.0"), *self.run_on("b", "serial-modem", "1.99.0")]))
        lines = [line for line in specification.markdown().splitlines() if line.startswith("|")]
        slm, successor = "a (mfw_nrf91x1_2.0.2, SLM 3.1.0)", "b (mfw_nrf91x1_2.0.2, Serial Modem 1.99.0)"
        assert lines[0] == f"| statement | what it says | of | {slm} | {successor} |"
        assert lines[2:] == [
            "| A.both | the same | SLM, Serial Modem | 1 passed | 1 passed |",
            "| A.old | only of SLM | SLM | 2 passed |  |",
            "| A.new | only of Serial Modem | Serial Modem |  | 2 passed |",
        ]
        assert specification.untested == []

    def test_what_another_application_says_is_not_untested(self, tmp_path: Path) -> None:
        specification = self.load(tmp_path)
        rows = self.run_on("a", "slm", "3.1.0")
        specification.take(reconcile(row for row in rows if getattr(row, "test", "") != "old"))
        assert [statement.id for statement in specification.concerned] == ["A.both", "A.old"]
        assert specification.untested == []
        specification = self.load(tmp_path)
        specification.take(reconcile(row for row in rows if getattr(row, "test", "") != "shared"))
        assert [statement.id for statement in specification.untested] == ["A.both"]

    def test_one_slot_in_two_runs_with_two_firmwares(self, tmp_path: Path) -> None:
        specification = self.load(tmp_path)
        for application, version in (("slm", "3.1.0"), ("serial-modem", "1.99.0")):
            specification.take(reconcile(self.run_on("a", application, version)))
        assert len(specification.statements["A.both"].results) == 2
        assert len(specification.statements["A.new"].results) == 1

    def test_one_id_with_two_texts_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"A.both says 'another', elsewhere 'the same': give it another id"):
            self.load(tmp_path, toy='[A]\nboth = "another"\n')


def test_a_specification_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the specification: .* has no \*.toml"):
        Specification.load(tmp_path / "none")
    (tmp_path / "slm.toml").write_text("[A")
    with pytest.raises(UsageError, match=r"cannot read the specification .*slm\.toml"):
        Specification.load(tmp_path)


class TestKnownIssues:
    ROW = """
[[issue]]
test = "*test_dns.py::test_several*"
slm = ">=3.1,<3.2"
modem = "mfw_nrf91x1_*"
reason = "repeats the first"
reference = "source"
owner = "us"
expires = 2999-01-01
"""

    def row(self, folder: Path, text: str = "") -> tuple[KnownIssue, ...]:
        path = folder / "known_issues.toml"
        path.write_text(text or self.ROW)
        assert load_known_issues(folder / "none.toml") == ()
        return load_known_issues(path)

    @pytest.mark.parametrize(
        ("test", "slm", "modem", "concerned"),
        [
            ("test_dns.py::test_several[x]", "3.1.0", "mfw_nrf91x1_2.0.2", True),
            ("tests_hil/test_dns.py::test_several", "3.1.5", "mfw_nrf91x1_2.0.2", True),
            ("test_dns.py::test_one", "3.1.0", "mfw_nrf91x1_2.0.2", False),
            ("test_dns.py::test_several", "3.2.0", "mfw_nrf91x1_2.0.2", False),
            ("test_dns.py::test_several", "3.1.0", "mfw_nrf9160_1.3.7", False),
            ("test_dns.py::test_several", "own build", "mfw_nrf91x1_2.0.2", False),
        ],
    )
    def test_a_row_excuses_only_what_it_names(
        self, tmp_path: Path, test: str, slm: str, modem: str, concerned: bool
    ) -> None:
        (issue,) = self.row(tmp_path)
        assert issue.excuses(test, firmware(slm, modem)) is concerned

    def test_a_row_of_one_application_excuses_no_other(self, tmp_path: Path) -> None:
        spelt_out = self.ROW.replace('slm = ">=3.1,<3.2"', 'application = "slm"\nversion = ">=3.1,<3.2"')
        for text in (self.ROW, spelt_out):
            (issue,) = self.row(tmp_path, text)
            assert issue.excuses("test_dns.py::test_several", firmware("3.1.0"))
            assert not issue.excuses("test_dns.py::test_several", firmware("3.1.0", application="serial-modem"))

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ('version = ">=3.1"', "say which application the version is of"),
            ('slm = ">=3.1"\napplication = "slm"', "slm is short for application and version: leave application out"),
            ('slm = ">=3.1"\nserial-modem = ">=2"', "slm is short for application and version: leave serial-modem out"),
        ],
    )
    def test_a_version_of_nothing_is_refused(self, tmp_path: Path, line: str, told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            self.row(tmp_path, self.ROW.replace('slm = ">=3.1,<3.2"', line))

    def test_a_row_expires(self, tmp_path: Path) -> None:
        (issue,) = self.row(tmp_path, self.ROW.replace("2999", "2020"))
        assert not issue.excuses("test_dns.py::test_several", firmware("3.1.0"))

    @pytest.mark.parametrize(
        ("old", "new", "says"),
        [
            ('">=3.1,<3.2"', '"three"', "line 2, issue #1: slm: .*is not a version range"),
            ('owner = "us"', "", "line 2, issue #1.owner: is missing"),
            ("2999-01-01", '"some day"', "issue #1.expires"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, old: str, new: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            self.row(tmp_path, self.ROW.replace(old, new))
