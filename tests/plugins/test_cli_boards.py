"""``nrf91-bench boards``: what is attached, who has it, and what it says of itself."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.boards import UNKNOWN, AttachedBoard, BoardChange, BoardSpec, Lease
from tests.support.inline import command_line
from tests.support.responder import SLM_IDENTITY, device

SERIAL = "001051202135"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No board of this host, no lease of anybody."""
    monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr("bench.cli.boards.attached_boards", lambda _: [])


def inventory(folder: Path, **ports: str) -> Path:
    entries = [f'[[boards]]\nname = "{name}"\nport = "{port}"\n' for name, port in ports.items()]
    (folder / "bench.toml").write_text("".join(entries))
    return folder


def listed(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    finished = command_line("boards", "--json", *arguments, folder=folder)
    assert finished.returncode == 0, finished.stderr
    return {row["name"] or row["serial"]: row for row in json.loads(finished.stdout)}


class TestList:
    def test_none(self, tmp_path: Path) -> None:
        assert "no board is attached" in command_line("boards", folder=tmp_path).stdout

    def test_the_inventory(self, tmp_path: Path, shared_board: BoardSpec) -> None:
        with device(SLM_IDENTITY) as free, device(SLM_IDENTITY) as taken:
            ports = {"free": free.path, "taken": taken.path, "far": "tcp://127.0.0.1:9", "gone": "/dev/ttyNONE"}
            inventory(tmp_path, **ports)
            spec = BoardSpec("taken", taken.path, hardware=False)
            with Lease(spec.key, "taken", "a look at it"):
                rows = listed(tmp_path)
                table = command_line("boards", folder=tmp_path).stdout.splitlines()
        assert rows["free"]["state"] == "free"
        assert rows["far"]["state"] == "configured"
        assert rows["gone"]["state"] == "not attached"
        assert rows["taken"]["state"] == "in use"
        assert rows["taken"]["details"].startswith("by ")
        assert "a look at it" in rows["taken"]["details"]
        assert table[0].split() == ["name", "model", "serial", "ports", "firmware", "place", "state"]
        assert len(table) == 5

    def test_probing_asks_whoever_is_free(self, tmp_path: Path) -> None:
        with device(SLM_IDENTITY) as good, device(SLM_IDENTITY) as taken, device({b"AT": b""}) as deaf:
            inventory(tmp_path, good=good.path, taken=taken.path, deaf=deaf.path)
            with Lease(BoardSpec("taken", taken.path, hardware=False).key, "taken", "work"):
                rows = listed(tmp_path, "--probe")
        assert (rows["good"]["state"], rows["good"]["firmware"]) == ("free", "mfw_nrf91x1_2.0.1, SLM 2.9.0")
        assert rows["deaf"]["state"] == "silent"
        assert rows["taken"]["firmware"] is None

    def test_what_only_looks_like_a_board(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each of its ports is asked, and that which answers is the AT port."""
        with device(SLM_IDENTITY) as speaks, device({b"AT": b""}) as silent:
            found = [
                AttachedBoard(UNKNOWN, "77", {"port0": silent.path, "port1": speaks.path}, "1-2", "sysfs"),
                AttachedBoard("nrf9151dk", SERIAL, {"at": speaks.path}, "1-3", "udev"),
            ]
            monkeypatch.setattr("bench.cli.boards.attached_boards", lambda _: found)
            monkeypatch.setattr("bench.boards.listing.known_boards", lambda *_: [])
            before = listed(tmp_path)
            assert (before["77"]["state"], before["77"]["details"]) == ("may be a board", "--probe asks")
            assert before[SERIAL]["model"] == "nrf9151dk"
            assert "udevd's database is not there" in command_line("boards", folder=tmp_path).stdout
            monkeypatch.setattr("bench.cli.boards.attached_boards", lambda _: found[:1])
            asked = listed(tmp_path, "--probe")["77"]
        assert (asked["state"], asked["ports"]["at"]) == ("free", speaks.path)

    def test_a_device_that_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with device({b"AT": b""}) as silent:
            found = [AttachedBoard(UNKNOWN, "77", {"port0": silent.path}, "1-2", "udev")]
            monkeypatch.setattr("bench.cli.boards.attached_boards", lambda _: found)
            monkeypatch.setattr("bench.boards.listing.known_boards", lambda *_: [])
            row = listed(tmp_path, "--probe")["77"]
        assert (row["state"], row["details"]) == ("silent", "no port speaks AT")


class TestWatch:
    def test_what_is_plugged_in_and_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        board = AttachedBoard("nrf9151dk", SERIAL, {"at": "/dev/ttyACM7"}, "1-3", "udev")

        class Monitor:
            def __init__(self, _: object) -> None:
                self.boards = [board]

            def __enter__(self) -> "Monitor":
                return self

            def __exit__(self, *_: object) -> None: ...

            def changes(self, _: float) -> Iterator[BoardChange]:
                self.boards = []
                yield BoardChange(board, attached=False)
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr("bench.cli.board_watch.BoardMonitor", Monitor)
        finished = command_line("boards", "--watch", folder=tmp_path)
        assert finished.returncode == 0
        assert [line.split()[1:3] for line in finished.stdout.splitlines()] == [
            ["attached", "nrf9151dk-1"],
            ["unplugged", "nrf9151dk-1"],
        ]
        told = [
            json.loads(line)
            for line in command_line("boards", "--watch", "--json", folder=tmp_path).stdout.splitlines()
        ]
        assert [(row["event"], row["serial"], row["name"]) for row in told] == [
            ("attached", SERIAL, "nrf9151dk-1"),
            ("unplugged", SERIAL, "nrf9151dk-1"),
        ]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--watch", "--probe"), "--probe opens ports"),
            (("--json", "--page", "lab.html"), "choose one"),
            (("--page", "nowhere/lab.html"), "--page: cannot write nowhere/lab.html: there is no folder nowhere"),
            (("--page", "."), "--page: cannot write ."),
        ],
    )
    def test_mistakes(self, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
        finished = command_line("boards", *arguments, folder=tmp_path)
        assert (finished.returncode, says in finished.stderr) == (2, True), finished.stderr

    def test_a_page_once(self, tmp_path: Path) -> None:
        with device(SLM_IDENTITY) as board:
            inventory(tmp_path, mine=board.path)
            finished = command_line("boards", "--page", "lab.html", folder=tmp_path)
        assert (finished.returncode, finished.stdout) == (0, "page   lab.html\n")
        page = (tmp_path / "lab.html").read_text()
        assert "1 board: 1 free" in page
        assert "SIMULATED" in page


class TestReserve:
    def test_until_and_given_back(self, tmp_path: Path) -> None:
        with device(SLM_IDENTITY) as board:
            inventory(tmp_path, mine=board.path)
            made = command_line("boards", "reserve", "mine", "--until", "8h", "--why", "a look", folder=tmp_path)
            assert made.returncode == 0, made.stderr
            assert "mine   reserved by" in made.stdout
            row = listed(tmp_path)["mine"]
            assert row["state"] == "reserved"
            assert row["details"].endswith("UTC: a look")
            back = command_line("boards", "release", "mine", folder=tmp_path)
            assert "free for everybody" in back.stdout
            assert listed(tmp_path)["mine"]["state"] == "free"
            again = command_line("boards", "release", board.path, folder=tmp_path)
            assert (again.returncode, "it is not reserved" in again.stderr) == (2, True)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("reserve", "nobody", "--until", "8h", "--why", "x"), "nobody"),
            (("reserve", "here", "--until", "soon", "--why", "x"), "'soon'"),
            (("reserve", "here", "--until", "2020-01-01", "--why", "x"), "has passed"),
            (("reserve", "away", "--until", "8h", "--why", "x"), "plug it in, or give its serial"),
        ],
    )
    def test_mistakes(self, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
        with device(SLM_IDENTITY) as board:
            inventory(tmp_path, here=board.path)
            with (tmp_path / "bench.toml").open("a") as file:
                file.write('[[boards]]\nname = "away"\nplace = "9-9"\n')
            finished = command_line("boards", *arguments, folder=tmp_path)
        assert (finished.returncode, words in finished.stderr) == (2, True), finished.stderr
