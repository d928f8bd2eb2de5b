"""The messages between a lab's client and a board's host, and the folder that a host keeps."""

import io
import os
import tarfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import LabError
from bench.host import encode, parse_message, parse_request
from bench.host.archive import pack, unpack
from bench.host.messages import BadMessage, Drop, Ended, Fetch, Hello, HostBoard, Piece, Rows, Seen, Start
from bench.host.program import row_of
from bench.host.workspace import Workspace

TEXT = st.text(max_size=40)
JSON = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-(2**53), 2**53), st.booleans(), st.none()), max_size=5)
BOARDS = st.lists(
    st.builds(HostBoard, name=TEXT, model=TEXT, serial=TEXT, labels=st.lists(TEXT, max_size=3)), max_size=3
)
MESSAGES = st.one_of(
    st.builds(Rows, run=TEXT, board=TEXT, rows=st.lists(JSON, max_size=3)),
    st.builds(Ended, run=TEXT, board=TEXT, exit_code=st.integers(-64, 255), begun=st.booleans(), said=TEXT),
    st.builds(Piece, run=TEXT, board=TEXT, data=st.binary(max_size=100)),
    st.builds(Seen, number=st.integers(0, 2**31), boards=BOARDS),
    st.builds(Hello, version=TEXT, protocol=st.integers(0, 99), boards=BOARDS),
)
REQUESTS = st.one_of(
    st.builds(Start, run=TEXT, board=TEXT, arguments=st.lists(TEXT, max_size=4), files=st.binary(max_size=100)),
    st.builds(Fetch, run=TEXT, board=TEXT),
    st.builds(Drop, run=TEXT, board=TEXT),
)


@given(MESSAGES)
def test_a_message_arrives_as_it_was(message: Rows | Ended | Piece | Seen | Hello) -> None:
    line = encode(message)
    assert (line.count(b"\n"), parse_message(line)) == (1, message)


@given(REQUESTS)
def test_a_request_arrives_as_it_was(request: Start | Fetch | Drop) -> None:
    assert parse_request(encode(request)) == request


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"type": "plan", "test": "t"}\n', "plan"),
        (b'{"type": "samples", "values": [NaN]}\n', "samples"),
        (b'{"type": "plan", "test": "\\ud800"}\n', "lost"),  # no JSON of the line's: it could not be sent
        (b'{"type": "pl\n', "lost"),
        (b"[1]\n", "lost"),
        (b"\xff\n", "lost"),
    ],
)
def test_a_damaged_row_of_a_host_is_lost_evidence(line: bytes, kind: str) -> None:
    row = row_of(line, "dk-1")
    assert row["type"] == kind
    assert encode(Rows(run="w", board="dk-1", rows=[row]))


@given(st.binary(max_size=60))
def test_what_is_not_a_message_is_told(line: bytes) -> None:
    for parse in (parse_message, parse_request):
        with pytest.raises(BadMessage, match="expected a"):
            parse(line)


@pytest.mark.parametrize("name", ["../x", "", ".", "..", "a/b", "/etc", "a\0", "x" * 200])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path, 1.0)
    for run, board in ((name, "dk-1"), ("run", name)):
        with pytest.raises(LabError, match="is not the name"):
            workspace.place(run, board)


def test_a_folder_is_kept_until_it_was_collected_long_enough_ago(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, 1.0)
    old, fresh, kept = (workspace.make("run", board, b"") for board in ("dk-1", "dk-2", "dk-3"))
    for place in (old, fresh):
        place.note_collected()
    long_ago = time.time() - 2 * 86400
    os.utime(old.folder / "collected", (long_ago, long_ago))
    workspace.forget_old()
    assert (old.folder.exists(), fresh.folder.exists(), kept.folder.exists()) == (False, True, True)


def test_a_board_plays_once_in_a_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, 1.0)
    place = workspace.make("run", "dk-1", b"")
    workspace.make("run", "dk-1", b"")  # nothing was proved there: it was refused, and is tried again
    place.out.mkdir()
    place.stream.write_text("")
    with pytest.raises(LabError, match="has played in the run"):
        workspace.make("run", "dk-1", b"")


def test_a_folder_arrives_without_what_may_name_a_board(tmp_path: Path) -> None:
    place = Workspace(tmp_path / "host", 1.0).make("run", "dk-1", b"")
    for name in ("results.jsonl", "transcripts/dk-1/t.txt", "allure-results/a-result.json", "console-dk-1.txt"):
        (place.out / name).parent.mkdir(parents=True, exist_ok=True)
        (place.out / name).write_text(name)
    (place.out / "transcripts" / "leads-out").symlink_to("/etc/passwd")
    (tmp_path / "here").mkdir()
    unpack(io.BytesIO(b"".join(place.pack())), tmp_path / "here")
    found = {
        path.relative_to(tmp_path / "here").as_posix() for path in (tmp_path / "here").rglob("*") if path.is_file()
    }
    assert found == {"results.jsonl", "transcripts/dk-1/t.txt", "allure-results/a-result.json"}


def evil(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [evil("../out"), evil("/etc/x"), evil("a/../../x"), evil("link", tarfile.SYMTYPE), evil("hard", tarfile.LNKTYPE)],
    ids=["above", "absolute", "above, at a second look", "symbolic link", "hard link"],
)
def test_an_archive_writes_only_below_its_folder(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(LabError, match="is not a file below its folder"):
        unpack(io.BytesIO(data), tmp_path / "in")
    assert list(tmp_path.iterdir()) == [tmp_path / "in"]


@given(st.binary(max_size=200))
def test_a_damaged_archive_is_told(data: bytes) -> None:
    with pytest.raises(LabError, match="damaged"):
        unpack(io.BytesIO(data), Path("nowhere"))


def test_an_archive_that_was_cut(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(20_000))
    buffer = io.BytesIO()
    pack(buffer, {"file": tmp_path / "file"})
    (tmp_path / "in").mkdir()
    with pytest.raises(LabError, match="damaged"):
        unpack(io.BytesIO(buffer.getvalue()[:9000]), tmp_path / "in")
