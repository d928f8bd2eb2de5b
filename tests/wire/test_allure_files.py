"""What the bench writes for Allure by itself: categories, environment, placeholders, the history of a lab."""

import json
import multiprocessing
import re
from pathlib import Path
from typing import Any

import pytest

from bench.evidence import Outcome, Summary, TestResult
from bench.evidence.rows import BoardRow
from bench.packages import package_folder
from bench.report.allure_environment import describe_run, environment, report_name
from bench.report.allure_files import Placeholder
from bench.report.allure_history import MOST_RUNS, history_beside, remember_run, runs_before
from bench.report.allure_results import count_results


def board(slot: str = "dk-1", *, simulated: bool = False) -> BoardRow:
    return BoardRow(
        slot=slot,
        model="nrf9151dk",
        part="nRF9151-LACA",
        simulated=simulated,
        profile="lte-m",
        modem_firmware="mfw_nrf91x1_2.0.2",
        application="slm",
        application_version="3.1.0",
        firmware="mfw_nrf91x1_2.0.2, SLM 3.1.0",
        ids={"imei": "imei-1"},
    )


def summary(run: str = "night-1", minute: int = 0, *, simulated: bool = False) -> Summary:
    results = [TestResult("test_a.py::test_a", "dk-1", Outcome.PASSED)]
    started = f"2026-11-01T00:{minute:02}:00+00:00"
    boards = [board(simulated=simulated)]
    return Summary(run, results=results, boards=boards, simulated=simulated, started=started, bench="1.0")


class TestCategories:
    @pytest.mark.parametrize(
        ("status", "message", "name"),
        [
            ("passed", "known issue: it repeats\nthe first", "Known issue"),
            ("failed", "passed although: known issue: x", "Passed although a known issue says that it fails"),
            ("failed", "AT#X answered ERROR", "Device failure"),
            ("failed", "", "Device failure"),
            ("broken", "script error: AttributeError: no\nat test_a.py:1", "Scenario is wrong"),
            ("broken", "script error: unknown fixture 'x'", "Scenario is wrong"),
            ("broken", "the bench's process died during this test", "Died, interrupted or never run"),
            ("broken", "planned, but never run", "Died, interrupted or never run"),
            ("broken", "never run: the run was interrupted by SIGINT", "Died, interrupted or never run"),
            ("broken", "the run was interrupted in this test: Exit", "Died, interrupted or never run"),
            ("broken", "the peer is unreachable\nscript error: no", "Lab error"),
            ("skipped", "observation, for a person to adopt: x", "Observation, for a person to adopt"),
            ("skipped", "this firmware (SLM 3.1.0) has no #XRECVCFG", "Left out: the firmware does not have it"),
            ("skipped", "no SIM in this lab", "Not possible in this lab"),
            ("passed", "", None),
        ],
    )
    def test_the_first_that_matches(self, status: str, message: str, name: str | None) -> None:
        assert next((rule["name"] for rule in self.rules() if self.matches(rule, status, message)), None) == name

    def test_both_renderers_read_them_alike(self) -> None:
        """Allure 2 matches the whole message with Java's expressions, Allure 3 searches with JavaScript's."""
        for rule in self.rules():
            expression = rule.get("messageRegex")
            if expression is not None:
                assert expression.startswith("^")
                assert expression.endswith(r"[\s\S]*"), "a dot does not match the end of a line"
                assert "(?" not in expression, "JavaScript has no (?s)"

    @staticmethod
    def rules() -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = json.loads(
            (package_folder("nrf91_bench_reports") / "categories.json").read_text()
        )
        return rules

    @staticmethod
    def matches(rule: dict[str, Any], status: str, message: str) -> bool:
        expression = rule.get("messageRegex", r"[\s\S]*")
        found = re.fullmatch(expression, message), re.search(expression, message)
        assert bool(found[0]) == bool(found[1])
        return status in rule["matchedStatuses"] and not rule.get("flaky") and bool(found[0])


class TestEnvironment:
    def test_it_says_what_was_tested(self) -> None:
        facts = environment(summary())
        assert facts["Verdict"] == "PASSED"
        assert (facts["Boards"], facts["Firmware"]) == ("1, on hardware", "SLM 3.1.0")
        assert (facts["Modem firmware"], facts["Network profile"]) == ("mfw_nrf91x1_2.0.2", "lte-m")
        assert (facts["Bench"], facts["Run"]) == ("nrf91-bench 1.0", "night-1")
        assert facts["dk-1"] == "nRF9151-LACA, mfw_nrf91x1_2.0.2, SLM 3.1.0, imei-1"

    def test_simulated_is_everywhere(self) -> None:
        simulated = summary(simulated=True)
        assert report_name(simulated) == "PASSED, SIMULATED: mfw_nrf91x1_2.0.2, SLM 3.1.0"
        facts = environment(simulated)
        assert [name for name, value in facts.items() if "SIMULATED" in value] == ["Verdict", "Boards", "dk-1"]

    def test_without_a_board(self) -> None:
        assert report_name(Summary("r")) == "INCOMPLETE: no board answered"
        assert environment(Summary("r"))["Boards"] == "0, on hardware"

    def test_the_first_names_are_short(self) -> None:
        """Allure 3 cuts them from about 17 letters on, and shows eight lines before 'Show more'."""
        names = list(environment(summary()))[:8]
        assert {"Verdict", "Boards", "Firmware", "Modem firmware", "Network profile", "Run", "Bench"} <= set(names)
        assert max(map(len, names)) <= 15

    def test_the_files(self, tmp_path: Path) -> None:
        run = summary("näme = \\x\n#1")
        run.troubles, run.script_errors = ["pytest was interrupted"], {"test_b.py": "no colon"}
        describe_run(tmp_path, run, "<html></html>")
        describe_run(tmp_path, run, "<html>2</html>")
        lines = (tmp_path / "environment.properties").read_text(encoding="ascii").splitlines()
        assert r"Run = n\u00e4me = \\x\n#1" in lines
        assert r"Modem\ firmware = mfw_nrf91x1_2.0.2" in lines
        (globally,) = (json.loads(path.read_text()) for path in tmp_path.glob("*-globals.json"))
        assert (tmp_path / globally["attachments"][0]["source"]).read_text() == "<html>2</html>"
        assert [error["message"] for error in globally["errors"]] == [
            "test_b.py cannot be read: no colon",
            "pytest was interrupted",
        ]
        assert json.loads((tmp_path / "executor.json").read_text())["reportName"].startswith("INCOMPLETE: mfw")


def result_of(
    folder: Path, name: str, status: str = "passed", *, slot: str = "dk-1", start: int = 1, outcome: str = ""
) -> None:
    """A result as the plugin writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "uuid": f"{name}{slot}{start}",
        "name": name,
        "fullName": f"test_a#{name}",
        "testCaseId": f"case-{name}",
        "status": status,
        "statusDetails": {"message": "m" * 5000},
        "parameters": [{"name": "size", "value": "1", "excluded": True}, {"name": "board", "value": slot}],
        "labels": [{"name": "outcome", "value": outcome or status}],
        "start": start,
        "stop": start + 5,
    }
    (folder / f"{content['uuid']}-result.json").write_text(json.dumps(content))


def remember(file: str, results: str, number: int) -> None:
    remember_run(Path(file), Path(results), summary(f"night-{number}", number))


class TestHistory:
    @pytest.fixture
    def results(self, tmp_path: Path) -> Path:
        folder = tmp_path / "allure-results"
        result_of(folder, "a", "broken")
        result_of(folder, "a", "passed", start=2)
        result_of(folder, "a", "failed", slot="dk-2")
        return folder

    @staticmethod
    def lines(file: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in file.read_text().splitlines()]

    def test_a_line_holds_the_last_result_of_each_test_and_board(self, tmp_path: Path, results: Path) -> None:
        file = history_beside(tmp_path / "lab" / "history.sqlite")
        remember_run(file, results, summary())
        (line,) = self.lines(file)
        assert file.name == "allure-history.jsonl"
        assert sorted(item["status"] for item in line["testResults"].values()) == ["failed", "passed"]
        assert len(line["knownTestCaseIds"]) == 1
        assert line["name"] == "PASSED: mfw_nrf91x1_2.0.2, SLM 3.1.0"
        assert all(item["historyId"] == key for key, item in line["testResults"].items())
        cases, places = ({key.split(".")[part] for key in line["testResults"]} for part in (0, 1))
        assert (len(cases), len(places)) == (1, 2), "one test case, on two boards"
        assert all(len(item["message"]) == 500 for item in line["testResults"].values())

    def test_what_was_left_out_is_not_there(self, tmp_path: Path, results: Path) -> None:
        result_of(results, "b", "skipped", outcome="left out")
        remember_run(tmp_path / "h.jsonl", results, summary())
        assert len(self.lines(tmp_path / "h.jsonl")[0]["testResults"]) == 2

    def test_a_run_has_one_line(self, tmp_path: Path, results: Path) -> None:
        file = tmp_path / "h.jsonl"
        for _ in range(2):
            remember_run(file, results, summary())
        result_of(results, "a", "broken", start=9)
        remember_run(file, results, summary())
        (line,) = self.lines(file)
        assert "broken" in {item["status"] for item in line["testResults"].values()}

    def test_it_is_bounded_and_in_order(self, tmp_path: Path, results: Path) -> None:
        file = tmp_path / "h.jsonl"
        remember_run(file, results, summary("simulated", 59, simulated=True))
        for number in reversed(range(MOST_RUNS + 5)):
            remember_run(file, results, summary(f"night-{number}", number))
        stamps = [line["timestamp"] for line in self.lines(file)]
        assert (len(stamps), stamps) == (MOST_RUNS + 1, sorted(stamps))
        assert sum(line["simulated"] for line in self.lines(file)) == 1, "not pushed out by runs on hardware"

    def test_a_report_sees_what_came_before_of_its_kind(self, tmp_path: Path, results: Path) -> None:
        file, other = tmp_path / "h.jsonl", tmp_path / "other"
        result_of(other, "b")
        for number in range(4):
            remember_run(file, results, summary(f"night-{number}", number))
        remember_run(file, results, summary("s", 1, simulated=True))
        remember_run(file, other, summary("another suite", 1))
        before = runs_before(file, summary("night-2", 2), results)
        assert {line["simulated"] for line in before} == {False}
        assert len(before) == 2
        assert runs_before(tmp_path / "none.jsonl", summary(), results) == []

    @pytest.mark.parametrize("broken", ["{", "[]", "null", '{"uuid": 1}', "\x00\udcff", '{"uuid":"x","simulated":0}'])
    def test_a_broken_line_costs_one_run(self, tmp_path: Path, results: Path, broken: str) -> None:
        file = tmp_path / "h.jsonl"
        remember_run(file, results, summary("night-1", 1))
        with file.open("a", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(broken + "\n")
        remember_run(file, results, summary("night-2", 2))
        assert len(self.lines(file)) == 2
        assert len(runs_before(file, summary("night-3", 3), results)) == 2

    def test_many_at_the_same_time(self, tmp_path: Path, results: Path) -> None:
        file = tmp_path / "h.jsonl"
        with multiprocessing.get_context("spawn").Pool(3) as pool:
            pool.starmap(remember, [(str(file), str(results), number) for number in range(12)])
        assert len(self.lines(file)) == 12
        assert [path.name for path in tmp_path.glob(".h.jsonl-*")] == [], "nothing is left beside it"

    def test_a_run_without_results_is_no_run(self, tmp_path: Path) -> None:
        remember_run(tmp_path / "h.jsonl", tmp_path / "none", summary())
        assert not (tmp_path / "h.jsonl").exists()

    def test_results_that_are_cut_off(self, tmp_path: Path, results: Path) -> None:
        (results / "x-result.json").write_text('{"uuid": "1", "na')
        (results / "y-result.json").write_text('{"uuid": "1", "testCaseId": 5, "parameters": null}')
        remember_run(tmp_path / "h.jsonl", results, summary())
        assert len(self.lines(tmp_path / "h.jsonl")[0]["testResults"]) == 2


def test_a_placeholder_and_its_result_are_one(tmp_path: Path) -> None:
    place = {"board": "dk-1"}
    placeholder = Placeholder(
        tmp_path, "k", "Title", "test_a#a", "case-a", "history-a", {"size": "1"}, place, {"test": "t"}
    )
    placeholder.write()
    content = json.loads(next(tmp_path.glob("*-result.json")).read_text())
    assert (content["status"], content["name"]) == ("broken", "Title")
    assert {"name": "outcome", "value": "died"} in content["labels"]
    assert [one.get("excluded") for one in content["parameters"]] == [True, None]
    result_of(tmp_path, "a")
    assert count_results(tmp_path) == 1, "a report shows the later one"
    result_of(tmp_path, "a", slot="dk-2")
    assert count_results(tmp_path) == 2


def test_an_empty_parameter_costs_no_result(tmp_path: Path) -> None:
    """allure-pytest's own writer leaves out what is empty."""
    parameters = [{"name": "data", "excluded": True}, {"name": "board", "value": "dk-1"}]
    content = {"uuid": "u", "testCaseId": "c", "historyId": "h", "parameters": parameters, "labels": [{"name": "tag"}]}
    (tmp_path / "u-result.json").write_text(json.dumps(content))
    assert count_results(tmp_path) == 1


@pytest.mark.parametrize("planned", [True, False])
def test_a_placeholder_tells_whether_its_test_has_begun(tmp_path: Path, planned: bool) -> None:
    placeholder = Placeholder(tmp_path, "k", "Title", "a#a", "case", "history", {}, {"board": "dk-1"}, {})

    def told() -> list[tuple[str, int]]:
        contents = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
        return [(one["statusDetails"]["message"], one["stop"] - one["start"]) for one in contents]

    if planned:  # a test that another plugin runs a second time has none any more
        placeholder.write()
        assert told() == [("planned, but never run", 1)]
    with placeholder:
        assert told() == [("the bench's process died during this test", 1)]
    assert told() == []
