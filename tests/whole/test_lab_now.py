"""The lab now beside real runs: in a virtual rack, with plugs, reservations and tests as they happen."""

import signal
import subprocess
from pathlib import Path

from tests.support.lab import COMMAND
from tests.support.programs import line_with
from tests.support.rack import MIXED, WITH_NAMESPACES, running_rack

SUITE = """
from pathlib import Path

END = Path(__file__).with_name("end")

def test_fails(modem):
    raise AssertionError("as it should")

def test_goes_on(modem):
    while not END.exists():
        assert modem.link.command("AT").ok
"""


@WITH_NAMESPACES
def test_a_run_a_reservation_and_plugs(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE)
    with running_rack(tmp_path, *MIXED, boards=3) as rack:
        assert rack.bench("boards").stdout.count("SIMULATED") == 3
        command = rack.command(*COMMAND, "boards", "--watch", "--page", str(tmp_path / "lab.html"))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=rack.environment) as watch:
            for name in ("nrf9160dk-1", "nrf9151dk-1", "thingy91x-1"):
                assert "SIMULATED" in line_with(watch, "attached", name, "free")
            suite = str(tmp_path / "test_mine.py")
            arguments = ("--board", "nrf9151dk-1", "--suite", suite, "--out", str(tmp_path / "out"))
            run = rack.command(*COMMAND, "run", *arguments)
            with subprocess.Popen(run, stdout=subprocess.DEVNULL, env=rack.environment, cwd=tmp_path) as runs:
                line_with(watch, "in use", "nrf9151dk-1", "SIMULATED", "run --board nrf9151dk-1")
                line_with(watch, "progress", "nrf9151dk-1", "1/2", "1 failed")
                rack.ask("unplug", board="simulated-2")
                line_with(watch, "unplugged", "thingy91x-1")
                kept = rack.bench("boards", "reserve", "nrf9160dk-1", "--until", "8h", "--why", "a look")
                assert kept.returncode == 0, kept.stderr
                line_with(watch, "reserved", "nrf9160dk-1", "a look")
                (tmp_path / "end").touch()
                assert runs.wait() == 1
            line_with(watch, "free", "nrf9151dk-1")
            rack.ask("plug", board="simulated-2")
            line_with(watch, "attached", "thingy91x-1")
            watch.send_signal(signal.SIGINT)
            assert watch.wait() == 0
    page = (tmp_path / "lab.html").read_text()
    assert "3 boards: 1 reserved, 2 free" in page
