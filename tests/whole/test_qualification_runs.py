"""Qualification: what a plan asks for, and that nothing qualifies by accident."""

import json
import os
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

from tests.support.lab import COMMAND, Lab

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
        finished = subprocess.run(
            command, cwd=lab.folder, capture_output=True, text=True, timeout=120, check=False, env=environment
        )
        assert "Traceback" not in finished.stdout + finished.stderr
        return finished.returncode, finished.stdout + finished.stderr

    def test_rounds_flaky_tests_and_every_page(self, lab: Lab) -> None:
        code, output = self.run(lab, *self.plan(lab))
        summary = json.loads((lab.out / "summary.json").read_text())
        assert (code, summary["verdict"], summary["exit_code"]) == (1, "NOT QUALIFIED", 1), output
        assert (summary["planned"], summary["passed"], summary["failed"]) == (20, 18, 2)
        assert (summary["flaky"], summary["rounds"], summary["simulated"]) == (2, 2, True)
        assert "flaky: test_lab.py::test_fails_in_the_second_round" in summary["reason"]
        assert "SIMULATED: no hardware, no qualification" in summary["plan"]["missing"]
        page = (lab.out / "verdict.html").read_text()
        assert "Plan release; waivers used: 0" in page
        assert "<script" not in page
        assert len(page) < 300_000
        assert "in 2 rounds" in page
        suites = ET.parse(lab.out / "junit.xml").getroot()
        assert {suite.get("name") for suite in suites} == {
            "simulated-1", "simulated-2", "simulated-1 round 2", "simulated-2 round 2"
        }  # fmt: skip
        assert sum(int(suite.get("failures", "")) for suite in suites) == 2
        results = [json.loads(path.read_text()) for path in (lab.out / "allure-results").glob("*-result.json")]
        statuses = sorted(result["status"] for result in results)
        assert statuses == ["failed"] * 2 + ["passed"] * 18
        assert sum(bool((result.get("statusDetails") or {}).get("flaky")) for result in results) == 2
        attached = json.loads(next((lab.out / "allure-results").glob("*-globals.json")).read_text())["attachments"][0]
        assert (lab.out / "allure-results" / attached["source"]).read_text() == page

    def test_the_verdict_is_rebuilt_with_its_plan(self, lab: Lab) -> None:
        self.run(lab, *self.plan(lab))
        before = (lab.out / "verdict.html").read_text()
        (lab.folder / "plan.toml").unlink()
        finished = subprocess.run(
            [*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 1
        assert (lab.out / "verdict.html").read_text() == before

    @pytest.mark.long
    def test_two_groups_take_turns(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text(SUITE)
        history = str(lab.folder / "history.sqlite")
        code, output = self.run(
            lab, "--suite", str(lab.folder / "test_lab.py"), "--simulate", "2", "--repeat", "4", "--history", history,
            "--interleave", "simulated-1", "--interleave", "simulated-2",
        )  # fmt: skip
        rows = [json.loads(line) for line in (lab.out / "results.jsonl").read_text().splitlines()]
        order = [(row["slot"], row.get("round", 1)) for row in rows if row["type"] == "ended"]
        assert order == [
            ("simulated-1", 1), ("simulated-2", 1), ("simulated-2", 2), ("simulated-1", 2), ("simulated-1", 3),
            ("simulated-2", 3), ("simulated-2", 4), ("simulated-1", 4),
        ], output  # fmt: skip
        assert code == 1
        compared = subprocess.run(
            [*COMMAND, "compare", "group=simulated-1", "group=simulated-2", "--history", history, "--json"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        told = json.loads(compared.stdout)
        assert (compared.returncode, told["verdict"]) == (5, "NOT ENOUGH EVIDENCE")
        assert "each board ran one firmware only" in told["measurements"][0]["why"]


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

    def test_a_run_that_was_killed_between_two_rounds(self, lab: Lab) -> None:
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        what = ("--suite", str(lab.folder / "test_lab.py"), "--simulate", "1", "--repeat", "2")
        self.killed_between_rounds(lab, what)
        finished = subprocess.run(
            [*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 5, finished.stdout
        assert "the run did not come to its end" in finished.stdout

    @pytest.mark.parametrize("variable", ["PYTEST_ADDOPTS", "PYTEST_PLUGINS"])
    def test_the_environment_takes_no_test_away(self, lab: Lab, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
        monkeypatch.setenv(variable, "-k nothing" if variable == "PYTEST_ADDOPTS" else "no.such.plugin")
        run = lab.run("def test_a(modem):\n    pass\n")
        assert (run.code, run.summary["planned"]) == (0, 1), run.output
