"""Qualification: what a plan asks for, and that nothing qualifies by accident."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import COMMAND, Lab

BOARD = {"slot": "dk-1", "model": "nrf9151dk", "modem_firmware": "mfw_nrf91x1_2.0.2", "slm_version": "3.1.0"}


def board(slot: str = "dk-1", **changes: object) -> dict[str, Any]:
    return {**BOARD, "slot": slot, "simulated": False, **changes}


SUITE = """
import pytest
from bench.errors import LabError


@pytest.mark.parametrize("number", range(3))
def test_answers(modem, number):
    assert modem.link.command("AT").ok


def test_fails_in_the_second_round(modem, bench_session):
    if bench_session.stream.round == 2:
        pytest.fail("refused")


@pytest.mark.measures("echo")
def test_echo(modem, tcp_echo, measure):
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client, measure.series("echo") as series:
        for _ in range(12):
            client.send(b"x")
            series.add(client.receive(5).response.duration_ns)
"""


class TestRuns:
    """Plans and rounds, played on simulated boards."""

    def plan(self, lab: Lab, *, more: str = "") -> tuple[str, ...]:
        (lab.folder / "test_lab.py").write_text(SUITE)
        path = lab.folder / "plan.toml"
        path.write_text(
            f'name = "release"\nsuites = ["{lab.folder / "test_lab.py"}"]\nrepetitions = 2\n{more}\n'
            '[[boards]]\nmodel = "nrf9151dk"\ncount = 2\n'
        )
        return ("--plan", str(path), "--simulate", "2")

    def run(self, lab: Lab, *arguments: str) -> tuple[int, str]:
        command = [*COMMAND, "run", "--out", str(lab.out), *arguments]
        environment = {**os.environ, "XDG_STATE_HOME": str(lab.folder / "state"), "COLUMNS": "300"}
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
        assert "Traceback" not in finished.stdout + finished.stderr
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
        finished = subprocess.run(
            [*COMMAND, "run", "--plan", str(path), *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert (finished.returncode, told in finished.stderr) == (2, True), finished.stderr


class TestWhatNobodyProved:
    """Ways in which a run has been green that proved less than its plan asks."""

    def killed_between_rounds(self, lab: Lab, arguments: tuple[str, ...]) -> None:
        """Ends the run, by force, as soon as its second round has begun."""
        process = subprocess.Popen(
            [*COMMAND, "run", "--out", str(lab.out), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not list(lab.out.glob("console-*-round-2.txt")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
        time.sleep(1.5)  # its children see that it is gone

    def test_evidence_that_is_missing_in_allure(self, lab: Lab) -> None:
        suite = (
            "import pathlib\n\n\ndef test_a(modem):\n    pass\n\n\ndef test_b(modem, bench_session):\n"
            "    for path in bench_session.allure_folder.glob('*-result.json'):\n"
            "        if '\"test_a\"' in path.read_text():\n            path.write_text('{')\n"
        )
        run = lab.run(suite)
        assert (run.code, run.summary["verdict"]) == (4, "INCOMPLETE")
        assert "Allure holds 1 results of 2 planned tests" in run.summary["reason"]
        again = subprocess.run([*COMMAND, "report", str(lab.out)], capture_output=True, timeout=60, check=False)
        assert again.returncode == 4

    def test_a_board_that_nobody_schedules(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        finished = subprocess.run(
            [*COMMAND, "run", "--suite", str(lab.folder / "test_lab.py"), "--out", str(lab.out), "--simulate", "3",
             "--interleave", "simulated-1", "--interleave", "simulated-2"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert finished.returncode == 2
        assert "simulated-3 would be in neither group" in finished.stderr
