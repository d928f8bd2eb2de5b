"""``nrf91-bench run --plan`` and ``--interleave``: what the command line refuses, and what nobody proved."""

from pathlib import Path

import pytest

from tests.support.inline import command_line
from tests.support.lab import Lab


class TestRuns:
    """Plans and rounds, played on simulated boards."""

    def run(self, lab: Lab, *arguments: str) -> tuple[int, str]:
        finished = command_line("run", "--out", str(lab.out), *arguments, environment=lab.environment)
        return finished.returncode, finished.stdout + finished.stderr

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--interleave", "simulated-1"), "--interleave is given twice"),
            (("--interleave", "simulated-1", "--interleave", "nobody"), "no board of this run is meant"),
            (("--interleave", "simulated-1", "--interleave", "nrf9151dk"), "would be in both groups"),
        ],
    )
    def test_groups_that_are_none(self, lab: Lab, arguments: tuple[str, ...], told: str) -> None:
        code, output = self.run(lab, "--simulate", "2", *arguments)
        assert (code, told in output) == (2, True), output


class TestPlanFile:
    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("--simulate", "auto"), "--simulate auto with --plan"),
            (("--simulate", "1", "--suite", "tcp"), "--suite with --plan: the plan says what runs"),
            (("--simulate", "1", "--", "-k", "x"), "arguments behind -- with --plan"),
        ],
    )
    def test_nothing_on_the_command_line_takes_from_a_plan(
        self, tmp_path: Path, arguments: tuple[str, ...], told: str
    ) -> None:
        path = tmp_path / "plan.toml"
        path.write_text('name = "x"\n[[boards]]\nmodel = "nrf9151dk"\n')
        finished = command_line("run", "--plan", str(path), *arguments)
        assert (finished.returncode, told in finished.stderr) == (2, True), finished.stderr


class TestWhatNobodyProved:
    """Ways in which a run has been green that proved less than its plan asks."""

    def test_evidence_that_is_missing_in_allure(self, lab: Lab) -> None:
        suite = (
            "import pathlib\n\n\ndef test_a(modem):\n    pass\n\n\ndef test_b(modem, bench_session):\n"
            "    for path in bench_session.allure_folder.glob('*-result.json'):\n"
            "        if '::test_a\"' in path.read_text():\n            path.write_text('{')\n"
        )
        run = lab.run(suite)
        assert (run.code, run.summary["verdict"]) == (4, "INCOMPLETE")
        assert "Allure holds 1 results of 2 planned tests" in run.summary["reason"]
        assert command_line("report", str(lab.out)).returncode == 4

    def test_a_board_that_nobody_schedules(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        groups = ("--interleave", "simulated-1", "--interleave", "simulated-2")
        suite = str(lab.folder / "test_lab.py")
        finished = command_line("run", "--suite", suite, "--out", str(lab.out), "--simulate", "3", *groups)
        assert finished.returncode == 2
        assert "simulated-3 would be in neither group" in finished.stderr
