"""Transcripts: binary-safe, readable, concealed without changing a length, on disk when a process dies."""

import stat
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import Entry, Transcript, printable
from bench.at.transcript import concealed, read_jsonl, to_jsonl, to_text
from bench.clock import Anchor
from bench.errors import UsageError
from bench.privacy import Concealer

entries = st.lists(
    st.builds(Entry, st.integers(0, 2**62), st.sampled_from(["tx", "rx", "note"]), st.binary(max_size=40)), max_size=20
)


@given(entries)
def test_a_written_transcript_reads_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Entry]) -> None:
    path = tmp_path_factory.mktemp("t") / "t.jsonl"
    path.write_text(to_jsonl(rows))
    assert read_jsonl(path) == rows
    assert to_text(rows, Anchor()).count("\n") == (len(rows) + 1 if rows else 1)


@given(st.binary())
def test_printable_is_one_line_of_ascii(data: bytes) -> None:
    text = printable(data)
    assert text.isascii()
    assert "\n" not in text
    assert text.encode().decode("unicode_escape").encode("latin-1") == data


@given(st.lists(st.integers(1, 60), max_size=6))
def test_an_identity_is_concealed_wherever_a_chunk_cuts_it(cuts: list[int]) -> None:
    stream = b'\r\n+CGSN: "359404230000000"\r\n\r\nOK\r\n\r\n#XRECV: 15\r\n359404230000000\r\nOK\r\n'
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    rows = [Entry(i, "rx", stream[a:b]) for i, (a, b) in enumerate(pairwise(edges))]
    hidden = concealed(rows, Concealer(b"k" * 32).conceal)
    assert [len(row.data) for row in hidden] == [len(row.data) for row in rows]
    whole = b"".join(row.data for row in hidden)
    assert b"359404230000000" not in whole
    assert whole.count(b"imei-") == 2


def test_a_half_row_at_the_end_is_left_out_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    row = to_jsonl([Entry(1, "tx", b"AT\r\n")])
    path.write_text(row + '{"t_ns": 2, "dir')
    assert read_jsonl(path) == [Entry(1, "tx", b"AT\r\n")]
    path.write_text(row + '{"t_ns": 2, "direction": "up", "data": ""}\n')
    with pytest.raises(UsageError, match=r"line 2.*direction is 'up'"):
        read_jsonl(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_jsonl(tmp_path / "none")


def test_a_spool_holds_what_is_not_cut_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    transcript = Transcript()
    transcript.spool_to(path)
    transcript.record((1, "tx", b"AT\r\n", 0))
    transcript.flush()
    assert read_jsonl(path) == [Entry(1, "tx", b"AT\r\n")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    transcript.record((2, "rx", b"\r\nOK\r\n", 1))
    taken, _ = transcript.cut()
    assert taken == read_jsonl(path) == [Entry(1, "tx", b"AT\r\n"), Entry(2, "rx", b"\r\nOK\r\n", 1)]
    assert transcript.entries == []
    transcript.close()
    assert transcript.lost == ""


def test_a_full_disk_is_noticed_not_raised() -> None:
    transcript = Transcript()
    transcript.spool_to(Path("/dev/full"))
    transcript.record((1, "tx", b"AT\r\n", 0))
    transcript.flush()
    assert "could not be written" in transcript.lost
    transcript.close()
