"""Whatever is changed in a modem is undone: also by the next process, when the one that changed it was killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.boards import Board, BoardSpec, SimulatedBoards
from bench.boards.profile import read_profile
from bench.boards.undo import UndoFile
from bench.modem import PacketContext
from bench.privacy import Concealer

KILLED = """
import contextlib, os, signal, sys
from bench.boards import Board, BoardSpec
from bench.modem import AttachSettings, PacketContext, SystemMode
from bench.privacy import Concealer

@contextlib.contextmanager
def attached_by(modem):
    modem.packet_data.attach_by(AttachSettings(PacketContext("IP", "lab.example"), "user", lambda: "secret"))
    yield

board = Board(BoardSpec.from_json(sys.argv[1]), Concealer(b"k" * 32)).open()
modem = board.modem
modem.registration.wait(10)
with {change}:
    print("changed", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
CHANGES = [
    "modem.power_saving.sleep_notices()",
    "contextlib.nullcontext()",
    "modem.power_saving.psm(active=2, periodic=600, timeout=5)",
    'modem.power_saving.edrx("LTE-M", 20.48, timeout=5)',
    "modem.system_modes.use(SystemMode(nb_iot=True), 10)",
    "modem.registration.offline(10)",
    "modem.radio.rai()",
    "attached_by(modem)",
    "modem.power_saving.psm(active=2, periodic=600, timeout=5), modem.registration.offline(10)",
]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "nrf91-bench" / "undo"


def defined(board: Board) -> PacketContext:
    """The context as it lies in the modem's memory."""
    with board.modem.registration.offline(5):
        return board.modem.packet_data.attach_context()


def opened(spec: BoardSpec, told: list[str]) -> Board:
    return Board(spec, Concealer(b"k" * 32), tell=told.append)


@pytest.mark.parametrize("change", CHANGES)
def test_a_killed_process_is_cleaned_up_after(change: str, state: Path) -> None:
    with SimulatedBoards(1) as boards:
        spec, told = boards.specs[0], list[str]()
        with opened(spec, told) as board:
            golden = read_profile(board.link)
            context = defined(board)
        finished = subprocess.run(
            [sys.executable, "-c", KILLED.format(change=change), spec.to_json()],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (finished.returncode, finished.stdout) == (-signal.SIGKILL, "changed\n"), finished.stderr
        assert list(state.glob("*.jsonl"))
        with opened(spec, told) as board:
            assert read_profile(board.link) == golden
            assert defined(board) == context
            board.modem.registration.wait(5)
        assert not list(state.glob("*.jsonl"))
    assert told
    assert all("an earlier run's change is undone" in text for text in told)


def test_urcs_that_were_asked_for_are_given_up() -> None:
    with SimulatedBoards(1) as boards, opened(boards.specs[0], []) as board:
        board.registered(5)
        board.registered(5)
        board.close()
        sent = [one.command for one in board.transcript.transactions]
    assert [sent.count(command) for command in ("AT+CNEC=0", "AT%MDMEV=0", "AT+CEREG=0")] == [1, 1, 1]


def test_what_a_test_leaves_changed_is_told_when_the_board_is_given_back() -> None:
    with SimulatedBoards(1) as boards:
        told: list[str] = []
        with opened(boards.specs[0], told) as board:
            board.link.command("AT%RAI=1")
    assert told == ["simulated-1 is not as it was found: RAI was %RAI: 0 and is %RAI: 1"]


def test_a_change_that_the_modem_does_not_take_back(state: Path) -> None:
    with SimulatedBoards(1) as boards:
        spec, told = boards.specs[0], list[str]()
        UndoFile(spec.key).remember(["AT+NOSUCH=1"])
        with opened(spec, told):
            pass
        with opened(spec, told):
            pass
    assert len(told) == 1
    assert "simulated-1 refuses what would undo an earlier run's change: AT+NOSUCH=1 answered ERROR" in told[0]
    assert not list(state.glob("*.jsonl"))


class TestFile:
    @given(st.lists(st.booleans(), max_size=20))
    def test_what_is_left_is_what_was_not_undone(self, undone: list[bool]) -> None:
        journal = UndoFile("serial-1")
        journal.clear()
        for number, forget in [(n, journal.remember([f"AT+A={n}"])) for n in range(len(undone))]:
            if undone[number]:
                forget()
        left = [(f"AT+A={number}",) for number, done in enumerate(undone) if not done]
        assert list(UndoFile("serial-1").left_over()) == left[::-1]
        assert journal.path.exists() == bool(left)

    @given(st.binary(max_size=60), st.integers(0, 80))
    def test_a_damaged_file_loses_no_whole_row(self, noise: bytes, cut: int) -> None:
        journal = UndoFile("serial-2")
        journal.clear()
        journal.remember(["AT+A=1"])
        whole = journal.path.read_bytes()
        second = json.dumps({"change": 2, "undo": ["AT+B=1"]}).encode()
        journal.path.write_bytes(whole + noise.replace(b"\n", b" ") + b"\n" + second[:cut])
        found = list(UndoFile("serial-2").left_over())
        assert found[-1] == ("AT+A=1",)
        assert len(found) == 1 + (cut >= len(second))

    def test_it_is_on_disk_before_the_change_and_nobody_elses_to_read(self) -> None:
        journal = UndoFile("serial-3")
        journal.remember(["AT+A=1"])
        assert journal.path.stat().st_mode & 0o777 == 0o600
