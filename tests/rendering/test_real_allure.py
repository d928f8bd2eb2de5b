"""Pages that the real Allure 3 makes: installed as a user installs it, of real runs, read as a browser reads them."""

import base64
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import COMMAND

MIXED = '''
"""Mixed: every way to end. And more."""
import pytest
from bench.errors import LabError


@pytest.mark.parametrize("size", [1, 2])
def test_echo(modem, size):
    """What was sent comes back. This sentence is not shown."""


@pytest.mark.xfail(reason="known issue: it is so (TICKET-1; me, until 2027-12-31)")
def test_known(modem):
    assert 1 == 2


@pytest.mark.needs("#XRECVCFG")
def test_left_out(modem):
    pass
'''
BAD = """

def test_script(modem):
    modem.no_such_thing()


def test_lab(modem):
    raise LabError("the peer is unreachable")


def test_device(modem):
    assert 1 == 2
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab that has installed Allure; its cache is its own unless the environment names one."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:hypothesispytest\n")
    return folder


class Page:
    """A page that is one file, and what it holds."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text(encoding="utf-8")
        found = re.findall(r'd\("([^"]+)",\s*"([A-Za-z0-9+/=]*)"\)', self.text)
        self.parts = {name: base64.b64decode(content) for name, content in found}

    def json(self, name: str) -> Any:  # noqa: ANN401 - whatever Allure writes
        return json.loads(self.parts[name])

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(content) for name, content in self.parts.items() if name.startswith("data/test-results/")]


def bench(lab: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    cache = os.environ.get("XDG_CACHE_HOME", str(lab / "cache"))
    environment = {**os.environ, "NRF91_BENCH_HISTORY": str(lab / "history.sqlite"), "XDG_CACHE_HOME": cache}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=lab, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def page_of(lab: Path, name: str, suite: str, code: int, *more: str) -> Page:
    (lab / "test_mixed.py").write_text(suite)
    run = bench(lab, "run", "--suite", "test_mixed.py", "--out", name, *(more or ("--simulate", "1")))
    assert run.returncode == code, run.stdout + run.stderr
    report = bench(lab, "report", name, "--html", "--install")
    assert report.returncode == code, report.stdout + report.stderr
    assert f"{name}/allure-report/index.html" in report.stdout
    return Page(lab / name / "allure-report" / "index.html")


def test_nights_one_after_the_other(lab: Path) -> None:
    first = page_of(lab, "first", MIXED, 0)
    assert {result["name"] for result in first.results()} == {
        "What was sent comes back [size 1]", "What was sent comes back [size 2]", "Known (known issue)"
    }, "what is left out counts nowhere"  # fmt: skip
    assert "<title> PASSED, SIMULATED: mfw_nrf91x1_2.0.2, SLM 3.1.0 </title>" in first.text
    assert not re.search(r"https?://(?!www\.w3\.org/)", first.text), "nobody is asked for anything"
    facts = {one["name"]: one["values"] for one in first.json("widgets/allure_environment.json")}
    assert (facts["Verdict"], facts["Boards"]) == (["PASSED, SIMULATED"], ["1, SIMULATED"])
    assert first.json("widgets/statistic.json")["passed"] == 3
    assert [one["success"] for one in gate(first)] == [True, True, True]

    second = page_of(lab, "second", MIXED + BAD, 1)
    shown = {result["name"]: result for result in second.results()}
    assert {name: [one["name"] for one in result.get("categories") or []] for name, result in shown.items()} == {
        "What was sent comes back [size 1]": [],
        "What was sent comes back [size 2]": [],
        "Known (known issue)": ["Known issue"],
        "Script": ["Scenario is wrong"],
        "Lab": ["Lab error"],
        "Device": ["Device failure"],
    }
    known = shown["Known (known issue)"]
    assert (known["status"], "TICKET-1" in known["error"]["message"], len(known["history"])) == ("passed", True, 1)
    assert len(shown["Script"]["history"]) == 0
    assert {one["rule"]: one["success"] for one in gate(second)} == {
        "verdict of the bench": False, "planned tests": True, "tests that did not pass": False
    }  # fmt: skip

    third = page_of(lab, "third", MIXED, 0)
    assert [len(result["history"]) for result in third.results()] == [2, 2, 2]
    again = bench(lab, "report", "third", "--html")
    assert again.returncode == 0
    assert [len(result["history"]) for result in Page(lab / "third/allure-report/index.html").results()] == [2, 2, 2]
    assert len((lab / "allure-history.jsonl").read_text().splitlines()) == 3


def test_two_boards_are_two_environments_of_one_test(lab: Path) -> None:
    page = page_of(lab, "two", MIXED, 0, "--simulate", "2")
    assert [one["name"] for one in page.json("widgets/environments.json")][-2:] == ["simulated-1", "simulated-2"]
    groups = [json.loads(content) for name, content in page.parts.items() if name.startswith("data/test-env-groups/")]
    counting = [group for group in groups if group["name"] != "Left out"]
    assert len(counting) == 3
    assert all(len(group["testResultsByEnv"]) == 2 for group in counting)


def test_a_plan_that_tolerates(lab: Path) -> None:
    plan = 'name = "Release"\nsuites = ["./test_mixed.py"]\nlab_error_rate = 0.5\n[[boards]]\nmodel = "nrf9151dk"\n'
    (lab / "plan.toml").write_text(plan)
    (lab / "test_mixed.py").write_text(MIXED + BAD)
    bench(lab, "run", "--plan", "plan.toml", "--simulate", "1", "--out", "planned")
    assert bench(lab, "report", "planned", "--html", "--install").returncode == 1
    page = Page(lab / "planned/allure-report/index.html")
    assert {one["rule"]: one["success"] for one in gate(page)} == {
        "verdict of the bench": False,
        "planned tests": True,
        "failures without a waiver": False,
        "known issues without a waiver": False,
        "lab errors": True,
        "script errors, and tests that did not finish": False,
    }


def gate(page: Page) -> list[dict[str, Any]]:
    """The rules of the quality gate with their results, of whichever environment."""
    return [one for results in page.json("widgets/quality-gate.json").values() for one in results]
