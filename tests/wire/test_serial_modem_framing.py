"""The line discipline of the simulated Serial Modem: its search for AT, its limits, its echo."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.simulator.dialects import FIRMWARES
from bench.simulator.output import Output
from bench.simulator.profiles import FirmwareProfile
from bench.simulator.serial_modem.framing import SearchingFramer
from bench.simulator.serial_modem.quirks import V1, Quirks

HEAD = FIRMWARES["serial-modem"].profile
OLD = FIRMWARES["serial-modem-1.0"].profile
TOO_LONG = "too long"


class Line:
    """A UART that keeps what is sent."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


def read(
    data: bytes,
    cuts: list[int] | None = None,
    *,
    profile: FirmwareProfile = HEAD,
    quirks: Quirks | None = None,
    echoes: bool = False,
) -> tuple[list[bytes | str], bytes]:
    """Return the commands of what arrives in pieces, and the echo."""
    line = Line()
    output = Output(line)
    output.echoes = echoes
    framer = SearchingFramer(profile, quirks or Quirks(), output)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    found: list[bytes | str] = []
    for start, end in pairwise(edges):
        piece = data[start:end]
        while piece:
            command, used = framer.take(piece)
            assert used > 0
            piece = piece[used:]
            if command is not None:
                found.append(TOO_LONG if command.overflow else command.text)
    return found, line.sent


@pytest.mark.parametrize(
    ("data", "commands"),
    [
        (b"AT\r", [b"AT"]),
        (b"at\r", [b"at"]),
        (b"AT\r\nAT\r\n", [b"AT", b"AT"]),
        (b"AT\n\r", [b"AT\n"]),
        (b"\r\n\r", []),
        (b"A\r", []),
        (b"AAT\r", []),
        (b"AAAT\r", [b"AT"]),
        (b"WHAT\r", [b"AT"]),
        (b"DATA\r", [b"ATA"]),
        (b'"AT\r', [b"AT"]),
        (b'AT"\rAT"\r', [b'AT"\rAT"']),
        (b'AT"\x08\r', [b"AT"]),
        (b"ATX\x7f\x08T\r", [b"AT"]),
        (b"AT\x08\x08\x08AT\r", [b"AT"]),
        (b"A\x08T\r", []),
        (b"AT\0X\r", [b"AT\0X"]),
    ],
)
def test_what_is_a_command(data: bytes, commands: list[bytes]) -> None:
    assert read(data)[0] == commands


@pytest.mark.parametrize(
    ("size", "more", "commands"),
    [
        (8189, b"\r", ["whole"]),
        (8190, b"\r", [TOO_LONG]),
        (8190, b"x", [TOO_LONG]),
        (8190, b"\x08", [TOO_LONG]),
        (8190, b"xxATI\r", [TOO_LONG, b"ATI"]),
    ],
)
def test_the_longest_line(size: int, more: bytes, commands: list[bytes | str]) -> None:
    text = b"AT" + b"x" * (size - 2)
    assert read(text + more)[0] == [text if each == "whole" else each for each in commands]


@pytest.mark.parametrize(("size", "commands"), [(4096, ["whole"]), (4097, [TOO_LONG]), (9000, [TOO_LONG])])
def test_v1_reads_a_line_that_is_too_long_to_its_end(size: int, commands: list[bytes | str]) -> None:
    text = b"AT" + b"x" * (size - 2)
    found, _ = read(text + b"\rAT\r", profile=OLD, quirks=V1)
    assert found == [*(text if each == "whole" else each for each in commands), b"AT"]


@pytest.mark.parametrize(
    ("terminator", "data", "commands"),
    [
        (b"\n", b"AT\n", [b"AT"]),
        (b"\n", b"AT\r\n", [b"AT\r"]),
        (b"\r\n", b"AT\r\nATI\r\n", [b"AT", b"ATI"]),
        (b"\r\n", b"AT\nATI\r\n", [b"AT\nATI"]),
    ],
)
def test_builds_differ_in_what_ends_a_command(terminator: bytes, data: bytes, commands: list[bytes]) -> None:
    profile = FirmwareProfile("build", "", command_limit=8189, terminator=terminator)
    assert read(data, profile=profile)[0] == commands


def test_the_echo_holds_what_was_typed_also_what_is_dropped() -> None:
    assert read(b"zz\0AT\x08T\r\n", echoes=True)[1] == b"zz\0AT\x08T\r\n"
    assert read(b"AT\r")[1] == b""


def test_the_echo_of_a_line_has_a_limit() -> None:
    line = b"AT" + b"x" * 5000 + b"\r"
    assert read(line * 2, echoes=True)[1] == line[:4096] * 2


@pytest.mark.parametrize(
    ("quirks", "echoes", "typed", "seconds"),
    [
        (Quirks(), False, b"\n", 0.1),
        (Quirks(), False, b"AT", 0.1),
        (Quirks(), True, b"AT", 1.0),
        (Quirks(), True, b"\n", 0.1),
        (V1, False, b"AT", 0.0),
        (V1, True, b"AT", 1.0),
    ],
)
def test_how_long_urcs_wait_behind_a_character(quirks: Quirks, echoes: bool, typed: bytes, seconds: float) -> None:
    output = Output(Line())
    output.echoes = echoes
    framer = SearchingFramer(HEAD, quirks, output)
    framer.take(typed)
    assert framer.quiet_s == seconds


PIECES = [b"AT", b"A", b"T", b"\r", b"\n", b'"', b"\x08", b"#XSOCKET?", b"x" * 30, b"\0", b"\xff"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
    st.lists(st.integers(0, 1000), max_size=20),
    st.booleans(),
    st.sampled_from([Quirks(), V1]),
)
def test_any_chunking_gives_the_same(data: bytes, cuts: list[int], echoes: bool, quirks: Quirks) -> None:
    profile = FirmwareProfile("short", "", command_limit=40, terminator=b"\r")
    whole = read(data, profile=profile, quirks=quirks, echoes=echoes)
    assert read(data, cuts, profile=profile, quirks=quirks, echoes=echoes) == whole
