"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.history import BoardRecord, Store
from tests.support.inline import command_line
from tests.support.records import run_record
from tests.support.terminal import typed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


class TestRuns:
    """Whole runs on simulated boards."""

    def test_a_measurement_by_firmware(self, path: Path) -> None:
        with Store(path) as store:
            for number in (1, 2):
                store.add(run_record(number, firmware=f"mfw_{number}"))
        shown = command_line("history", "show", "echo", "--history", str(path)).stdout.splitlines()
        assert [line.split("   ")[0] for line in shown] == ["mfw_1, SLM 3.1.0", "mfw_2, SLM 3.1.0"]
        assert all(line.endswith("n 400") and "p99" in line for line in shown)

    def test_a_single_value(self, path: Path) -> None:
        with Store(path) as store:
            for number in (1, 2):
                store.add(run_record(number))
        (line,) = command_line("history", "show", "loss", "--history", str(path)).stdout.splitlines()
        assert line == "mfw_nrf91x1_2.0.2, SLM 3.1.0   25 %   n 2"

    def test_tests_that_measure_by_one_name_are_apart(self, path: Path) -> None:
        with Store(path) as store:
            first, second = run_record(1), run_record(2)
            moved = tuple(replace(one, test="b/test_a.py::test_a") for one in second.measurements)
            store.add(first)
            store.add(replace(second, measurements=moved))
        shown = command_line("history", "show", "echo", "--history", str(path)).stdout.splitlines()
        assert [line.split("   ")[0] for line in shown] == ["b/test_a.py::test_a", "test_a.py::test_a"]
        assert all(line.endswith("n 400") for line in shown)

    def test_a_file_that_cannot_be_written_can_be_read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a read-only file system, where SQLite can keep no journal."""
        with Store(path) as store:
            store.add(run_record(1))
        before = path.read_bytes()
        writable = os.access
        monkeypatch.setattr("os.access", lambda place, mode: mode != os.W_OK and writable(place, mode))
        assert "run-1  dk-1" in command_line("history", "list", "--history", str(path)).stdout
        assert "n 400" in command_line("history", "show", "echo", "--history", str(path)).stdout
        assert path.read_bytes() == before
        assert [one.name for one in path.parent.iterdir() if one.name.startswith(path.name)] == [path.name]


class TestLists:
    def shown(self, path: Path, *arguments: str, **more: str) -> str:
        done = command_line("history", *arguments, "--history", str(path), environment=more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_heads_counts_durations_boards(self, path: Path, tmp_path: Path) -> None:
        dead = BoardRecord("dk-9", "dk-9", "nrf9151dk")
        with Store(path) as store:
            store.add(replace(run_record(1), ended="2026-11-01T22:03:34Z"))
            bad = run_record(2, outcome="failed", started="2026-11-03T10:58:00Z")
            store.add(replace(bad, verdict="FAILED", boards=(*bad.boards, dead), simulated=True))
        head, first, second, note = self.shown(path, "list").splitlines()
        assert head.split() == ["started", "night", "verdict", "took", "tests", "run", "boards"]
        assert first.split("  ")[:3] == ["2026-11-01 22:00", "2026-11-01/02", "PASSED"]
        assert "3 min 34 s  1 of 1 passed" in first
        assert "run-1  dk-1: mfw_nrf91x1_2.0.2, SLM 3.1.0" in first
        assert second.split("  ")[:3] == ["2026-11-03 10:58", "2026-11-02/03", "FAILED SIMULATED"]
        assert "0 of 1 passed, 1 failed" in second
        assert second.rstrip().endswith("dk-9: did not answer")
        assert "before 12:00 belongs to the night of the day before (night_ends in bench.toml)" in note
        (tmp_path / "bench.toml").write_text('night_ends = "00:00"\n')
        done = command_line("history", "list", "--history", str(path), folder=tmp_path)
        assert "night" not in done.stdout.splitlines()[0], "each night is the day on which the run began"

    def test_json_keeps_its_form(self, path: Path) -> None:
        with Store(path) as store:
            store.add(replace(run_record(1), ended="2026-11-01T22:03:34Z"))
        board = {"name": "dk-1", "identity": "imei-1", "model": "nrf9151dk", "firmware": "mfw_nrf91x1_2.0.2, SLM 3.1.0"}
        assert json.loads(self.shown(path, "list", "--json")) == {
            "schema": 1,
            "runs": [
                {
                    "uid": "uid-1", "run": "run-1", "started": "2026-11-01T22:00:00Z", "night": "2026-11-01",
                    "seconds": 214.0, "verdict": "PASSED", "exit_code": 0, "simulated": False, "bench": "0.1",
                    "boards": [{**board, "simulated": False, "control": False}], "passed": 1, "failed": 0,
                    "lab_errors": 0, "script_errors": 0, "skipped": 0, "died": 0, "known_issues": 0,
                }
            ],
        }  # fmt: skip
        assert json.loads(self.shown(path, "show", "loss", "--json")) == {
            "schema": 1,
            "measurements": [
                {
                    "run": "run-1", "started": "2026-11-01T22:00:00Z", "night": "2026-11-01", "board": "dk-1",
                    "model": "nrf9151dk", "simulated": False, "modem_firmware": "mfw_nrf91x1_2.0.2",
                    "application": "slm", "application_version": "3.1.0", "test": "test_a.py::test_a", "name": "loss",
                    "unit": "fraction", "round": 1, "count": 1, "figures": {"value": 0.25}, "verdict": "",
                }
            ],
        }  # fmt: skip

    def test_csv_computes_nothing(self, path: Path) -> None:
        """What a board calls itself, or a test its measurement, is never a formula."""
        record = run_record(1)
        evil = replace(record.boards[0], model="=HYPERLINK(1)", modem_firmware="@x")
        named = tuple(replace(one, name="+1+1") for one in record.measurements[:1])
        with Store(path) as store:
            store.add(replace(record, name="-run", boards=(evil,), measurements=named))
        (row,) = csv.DictReader(self.shown(path, "list", "--csv").splitlines())
        assert (row["run"], row["firmware"], row["passed"], row["seconds"]) == ("'-run", "'@x, SLM 3.1.0", "1", "")
        (row,) = csv.DictReader(self.shown(path, "show", "+1+1", "--csv").splitlines())
        assert (row["model"], row["name"], row["p50"], row["value"]) == ("'=HYPERLINK(1)", "'+1+1", "1200.0", "")

    def test_a_measurement_that_is_not_there(self, path: Path) -> None:
        with Store(path) as store:
            store.add(run_record(1))
        done = command_line("history", "show", "ecko", "--history", str(path))
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            "nrf91-bench: the history has no measurement called 'ecko'; did you mean 'echo'? It has:",
            "    echo",
            "    loss",
        ]
        assert command_line("history", "list", "--json", "--csv", "--history", str(path)).returncode == 2

    def test_an_empty_history(self, path: Path) -> None:
        with Store(path):
            pass
        assert self.shown(path, "list") == "the history holds no run\n"
        assert json.loads(self.shown(path, "list", "--json")) == {"schema": 1, "runs": []}

    @pytest.mark.parametrize(("columns", "rows"), [(60, 5), (100, 5), (200, 2)])
    def test_on_a_terminal(self, path: Path, columns: int, rows: int) -> None:
        """On a narrow one a run takes some lines, and no word is broken."""
        size = {"COLUMNS": str(columns)}
        with Store(path) as store:
            store.add(run_record(1, outcome="failed"))
        with typed(
            "history", "list", "--history", str(path), folder=path.parent, columns=columns, environment=size
        ) as terminal:
            assert terminal.end() == 0
        lines = [line.rstrip() for line in terminal.seen.splitlines()]
        assert len(lines) <= rows
        for word in ("2026-11-01 22:00", "0 of 1 passed, 1 failed", "run-1", "dk-1: mfw_nrf91x1_2.0.2, SLM 3.1.0"):
            assert any(word in line for line in lines), word
