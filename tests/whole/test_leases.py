"""Leases: one board, one user, however its holder dies."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.at import PortBusy
from bench.boards import Board, BoardLeased, BoardSpec, Holder, Lease, holder_of, inherited, terminal_lock
from bench.boards.lease import FOLDER, key_of, lock_folder
from bench.errors import LabError
from bench.privacy import Concealer
from tests.support.responder import SLM_IDENTITY, device

HOLD = """
import sys, time
from bench.boards import Lease
with Lease(sys.argv[1], "dk-1", "nightly"):
    print("ready", flush=True)
    time.sleep(60)
"""
INHERIT = """
import sys, time
from bench import children
from bench.boards import Lease, inherited
lease = Lease(sys.argv[1], "dk-1", "nightly").acquire()
child = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(1.5)"]
children.spawn(child, environment=inherited([lease]), pass_fds=(lease.fd,))
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path / "locks"))
    return tmp_path / "locks"


@pytest.fixture
def holder() -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the board."""
    with subprocess.Popen([sys.executable, "-c", HOLD, "serial-1"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


class TestOneUser:
    def test_is_refused_by_name(self, holder: "subprocess.Popen[str]") -> None:
        with pytest.raises(BoardLeased, match=rf"dk-1 is in use by \S+ \(pid {holder.pid}\) since 20.*: nightly; wait"):
            Lease("serial-1", "dk-1", "mine").acquire()
        seen = holder_of("serial-1")
        assert isinstance(seen, Holder)
        assert (seen.job, seen.pid) == ("nightly", holder.pid)

    def test_another_board_is_free(self, holder: "subprocess.Popen[str]") -> None:
        with Lease("serial-2", "dk-2", "mine") as lease:
            seen = holder_of(lease.key)
            assert seen is not None
            assert seen.pid == os.getpid()
        assert holder_of(lease.key) is None

    def test_sigkill_leaves_nothing_to_clean_up(self, holder: "subprocess.Popen[str]") -> None:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert holder_of("serial-1") is None
        Lease("serial-1", "dk-1", "mine").acquire().release()

    def test_waiting(self, holder: "subprocess.Popen[str]") -> None:
        told: list[Holder | None] = []
        threading.Timer(0.5, holder.kill).start()
        lease = Lease("serial-1", "dk-1", "mine").acquire(wait=30, waiting=told.append)
        assert [seen and seen.pid for seen in told] == [holder.pid]
        lease.release()

    def test_waiting_has_an_end(self, holder: "subprocess.Popen[str]") -> None:
        with pytest.raises(BoardLeased):
            Lease("serial-1", "dk-1", "mine").acquire(wait=0.2)

    def test_stands_until_the_child_that_inherited_it_is_gone_too(self) -> None:
        with subprocess.Popen([sys.executable, "-c", INHERIT, "serial-3"], stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout
            assert parent.stdout.readline() == "ready\n"
            parent.kill()
            parent.wait()
            with pytest.raises(BoardLeased):
                Lease("serial-3", "dk-3", "mine").acquire()
            Lease("serial-3", "dk-3", "mine").acquire(wait=30).release()

    def test_a_child_uses_what_it_inherited(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Lease("serial-4", "dk-4", "ours") as lease:
            for name, value in inherited([lease]).items():
                monkeypatch.setenv(name, value)
            again = Lease("serial-4", "dk-4", "child").acquire()
            assert again.fd == -1

    def test_a_broken_signature_is_no_reason_to_fail(self, locks: Path, holder: "subprocess.Popen[str]") -> None:
        (locks / "serial-1.lock").write_text("{")
        with pytest.raises(BoardLeased, match="in use by another process"):
            Lease("serial-1", "dk-1", "mine").acquire()

    def test_a_lock_file_that_was_tidied_away_is_not_locked(self, locks: Path) -> None:
        """Whoever waited for a file that has no name any more would share the board with whoever locks the new one."""
        first = Lease("serial-6", "dk-6", "first").acquire()
        waiting = Lease("serial-6", "dk-6", "second")
        thread = threading.Thread(target=lambda: waiting.acquire(wait=20))
        thread.start()
        time.sleep(0.2)
        (locks / "serial-6.lock").unlink()
        first.release()
        thread.join()
        with pytest.raises(BoardLeased):
            Lease("serial-6", "dk-6", "third").acquire()
        waiting.release()

    def test_waiting_can_be_stopped(self, holder: "subprocess.Popen[str]") -> None:
        began = time.monotonic()
        with pytest.raises(BoardLeased):
            Lease("serial-1", "dk-1", "mine").acquire(wait=600, stopped=lambda: time.monotonic() > began + 0.2)

    def test_no_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv(FOLDER, str(tmp_path / "file" / "below"))
        with pytest.raises(LabError, match="no folder for locks"):
            lock_folder()

    def test_a_symbolic_link_in_the_place_of_a_lock_is_refused(self, locks: Path, tmp_path: Path) -> None:
        lock_folder()
        (locks / "serial-5.lock").symlink_to(tmp_path / "victim")
        with pytest.raises(LabError, match="cannot lock"):
            Lease("serial-5", "dk-5", "mine").acquire()
        assert not (tmp_path / "victim").exists()


class TestKeys:
    def test_a_serial_number_as_each_tool_prints_it(self) -> None:
        assert key_of("001051202135", "/dev/ttyACM0") == key_of("1051202135", "/dev/ttyACM9")
        assert key_of("", "/dev/ttyACM0") != key_of("", "/dev/ttyACM1")
        assert "/" not in key_of("", "tcp://rack:4001")
        assert "/" not in key_of("a/b", "/dev/ttyACM0")
        assert key_of("000", "/dev/ttyACM0") != key_of("000", "/dev/ttyACM1")


class TestBoards:
    def spec(self, path: str) -> BoardSpec:
        return BoardSpec("slot-1", path, hardware=False)

    def test_an_open_board_is_leased(self) -> None:
        with device(SLM_IDENTITY) as responder:
            spec = self.spec(responder.path)
            with Board(spec, Concealer(b"k" * 32), job="a test"):
                seen = holder_of(spec.key)
                assert seen is not None
                assert seen.job == "a test"
            assert holder_of(spec.key) is None

    def test_a_board_that_is_leased_is_not_opened(self) -> None:
        with device(SLM_IDENTITY) as responder:
            spec = self.spec(responder.path)
            environment = {**os.environ}
            command = [sys.executable, "-c", HOLD, spec.key]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stdout
                process.stdout.readline()
                with pytest.raises(BoardLeased):
                    Board(spec, Concealer(b"k" * 32)).open()
                process.kill()
            assert responder.heard == b""

    def test_a_terminal_program_with_a_lock_file(self) -> None:
        with device(SLM_IDENTITY) as responder:
            lock = Path("/var/lock") / f"LCK..{Path(responder.path).name}"
            lock.write_text(f"{os.getpid():10}\n")
            try:
                assert f"(pid {os.getpid()}, {lock})" in terminal_lock(responder.path)
                with pytest.raises(PortBusy, match="close that program"):
                    Board(self.spec(responder.path), Concealer(b"k" * 32)).open()
                lock.write_text("4194305\n")  # a process that cannot be: its lock is stale
                assert terminal_lock(responder.path) == ""
            finally:
                lock.unlink()


def test_the_text_of_a_lock_is_for_people(locks: Path) -> None:
    with Lease("serial-9", "dk-9", "nrf91-bench run"):
        row = json.loads((locks / "serial-9.lock").read_text())
    assert row["job"] == "nrf91-bench run"
    assert time.strptime(row["since"], "%Y-%m-%dT%H:%M:%SZ")
