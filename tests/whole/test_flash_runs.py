"""Runs that program their boards: before the first test and back after the last, killed, interrupted, half failed."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.flash_lab import FlashLab
from tests.support.images import application
from tests.support.lab import COMMAND, GOOD, Finished, Lab, processes_of
from tests.support.programs import control_socket, simulator

LONG = """
import time

import pytest

@pytest.mark.parametrize("number", range(60))
def test_talks(modem, number):
    time.sleep(0.1)
    assert modem.link.command("AT").ok
"""
PLAN = """
name = "release"
suites = ["test_lab.py"]
[firmware]
image = "{image}"
sha256 = "{sha256}"
says = "{says}"
[[boards]]
model = "nrf9151dk"
"""


@pytest.fixture
def flash_lab(tmp_path: Path) -> Iterator[FlashLab]:
    with control_socket() as control, simulator("--count", "2", "--control", str(control)) as boards:
        yield FlashLab(tmp_path, control, boards)


def flashes(finished: Finished) -> list[tuple[str, str]]:
    return sorted((row["slot"], row["outcome"]) for row in finished.summary["flashes"])


@pytest.mark.long
class TestRuns:
    def test_two_boards_are_programmed_and_kept_the_next_time(self, flash_lab: FlashLab) -> None:
        image = application(flash_lab.folder / "a.hex", "3.1.7", customer="blue")
        first = flash_lab.played("--image", "a.hex", name="first")
        assert first.code == 0, first.output
        assert flashes(first) == [("dk-1", "programmed"), ("dk-2", "programmed")]
        assert first.summary["images"] == {"a.hex": image.sha256}
        said = {(board["application_version"], board["customer_version"]) for board in first.summary["boards"]}
        assert said == {("3.1.7", "blue")}
        assert image.sha256 in (first.folder / "verdict.html").read_text()
        assert "dk-1   a.hex (sha256" in first.output
        second = flash_lab.played("--image", "a.hex", "--board", "dk-1", name="second")
        assert (second.code, flashes(second)) == (0, [("dk-1", "kept")]), second.output

    def test_a_board_that_cannot_be_programmed_is_lab_errors_and_the_other_goes_on(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex")
        flash_lab.program(shell="test {name} = dk-1 || { echo no target; exit 9; };")
        done = flash_lab.played("--image", "a.hex")
        assert done.code == 3, done.output
        assert flashes(done) == [("dk-1", "programmed"), ("dk-2", "failed")]
        finished = {(row["slot"], row["outcome"], row["attempt"]) for row in done.rows if row["type"] == "finish"}
        assert finished == {("dk-1", "passed", 1), ("dk-2", "lab_error", 1)}
        assert "programmer command failed with exit code 9: no target" in done.output
        assert "dk-2 was not programmed with a.hex" in done.summary["reason"]

    def test_a_killed_run_is_made_good_by_the_next_one(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex", "3.1.8")
        go = flash_lab.folder / "go"
        flash_lab.program("--wait", str(go))
        run = flash_lab.begun("--image", "a.hex", "--board", "dk-1", name="killed")
        flash_lab.until_erased()
        run.send_signal(signal.SIGKILL)
        run.communicate()
        during = flash_lab.played("--board", "dk-1", name="during")  # the programmer runs on, and keeps the board
        assert (during.code, "dk-1 is in use" in during.output) == (3, True), during.output
        (programmer,) = processes_of(go)
        go.touch()
        programmer.wait(60)
        flash_lab.program()
        without = flash_lab.played("--board", "dk-1", name="without")
        assert without.code == 3
        assert "dk-1 may hold half an image: the programming of a.hex" in without.output
        after = flash_lab.played("--image", "a.hex", "--board", "dk-1", name="after")
        assert (after.code, flashes(after)) == (0, [("dk-1", "programmed")]), after.output

    def test_the_golden_image_is_put_back(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex", "3.1.8")
        application(flash_lab.folder / "golden.hex", "3.1.0")
        flash_lab.program(flash='golden_image = "golden.hex"')
        done = flash_lab.played("--image", "a.hex", "--board", "dk-1", "--restore")
        assert (done.code, flashes(done)) == (0, [("dk-1", "programmed"), ("dk-1", "restored")]), done.output
        assert [board["application_version"] for board in done.summary["boards"]] == ["3.1.8"]
        assert list(done.summary["images"]) == ["a.hex"]
        assert flash_lab.says().endswith("SLM 3.1.0")

    def test_also_after_ctrl_c(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex", "3.1.8")
        application(flash_lab.folder / "golden.hex", "3.1.0")
        flash_lab.program(flash='golden_image = "golden.hex"\nrestore = true')
        run = flash_lab.begun("--image", "a.hex", "--board", "dk-1", suite=LONG)
        flash_lab.until("finish", "test_talks[1]")
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 5, output
        assert "golden.hex" in output
        assert flash_lab.says().endswith("SLM 3.1.0")

    def test_ctrl_c_lets_a_programmer_come_to_its_end(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex", "3.1.8")
        go = flash_lab.folder / "go"
        flash_lab.program("--wait", str(go))
        run = flash_lab.begun("--image", "a.hex", "--board", "dk-1")
        flash_lab.until_erased()
        run.send_signal(signal.SIGINT)
        assert run.stdout
        while "half an image is worse" not in run.stdout.readline():
            assert run.poll() is None
        go.touch()
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 5, output
        assert flash_lab.says().endswith("SLM 3.1.8")
        assert flash_lab.played("--board", "dk-1", name="after").code == 0

    def test_each_board_gets_the_image_of_the_inventory(self, flash_lab: FlashLab) -> None:
        for number, board in enumerate(flash_lab.boards, 1):
            application(flash_lab.folder / f"{number}.hex", f"3.1.{number}")
            lab = flash_lab.folder / "bench.toml"
            port = f'port = "{board["port"]}"\n'
            lab.write_text(lab.read_text().replace(port, f'{port}image = "{number}.hex"\n'))
        done = flash_lab.played()
        assert done.code == 0, done.output
        said = {board["slot"]: board["application_version"] for board in done.summary["boards"]}
        assert said == {"dk-1": "3.1.1", "dk-2": "3.1.2"}

    def test_what_cannot_be_put_back_is_a_trouble_of_the_run(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex", "3.1.8")
        application(flash_lab.folder / "golden.hex", "3.1.0")
        flash_lab.program(shell="case {image} in *golden*) exit 9;; esac;", flash='golden_image = "golden.hex"')
        done = flash_lab.played("--image", "a.hex", "--board", "dk-1", "--restore")
        assert (done.code, done.summary["failed"], done.summary["lab_errors"]) == (5, 0, 0), done.output
        assert "dk-1 was not programmed with golden.hex" in done.summary["reason"]

    def test_a_person_who_programs_it_by_hand_tells_the_bench(self, flash_lab: FlashLab) -> None:
        application(flash_lab.folder / "a.hex")
        flash_lab.program(shell="exit 9;")
        assert flash_lab.played("--image", "a.hex", "--board", "dk-1", name="failed").code == 3
        words = [*COMMAND, "boards", "flashed", "dk-1", "--config", "bench.toml"]
        told = subprocess.run(
            words, cwd=flash_lab.folder, capture_output=True, text=True, env=flash_lab.environment, check=False
        )
        assert (told.returncode, "dk-1   may be used again" in told.stdout) == (0, True), told.stderr
        assert flash_lab.played("--board", "dk-1", name="after").code == 0


@pytest.mark.long
def test_a_plan_names_its_image_and_its_bundle_says_which(lab: Lab) -> None:
    image = application(lab.folder / "a.hex", "3.1.9")
    (lab.folder / "plan.toml").write_text(PLAN.format(image="a.hex", sha256=image.sha256, says="SLM 3.1.9"))
    (lab.folder / "test_lab.py").write_text(GOOD)
    words = [*COMMAND, "run", "--simulate", "1", "--plan", "plan.toml", "--out", str(lab.out)]
    done = subprocess.run(words, cwd=lab.folder, capture_output=True, text=True, env=lab.environment, check=False)
    assert done.returncode == 5, done.stdout + done.stderr  # simulated boards qualify nothing
    summary: dict[str, Any] = json.loads((lab.out / "summary.json").read_text())
    assert (summary["passed"], summary["images"]) == (2, {"a.hex": image.sha256})
    bundled = subprocess.run(
        [*COMMAND, "bundle", str(lab.out)],
        cwd=lab.folder,
        capture_output=True,
        text=True,
        env=lab.environment,
        check=False,
    )
    assert bundled.returncode == 0, bundled.stderr
    statement = subprocess.run(
        ["tar", "-xzOf", f"{lab.out}.bundle.tar.gz", "--wildcards", "*statement.json"], capture_output=True, check=True
    )
    subjects = {row["name"]: row["digest"]["sha256"] for row in json.loads(statement.stdout)["subject"]}
    assert subjects["a.hex"] == image.sha256
