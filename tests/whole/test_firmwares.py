"""The suites pass on every simulated firmware, each with its own known issues and no others.

slm-3.1 is what `nrf91-bench run --simulate 1` runs, as the README's first command; `.ci/run` runs all suites on
serial-modem. What only takes time, because it measures or waits for the network's timers, is the same on all and is
left to these.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import simulator

NAME = "peers.nrf91-bench.test"


@pytest.mark.long
@pytest.mark.parametrize(("firmware", "known"), [("slm-2.9", 3), ("page", 0), ("serial-modem-1.0", 4)])
def test_every_suite_passes(firmware: str, known: int, tmp_path: Path) -> None:
    config = tmp_path / "bench.toml"
    # nothing is lost on the way to a board of this host, so that no scenario has to allow for it
    config.write_text(f'[peers]\nname = "{NAME}"\n[network]\nprofile = "simulated"\n')
    with simulator("--firmware", firmware, "--host", f"{NAME}=127.0.0.1,::1") as boards:
        command = [sys.executable, "-m", "bench.cli", "run", "--port", boards[0]["port"], "--config", str(config)]
        finished = subprocess.run(
            [*command, "--out", str(tmp_path / "out"), "--", "-m", "not timing and not timers"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["verdict"], summary["known_issues"], summary["skipped"]) == ("PASSED", known, 0)
    assert summary["passed"] == summary["planned"] > 350
    assert summary["left_out"] > 100
    assert "| - |" not in (tmp_path / "out" / "matrix.md").read_text()


@pytest.mark.long
def test_one_verdict_over_a_board_of_each_firmware(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.cli", "run", "--simulate", "2", "--out", str(tmp_path / "out")]
    command += ["--firmware", "slm-3.1", "--firmware", "serial-modem"]
    for suite in ("socket_life_cycle", "handles", "dns"):
        command += ["--suite", suite]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    page = (tmp_path / "out" / "verdict.html").read_text()
    matrix = (tmp_path / "out" / "matrix.md").read_text().splitlines()
    head, *rows = (line for line in matrix if line.startswith("|"))
    for application in ("SLM 3.1.0", "Serial Modem 1.99.0"):
        assert application in page
        assert f", {application}" in head
    cells = {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[3:5] for row in rows}
    both, of_slm, of_its_successor = (
        cells[name] for name in ("XGETADDRINFO.set.ipv4", "XSOCKET.read", "XSOCKET.read.all")
    )
    assert ["passed" in cell for cell in both] == [True, True]
    assert ["passed" in cell for cell in of_slm] == [True, False]
    assert ["passed" in cell for cell in of_its_successor] == [False, True]


@pytest.mark.long
def test_what_an_older_modem_firmware_lacks_is_skipped_with_that_reason(tmp_path: Path) -> None:
    with simulator("--model", "nrf9160dk", "--modem-firmware", "mfw_nrf9160_1.3.4") as boards:
        command = [
            sys.executable,
            "-m",
            "bench.cli",
            "run",
            "--port",
            boards[0]["port"],
            "--out",
            str(tmp_path / "out"),
        ]
        for suite in ("tls", "dtls", "secure_socket_options"):
            command += ["--suite", suite]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    other = "of another family"
    for what, version in (("AES-GCM", other), ("TLS_CIPHERSUITE_USED", other), ("DTLS Connection ID", "1.3.5")):
        assert f"{what} needs modem firmware {version}; this board has mfw_nrf9160_1.3.4" in finished.stdout
