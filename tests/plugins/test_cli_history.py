"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.history import Store
from tests.support.inline import command_line
from tests.support.records import run_record


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
        assert "run-1  PASSED" in command_line("history", "list", "--history", str(path)).stdout
        assert "n 400" in command_line("history", "show", "echo", "--history", str(path)).stdout
        assert path.read_bytes() == before
        assert [one.name for one in path.parent.iterdir() if one.name.startswith(path.name)] == [path.name]
