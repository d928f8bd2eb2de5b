"""The benchmarks work and say whether their limits are kept; how fast anything is stays out of the tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.evidence import RowReader, reconcile
from benchmarks import sections
from benchmarks.figure import Figure, LeftOut, Limit, Row, at_least, at_most, broken, paired
from benchmarks.night import Night
from benchmarks.sections import SECTIONS, title
from benchmarks.sizes import Sizes
from benchmarks.table import table_of
from tests.support.documents import ROOT


def benchmarks(*arguments: str, path: str = os.environ["PATH"]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT, env={**os.environ, "PATH": path},
    )  # fmt: skip


class TestProgram:
    def test_each_run_is_a_line_of_a_trend(self, tmp_path: Path) -> None:
        trend = tmp_path / "trend.jsonl"
        small = ("--quick", "--nights", "2", "--results", "400", "--json", str(trend))
        for section in ("history", "verdict"):
            finished = benchmarks(section, *small)
            assert finished.returncode == 0, finished.stderr
        first, second = map(json.loads, trend.read_text().splitlines())
        assert {"date", "bench", "python", "cores", "load", "sizes", "left_out"} <= first.keys()
        assert (first["sizes"]["nights"], second["sizes"]["results"]) == (2, 400)
        assert {row["section"] for row in first["rows"]} == {"history"}
        assert {row["section"] for row in second["rows"]} == {"verdict"}
        assert all(row["value"] > 0 and row["kept"] is None for row in first["rows"] + second["rows"])

    def test_a_section_that_cannot_run_is_no_success(self, tmp_path: Path) -> None:
        finished = benchmarks("bulk", "--check", path=str(tmp_path))
        assert finished.returncode == 1
        assert "left out: bulk: the device is written in C: install a C compiler" in finished.stdout
        assert "bulk was not measured" in finished.stderr

    def test_an_unknown_section_is_named(self) -> None:
        finished = benchmarks("nope")
        assert finished.returncode == 2
        assert f"there is no section nope; there are {', '.join(SECTIONS)}" in finished.stderr

    def test_each_section_says_what_it_measures(self) -> None:
        assert benchmarks("--list").stdout.splitlines() == [f"{name:<12}{title(name)}" for name in SECTIONS]
        assert all(title(name).endswith(".") for name in SECTIONS)


def test_a_section_that_breaks_loses_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: Sizes) -> Iterator[Figure]:
        yield Figure("link", "rate", 1.0, "1/s")
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(sections, "SECTIONS", {"link": breaks})
    found = list(sections.run("link", Sizes()))
    assert found[1:] == [LeftOut("link", "", "it broke: ZeroDivisionError: by zero")]
    assert "Traceback" in capsys.readouterr().err


class TestLimits:
    @pytest.mark.parametrize(
        ("limit", "kept"),
        [
            (at_most(5), True),
            (at_most(4.9), False),
            (at_least(5), True),
            (at_least(5.1), False),
            (at_most(40, of_ratio=False), True),
            (at_most(39, of_ratio=False), False),
            (None, None),
        ],
    )
    def test_of_ratio_or_value(self, limit: Limit | None, kept: bool | None) -> None:
        assert Figure("verdict", "time", 40.0, "s", "json", 5.0, limit=limit).kept is kept

    def test_a_ratio_that_is_missing_keeps_none(self) -> None:
        assert Figure("verdict", "time", 40.0, "s", limit=at_most(5)).kept is False

    def test_what_is_wrong_is_named(self) -> None:
        rows: list[Row] = [
            Figure("verdict", "time", 40.0, "s", "json", 6.0, limit=at_most(5)),
            Figure("verdict", "page", 40.0, "kB", limit=at_most(300, of_ratio=False)),
            LeftOut("link", "labgrid SerialDriver", "--no-venvs"),
            LeftOut("discovery", "", "no namespaces"),
        ]
        assert broken(rows) == [
            "verdict, time: ratio <= 5 is not kept, it is 6.0",
            "discovery was not measured: no namespaces",
        ]
        lines = list(table_of(rows))
        assert lines[1].endswith("ratio <= 5    NOT KEPT")
        assert lines[2].endswith("value <= 300  kept")
        assert lines[3:] == [
            "left out: link, labgrid SerialDriver: --no-venvs",
            "left out: discovery: no namespaces",
        ]

    def test_rounds_are_compared_each_with_its_own(self) -> None:
        figure = paired("link", "rate", "1/s", [10.0, 30.0, 80.0], "raw", [20.0, 30.0, 40.0])
        assert (figure.value, figure.ratio, figure.spread) == (30.0, 1.0, (0.5, 2.0))


@pytest.mark.parametrize("bad", [False, True])
def test_a_night_is_the_stream_of_a_run(bad: bool, tmp_path: Path) -> None:
    Night(2000, bad=bad).write(tmp_path)
    reader = RowReader(tmp_path)
    summary = reconcile(reader.new_rows())
    assert (reader.damaged, len(summary.results), len(summary.boards)) == (0, 2000, 200)
    assert (str(summary.verdict), bool(summary.lost)) == ("FAILED" if bad else "PASSED", False)
