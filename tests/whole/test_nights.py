"""Nights: boards that somebody keeps, an end in time, old runs, and who is told."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.boards import BoardSpec, Lease, reserve
from tests.support.lab import COMMAND, Lab
from tests.support.programs import simulator


def bench(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=folder)


SOMEBODY_ELSE = """
from bench.boards.reservation import Reservation

Reservation.mine = property(lambda self: False)
"""
"""Makes a process another user's, as far as reservations go."""


class TestReservation:
    @pytest.fixture(autouse=True)
    def locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path))

    def test_runs_leave_a_reserved_board_alone(self, lab: Lab) -> None:
        with simulator() as boards:
            port = boards[0]["port"]
            lab.folder.joinpath("bench.toml").write_text(f'[[boards]]\nname = "dk-1"\nport = "{port}"\n')
            kept = bench(
                "boards", "reserve", "dk-1", "--until", "1h", "--why", "looking into a crash", folder=lab.folder
            )
            assert (kept.returncode, "reserved by" in kept.stdout) == (0, True), kept.stderr
            listed = bench("boards", folder=lab.folder).stdout
            assert "looking into a crash" in " ".join(listed.split())
            suite = lab.folder / "test_lab.py"
            suite.write_text("def test_a(modem):\n    pass\n")
            all_boards = bench("run", "--suite", str(suite), folder=lab.folder)
            assert all_boards.returncode == 3, all_boards.stderr
            assert "no board is left: dk-1 is reserved by" in all_boards.stderr
            named = bench("run", "--board", "dk-1", "--suite", str(suite), folder=lab.folder)
            assert named.returncode == 0, named.stdout + named.stderr
            assert bench("boards", "release", "dk-1", folder=lab.folder).returncode == 0
            assert "is not reserved" in bench("boards", "release", "dk-1", folder=lab.folder).stderr
            assert bench("run", "--suite", str(suite), folder=lab.folder).returncode == 0

    def test_one_that_is_reserved_while_its_user_still_has_it(self, lab: Lab, tmp_path: Path) -> None:
        """The night that comes meanwhile does not take it when it is given back."""
        suite = "import time\ndef test_a(modem):\n    pass\ndef test_b(modem):\n    pass\n"
        with simulator("--count", "2") as boards:
            entries = [f'[[boards]]\nname = "dk-{n}"\nport = "{b["port"]}"\n' for n, b in enumerate(boards, 1)]
            lab.folder.joinpath("bench.toml").write_text("[limits]\nlab_error_retries = 0\n" + "".join(entries))
            lab.folder.joinpath("test_lab.py").write_text(suite)
            lab.folder.joinpath("sitecustomize.py").write_text(SOMEBODY_ELSE)
            key = BoardSpec("dk-1", boards[0]["port"], hardware=False).key
            with Lease(key, "dk-1", "by hand") as lease:
                night = subprocess.Popen(
                    [*COMMAND, "run", "--suite", "test_lab.py", "--out", str(lab.out)], cwd=lab.folder,
                    env={**lab.environment, "PYTHONPATH": str(lab.folder)}, text=True, stdout=subprocess.PIPE,
                )  # fmt: skip
                assert night.stdout
                line = night.stdout.readline()
                assert "in use    dk-1 is in use by" in line
                reserve(key, datetime.now(UTC) + timedelta(hours=8), "my crash")
                lease.release()
                output, _ = night.communicate(timeout=60)
        rows = [json.loads(row) for row in (lab.out / "results.jsonl").read_text().splitlines()]
        ended = {(row["slot"], row["outcome"]) for row in rows if row["type"] == "finish"}
        assert ended == {("dk-1", "lab_error"), ("dk-2", "passed")}, output
        assert any("dk-1 is reserved by " in row.get("message", "") for row in rows if row["type"] == "finish")


def test_a_run_ends_in_time_with_what_there_is(lab: Lab) -> None:
    suite = "import time\ndef test_short(modem):\n    pass\ndef test_long(modem):\n    time.sleep(300)\n"
    (lab.folder / "test_lab.py").write_text(suite)
    what = ("--simulate", "1", "--suite", str(lab.folder / "test_lab.py"))
    finished = bench("run", *what, "--out", str(lab.out), "--until", "10s")
    summary = json.loads((lab.out / "summary.json").read_text())
    assert finished.returncode == 5
    assert (summary["verdict"], summary["passed"], summary["died"]) == ("INCOMPLETE", 1, 1)
    assert "the time for the run was over" in summary["reason"]


class TestNotification:
    def test_a_run_tells_and_keeps_quiet_when_nothing_changed(self, lab: Lab) -> None:
        mail = lab.folder / "mail"
        script = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"
        words = json.dumps([sys.executable, "-c", script, str(mail)])
        (lab.folder / "bench.toml").write_text(f'history = "{lab.folder}/h.sqlite"\n[notify]\ncommand = {words}\n')
        (lab.folder / "test_lab.py").write_text("def test_a(modem):\n    pass\n")
        environment = {name: value for name, value in os.environ.items() if name != "NRF91_BENCH_HISTORY"}
        for _ in range(2):
            subprocess.run(
                [*COMMAND, "run", "--simulate", "1", "--suite", str(lab.folder / "test_lab.py")],
                cwd=lab.folder, env=environment, check=True, capture_output=True, timeout=60,
            )  # fmt: skip
        assert mail.read_text().count("nrf91-bench: PASSED (SIMULATED), was never run") == 1
        assert mail.read_text().count("nrf91-bench:") == 1
