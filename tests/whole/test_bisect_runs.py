"""Bisections of simulated images: the first that refuses a command, the first that is slower, killed and resumed."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bisect.record import BisectRecord
from bench.simulator.profiles import Faults
from tests.support.flash_lab import FlashLab
from tests.support.images import application
from tests.support.lab import COMMAND
from tests.support.programs import control_socket, simulator

SUITE = """
def test_resolves(modem, tcp_echo):
    assert modem.link.command(f'AT#XGETADDRINFO="{tcp_echo.host}"').ok


def test_waits(modem, udp_echo, measure):
    with modem.udp_client(udp_echo.host, udp_echo.port):
        for _ in range(3):
            measure("wait", modem.link.command("AT#XPOLL=300").duration_ns, unit="ns")


def test_is_wrong(modem):
    modem.nothing()
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[FlashLab]:
    with control_socket() as control, simulator("--control", str(control)) as boards:
        found = FlashLab(tmp_path, control, boards)
        (tmp_path / "test_lab.py").write_text(SUITE)
        yield found


def images(lab: FlashLab, count: int, first_bad: int, faults: Faults) -> list[str]:
    """Images of which the later ones have a fault; numbers from 1."""
    names = [f"build-{number}.hex" for number in range(1, count + 1)]
    for number, name in enumerate(names, 1):
        application(lab.folder / name, f"3.1.{number}", faults=faults if number >= first_bad else Faults())
    return names


def command(lab: FlashLab, *arguments: str) -> list[str]:
    where = ("--board", "dk-1", "--config", "bench.toml", "--suite", "test_lab.py", "--out", "bisect")
    return [*COMMAND, "bisect", *arguments, *(() if "--resume" in arguments else where)]


def bisected(lab: FlashLab, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        command(lab, *arguments),
        cwd=lab.folder, env=lab.environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_the_sixth_of_eight_images_is_found_and_the_page_shows_both_sides(lab: FlashLab) -> None:
    built = images(lab, 8, 6, Faults(refuses=("#XGETADDRINFO",)))
    code, text = bisected(lab, *built, "--test", "test_resolves")
    assert code == 0, text
    assert "build-6.hex (image 6) is the first bad image; build-5.hex (image 5) is the last good one." in text
    page = (lab.folder / "bisect" / "bisect.html").read_text()
    assert "First bad image found" in page
    assert "SIMULATED" in page
    assert "AT#XGETADDRINFO" in page
    links = re.findall(r'href="([^"]+verdict\.html)"', page)
    assert len(links) == 5
    assert all((lab.folder / "bisect" / link).is_file() for link in links)
    assert page.count("not tried") == 3


@pytest.mark.long
def test_the_image_that_is_fifteen_percent_slower_is_found(lab: FlashLab) -> None:
    built = images(lab, 3, 2, Faults(slower=0.15))
    for _ in range(3):
        code, text = bisected(lab, *built, "--test", "test_waits", "--measurement", "wait")
        assert code == 0, text
        if "nobody could judge" not in text:
            break
        shutil.rmtree(lab.folder / "bisect")  # the host was too busy to tell, and that was told: once more
    assert "build-2.hex (image 2) is the first bad image" in text
    (change,) = re.findall(r"bad +image 2: (.*), \d+ blocks", text)
    assert change.startswith("+1"), change


@pytest.mark.long
def test_a_bisection_that_was_killed_goes_on(lab: FlashLab) -> None:
    built = images(lab, 4, 3, Faults(refuses=("#XGETADDRINFO",)))
    process = subprocess.Popen(
        command(lab, *built, "--test", "test_resolves"),
        cwd=lab.folder, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("bad "):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    before = BisectRecord.load(lab.folder / "bisect").tries
    assert [one.place for one in before] == [0, 3]
    code, text = bisected(lab, "--resume", "bisect")
    assert code == 0, text
    assert "build-3.hex (image 3) is the first bad image" in text
    tries = BisectRecord.load(lab.folder / "bisect").tries
    assert [one.place for one in tries[:2]] == [0, 3], "what was judged is not flashed again"


@pytest.mark.long
def test_an_interrupted_bisection_says_how_it_goes_on(lab: FlashLab) -> None:
    built = images(lab, 2, 2, Faults(refuses=("#XGETADDRINFO",)))
    interrupted = subprocess.Popen(
        command(lab, *built, "--test", "test_resolves"),
        cwd=lab.folder, env=lab.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    with interrupted as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        next(line for line in lines if line.startswith("good "))
        next(line for line in lines if line.startswith("flash "))  # the second try has begun
        process.send_signal(signal.SIGINT)
        rest = "".join(lines)
        assert process.wait(60) == 3, rest
    assert "the bisection was interrupted; go on with: nrf91-bench bisect --resume bisect" in rest
    assert [one.place for one in BisectRecord.load(lab.folder / "bisect").tries] == [0], "it is no judgement"
    assert bisected(lab, "--resume", "bisect")[0] == 0


@pytest.mark.long
def test_an_image_that_does_not_start_blames_no_image(lab: FlashLab) -> None:
    built = images(lab, 3, 3, Faults(refuses=("#XGETADDRINFO",)))
    application(lab.folder / "build-2.hex", "3.1.2", silent=True)
    code, text = bisected(lab, *built, "--test", "test_resolves", "--tries", "1")
    assert code == 0, text
    assert "The first bad image is one of build-2.hex (image 2), build-3.hex (image 3)" in text


def test_what_cannot_be_searched_is_told(lab: FlashLab) -> None:
    built = images(lab, 2, 3, Faults())
    for arguments, words in (
        ((*built,), "--test ID"),
        ((built[0], "--test", "test_resolves"), "at least two images"),
        ((built[0], "none.hex", "--test", "test_resolves"), "cannot read the image none.hex"),
        (("--resume", "."), "is not the folder of a bisection"),
        ((built[0], "--resume", "."), "give no others"),
    ):
        code, text = bisected(lab, *arguments)
        assert code == 2, text
        assert words in text
    assert not (lab.folder / "bisect").exists()


def test_a_scenario_that_is_wrong_ends_it_at_once(lab: FlashLab) -> None:
    code, text = bisected(lab, *images(lab, 2, 3, Faults()), "--test", "test_is_wrong")
    assert code == 2, text
    assert "the scenario itself is wrong, whatever the image: AttributeError" in text
    assert len([line for line in text.splitlines() if line.startswith("try ")]) == 1


@pytest.mark.long
def test_between_two_good_images_there_is_nothing_to_find(lab: FlashLab) -> None:
    code, text = bisected(lab, *images(lab, 2, 3, Faults()), "--test", "test_resolves")
    assert code == 5, text
    assert "the last image is good, not bad" in text


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--suite", "test_lab.py", "--test", "test_resolves"), 0),
        (("--suite", "test_lab.py", "--test", "test_resolves", "--image", "bad.hex"), 1),
        (("--suite", "test_lab.py", "--test", "test_resolves", "--image", "silent.hex"), 125),
        (("--suite", "no-such-suite"), 128),
    ],
)
def test_git_is_told_what_a_run_shows(lab: FlashLab, arguments: tuple[str, ...], code: int) -> None:
    application(lab.folder / "bad.hex", faults=Faults(refuses=("#XGETADDRINFO",)))
    application(lab.folder / "silent.hex", silent=True)
    done = subprocess.run(
        [*COMMAND, "run", "--board", "dk-1", "--config", "bench.toml", "--bisect-exit-codes", *arguments],
        cwd=lab.folder, env=lab.environment, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
