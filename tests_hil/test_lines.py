"""Command lines: where one begins and ends, what is dropped, how long it may be, what is echoed.

Specification: Serial Modem, its command line (sm_at_host.c) and at_generic, ATE.
"""

import re

import pytest

from bench.at import CommandError
from bench.boards.recovery import synchronise
from bench.modem import SocketType

FINAL = re.compile(rb"\r\n(OK|ERROR)\r\n")
MODEM_URC = re.compile(rb"\r\n[+%][A-Z]+: [^\r\n]*\r\n")
QUIET_SECONDS = 1.0
"""A board answers within milliseconds: what has not come by then does not come."""
APART_SECONDS = 0.02
"""Between pieces that are to arrive one by one: nothing tells that the board has read the first."""
WITHOUT_AT = {
    "a word": b"HELLO",
    "an A": b"A",
    "two As": b"AAT",  # the character after an A is lost, even if it is another A
    "a command without it": b"+CFUN?",
    "nothing": b"",
    "spaces": b"   ",
    "+++": b"+++",
    "other bytes": b"\x00\xff\xfe\x01",
}
DROPPED_BEFORE = [b"xyz", b"WH", b"\r\r\r", b"+++", b'"', b"\x00\xff", b"A "]
NOT_COMMANDS = ["I", "Z", "&F", "#", " +CFUN?", "#XSOCKET?x", "#XSOCKET=?x", "+"]
BACKSPACES = {
    "one": b"AT#XSOX\x08CKET?",
    "DEL": b"AT#XSOX\x7fCKET?",
    "several": b"AT#XXXX\x08\x7f\x08SOCKET?",
    "of the T": b"AT\x08T#XSOCKET?",
    "more than there is": b"AT\x08\x08\x08\x08AT#XSOCKET?",
    "at the end": b"AT#XSOCKET?x\x08",
    "of a quote": b'AT#XSOCKET?"\x08',
}
COMMAND = b"AT#XSOCKET?"

pytestmark = pytest.mark.needs("silence after a line without AT")


@pytest.fixture(autouse=True)
def _in_step(modem):
    """Brings the board to answer again, whatever a test has left."""
    yield
    synchronise(modem.link)
    assert modem.link.command("AT").ok


@pytest.fixture
def say(modem, network):
    """Writes bytes, and returns what comes up to a number of final results, without the network's URCs."""

    def write(*pieces, finals=1, timeout=network.margin):
        modem.link.urcs()
        for number, piece in enumerate(pieces):
            if number:
                modem.link.listen(lambda _: False, timeout=APART_SECONDS)
            modem.link.write_raw(piece)
        heard = modem.link.listen(lambda heard: len(FINAL.findall(heard)) >= finals, timeout=timeout)
        modem.link.forget()
        return MODEM_URC.sub(b"", heard)

    return write


@pytest.fixture
def end(modem):
    """The bytes that end a command in this build."""
    return modem.link.dialect.terminator


@pytest.fixture
def listed(modem):
    """The answer to the command that is sent in all these ways: one socket."""
    modem.serial_modem.sockets.open(SocketType.STREAM)
    return b"".join(b"\r\n%b\r\n" % line.encode() for line in modem.link.command(COMMAND).lines) + b"\r\nOK\r\n"


class TestBeginning:
    """AT begins a command, wherever it stands."""

    @pytest.mark.spec("SYNTAX.without_at", "SYNTAX.recovery")
    @pytest.mark.parametrize("text", WITHOUT_AT.values(), ids=WITHOUT_AT.keys())
    def test_a_line_without_it_is_not_answered(self, say, end, listed, text):
        assert FINAL.findall(say(text + end, timeout=QUIET_SECONDS)) == []
        assert say(COMMAND + end) == listed

    @pytest.mark.spec("SYNTAX.without_at")
    @pytest.mark.parametrize("before", DROPPED_BEFORE)
    def test_what_stands_before_it_is_dropped(self, say, end, listed, before):
        assert say(before + COMMAND + end) == listed

    @pytest.mark.parametrize("text", [b"at", b"aT", b"At", b"WHAT"])
    def test_in_any_case_and_at_the_end_of_a_word(self, say, end, text):
        assert say(text + end) == b"\r\nOK\r\n"

    @pytest.mark.spec("SYNTAX.parameters")
    @pytest.mark.parametrize("rest", NOT_COMMANDS)
    def test_what_is_not_a_command(self, say, end, rest):
        assert say(b"AT" + rest.encode() + end) == b"\r\nERROR\r\n"


class TestTyping:
    """As a person types."""

    @pytest.mark.spec("SYNTAX.backspace")
    @pytest.mark.abuse  # a quote that counts although it was taken back makes a board deaf
    @pytest.mark.parametrize("typed", BACKSPACES.values(), ids=BACKSPACES.keys())
    def test_a_backspace_takes_the_last_character_back(self, say, end, listed, typed):
        assert say(typed + end) == listed

    @pytest.mark.parametrize("cut", range(1, len(COMMAND) + 1))
    def test_every_split(self, say, end, listed, cut):
        assert say(COMMAND[:cut], COMMAND[cut:] + end) == listed

    def test_character_by_character(self, say, end, listed):
        assert say(*(bytes([byte]) for byte in COMMAND + end)) == listed


class TestEnd:
    """What ends a command."""

    @pytest.fixture(autouse=True)
    def _usual_build(self, end):
        if end != b"\r":
            pytest.skip(f"commands of this build end in {end!r}")

    def test_a_line_feed_behind_it_is_dropped(self, say, listed):
        assert say((COMMAND + b"\r\n") * 3, finals=3) == listed * 3

    def test_a_line_feed_within_is_a_character(self, say):
        assert say(b"AT\n\r") == b"\r\nERROR\r\n"

    @pytest.mark.parametrize("data", [b"a\rb", b"\r", b"a\r\nb\r\n", b"\rAT\r"])
    def test_is_data_between_quotes(self, modem, tcp_echo, network, data):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            assert client.send_string(data).size == len(data)

            assert client.receive_exactly(len(data), timeout=network.receive_timeout) == data


class TestAhead:
    """Commands in one write: answered one after the other, in order."""

    def test_four(self, modem, say, end, listed):
        versions = modem.link.command("AT#XSMVER").lines[0].encode()
        expected = b"\r\n%b\r\n\r\nOK\r\n" % versions + listed + b"\r\nERROR\r\n" + b"\r\nOK\r\n"

        assert say(end.join([b"AT#XSMVER", COMMAND, b"AT#XSOCKET", b"AT", b""]), finals=4) == expected

    def test_behind_one_that_waits(self, modem, say, end, udp_echo, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            receive = b"AT#XRECV=%d,0,0,1" % client.handle
            heard = say(receive + end + b"AT" + end, finals=2, timeout=1 + network.margin)

        assert FINAL.findall(heard) == [b"ERROR", b"OK"]

    def test_data_mode_and_what_follows(self, modem, say, end, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            enter = b"AT#XSEND=%d,2,0" % client.handle
            if end != b"\r":
                pytest.skip("the line feed after the command may count as data")
            heard = say(enter + end + b"in one write+++" + b"AT" + end, finals=2)

            assert heard == b"\r\nOK\r\n\r\n#XDATAMODE: 0\r\n\r\nOK\r\n"
            assert client.receive_exactly(12, timeout=network.receive_timeout) == b"in one write"


@pytest.mark.needs("echo")
@pytest.mark.spec("SYNTAX.echo")
class TestEcho:
    """ATE1 and ATE0."""

    @pytest.fixture
    def _echoing(self, modem):
        modem.serial_modem.device.echo(True)
        yield
        synchronise(modem.link)
        modem.serial_modem.device.echo(False)

    def test_is_off_and_switched_on_and_off(self, say, end):
        try:
            assert say(b"AT" + end) == b"\r\nOK\r\n"
            assert say(b"ATE1" + end) == b"\r\nOK\r\n"  # the echo begins after it
            assert say(b"AT" + end) == b"AT" + end + b"\r\nOK\r\n"
            assert say(b"ATE0" + end) == b"ATE0" + end + b"\r\nOK\r\n"
            assert say(b"AT" + end) == b"\r\nOK\r\n"
        finally:
            say(b"ATE0" + end)

    @pytest.mark.usefixtures("_echoing")
    @pytest.mark.parametrize("typed", [b"AT", b"at", b"xyzAT", b"ATX\x08", b"AT+X\x7f\x7f", b"HELLO AT"], ids=repr)
    def test_each_character_as_it_was_typed(self, say, end, typed):
        assert say(typed + end) == typed + end + b"\r\nOK\r\n"

    @pytest.mark.usefixtures("_echoing")
    def test_of_a_refused_command(self, say, end):
        assert say(b"AT#XSOCKET=9,9" + end) == b"AT#XSOCKET=9,9" + end + b"\r\nERROR\r\n"

    @pytest.mark.usefixtures("_echoing")
    def test_comes_before_the_line_is_complete(self, modem, say, end):
        modem.link.write_raw(b"AT#XSM")
        half = modem.link.listen(lambda heard: heard.endswith(b"AT#XSM"), timeout=QUIET_SECONDS)

        assert half.endswith(b"AT#XSM")
        assert say(b"VER" + end).startswith(b"VER" + end + b"\r\n#XSMVER: ")

    @pytest.mark.usefixtures("_echoing")
    def test_a_session_works_with_it(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"a string, with OK in it")
            assert client.receive_exactly(23, timeout=network.receive_timeout) == b"a string, with OK in it"
            client.send_in_data_mode(b"data mode\x00")
            assert client.receive_exactly(10, timeout=network.receive_timeout) == b"data mode\x00"
            assert [row.handle for row in modem.serial_modem.sockets.list()] == [client.handle]

        assert modem.link.echoes
        assert tcp_echo.received() == b"a string, with OK in itdata mode\x00"

    @pytest.mark.usefixtures("_echoing")
    @pytest.mark.parametrize("rest", ["E2", "E", "E10", "E?", "E=1"])
    def test_other_values_change_nothing(self, modem, say, end, rest):
        with pytest.raises(CommandError):
            modem.link.command(f"AT{rest}")

        assert say(b"AT" + end) == b"AT" + end + b"\r\nOK\r\n"
