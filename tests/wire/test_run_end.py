"""The end of a run: what went wrong by cause, measurements that matter, the verdict with its time."""

from pathlib import Path

from bench.cli.run_end import RunEnd
from bench.evidence import reconcile
from bench.evidence.rows import AnyRow
from tests.support.rows import row

EXCERPT = ["   0.100000 bench > board  AT#XSEND", "   0.200000 tcp-echo       received #1 5 bytes"]


def told(*rows: AnyRow, all_measured: bool = False) -> list[str]:
    first = row("run", command=["--simulate", "1"], utc="2026-11-29T10:00:00.000000Z", turns=[])
    last = row("closed", utc="2026-11-29T10:03:32.400000Z")
    lines: list[str] = []
    summary = reconcile([first, *rows, last])
    summary.folder = Path("runs/x")
    RunEnd(summary, lambda word, text, _: lines.append(f"{word}: {text}"), all_measured=all_measured).tell()
    return lines


def ended(name: str, outcome: str = "passed", **facts: object) -> list[AnyRow]:
    return [
        row(kind, test=name, slot="dk-1", **more)
        for kind, more in (("plan", {}), ("finish", {"outcome": outcome, **facts}))
    ]


def measured(name: str, **facts: object) -> AnyRow:
    return row("measurement", test="test_a.py::test", name=name, unit="ns", value=5.0, figures={"value": 5.0}, **facts)


def test_a_failure_shows_its_line_both_sides_its_transcript_and_how_it_is_played_again() -> None:
    facts = {"message": "assert b'x' == b'y'\n\n  At index 0", "place": "test_a.py:7: assert came == b'y'"}
    lines = told(*ended("test_a.py::test[1]", "failed", excerpt=EXCERPT, transcript="transcripts/dk-1/a.txt", **facts))
    shown = lines[lines.index("failed: dk-1  test_a.py::test[1]") + 1 :]
    assert shown[:3] == [": assert b'x' == b'y'", ":   At index 0", ": at test_a.py:7: assert came == b'y'"]
    assert shown[3:5] == [f":   {line}" for line in EXCERPT]
    assert shown[5] == ": transcript runs/x/transcripts/dk-1/a.txt"
    assert shown[6] == "rerun: nrf91-bench run --simulate 1 --test 'test_a.py::test[1]'"


def test_one_cause_is_told_once_with_its_tests() -> None:
    results = [ended(f"test_a.py::test_{n}", "lab_error", message="the peer is gone") for n in range(9)]
    lines = told(*(one for rows in results for one in rows))
    assert sum("the peer is gone" in line for line in lines) == 1
    assert "lab error: dk-1 (9)  test_a.py::test_0" in lines
    assert [line for line in lines if line.startswith("so did")] == [f"so did: test_a.py::test_{n}" for n in (1, 2, 3)]
    assert ": and 5 tests more" in lines


def test_a_bad_night_stays_readable() -> None:
    results = [ended(f"test_a.py::test_{n}", "failed", message=f"cause {'x' * n}") for n in range(60)]
    lines = told(*(one for rows in results for one in rows))
    assert sum(line.startswith("failed: ") for line in lines) == 40
    assert ": and 20 causes more: see the verdict page" in lines


def test_measurements_without_a_limit_are_counted() -> None:
    found = [*ended("test_a.py::test"), measured("plain"), measured("limited", limit="at most 9 ns", verdict="ok")]
    lines = [line for line in told(*found) if line.startswith("measured")]
    assert lines[0].split() == ["measured:", "limited", "5", "ns", "limit", "at", "most", "9", "ns", "ok"]
    assert lines[1] == "measured: 1 more measurement without a limit: on the verdict page, or here with --measured"
    assert [line.split()[1] for line in told(*found, all_measured=True) if "5 ns" in line] == ["plain", "limited"]


def test_a_measurement_that_changed_is_shown() -> None:
    changed = {"measurement": "plain", "test": "test_a.py::test", "verdict": "regression"}
    compared = row("comparison", baseline="3.0", verdict="REGRESSION", reason="r", measurements=[changed])
    lines = told(*ended("test_a.py::test"), measured("plain"), compared)
    assert any(line.startswith("measured: plain") for line in lines)


def test_the_verdict_comes_last_with_the_time_that_the_run_took() -> None:
    verdict, report = told(*ended("test_a.py::test"), row("board", slot="dk-1"))[-2:]
    assert verdict.startswith("verdict: PASSED   1 of 1 passed")
    assert verdict.endswith("0 skipped, in 3 min 32 s")
    assert report.startswith("report: none")
