"""Files where other users can write: what is planted there is neither followed nor believed."""

import os
import stat
from pathlib import Path

import pytest

from bench.boards.lease import Lease, holder_of, lock_folder
from bench.boards.ledger import Ledger
from bench.boards.undo import UndoFile
from bench.errors import LabError
from bench.privacy import lab_key
from bench.security.credentials import lab_credentials
from bench.shared_files import Untrusted, check_own, open_plain, read_plain, replace_plain, user_name

KINDS = ["link", "dangling link", "pipe", "folder"]


def plant(path: Path, kind: str) -> Path:
    """Puts something else where a file is expected; returns what a link leads to."""
    target = path.parent / "target"
    if kind == "link":
        target.write_text("theirs")
    if "link" in kind:
        path.symlink_to(target)
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    return target


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT | os.O_APPEND])
def test_only_a_plain_file_is_opened(tmp_path: Path, kind: str, flags: int) -> None:
    target = plant(tmp_path / "file", kind)
    with pytest.raises(OSError, match="file"):
        os.close(open_plain(tmp_path / "file", flags))
    assert kind == "link" or not target.exists()


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_file_is_replaced_not_written_through(tmp_path: Path, kind: str) -> None:
    target = plant(tmp_path / "file", kind)
    replace_plain(tmp_path / "file", "ours", 0o600)
    assert read_plain(tmp_path / "file") == ("ours", os.geteuid())
    assert not target.exists() or target.read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("mode", "private", "told"),
    [
        (0o600, True, ""),
        (0o644, False, ""),
        (0o644, True, "others can read"),
        (0o640, True, "others can read"),
        (0o664, False, "others can write to"),
        (0o646, False, "others can write to"),
    ],
)
def test_modes_of_state(tmp_path: Path, mode: int, private: bool, told: str) -> None:
    path = tmp_path / "state"
    path.touch()
    path.chmod(mode)
    if not told:
        check_own(path, private=private)
        return
    with pytest.raises(Untrusted, match=f"{told} .*state: chmod"):
        check_own(path, private=private)


def test_another_users_state_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    path.touch()
    owner = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(Untrusted, match=f"belongs to {user_name(owner)}, not to you"):
        check_own(path)


class TestState:
    """Every file that the bench keeps from run to run."""

    @pytest.fixture(autouse=True)
    def state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        (tmp_path / "nrf91-bench" / "undo").mkdir(parents=True)
        return tmp_path / "nrf91-bench"

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_key(self, state: Path, kind: str) -> None:
        plant(state / "short-id.key", kind)
        with pytest.raises(LabError, match=r"short-id\.key is not a regular file: remove it"):
            lab_key()

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_ledger(self, state: Path, kind: str) -> None:
        plant(state / "ledger.sqlite", kind)
        with pytest.raises(LabError, match=r"ledger\.sqlite is not a regular file"), Ledger():
            pass

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_credentials(self, state: Path, kind: str) -> None:
        plant(state / "credentials.json", kind)
        with pytest.raises(LabError, match=r"credentials\.json is not a regular file"):
            lab_credentials()

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_sent_to_a_board(self, state: Path, kind: str) -> None:
        plant(state / "undo" / "serial-1.jsonl", kind)
        kept = UndoFile("serial-1")
        with pytest.raises(Untrusted, match="is not a regular file"):
            list(kept.left_over())
        with pytest.raises(Untrusted, match="is not a regular file"):
            kept.remember(["AT+CFUN=1"])

    def test_what_others_could_have_written_is_not_sent(self, state: Path) -> None:
        (state / "undo" / "serial-1.jsonl").write_text('{"change": 1, "undo": ["AT+CFUN=0"]}\n')
        (state / "undo" / "serial-1.jsonl").chmod(0o666)
        with pytest.raises(Untrusted, match="others can write to"):
            list(UndoFile("serial-1").left_over())


class TestLocks:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("NRF91_BENCH_LOCKS", str(tmp_path / "locks"))
        return tmp_path / "locks"

    def test_all_users_may_lock_and_only_an_owner_may_remove(self, folder: Path) -> None:
        assert stat.S_IMODE(lock_folder().stat().st_mode) == 0o1777

    def test_a_folder_of_ours_gets_its_sticky_bit_back(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        assert stat.S_IMODE(lock_folder().stat().st_mode) == 0o1777

    def test_a_folder_in_which_anybody_removes_anything_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        owner = os.geteuid()
        monkeypatch.setattr("os.geteuid", lambda: owner + 1)
        with pytest.raises(LabError, match=r"has no sticky bit, .*: chmod \+t it"):
            lock_folder()

    def test_a_link_is_refused(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(LabError, match="is not a folder"):
            lock_folder()

    @pytest.mark.parametrize("text", ['{"pid": Infinity}', "[" * 100_000, "\x1b[2J", '{"pid": 1e999}'])
    def test_a_signature_that_is_none_names_nobody(self, folder: Path, text: str) -> None:
        with Lease("serial-1", "dk-1", "test"):
            (lock_folder() / "serial-1.lock").write_text(text)
            seen = holder_of("serial-1")
        assert seen is not None
        assert seen.user == "unknown"

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_lock_is_a_plain_file(self, folder: Path, kind: str) -> None:
        target = plant(lock_folder() / "serial-1.lock", kind)
        with pytest.raises(LabError, match=r"cannot lock dk-1: .*serial-1\.lock"):
            Lease("serial-1", "dk-1", "test").acquire()
        assert kind != "dangling link" or not target.exists()
