"""Long lines: strings of many bytes, lines around the sizes of buffers, and those that are too long.

Specification: Serial Modem, its command line (sm_at_host.c); at_socket, #XSEND and #XSENDTO.
"""

import re

import pytest

from bench.boards.recovery import synchronise

from .payloads import numbered

LINE_LIMIT = 8189
"""Characters of the longest line, without its terminator."""
EVERY_VERSION = [511, 512, 513, 1024, 1025, 2047, 2048, 2049, 3900]
LATER = [4096, 4097, 6000, LINE_LIMIT - 1, LINE_LIMIT]
FINAL = re.compile(rb"\r\n(OK|ERROR)\r\n")
ERROR = b"\r\nERROR\r\n"
QUIET_SECONDS = 1.0
"""A board answers within milliseconds: what has not come by then does not come."""
SECONDS = 10
"""More than enough: at the usual rate the longest line takes less than one."""

pytestmark = [pytest.mark.needs("#XCLOSE"), pytest.mark.usefixtures("flow_control")]


def _length(size):
    needs = [pytest.mark.needs("line of 8189 characters")] if size in LATER else []
    return pytest.param(size, marks=needs)


@pytest.mark.spec("XSEND.set.long", "XSEND.set.string")
class TestStrings:
    """One command carries them."""

    @pytest.mark.parametrize("length", [_length(length) for length in (*EVERY_VERSION, *LATER)])
    def test_a_line_of_that_length(self, modem, peers, network, length):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            frame = b'AT#XSEND=%d,0,0,"%%b"' % client.handle
            data = numbered(length - len(frame % b""))
            sent = modem.link.command(frame % data, timeout=SECONDS + network.receive_timeout)

            assert sent.lines == (f"#XSEND: {client.handle},0,{len(data)}",)
            assert sink.wait_for("received", size=len(data), timeout=2 * network.receive_timeout)
            assert sink.received() == data

    @pytest.mark.parametrize("size", [1023, 1025, 3900])
    def test_typed(self, modem, peers, network, size):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            assert client.send_string(numbered(size)).size == size

            assert sink.wait_for("received", size=size, timeout=2 * network.receive_timeout)
            assert sink.received() == numbered(size)

    def test_of_every_byte_that_one_can_carry(self, modem, peers, network):
        data = bytes(byte for byte in range(256) if byte not in b'"\x00\x08\x7f') * 12
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            assert client.send_string(data).size == len(data)

            assert sink.wait_for("received", size=len(data), timeout=2 * network.receive_timeout)
            assert sink.received() == data

    def test_one_behind_the_other(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        data = numbered(4 * 3000)
        with modem.tcp_client(sink.host, sink.port) as client:
            for start in range(0, len(data), 3000):
                client.send_string(data[start : start + 3000])

            assert sink.wait_for("received", size=len(data), timeout=4 * network.receive_timeout)
            assert sink.received() == data

    def test_a_datagram(self, modem, udp_echo, despite_loss, network):
        data = numbered(network.datagram)
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.commands.sockets.send_to(client.handle, udp_echo.host, udp_echo.port, data),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == data
            assert set(udp_echo.datagrams()) == {data}


@pytest.mark.needs("line of 8189 characters")
@pytest.mark.spec("SYNTAX.recovery")
@pytest.mark.abuse
class TestTooLong:
    """ERROR at once, with the first character that has no room; the rest is read as new input."""

    @pytest.fixture(autouse=True)
    def _in_step(self, modem):
        yield
        synchronise(modem.link)

    @pytest.fixture
    def hear(self, modem):
        """Writes bytes, and returns what comes."""

        def write(data, until=ERROR, timeout=SECONDS):
            modem.link.write_raw(data)
            heard = modem.link.listen(lambda heard: heard.endswith(until), timeout=timeout)
            modem.link.forget()
            return heard

        return write

    @pytest.fixture
    def end(self, modem):
        """The bytes that end a command in this build."""
        return modem.link.dialect.terminator

    @pytest.mark.parametrize("last", [b"x", b"\r", b'"', b"\x08"])
    def test_the_character_after_the_last(self, modem, hear, last):
        """8190 characters are held in silence; the next one, whatever it is, is too much."""
        assert ERROR not in hear(b"AT" + b"x" * (LINE_LIMIT - 1), timeout=QUIET_SECONDS)
        assert hear(last).endswith(ERROR)
        assert modem.link.command("AT").ok

    def test_the_rest_is_dropped(self, modem, hear, end):
        assert hear(b"AT" + b"x" * LINE_LIMIT).endswith(ERROR)
        assert FINAL.findall(hear(b"x" * 2000 + end, timeout=QUIET_SECONDS)) == []
        assert modem.link.command("AT").ok

    def test_a_command_in_the_rest(self, modem, hear, end):
        heard = hear(b"AT" + b"x" * (LINE_LIMIT + 500) + b"AT" + end, until=b"\r\nOK\r\n")

        assert FINAL.findall(heard) == [b"ERROR", b"OK"]

    def test_an_open_quote(self, modem, hear, end):
        """The quote is forgotten with the line."""
        assert hear(b'AT"' + b"x" * LINE_LIMIT).endswith(ERROR)
        assert modem.link.command("AT").ok

    def test_nothing_is_sent(self, modem, hear, end, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            assert hear(b'AT#XSEND=%d,0,0,"' % client.handle + b"x" * LINE_LIMIT + b'"' + end).endswith(ERROR)
            client.send_string(b"after")

            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"after"
        assert tcp_echo.received() == b"after"
