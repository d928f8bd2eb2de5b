"""Discovery and hotplug on a virtual rack, and the rack's own commands: genuine libudev, genuine events, no USB."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.rack import DK, MIXED, OLD, WITH_NAMESPACES, RunningRack, X, running_rack

pytestmark = WITH_NAMESPACES

PROBE = {"vendor": "1366", "product": "0105", "manufacturer": "SEGGER", "name": "J-Link", "serial": "000821001234"}
PORTS = """
from serial.tools import list_ports
for port in list_ports.comports():
    print(port.device, f"{port.vid:04x}", f"{port.pid:04x}", port.serial_number, port.location)
"""


class TestList:
    @pytest.mark.parametrize("database", [True, False], ids=["udevd's database", "kernel attributes only"])
    def test_a_mixed_rack_exactly(self, tmp_path: Path, database: bool) -> None:
        with running_rack(tmp_path, *MIXED, *([] if database else ["--no-database"]), boards=3) as rack:
            rack.ask("device", **PROBE, interfaces=["00"])
            found = rack.listed()
            places = {row["serial"]: row["place"] for row in found.values()}
        assert {serial: (row["name"], row["model"], row["ports"]) for serial, row in found.items()} == {
            DK: ("nrf9151dk-1", "nrf9151dk", {"at": "/dev/ttyACM0", "log": "/dev/ttyACM1"}),
            X: ("thingy91x-1", "thingy91x", {"at": "/dev/ttyACM2", "log": "/dev/ttyACM3"}),
            OLD: (
                "nrf9160dk-1",
                "nrf9160dk",
                {"at": "/dev/ttyACM4", "nrf52840": "/dev/ttyACM5", "log": "/dev/ttyACM6"},
            ),
            PROBE["serial"]: (None, "unknown", {"port0": "/dev/ttyACM7"}),
        }
        assert places[DK] == ("pci-0000:00:14.0-usb-0:1" if database else "1-1")

    def test_agrees_with_pyserials_own_list(self, rack: RunningRack) -> None:
        told = {line.split()[0]: line.split()[3] for line in rack.run(sys.executable, "-c", PORTS).stdout.splitlines()}
        assert told == {port: row["serial"] for row in rack.listed().values() for port in row["ports"].values()}

    @pytest.mark.skipif(shutil.which("udevadm") is None, reason="udev's own programs and rules are not installed")
    def test_agrees_with_what_udevs_own_rules_compute(self, tmp_path: Path) -> None:
        """udevadm runs the distribution's rules over a rack of kernel attributes alone."""
        with running_rack(tmp_path, *MIXED, "--no-database", boards=3) as bare:
            computed = {}
            for number in range(7):
                said = bare.run("udevadm", "test", f"/sys/class/tty/ttyACM{number}")
                rows = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
                computed[f"/dev/ttyACM{number}"] = (rows["ID_SERIAL_SHORT"], rows["ID_USB_INTERFACE_NUM"])
            boards = bare.listed()
        (tmp_path / "second").mkdir()
        with running_rack(tmp_path / "second", *MIXED, boards=3) as told:
            script = (
                "import pyudev\nfor d in pyudev.Context().list_devices(subsystem='tty'):\n"
                "    print(d.device_node, d.properties['ID_SERIAL_SHORT'], d.properties['ID_USB_INTERFACE_NUM'])"
            )
            shown = {
                line.split()[0]: tuple(line.split()[1:])
                for line in told.run(sys.executable, "-c", script).stdout.splitlines()
            }
        assert shown == computed
        for serial, row in boards.items():
            numbers = [computed[port] for port in row["ports"].values()]
            assert [name for name, _ in numbers] == [serial] * len(numbers)
            assert [number for _, number in numbers] == sorted(number for _, number in numbers)

    def test_probing_asks_what_only_looks_like_a_board(self, rack: RunningRack) -> None:
        before = rack.listed()
        assert {row["firmware"] for row in before.values()} == {None}
        rack.ask("device", **PROBE, interfaces=["00"])
        after = rack.listed("--probe")
        assert after[DK]["firmware"] == "mfw_nrf91x1_2.0.2, SLM 3.1.0"
        assert after[OLD]["firmware"] == "mfw_nrf9160_1.3.7, SLM 3.1.0"
        assert (after[PROBE["serial"]]["model"], after[PROBE["serial"]]["state"]) == ("unknown", "silent")

    def test_a_labs_own_model_and_two_boards_with_one_serial_number(self, rack: RunningRack, tmp_path: Path) -> None:
        own = {"vendor": "2fe3", "product": "0100", "manufacturer": "Us", "name": "Sensor", "serial": "S-1"}
        first = rack.ask("device", **own, interfaces=["00", "02"])["place"]
        config = tmp_path / "bench.toml"
        model = '[[models]]\nname = "sensor"\nvendor = "2fe3"\nproducts = ["0100"]\nports = ["log", "at"]\n'
        config.write_text(model)
        assert rack.listed()[DK]["name"] == "nrf9151dk-1"
        mine = rack.listed("--config", str(config))["S-1"]
        assert (mine["name"], mine["ports"]) == ("sensor-1", {"log": "/dev/ttyACM7", "at": "/dev/ttyACM8"})
        second = rack.ask("device", **own, interfaces=["00", "02"])["place"]
        config.write_text(model + '[[boards]]\nname = "s"\nserial = "S-1"\n')
        finished = rack.bench("boards", "--config", str(config))
        assert finished.returncode == 3
        assert "two attached devices have the serial number S-1" in finished.stderr
        assert first != second
        config.write_text(model + f'[[boards]]\nname = "s"\nplace = "pci-0000:00:14.0-usb-0:{second[2:]}"\n')
        rows = json.loads(rack.bench("boards", "--json", "--config", str(config)).stdout)
        assert [row["ports"]["at"] for row in rows if row["name"] == "s"] == ["/dev/ttyACM10"]

    def test_a_board_of_the_inventory_that_is_not_there_is_shown(self, rack: RunningRack, tmp_path: Path) -> None:
        config = tmp_path / "bench.toml"
        config.write_text('[[boards]]\nname = "gone"\nserial = "1051299999"\n')
        rows = json.loads(rack.bench("boards", "--json", "--config", str(config)).stdout)
        assert [row["state"] for row in rows if row["name"] == "gone"] == ["not attached"]

    def test_a_port_of_the_inventory_is_the_board_behind_it(self, rack: RunningRack, tmp_path: Path) -> None:
        config = tmp_path / "bench.toml"
        config.write_text('[[boards]]\nname = "mine"\nport = "/dev/ttyACM0"\n')
        rows = json.loads(rack.bench("boards", "--json", "--config", str(config)).stdout)
        assert [(row["name"], row["serial"]) for row in rows if row["model"] == "nrf9151dk"] == [("mine", DK)]
        config.write_text(config.read_text() + f'[[boards]]\nname = "again"\nserial = "{DK}"\n')
        finished = rack.bench("boards", "--config", str(config))
        assert (finished.returncode, "is in the inventory twice" in finished.stderr) == (2, True)
        config.write_text(f'[[boards]]\nname = "x"\nserial = "{DK}"\nmodel = "thingy91x"\n')
        finished = rack.bench("boards", "--config", str(config))
        assert (finished.returncode, "its USB identity is that of nrf9151dk" in finished.stderr) == (2, True)

    def test_a_board_is_found_again_at_the_port_that_was_named(self, rack: RunningRack) -> None:
        script = (
            "from bench.boards import found_again, named_port\nfrom bench.config.lab import Config\n"
            "import sys\nspec = named_port(sys.argv[1], 1, Config.model_validate(\n"
            "    {'boards': [{'name': 'log', 'port': sys.argv[1]}]}))\n"
            "print('ready', flush=True)\nsys.stdin.readline()\nprint(found_again(spec, Config(), 10).port)\n"
        )
        command = rack.command(sys.executable, "-c", script, "/dev/ttyACM1")
        pipe = subprocess.PIPE
        with subprocess.Popen(command, text=True, env=rack.environment, stdin=pipe, stdout=pipe) as finder:
            assert finder.stdout
            assert finder.stdout.readline() == "ready\n"
            rack.ask("unplug", board="simulated-1")
            rack.ask("plug", board="simulated-1", tty=30)
            assert finder.communicate("go\n", timeout=30)[0] == "/dev/ttyACM31\n"

    def test_bad_plugs_change_nothing(self, rack: RunningRack) -> None:
        rack.ask("unplug", board="simulated-1")
        for fields in ({"tty": "x"}, {"place": "../../x"}, {"tty": -1}):
            with pytest.raises(AssertionError, match=r"not the number of a tty|not a USB place"):
                rack.ask("plug", board="simulated-1", **fields)
        with pytest.raises(AssertionError, match="two hexadecimal digits"):
            rack.ask("device", **PROBE, interfaces=["zz"])
        assert rack.ask("plug", board="simulated-1")["place"] == "1-1"

    def test_power_that_goes_in_mid_handshake_leaves_nothing(self, rack: RunningRack) -> None:
        """The same connection hangs again after a replug, rather than fail at once."""
        script = (
            "import socket\nfrom bench.at import AtLink, CommandTimeout, PortLost\n"
            "from bench.modem import Modem\nimport sys, threading\n"
            "server = socket.create_server(('127.0.0.1', 0))\n"
            "with AtLink.open('/dev/ttyACM0') as link:\n"
            "    modem = Modem(link)\n    modem.registration.wait(5)\n"
            "    with modem.registration.offline(5):\n"
            "        modem.credentials.write(42, 3, b'0011')\n        modem.credentials.write(42, 4, b'name')\n"
            "    modem.sockets.open_secure(1, 42)\n"
            "    print('ready', flush=True)\n"
            "    try:\n"
            "        link.command(f'AT#XCONNECT=\"127.0.0.1\",{server.getsockname()[1]}', timeout=3)\n"
            "    except CommandTimeout:\n        print('hangs')\n"
            "    except PortLost:\n        print('lost')\n"
        )
        for expected in ("lost", "hangs"):
            command = rack.command(sys.executable, "-c", script)
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=rack.environment) as client:
                assert client.stdout
                assert client.stdout.readline() == "ready\n"
                time.sleep(0.3)
                if expected == "lost":
                    rack.ask("unplug", board="simulated-1")
                    rack.ask("plug", board="simulated-1")
                assert client.stdout.read() == f"{expected}\n"


class TestHotplug:
    @pytest.mark.long
    def test_two_hundred_plugs_lose_no_event(self, rack: RunningRack) -> None:
        command = rack.command(sys.executable, "-u", "-m", "bench.cli", "boards", "--watch", "--json")
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=rack.environment) as watch:
            assert watch.stdout
            try:
                lines = Lines(watch.stdout.fileno())
                assert {lines.next()["serial"] for _ in range(3)} == {DK, X, OLD}
                for index in range(200):
                    rack.ask("unplug", board="simulated-1")
                    gone = lines.next()
                    while gone["event"] == "attached":  # it was told once more as its last port came
                        gone = lines.next()
                    assert (gone["event"], gone["serial"]) == ("unplugged", DK)
                    rack.ask("plug", board="simulated-1", tty=20 + index % 7)
                    back = lines.next()
                    while len(back["ports"]) < 2:  # it was seen while it showed its ports one by one
                        back = lines.next()
                    assert (back["event"], back["serial"]) == ("attached", DK)
                    assert back["ports"]["at"] == f"/dev/ttyACM{20 + index % 7}"
            finally:
                watch.kill()


class Lines:
    """Lines of a pipe as they come: two in one read are not one that is waited for in vain."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting = b""

    def next(self) -> dict[str, Any]:
        while b"\n" not in self._waiting:
            assert select.select([self._descriptor], [], [], 30)[0], "no event came"
            self._waiting += os.read(self._descriptor, 65536)
        line, _, self._waiting = self._waiting.partition(b"\n")
        row: dict[str, Any] = json.loads(line)
        return row


class TestCommand:
    def test_a_command_runs_inside_and_its_exit_code_is_ours(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "bench.cli", "simulate", "--rack", "--", "sh", "-c", "ls /dev/ttyACM*; exit 7"]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert finished.returncode == 7
        assert "/dev/ttyACM0\n/dev/ttyACM1\n" in finished.stdout
        assert not Path("/dev/ttyACM0").exists()

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--", "true"), "a command needs --rack"),
            (("--rack", "--", "/nowhere/program"), "cannot run /nowhere/program"),
            (("--rack", "--link", "/tmp/x", "--", "true"), "--link cannot be used with --rack"),
            (("--model", "nrf52840dk"), "unknown --model 'nrf52840dk'"),
        ],
    )
    def test_mistakes_are_named(self, arguments: tuple[str, ...], says: str) -> None:
        command = [sys.executable, "-m", "bench.cli", "simulate", *arguments]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert finished.returncode == 2
        assert says in finished.stderr
        assert "Traceback" not in finished.stderr

    def test_bad_requests_are_answered(self, rack: RunningRack) -> None:
        for fields in ({"board": "simulated-1"}, {"board": "nobody"}):
            with pytest.raises(AssertionError, match=r"plugged in already|'nobody' is missing or unknown"):
                rack.ask("plug", **fields)
        assert rack.ask("list")["boards"]["simulated-1"] == ["/dev/ttyACM0", "/dev/ttyACM1"]

    def test_sigkill_leaves_nothing(self, tmp_path: Path) -> None:
        seconds = f"100{os.getpid()}"
        command = [sys.executable, "-m", "bench.cli", "simulate", "--rack", "--", "sleep", seconds]

        def alive() -> bool:
            return any(process.info["cmdline"] == ["sleep", seconds] for process in psutil.process_iter(["cmdline"]))

        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as rack:
            try:
                _until(alive)
            finally:
                rack.kill()
        _until(lambda: not alive())


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
