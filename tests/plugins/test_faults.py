"""The suites bite: each single wrong behaviour of a board is caught by the scenarios that are there for it."""

import json
import subprocess
from pathlib import Path

import pytest

from bench import children
from tests.support.faults import FAULTS

SUITES = Path(__file__).parents[2] / "tests_hil"


@pytest.mark.parametrize("name", FAULTS)
def test_is_caught(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    board, pipe = children.spawn(
        children.program("tests.support.faults", name), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert board.stdout
    with board.stdout:
        try:
            port = json.loads(board.stdout.readline())["port"]
            out = tmp_path / "out"
            scenarios = [str(SUITES / scenario) for scenario in fault.scenarios]
            command = children.program("pytest", *scenarios, f"--port={port}", f"--bench-out={out}")
            command += ["--bench-peer-name=peers.nrf91-bench.test", "-p", "no:cacheprovider", f"--rootdir={SUITES}"]
            finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        finally:
            children.end(board, pipe)
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    outcomes = {row["test"]: row["outcome"] for row in rows if row["type"] == "finish"}
    assert outcomes, finished.stdout + finished.stderr
    for scenario in fault.scenarios:
        caught = [outcome for test, outcome in outcomes.items() if test.startswith(scenario)]
        assert "failed" in caught, f"{scenario} did not notice that {name}: {outcomes}"
    assert "lab_error" not in outcomes.values()
