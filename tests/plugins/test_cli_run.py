"""``nrf91-bench run`` from its command line to its exit code, on simulated boards and on a device that is none."""

import subprocess
from pathlib import Path

import pytest

from tests.support.lab import COMMAND, Lab


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "--simulate 1"),
            (["--simulate", "many"], "never, auto, or a number"),
            (["--port", "/dev/ttyNOSUCH"], "there is no port /dev/ttyNOSUCH"),
            (["--port", "tcp://127.0.0.1"], "write tcp://HOST:PORT"),
            (["--board", "dk-9"], "no board is dk-9"),
            (["--simulate", "1", "--suite", "smtp"], "no suite is smtp: there are"),
            (["--simulate", "1", "--config", "/none.toml"], "cannot read /none.toml"),
            (["--simulate", "1", "--out", "/proc/nowhere"], "cannot make the run's folder"),
        ],
    )
    def test_mistakes_end_with_2_and_a_cure(self, tmp_path: Path, arguments: list[str], says: str) -> None:
        finished = subprocess.run(
            [*COMMAND, "run", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == 2
        assert says in finished.stderr
        assert "Traceback" not in finished.stderr

    def test_a_folder_is_used_once(self, lab: Lab) -> None:
        lab.out.mkdir()
        (lab.out / "old").touch()
        run = lab.run()
        assert run.code == 2
        assert "fresh folder" in run.output

    def test_report_of_what_is_no_run(self, tmp_path: Path) -> None:
        finished = subprocess.run([*COMMAND, "report", str(tmp_path)], capture_output=True, text=True, check=False)
        assert finished.returncode == 2
        assert "no folder of a run" in finished.stderr
