"""Measurements in a run: declared, judged by suite and lab, kept as samples, drawn, and taken alone."""

import json
from itertools import pairwise
from pathlib import Path

from tests.support.lab import Lab


class TestAlone:
    SUITE = """
import time
import pytest

@pytest.mark.timing
def test_timed(modem):
    time.sleep(1)

@pytest.mark.parametrize("n", range(6))
def test_other(modem, n):
    time.sleep(0.05)
"""

    def spans(self, lab: Lab, *arguments: str) -> list[tuple[str, str, int, int]]:
        run = lab.run(self.SUITE, ("--simulate", "3", "--", *arguments))
        assert run.code == 0, run.output
        begun = {(r["slot"], r["test"]): r["t_ns"] for r in run.rows if r["type"] == "start"}
        finished = {(r["slot"], r["test"]): r["t_ns"] for r in run.rows if r["type"] == "finish"}
        return [(slot, test, start, finished[slot, test]) for (slot, test), start in begun.items()]

    def test_what_measures_time_has_no_company(self, lab: Lab) -> None:
        spans = self.spans(lab)
        assert len(spans) == 21
        for slot, test, start, end in spans:
            if "test_timed" in test:
                beside = [other for s, other, b, e in spans if (s, other) != (slot, test) and b < end and e > start]
                assert beside == []
        last = max(spans, key=lambda span: span[2])
        assert "test_timed" in last[1], "it runs late, so that nobody waits for it"

    def test_unless_it_is_asked_for(self, lab: Lab) -> None:
        timed = [span for span in self.spans(lab, "--beside-others") if "test_timed" in span[1]]
        assert any(a is not b and a[2] < b[3] and b[2] < a[3] for a in timed for b in timed)


class TestRun:
    def test_a_board_is_surveyed_once_a_run(self, lab: Lab) -> None:
        (lab.folder / "bench.toml").write_text("[network]\nsurvey = true\n")
        run = lab.run(
            "def test_one(modem): pass\n",
            ("--simulate", "1", "--repeat", "2", "--config", str(lab.folder / "bench.toml")),
        )
        assert run.code == 0, run.output
        assert [row["type"] for row in run.rows].count("survey") == 1


def test_two_runs_of_one_host_do_not_measure_at_the_same_time(lab: Lab, tmp_path: Path) -> None:
    suite = """
import time

import pytest

@pytest.mark.timing
@pytest.mark.parametrize("number", range(5))
def test_timed(modem, number):
    time.sleep(0.2)
"""
    other = Lab(tmp_path / "other")
    other.folder.mkdir()
    runs = [one.start(suite) for one in (lab, other)]
    for run in runs:
        output, _ = run.communicate(timeout=90)
        assert run.returncode == 0, output
    spans = sorted(span for one in (lab, other) for span in spans_of(one))
    assert len(spans) == 10
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans)), spans


def spans_of(lab: Lab) -> list[tuple[int, int]]:
    rows = [json.loads(line) for line in (lab.out / "results.jsonl").read_text().splitlines()]
    begins = {row["test"]: row["t_ns"] for row in rows if row["type"] == "start"}
    return [(begins[row["test"]], row["t_ns"]) for row in rows if row["type"] == "finish"]
