"""Evidence that cannot lie: however a run dies, no output of it shows the test green, and nothing qualifies."""

import json
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import children
from bench.history import Store
from tests.support.lab import COMMAND, Lab, name_in

VICTIM = "test_lab.py::test_victim"
SUITE = """
import os
import signal
import time

import pytest


def test_before(modem):
    assert modem.link.command("AT").ok


def test_victim(modem):
    assert modem.link.command("AT").ok
    {death}


def test_after(modem):
    pass
"""


def planned(lab: Lab, death: str) -> list[str]:
    """A run with a plan that everything else would meet."""
    (lab.folder / "test_lab.py").write_text(SUITE.format(death=death))
    plan = lab.folder / "plan.toml"
    plan.write_text(f'name = "p"\nsuites = ["{lab.folder / "test_lab.py"}"]\n[[boards]]\nmodel = "nrf9151dk"\n')
    history = str(lab.folder / "history.sqlite")
    return [*COMMAND, "run", "--out", str(lab.out), "--plan", str(plan), "--simulate", "1", "--history", history]


def environment(lab: Lab) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(lab.folder / "state"), "COLUMNS": "200"}


def never_green(folder: Path, *tests: str) -> None:
    """Every output of the run, each read for itself."""
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["verdict"] in ("INCOMPLETE", "NOT QUALIFIED")
    assert summary["exit_code"] != 0
    for test in tests:
        name = test.partition("::")[2]
        found = [json.loads(path.read_text()) for path in (folder / "allure-results").glob("*-result.json")]
        statuses = {result["status"] for result in found if name_in(result) == name}
        assert statuses, f"{name} is absent in Allure"
        assert "passed" not in statuses
        if (folder / "junit.xml").exists():
            (case,) = [case for case in ET.parse(folder / "junit.xml").iter("testcase") if case.get("name") == name]
            assert [child.tag for child in case if child.tag in ("failure", "error")]
            page = (folder / "verdict.html").read_text().replace("<wbr>", "")
            scenario = re.escape(test.partition("::")[2])
            (row,) = re.findall(rf"<tr><td><code>{scenario}</code></td>(.*?)</tr>", page)
            assert re.search('class="(died|failed|lab_error|script_error)"', row)
            assert "passed" not in row


@pytest.mark.parametrize(
    "death",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "os._exit(0)",
        "pytest.exit('enough', returncode=0)",
        "raise KeyboardInterrupt",
        "raise SystemExit(0)",
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)",
    ],
)
def test_a_process_that_dies_in_a_test(lab: Lab, death: str) -> None:
    finished = subprocess.run(
        planned(lab, death),
        cwd=lab.folder, capture_output=True, text=True, timeout=120, check=False, env=environment(lab),
    )  # fmt: skip
    assert finished.returncode != 0
    assert "Traceback" not in finished.stdout + finished.stderr
    never_green(lab.out, VICTIM)
    with Store(lab.folder / "history.sqlite") as store:
        outcomes = dict(store.rows("SELECT test, outcome FROM results"))
    assert outcomes[VICTIM] != "passed"
    assert set(outcomes) == {"test_lab.py::test_before", VICTIM, "test_lab.py::test_after"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_from_outside(lab: Lab, number: signal.Signals) -> None:
    process = subprocess.Popen(
        planned(lab, "time.sleep(60)"),
        cwd=lab.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(lab),
    )
    lab.until("start", "test_victim")
    process.send_signal(number)
    process.communicate(timeout=90)
    assert process.returncode != 0
    after = "test_lab.py::test_after"
    never_green(lab.out, VICTIM, after)
    report = subprocess.run([*COMMAND, "report", str(lab.out)], capture_output=True, text=True, timeout=60, check=False)
    assert report.returncode == 5
    never_green(lab.out, VICTIM, after)


BOARD_DIES = """

def board_dies(modem):
    os.kill(int(os.environ["BOARD"]), signal.SIGKILL)
    modem.link.command("AT", timeout=2)
"""


def test_a_board_that_dies(lab: Lab) -> None:
    command = [*children.program("bench.cli", "simulate")]
    board, pipe = children.spawn(command, stdout=subprocess.PIPE)
    assert board.stdout is not None
    with board.stdout:
        port = json.loads(board.stdout.readline())["port"]
        run = [word for word in planned(lab, "board_dies(modem)") if word not in ("--simulate", "1")]
        suite = lab.folder / "test_lab.py"
        suite.write_text(suite.read_text() + BOARD_DIES)
        finished = subprocess.run(
            [*run, "--port", port],
            cwd=lab.folder, capture_output=True, text=True, timeout=200, check=False,
            env={**environment(lab), "BOARD": str(board.pid)},
        )  # fmt: skip
        children.end(board, pipe)
    assert finished.returncode != 0, finished.stdout
    assert "Traceback" not in finished.stdout + finished.stderr
    never_green(lab.out, VICTIM, "test_lab.py::test_after")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare (util-linux) makes the small disk")
def test_a_full_disk(lab: Lab) -> None:
    """A tmpfs of 256 kB, in a mount namespace of its own."""
    disk = lab.folder / "disk"
    disk.mkdir()
    flood = "modem.link.port  # noqa\n    open(os.environ['DISK'] + '/fill', 'wb').write(b'x' * 10_000_000)"
    command = planned(lab, flood)
    command[command.index("--out") + 1] = str(disk / "run")
    script = (
        f'mount -t tmpfs -o size=256k tmpfs "{disk}" || exit 99\n"$@"\ncode=$?\n'
        f'cp -r "{disk}/run" "{lab.out}"\nexit $code'
    )
    privileges = [] if os.geteuid() == 0 else ["--map-root-user"]
    finished = subprocess.run(
        ["unshare", *privileges, "--mount", "sh", "-c", script, "sh", *command],
        capture_output=True, text=True, timeout=120, check=False, env={**environment(lab), "DISK": str(disk)},
    )  # fmt: skip
    assert finished.returncode not in (0, 99), finished.stdout + finished.stderr
    assert "Traceback" not in finished.stdout + finished.stderr
    assert "verdict   INCOMPLETE" in finished.stdout or "verdict   NOT QUALIFIED" in finished.stdout
    summary = json.loads((lab.out / "summary.json").read_text())
    assert summary["verdict"] in ("INCOMPLETE", "NOT QUALIFIED")
    shown = [json.loads(path.read_text()) for path in (lab.out / "allure-results").glob("*-result.json")]
    assert not [result for result in shown if name_in(result) == "test_victim" and result["status"] == "passed"]
