"""The history: what goes in comes out, once, whatever happens; how fast it answers; how other hosts' runs join."""

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
