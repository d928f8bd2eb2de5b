"""The suites pass on every simulated firmware, each with its own known issues and no others."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import simulator

NAME = "peers.nrf91-bench.test"


@pytest.mark.parametrize(("firmware", "known"), [("slm-3.1", 4), ("slm-2.9", 3), ("page", 0)])
def test_every_suite_passes(firmware: str, known: int, tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    config.write_text(f'[peers]\nname = "{NAME}"\n')
    with simulator("--firmware", firmware, "--host", f"{NAME}=127.0.0.1,::1") as boards:
        command = [sys.executable, "-m", "bench.cli", "run", "--port", boards[0]["port"], "--config", str(config)]
        finished = subprocess.run(
            [*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, timeout=300, check=False
        )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["verdict"], summary["known_issues"], summary["skipped"]) == ("PASSED", known, 0)
    assert summary["passed"] == summary["planned"] > 350
    assert "| - |" not in (tmp_path / "out" / "matrix.md").read_text()
