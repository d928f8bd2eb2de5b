"""The parser: whatever the chunks, the same events; whatever the bytes, no exception."""

import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at.dialects import commands_in
from bench.at.events import Echo, Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.parser import LINE_LIMIT, Parser
from bench.at.slm import SLM

OK = FinalResult(b"OK")


def parse(received: bytes, command: bytes | None = None, *cuts: int) -> list[Event]:
    parser = Parser()
    if command is not None:
        parser.command_sent(command)
    edges = sorted({0, len(received), *(cut % (len(received) + 1) for cut in cuts)})
    return [event for a, b in pairwise(edges) for event in parser.feed(received[a:b])]


CONVERSATIONS = [
    (b"AT", b"\r\nOK\r\n", [OK]),
    (b"AT+CGMR", b"\r\nmfw_nrf91x1_2.0.2\r\n\r\nOK\r\n", [Information(b"mfw_nrf91x1_2.0.2"), OK]),
    (b"AT#XSOCKET=?", b"\r\n#XSOCKET: (0,1,2)\r\nOK\r\n", [Information(b"#XSOCKET: (0,1,2)"), OK]),
    (b"AT+CFUN=1", b"\r\n+CME ERROR: 13\r\n", [FinalResult(b"+CME ERROR: 13")]),
    (b"AT+CMGS=1", b"\r\n+CMS ERROR: 500\r\n", [FinalResult(b"+CMS ERROR: 500")]),
    (b'AT#XSEND="x"', b"\r\n#XSEND: 0\r\n\r\nERROR\r\n", [Information(b"#XSEND: 0"), FinalResult(b"ERROR")]),
    (b"AT+CGMR", b"\r\nimage is OK\r\n\r\nOK\r\n", [Information(b"image is OK"), OK]),
    (b"AT", b"\r\n#XFOTA: image OK\r\n\r\nOK\r\n", [Unsolicited(b"#XFOTA: image OK"), OK]),
    (b"AT", b"\r\n+CEREG: 1\r\n\r\nOK\r\n", [Unsolicited(b"+CEREG: 1"), OK]),
    (b"AT", b"\r\nOK\r\n\r\n+CSCON: 1\r\n", [OK, Unsolicited(b"+CSCON: 1")]),
    (b"AT+CEREG?", b"\r\n+CEREG: 5,2\r\n\r\nOK\r\n", [Information(b"+CEREG: 5,2"), OK]),
    (
        b"AT+CEREG?",
        b'\r\n+CEREG: 1,"76C1","0102DA04",7\r\n\r\n+CEREG: 5,1,"76C1","0102DA04",7\r\n\r\nOK\r\n',
        [Unsolicited(b'+CEREG: 1,"76C1","0102DA04",7'), Information(b'+CEREG: 5,1,"76C1","0102DA04",7'), OK],
    ),
    (
        b"AT+CSCON?",
        b"\r\n+CSCON: 1,0\r\n\r\n+CSCON: 0\r\n\r\nOK\r\n",
        [Information(b"+CSCON: 1,0"), Unsolicited(b"+CSCON: 0"), OK],
    ),
    (
        b"AT#XRECV=1",
        b"\r\n#XRECV: 6\r\n\r\nOK\r\n\r\nOK\r\n",
        [Information(b"#XRECV: 6"), Payload(b"\r\nOK\r\n"), OK],
    ),
    (
        b"AT#XRECV=1",
        b'\r\n#XRECV: 30\r\n\r\n#XSOCKET: 0,"closed"\r\n\r\nOK\r\n\r\nOK\r\n',
        [Information(b"#XRECV: 30"), Payload(b'\r\n#XSOCKET: 0,"closed"\r\n\r\nOK\r\n'), OK],
    ),
    (
        b"AT#XRECVFROM=1",
        b'\r\n#XRECVFROM: 4,"127.0.0.1",5005\r\npeek\r\nOK\r\n',
        [Information(b'#XRECVFROM: 4,"127.0.0.1",5005'), Payload(b"peek"), OK],
    ),
    (b"AT#XRECV=1", b"\r\nOK\r\n", [OK]),
    (b"AT#XACCEPT?", b"\r\n#XTCPACCEPT: 1\r\n\r\nOK\r\n", [Information(b"#XTCPACCEPT: 1"), OK]),
    (b"AT#XSSOCKET=0", b'\r\n#XSOCKET: 0,"closed"\r\n\r\nOK\r\n', [Information(b'#XSOCKET: 0,"closed"'), OK]),
    (b"AT", b"AT\r\r\nOK\r\n", [Echo(b"AT\r"), OK]),
    (b"AT#XRESET", b"\r\nOK\r\nReady\r\n", [OK, Unsolicited(b"Ready")]),
    (b"AT#XDATACTRL=?", b"\r\n#XDATACTRL=<time_limit>\r\n\r\nOK\r\n", [Information(b"#XDATACTRL=<time_limit>"), OK]),
    (
        b"AT+CFUN?;+CEREG?",
        b"\r\n+CFUN: 1\r\n\r\n+CEREG: 0,1\r\n\r\nOK\r\n",
        [Information(b"+CFUN: 1"), Information(b"+CEREG: 0,1"), OK],
    ),
    (None, b"\r\n#XDATAMODE: 0\r\n", [Unsolicited(b"#XDATAMODE: 0")]),
    (None, b"Ready\r\n", [Unsolicited(b"Ready")]),
]


@pytest.mark.parametrize(("command", "received", "expected"), CONVERSATIONS)
def test_reads_an_answer(command: bytes | None, received: bytes, expected: list[Event]) -> None:
    assert parse(received, command) == expected


@pytest.mark.parametrize(("command", "received"), [conversation[:2] for conversation in CONVERSATIONS])
def test_every_single_cut_gives_the_same_events(command: bytes | None, received: bytes) -> None:
    whole = parse(received, command)
    for cut in range(len(received)):
        assert parse(received, command, cut) == whole
    assert parse(received, command, *range(len(received))) == whole


@given(
    st.binary(max_size=400) | st.lists(st.sampled_from([c[1] for c in CONVERSATIONS])).map(b"".join),
    st.none() | st.sampled_from([c[0] for c in CONVERSATIONS if c[0]]),
    st.lists(st.integers(0, 2000), max_size=12),
)
def test_any_chunking_of_anything_gives_the_same_events(received: bytes, command: bytes, cuts: list[int]) -> None:
    assert parse(received, command, *cuts) == parse(received, command)


@given(st.binary(max_size=2048))
def test_any_payload_is_taken_whole(payload: bytes) -> None:
    received = b"\r\n#XRECV: %d\r\n%b\r\nOK\r\n" % (len(payload), payload)
    events = parse(received, b"AT#XRECV=5")
    assert events[-1] == OK
    assert [event.data for event in events if isinstance(event, Payload)] == ([payload] if payload else [])


def test_a_semicolon_in_a_string_starts_no_command() -> None:
    assert commands_in(b'AT#XSEND="a;+CEREG=5"') == ((b"#XSEND", b"="),)
    assert commands_in(b"AT+CFUN?;+CEREG=5;+CMEE=?") == ((b"+CFUN", b"?"), (b"+CEREG", b"="), (b"+CMEE", b"=?"))
    assert commands_in(b"hello") == ()


@pytest.mark.parametrize("number", [b"", b"-1", b"x", b"99999999", b" "])
def test_an_announcement_without_a_number_is_malformed_and_costs_nothing_more(number: bytes) -> None:
    events = parse(b"\r\n#XRECV: " + number + b"\r\n\r\nOK\r\n", b"AT#XRECV=5")
    assert isinstance(events[0], Malformed)
    assert events[1:] == [OK]


def test_noise_without_an_end_of_line_is_dropped_not_kept() -> None:
    parser = Parser()
    events = [event for _ in range(20) for event in parser.feed(b"\xff" * 8192)]
    assert events
    assert all(isinstance(event, Malformed) for event in events)
    assert len(parser.unfinished) <= LINE_LIMIT
    parser.command_sent(b"AT")
    assert parser.feed(b"\r\nOK\r\n")[-1] == OK


def test_after_the_final_result_lines_are_unsolicited_again() -> None:
    parser = Parser()
    parser.command_sent(b"AT+CEREG?")
    assert parser.feed(b"\r\n+CEREG: 5,2\r\n\r\nOK\r\n")[-1] == OK
    assert parser.pending is None
    assert parser.feed(b"\r\n+CEREG: 5,2\r\n") == [Unsolicited(b"+CEREG: 5,2")]


@pytest.mark.parametrize("noise", [b"\0", b"\xff\xfe\x80", b'+CEREG: 2,"00', b"#XRECV: 5", b"half an an", b""])
@pytest.mark.parametrize("command", [None, b"AT+CEREG?", b"AT#XRECV=5"])
def test_a_restart_behind_noise_or_half_a_line_is_told(noise: bytes, command: bytes | None) -> None:
    assert parse(noise + b"Ready\r\n", command) == [Unsolicited(noise + b"Ready")]
    assert SLM.tells_restart(noise + b"Ready")
    assert SLM.tells_restart(noise + b"INIT ERROR")
    assert not SLM.tells_restart(noise + b"Ready or not")


class TestLimits:
    """A line, a number or a payload may be of any length."""

    @pytest.mark.parametrize("prefix", [b"#XRECV: ", b"#XRECVFROM: ", b"+CEREG: ", b"+CME ERROR: "])
    @pytest.mark.parametrize("digits", [b"9" * 5000, b"0" * 5000, b"\xb2", b"1" * 19])
    def test_any_number_of_digits_is_read(self, prefix: bytes, digits: bytes) -> None:
        events = parse(prefix + digits + b"\r\nOK\r\n", b"AT#XRECV=5")
        assert events

    def test_zeros_before_a_number_are_not_digits(self) -> None:
        assert parse(b"#XRECV: %b2\r\nhi" % (b"0" * 5000), b"AT#XRECV=5")[1:] == [Payload(b"hi")]

    @given(
        st.integers(LINE_LIMIT - 3, LINE_LIMIT + 3) | st.integers(2 * LINE_LIMIT - 2, 2 * LINE_LIMIT + 2),
        st.lists(st.integers(-4, 6), max_size=4),
        st.sampled_from([b"x", b"\r", b"\n"]),
    )
    def test_around_the_longest_line_every_cut_gives_the_same(self, size: int, cuts: list[int], byte: bytes) -> None:
        received = byte * size + b"\r\nReady\r\n"
        near = [LINE_LIMIT + cut for cut in cuts] + [size + cut for cut in cuts]
        whole = parse(received)
        assert parse(received, None, *near) == whole
        assert whole[-1] == Unsolicited(b"Ready")

    @pytest.mark.parametrize("more", [-1, 0, 1])
    def test_a_line_is_whole_up_to_the_limit(self, more: int) -> None:
        first, *rest = parse(b"x" * (LINE_LIMIT + more) + b"\r\nReady\r\n")
        assert isinstance(first, Malformed if more > 0 else Unsolicited)
        assert rest == [Unsolicited(b"Ready")]


def steps_of(pieces: list[bytes], repeat: int = 5) -> float:
    """Return the least time of this thread alone in which a parser takes the pieces."""
    found = []
    for _ in range(repeat):
        parser = Parser()
        began = time.thread_time()
        for piece in pieces:
            parser.feed(piece)
        found.append(time.thread_time() - began)
    return min(found)


@pytest.mark.parametrize(
    "pieces",
    [
        lambda n: [b"#XRECV: 0\r\n" * n],
        lambda n: [b"#XRECV: 1\r\nx" * n],
        lambda n: [b"x"] * n,
        lambda n: [b"\r"] * n,
        lambda n: [b"x\r\n" * n],
        lambda n: [b"#XRECV: 65536\r\n", *[b"x"] * n],
    ],
    ids=["announcements", "payloads", "half a line", "carriage returns", "lines", "half a payload"],
)
def test_the_time_is_linear(pieces: Callable[[int], list[bytes]]) -> None:
    """Eight times the bytes take about eight times as long, not 64 times: measured in the same run."""
    assert steps_of(pieces(60_000)) < 30 * steps_of(pieces(7_500))
