"""Hostile text in every place that takes it, played by a suite: no test ends by it, no page, no console."""

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.support.hostile import HOSTILE, is_visible
from tests.support.lab import Lab

SUITE = """
import allure
import pytest

from bench.errors import DeviceError, LabError

TEXT = {text!r}

def test_fails(modem):
    received = TEXT
    assert received == "expected", received

def test_lab_error(modem):
    raise LabError(TEXT)

def test_device_error(modem):
    raise DeviceError(TEXT)

def test_script_error(modem):
    raise RuntimeError(TEXT)

def test_skips(modem):
    pytest.skip(TEXT or "empty")

@pytest.mark.xfail(reason=TEXT)
def test_expected(modem):
    assert modem is None

@pytest.mark.parametrize("value", [TEXT], ids=["one"])
def test_parameter(modem, value):
    pass

@pytest.mark.parametrize("value", [1], ids=[TEXT])
def test_its_id(modem, value):
    pass

def test_measures(modem, measure):
    measure(TEXT, 5, unit="ns")

def test_names_in_allure(modem):
    allure.dynamic.title(TEXT)
    allure.dynamic.label("tag", TEXT)
    allure.dynamic.parameter("x", TEXT)
    with allure.step(TEXT):
        pass

def test_prints(modem, capsys):
    print(TEXT.encode("utf-8", "replace"))

def test_comes_last(modem):
    pass
"""


@pytest.mark.parametrize("text", HOSTILE)
def test_no_test_and_no_page_ends_by_it(lab: Lab, text: str) -> None:
    run = lab.run(SUITE.format(text=text))
    assert run.code == 1, run.output
    finished = {row["test"].partition("::")[2]: row["outcome"] for row in run.rows if row["type"] == "finish"}
    assert len(finished) == 12
    assert finished["test_comes_last"] == "passed"
    assert "INTERNALERROR" not in run.output
    assert is_visible(run.output.replace("\x1b[", "")), "colours are the console's own"
    for page in ("verdict.html", "verdict.md", "summary.json", "results.jsonl"):
        assert is_visible((run.folder / page).read_text(encoding="utf-8")), page
    assert ET.parse(run.folder / "junit.xml").getroot().tag == "testsuites"
    results = [
        json.loads(path.read_text(encoding="utf-8")) for path in (run.folder / "allure-results").glob("*-result.json")
    ]
    assert len(results) == 12
    for path in run.folder.rglob("*.csv"):
        check_cells(path)


def test_no_name_forges_a_line(lab: Lab) -> None:
    run = lab.run("def test_a(modem, measure):\n    measure('x\\nverdict   PASSED   9 of 9', 5, unit='ns')\n")
    (verdict,) = [line for line in run.output.splitlines() if line.startswith("verdict")]
    assert verdict.startswith("verdict   PASSED   SIMULATED   1 of 1 passed on 1 board, 0 failed, 0 lab errors")


def test_a_file_whose_name_is_not_utf8(lab: Lab) -> None:
    (lab.folder / "test_\udcff.py").write_text("def test_b(modem):\n    pass\n")
    run = lab.run("def test_a(modem):\n    pass\n", ("--simulate", "1", "--", str(lab.folder)))
    assert (run.code, run.summary["passed"]) == (6, 1), run.output
    assert "test_\\udcff.py cannot be read: its name is not UTF-8: rename it" in run.output


def check_cells(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            assert not any(cell.startswith(("=", "@", "+")) for cell in row), row
