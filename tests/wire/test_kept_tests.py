"""What a board's tests leave in one file: what was written is read again, whatever is cut off."""

import gzip
import resource
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import Entry, Response
from bench.clock import Anchor
from bench.errors import UsageError
from bench.peers import JournalEntry
from bench.report import Evidence, KeptTest, PeerJournal, keep_test, kept_file, kept_tests

ANCHOR = Anchor(1_000, datetime(2026, 11, 30, 3, 4, 5, 678901, tzinfo=UTC))
stamps = st.integers(0, 2**62)
entries = st.builds(Entry, stamps, st.sampled_from(["tx", "rx", "note"]), st.binary(max_size=40), stamps)
events = st.builds(JournalEntry, stamps, st.text(max_size=8), data=st.none() | st.binary(min_size=1, max_size=9))
evidence = st.builds(
    Evidence,
    st.lists(entries, max_size=4),
    st.lists(
        st.builds(lambda text, sent: Response(text, (), None, "OK", sent, sent + 1, sent + 2), st.text("AT#X"), stamps),
        max_size=3,
    ),
    st.lists(st.lists(events, min_size=1, max_size=2), max_size=2).map(
        lambda lists: [PeerJournal(f"udp-echo {port}", entries) for port, entries in enumerate(lists)]
    ),
    st.just(ANCHOR),
)
tests = st.lists(st.builds(KeptTest, st.text(min_size=1), st.integers(1, 3), st.integers(1, 2), evidence), max_size=4)


@given(tests)
def test_what_was_kept_is_read_again(kept: Sequence[KeptTest]) -> None:
    with TemporaryDirectory() as folder:
        path = kept_file(Path(folder), "dk-1")
        path.parent.mkdir()
        for one in kept:
            keep_test(path, one)
        assert list(kept_tests(path)) == list(kept) if kept else not path.exists()


def three(folder: Path) -> Path:
    path = kept_file(folder, "dk-1")
    path.parent.mkdir()
    for number in range(3):
        entry = Entry(number, "tx", b"AT#%d\r\n" % number, 0)
        keep_test(path, KeptTest(f"test_a.py::test_{number}", 1, 1, Evidence([entry], [], [], ANCHOR)))
    return path


@pytest.mark.parametrize("less", [1, 8, 9, 30])
def test_of_a_file_that_a_crash_cut_short_the_whole_tests_are_there(tmp_path: Path, less: int) -> None:
    path = three(tmp_path)
    path.write_bytes(path.read_bytes()[:-less])
    assert [kept.test for kept in kept_tests(path)][:2] == ["test_a.py::test_0", "test_a.py::test_1"]


def test_a_disk_that_becomes_full_is_told_and_leaves_no_half_part(tmp_path: Path) -> None:
    """Such a disk takes the beginning of a part without an error; so does a limit of a file's size."""
    path = three(tmp_path)
    kept, size = list(kept_tests(path)), path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            keep_test(path, kept[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    keep_test(path, kept[0])
    assert list(kept_tests(path)) == [*kept, kept[0]]


@pytest.mark.parametrize("left", [4, 12, 40])
def test_a_part_that_was_torn_spoils_no_other(tmp_path: Path, left: int) -> None:
    """A process was killed while it wrote; the next round adds its tests behind."""
    path = three(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:left] + whole)
    assert [kept.test for kept in kept_tests(path)][-3:] == [f"test_a.py::test_{number}" for number in range(3)]


def test_any_program_can_read_it(tmp_path: Path) -> None:
    lines = gzip.decompress(three(tmp_path).read_bytes()).decode().splitlines()
    assert len(lines) == 6
    assert lines[1] == '{"row":"port","t_ns":0,"direction":"tx","data":"AT#0\\r\\n","empty_ns":0}'


@pytest.mark.parametrize(
    "content",
    [b"not gzip", gzip.compress(b"no JSON\n"), gzip.compress(b'{"row":"port","t_ns":1,"direction":"tx","data":""}\n')],
    ids=["other bytes", "other lines", "no test"],
)
def test_what_is_something_else_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read .*x\.jsonl\.gz: "):
        list(kept_tests(tmp_path / "x.jsonl.gz"))


def test_a_long_time_line_is_shortened_in_the_middle() -> None:
    found = Evidence([Entry(number, "tx", b"%d" % number, 0) for number in range(1000)], [], [], ANCHOR)
    lines = found.timeline(10).splitlines()
    assert len(lines) == 1 + 10 + 1
    assert "990 events are left out here; nrf91-bench transcript RUN TEST" in lines[6]
    assert [lines[1].split()[-1], lines[5].split()[-1], lines[7].split()[-1], lines[-1].split()[-1]] == [
        "0",
        "4",
        "995",
        "999",
    ]
    assert len(found.timeline().splitlines()) == 1001
