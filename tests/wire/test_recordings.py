"""Recordings of real boards are read as they are meant, however they are cut; and how a transcript becomes one."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at.anonymous import anonymous
from bench.at.recording import Recording, read_entries, recordings_in
from bench.at.transcript import Entry, to_jsonl
from bench.errors import UsageError
from tests.support.inline import command_line

FOLDER = Path(__file__).parents[1] / "recordings"
RECORDINGS = recordings_in(FOLDER)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.path.stem)
def test_each_is_read_as_it_is_meant(recording: Recording) -> None:
    assert recording.misread() == ""


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.path.stem)
def test_byte_by_byte_as_well(recording: Recording) -> None:
    cut = [
        piece
        for entry in recording.entries
        for piece in (
            [entry._replace(data=bytes([byte])) for byte in entry.data] if entry.direction == "rx" else [entry]
        )
    ]
    assert list(read_entries(cut)) == list(recording.meaning)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.path.stem)
def test_none_names_anybody(recording: Recording) -> None:
    """The published numbers are of nobody; making a case of a case changes nothing but them."""
    assert list(map(shape, read_entries(anonymous(recording.entries)))) == list(map(shape, recording.meaning))


def test_a_transcript_is_read_by_the_dialect_of_its_board() -> None:
    version = b'\r\n#XSMVER: "v2.0.0","3.4.1"\r\n\r\nOK\r\n'
    received = b"\r\n#XRECV: 0,1,3\r\n0d0a22\r\nOK\r\n"
    exchanges = (("tx", b"AT#XSMVER\r"), ("rx", version), ("tx", b"AT#XRECV=0,1,0,5\r"), ("rx", received))
    entries = [Entry(number, direction, data) for number, (direction, data) in enumerate(exchanges)]
    assert list(read_entries(entries))[-3:] == ["answer #XRECV: 0,1,3", "payload 0d0a22", "final OK"]


def shape(line: str) -> str:
    return re.sub("[0-9A-Fa-f]", "#", line)


IDENTITIES = {
    b"359404231234567": b"\r\n359404231234567\r\n\r\nOK\r\n",
    b"262011234567890": b"\r\n262011234567890\r\n\r\nOK\r\n",
    b"8949012345678901234F": b"\r\n%XICCID: 8949012345678901234F\r\n\r\nOK\r\n",
    b"01C2D3E4": b'\r\n+CEREG: 5,1,"B4AA","01C2D3E4",9\r\n\r\nOK\r\n',
    b"B4AA": b'\r\n+CEREG: 1,"B4AA","01C2D3E5",9,0,18,"00000000","00111000"\r\n',
    b"26202": b'\r\n%XMONITOR: 1,"Nets","NT","26202","B4AB",9,20,"01C2D3E6",5,6400,54,35,"","1","2"\r\n',
    b"Nets": b'\r\n%XMONITOR: 1,"Nets","NT","26203","B4AB",9,20,"01C2D3E6",5,6400,54,35,"","1","2"\r\n',
    b"26204": b'\r\n+COPS: 1,2,"26204",7\r\n\r\nOK\r\n',
    b"10.169.167.18": b'\r\n+CGPADDR: 0,"10.169.167.18","2a01:598::1234"\r\n\r\nOK\r\n',
    b"2a01:598::1234": b'\r\n+CGPADDR: 0,"10.169.167.19","2a01:598::1234"\r\n\r\nOK\r\n',
    b"lab.company.apn": b'\r\n+CGDCONT: 0,"IP","lab.company.apn","10.169.167.20",0,0\r\n\r\nOK\r\n',
    b"5050abcd-3633-4261": b"\r\n#XUUID: 5050abcd-3633-4261\r\n\r\nOK\r\n",
    b"0qEDoDWr": b'\r\n%ATTESTTOKEN: "0qEDoDWr.xyz"\r\n\r\nOK\r\n',
    b"imei-3f9a2c1b9d0": b"\r\n+CGSN: imei-3f9a2c1b9d0\r\n\r\nOK\r\n",
    b"352656106111232": b'\r\n#XNRFCLOUD: 1,0,16842753,"nrf-352656106111232"\r\n',
    b"+4915112345": b'\r\n+CNUM: ,"+4915112345",145\r\n\r\nOK\r\n',
    b"26207": b'\r\n+COPS: (2,"","","26201",7),(1,"","","26207",9)\r\n\r\nOK\r\n',
    b"01C2D3E9": b'\r\n%NCELLMEAS: 0,"01C2D3E8","26201","B4AA",65535,"01C2D3E9","26202","B4AB"\r\n',
    b"61.4937": b"\r\n#XGPS: 61.493775,23.777111,150.2,7.4,0.6,12.1\r\n",
    b"internet.company": b'\r\n+CGCONTRDP: 0,,"internet.company","","","10.0.0.7"\r\n\r\nOK\r\n',
    b"cell-3f9": b'\r\n+CEREG: 1,"0001","cell-3f9",9\r\n',
}


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.decode())
def test_identities_become_made_up_values_of_the_same_form(identity: bytes) -> None:
    line = IDENTITIES[identity]
    entries = [Entry(5, "tx", b"AT\r\n"), Entry(9, "rx", line), Entry(10, "note", b"our own")]
    changed = anonymous(entries)
    assert identity not in changed[1].data
    assert len(changed[1].data) == len(line)
    assert [(entry.t_ns, entry.direction) for entry in changed] == [(0, "tx"), (4, "rx")]
    kinds = [[text.partition(" ")[0] for text in read_entries(each)] for each in (entries[:2], changed)]
    assert kinds[0] == kinds[1]


def test_what_is_sent_is_made_up_too() -> None:
    commands = [
        (b'AT#XCONNECT="echo.company.com",7\r\n', b"company"),
        (b'AT+CGDCONT=0,"IP","lab.company.apn"\r\n', b"company"),
        (b'AT+CGAUTH=0,1,"somebody","****"\r\n', b"somebody"),
        (b'AT#XSENDTO="192.0.2.77",7,"hello"\r\n', b"192.0.2.77"),
    ]
    commands += [
        (b'AT#XPING="host.company.com",32,1000,1,100\r\n', b"company"),
        (b'AT#XGETADDRINFO="8host.company.com"\r\n', b"company"),
        (b'AT#XMQTTCON=1,"client-of-company","somebody"\r\n', b"company"),
        (b'AT+CCLK="26/11/28,21:00:00+04"\r\n', b"26/11/28"),
    ]
    for sent, secret in commands:
        (entry,) = anonymous([Entry(1, "tx", sent)])
        assert secret not in entry.data
        assert len(entry.data) == len(sent)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_can_be_made_anonymous_and_read(chunks: list[bytes]) -> None:
    entries = [Entry(index, "rx", chunk) for index, chunk in enumerate(chunks)]
    changed = anonymous(entries)
    assert [len(entry.data) for entry in changed] == [len(chunk) for chunk in chunks]
    assert [list(read_entries(each)) is not None for each in (entries, changed)] == [True, True]


class TestCommand:
    def transcript(self, folder: Path) -> Path:
        path = folder / "test_a.jsonl"
        entries = [
            Entry(7, "tx", b"AT+CGSN\r\n"),
            Entry(8, "rx", b"\r\n359404231234567\r\n\r\n+CSCON: 1\r\n\r\nOK\r\n"),
        ]
        path.write_text(to_jsonl(entries))
        return path

    def test_a_transcript_becomes_a_case(self, tmp_path: Path) -> None:
        made = command_line("recording", "make", str(self.transcript(tmp_path)), "--out", str(tmp_path / "cases"))
        assert made.returncode == 0, made.stderr
        text = (tmp_path / "cases" / "test_a.txt").read_text()
        assert text == "send AT+CGSN\nanswer 012345678901234\nurc +CSCON: 1\nfinal OK\n"
        assert "359404231234567" not in (tmp_path / "cases" / "test_a.jsonl").read_text()
        checked = command_line("recording", "check", str(tmp_path / "cases"))
        assert (checked.returncode, "1 of 1 recordings" in checked.stdout) == (0, True)

    def test_a_correction_is_a_case_that_fails(self, tmp_path: Path) -> None:
        command_line("recording", "make", str(self.transcript(tmp_path)), "--out", str(tmp_path / "cases"))
        meaning = tmp_path / "cases" / "test_a.txt"
        meaning.write_text(meaning.read_text().replace("urc +CSCON: 1", "answer +CSCON: 1"))
        checked = command_line("recording", "check", str(tmp_path / "cases"))
        assert checked.returncode == 1
        assert "test_a.txt, line 3: expected 'answer +CSCON: 1', but the bench reads 'urc +CSCON: 1'" in checked.stdout

    def test_mistakes_are_told(self, tmp_path: Path) -> None:
        transcript = self.transcript(tmp_path)
        for arguments, words in (
            (("check", str(tmp_path / "none")), "is not a folder"),
            (("check", str(tmp_path)), "has no readable test_a.txt beside it"),
            (("make", str(tmp_path / "none.jsonl")), "cannot read the transcript"),
            (("make", str(transcript), "--out", str(tmp_path)), "exists: name another with --name"),
            (("make", str(transcript), "--name", "a/b"), "write a name without a folder"),
            (("make", str(transcript), "--name", ".."), "write a name without a folder"),
            (("make", str(transcript), "--out", str(transcript)), "--out"),
            (("make", os.devnull), "holds no bytes of a board"),
        ):
            finished = command_line("recording", *arguments, folder=tmp_path)
            assert (finished.returncode, words in finished.stderr) == (2, True), finished.stderr

    def test_a_recording_without_its_meaning_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.jsonl").write_text(json.dumps({"t_ns": 1, "direction": "rx", "data": "x"}) + "\n")
        with pytest.raises(UsageError, match=r"no readable a\.txt"):
            recordings_in(tmp_path)
