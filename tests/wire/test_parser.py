"""The parser: whatever the chunks, the same events; whatever the bytes, no exception."""

import copy
import time
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import SERIAL_MODEM, SLM, Dialect
from bench.at.dialects import PayloadField, commands_in
from bench.at.events import Echo, Event, FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.parser import LINE_LIMIT, Parser

OK = FinalResult(b"OK")


def parse(received: bytes, command: bytes | None = None, *cuts: int, dialect: Dialect = SLM) -> list[Event]:
    parser = Parser(dialect)
    if command is not None:
        parser.command_sent(command, enters_data_mode=command.startswith(b"AT#XSEND=0,2"))
    edges = sorted({0, len(received), *(cut % (len(received) + 1) for cut in cuts)})
    chunks = [received[a:b] for a, b in pairwise(edges)]
    like_the_link = copy.deepcopy(parser)
    taken = [event for chunk in chunks for event in feed_like_the_link(like_the_link, chunk)]
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    assert taken == events
    assert (like_the_link.pending, like_the_link.unfinished) == (parser.pending, parser.unfinished)
    assert like_the_link.in_data_mode == parser.in_data_mode
    return events


def feed_like_the_link(parser: Parser, chunk: bytes) -> list[Event]:
    final = parser.feed_final(chunk)
    return parser.feed(chunk) if final is None else [final]


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


XRECV = b"AT#XRECV=0,0,0,10"
OF_SERIAL_MODEM = [
    (XRECV, b"\r\n#XRECV: 0,0,8\r\nTest TCP\r\nOK\r\n", [Information(b"#XRECV: 0,0,8"), Payload(b"Test TCP"), OK]),
    (
        b"AT#XRECV=0,1,0,10",
        b"\r\n#XRECV: 0,1,5\r\n48656c6c6f\r\nOK\r\n",
        [Information(b"#XRECV: 0,1,5"), Payload(b"48656c6c6f"), OK],
    ),
    (
        b"AT#XRECVFROM=0,1,0,10",
        b'\r\n#XRECVFROM: 0,1,2,"192.0.2.1",5005\r\n0d0a\r\nOK\r\n',
        [Information(b'#XRECVFROM: 0,1,2,"192.0.2.1",5005'), Payload(b"0d0a"), OK],
    ),
    (XRECV, b"\r\nOK\r\n", [OK]),
    # Automatic reception: the same line as a URC, while nothing is asked, amid another command, before the answer.
    (None, b"\r\n#XRECV: 0,0,6\r\n\r\nOK\r\n\r\n", [Unsolicited(b"#XRECV: 0,0,6", b"\r\nOK\r\n")]),
    (
        None,
        b'\r\n#XRECVFROM: 1,1,2,"::1",7\r\n0d0a\r\n\r\n#XAPOLL: 1,1\r\n',
        [Unsolicited(b'#XRECVFROM: 1,1,2,"::1",7', b"0d0a"), Unsolicited(b"#XAPOLL: 1,1")],
    ),
    (b"AT", b"\r\n#XRECV: 1,0,2\r\nhi\r\n\r\nOK\r\n", [Unsolicited(b"#XRECV: 1,0,2", b"hi"), OK]),
    (
        XRECV,
        b"\r\n#XRECV: 1,1,1\r\n0d\r\n\r\n#XRECV: 0,0,2\r\nhi\r\nOK\r\n",
        [Unsolicited(b"#XRECV: 1,1,1", b"0d"), Information(b"#XRECV: 0,0,2"), Payload(b"hi"), OK],
    ),
    (
        XRECV,
        b"\r\n#XRECV: 0,0,2\r\nhi\r\n\r\nERROR\r\n",
        [Unsolicited(b"#XRECV: 0,0,2", b"hi"), FinalResult(b"ERROR")],
    ),
    (
        b"AT#XAPOLL?",
        b"\r\n#XAPOLL: 1,17\r\n\r\n#XAPOLL: 0,1\r\n\r\n#XAPOLL: 0,5\r\n\r\n#XAPOLL: 1,1\r\n\r\nOK\r\n",
        [
            Unsolicited(b"#XAPOLL: 1,17"),
            Unsolicited(b"#XAPOLL: 0,1"),
            Information(b"#XAPOLL: 0,5"),
            Information(b"#XAPOLL: 1,1"),
            OK,
        ],
    ),
    (b"AT#XAPOLL=0,1,1", b"\r\n#XAPOLL: 0,4\r\n\r\nOK\r\n", [Unsolicited(b"#XAPOLL: 0,4"), OK]),
    (
        b"AT#XAPOLL=?",
        b"\r\n#XAPOLL: <handle>,(0,1),(0,1,4,5)\r\n\r\nOK\r\n",
        [Information(b"#XAPOLL: <handle>,(0,1),(0,1,4,5)"), OK],
    ),
    # The peer has closed during automatic reception: a lone line end.
    (None, b"\r\n\r\n#XAPOLL: 0,16\r\n", [Unsolicited(b"#XAPOLL: 0,16")]),
    # Data mode that fails, with a pause before the terminator of the host, and without.
    (b"AT#XSEND=0,2,0", b"\r\nOK\r\n+++", [OK, Unsolicited(b"+++")]),
    (
        b"AT#XSEND=0,2,0",
        b"\r\nOK\r\n+++\r\n#XDATAMODE: -1\r\n",
        [OK, Unsolicited(b"+++"), Unsolicited(b"#XDATAMODE: -1")],
    ),
    (b"AT#XSEND=0,2,0", b"\r\nERROR\r\n+++", [FinalResult(b"ERROR")]),
    # Echo; the line feed behind a carriage return is echoed as well, before the next command.
    (b"AT", b"AT\r\r\nOK\r\n", [Echo(b"AT\r"), OK]),
    (b"AT", b"\nAT\r\r\nOK\r\n", [Echo(b"\nAT\r"), OK]),
    (None, b"Bootloader mode ready\r\n", [Unsolicited(b"Bootloader mode ready")]),
]


@pytest.mark.parametrize(("command", "received", "expected"), OF_SERIAL_MODEM)
def test_reads_serial_modem_however_it_is_cut(command: bytes | None, received: bytes, expected: list[Event]) -> None:
    assert parse(received, command, dialect=SERIAL_MODEM) == expected
    for cut in range(len(received)):
        assert parse(received, command, cut, dialect=SERIAL_MODEM) == expected
    assert parse(received, command, *range(len(received)), dialect=SERIAL_MODEM) == expected


@given(
    st.binary(max_size=200) | st.lists(st.sampled_from([c[1] for c in OF_SERIAL_MODEM])).map(b"".join),
    st.none() | st.sampled_from([c[0] for c in OF_SERIAL_MODEM if c[0]]),
    st.lists(st.integers(0, 1000), max_size=12),
)
def test_any_chunking_of_serial_modem_gives_the_same_events(received: bytes, command: bytes, cuts: list[int]) -> None:
    whole = parse(received, command, dialect=SERIAL_MODEM)
    assert parse(received, command, *cuts, dialect=SERIAL_MODEM) == whole


@given(st.binary(max_size=2048), st.booleans())
def test_any_payload_of_serial_modem_is_taken_whole(data: bytes, in_hex: bool) -> None:
    payload = data.hex().encode() if in_hex else data
    received = b"\r\n#XRECV: 3,%d,%d\r\n%b\r\nOK\r\n" % (in_hex, len(data), payload)
    events = parse(received, b"AT#XRECV=3,0,0,5", dialect=SERIAL_MODEM)
    assert events[-1] == OK
    assert [event.data for event in events if isinstance(event, Payload)] == ([payload] if payload else [])


@pytest.mark.parametrize(
    ("field", "fields", "size"),
    [
        (PayloadField(0), [b" 5"], 5),
        (PayloadField(1), [b" 5"], None),
        (PayloadField(2, doubled_by=1), [b" 0", b"0", b"5", b'"192.0.2.1"', b"7"], 5),
        (PayloadField(2, doubled_by=1), [b" 0", b"1", b"5"], 10),
        (PayloadField(2, doubled_by=1), [b" 0", b" 1 ", b"5"], 10),
        (PayloadField(2, doubled_by=1), [b" 0", b"2", b"5"], 5),
        (PayloadField(2, doubled_by=1), [b" 0", b"1", b"-5"], None),
        (PayloadField(2, doubled_by=1), [b" 0", b"1"], None),
        (PayloadField(0, doubled_by=1), [b" 5"], 5),
    ],
)
def test_the_size_of_a_payload(field: PayloadField, fields: list[bytes], size: int | None) -> None:
    assert field.size(fields) == size


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


def test_a_final_result_alone_is_taken_without_more_work() -> None:
    parser = Parser()
    parser.command_sent(b"AT")
    assert parser.feed_final(b"\r\nOK\r\n") == OK
    assert parser.pending is None
    parser.command_sent(b"AT#XSEND", enters_data_mode=True)
    assert parser.feed_final(b"\r\nOK\r\n") is None  # it does more: data mode begins
    assert parser.feed(b"\r\nOK\r\n") == [OK]
    assert parser.feed_final(b"\r\nOK\r\n") is None  # data of the peer
    parser.in_data_mode = False
    assert parser.feed(b"\r\n") == []
    assert parser.feed_final(b"\r\nERROR\r\n") == FinalResult(b"ERROR")


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
