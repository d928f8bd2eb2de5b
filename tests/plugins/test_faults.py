"""The suites bite: each single wrong behaviour of a board is caught by the scenarios that are there for it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from bench import children
from tests.support.faults import FAULTS
from tests.support.inline import WITHOUT, undisturbed

SUITES = Path(__file__).parents[2] / "tests_hil"


@pytest.mark.parametrize("name", FAULTS)
def test_is_caught(name: str, tmp_path: Path, pytester: pytest.Pytester) -> None:
    fault = FAULTS[name]
    board, pipe = children.spawn(
        children.program("tests.support.faults", name),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        environment={"PYTHONPATH": str(SUITES.parent)},  # pytester has a folder of its own
    )
    assert board.stdout
    with board.stdout:
        try:
            port = json.loads(board.stdout.readline())["port"]
            out = tmp_path / "out"
            scenarios = [str(SUITES / scenario) for scenario in fault.scenarios]
            lab = tmp_path / "bench.toml"
            lab.write_text('[network]\nprofile = "simulated"\n')  # nothing is lost on the way, so one try must do
            options = [f"--port={port}", f"--bench-config={lab}", f"--bench-out={out}"]
            options.append("--bench-peer-name=peers.nrf91-bench.test")
            bundled = ("-p", "nrf91_bench_fixtures", *WITHOUT, f"--rootdir={SUITES}", "-c", os.devnull)
            with undisturbed():
                finished = pytester.runpytest_inprocess(*scenarios, *options, *bundled)
        finally:
            children.end(board, pipe)
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    outcomes = {row["test"]: row["outcome"] for row in rows if row["type"] == "finish"}
    assert outcomes, finished.ret
    for scenario in fault.scenarios:
        caught = [outcome for test, outcome in outcomes.items() if test.startswith(scenario)]
        assert "failed" in caught, f"{scenario} did not notice that {name}: {outcomes}"
    assert "lab_error" not in outcomes.values()
