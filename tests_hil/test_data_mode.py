"""Data mode: every way in, every way out, and what happens to the bytes in between.

Specification: #XSEND and #XSENDTO without data, #XDATACTRL, the data mode page.
"""

import pytest

from bench.at import CommandError
from bench.modem import DATA_MODE_BUFFER, DataModeError

from .payloads import numbered

ENTRIES = ["AT#XSEND", "AT#XSEND=", "AT#XSEND=,0", "AT#XSEND=,512"]
SPLITS = {
    "whole": (b"+++",),
    "one and two": (b"+", b"++"),
    "two and one": (b"++", b"+"),
    "one by one": (b"+", b"+", b"+"),
}


@pytest.mark.needs("selected socket")
class TestEnter:
    """Every form of the command that enters it, for the active socket."""

    @pytest.mark.spec("XSEND.set.datamode")
    @pytest.mark.parametrize("command", ENTRIES)
    def test_on_a_stream(self, modem, tcp_echo, network, command):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            modem.slm.use(client.handle)
            assert modem.link.enter_data_mode(command).lines == ()
            modem.link.write(b"data")
            assert modem.link.leave_data_mode(timeout=network.margin) == 0

            assert client.receive_exactly(4, timeout=network.receive_timeout) == b"data"

    @pytest.mark.spec("XSENDTO.set.datamode")
    @pytest.mark.parametrize("suffix", ["", ",", ",,512"])
    def test_to_a_destination(self, modem, udp_echo, despite_loss, network, suffix):
        def send() -> None:
            modem.slm.use(client.handle)
            modem.link.enter_data_mode(f'AT#XSENDTO="{udp_echo.host}",{udp_echo.port}{suffix}')
            modem.link.write(b"data")
            assert modem.link.leave_data_mode(timeout=network.margin) == 0

        with modem.udp_socket() as client:
            assert despite_loss(send, lambda: client.receive_from(network.receive_timeout)).data == b"data"

    def test_a_comma_alone_is_an_error(self, modem):
        modem.udp_socket()
        with pytest.raises(CommandError):
            modem.link.command("AT#XSEND=,")


@pytest.mark.needs("handle in every command")
class TestEnterByHandle:
    """The commands that enter it, for the socket of a handle."""

    @pytest.mark.spec("XSEND.set.datamode")
    @pytest.mark.parametrize("flags", [0, 512])
    def test_on_a_stream(self, modem, tcp_echo, network, flags):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            assert modem.link.enter_data_mode(f"AT#XSEND={client.handle},2,{flags}").lines == ()
            modem.link.write(b"data")
            assert modem.link.leave_data_mode(timeout=network.margin + network.receive_timeout) == 0

            assert client.receive_exactly(4, timeout=network.receive_timeout) == b"data"

    @pytest.mark.spec("XSENDTO.set.datamode")
    def test_to_a_destination(self, modem, udp_echo, despite_loss, network):
        def send() -> None:
            modem.link.enter_data_mode(f'AT#XSENDTO={client.handle},2,0,"{udp_echo.host}",{udp_echo.port}')
            modem.link.write(b"data")
            assert modem.link.leave_data_mode(timeout=network.margin) == 0

        with modem.udp_socket() as client:
            assert despite_loss(send, lambda: client.receive_from(network.receive_timeout)).data == b"data"

    @pytest.mark.spec("XSEND.set.error")
    def test_a_handle_without_a_socket(self, modem):
        with modem.udp_socket() as closed:
            handle = closed.handle
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XSEND={handle},2,0")


@pytest.mark.spec("DATAMODE.content")
class TestContent:
    """1 byte to many, every byte value."""

    @pytest.mark.slow
    @pytest.mark.spec("DATAMODE.size")
    @pytest.mark.usefixtures("flow_control")
    def test_a_million_bytes(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        payload = numbered(1_000_000)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(payload)

            assert sink.wait_for("received", size=len(payload), timeout=30 * network.receive_timeout)
            assert sink.received() == payload

    @pytest.mark.spec("DATAMODE.size")
    @pytest.mark.parametrize("size", [1, 2, 31, 255, 256, 1024, 1025, 4095, 4096, 4097, 16384])
    def test_every_size(self, modem, peers, network, request, size):
        if size > DATA_MODE_BUFFER:
            request.getfixturevalue("flow_control")
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(numbered(size))

            assert sink.wait_for("received", size=size, timeout=2 * network.receive_timeout)
            assert sink.received() == numbered(size)

    def test_every_byte_value(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        payload = bytes(range(256)) + bytes(reversed(range(256)))
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(payload)

            assert sink.wait_for("received", size=len(payload), timeout=network.receive_timeout)
            assert sink.received() == payload

    @pytest.mark.parametrize("text", [b"+a", b"++a", b"a+b", b"a++b", b"+a++b", b"1+2=3"])
    def test_plus_signs_that_are_data(self, modem, peers, network, text):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(text)

            assert sink.wait_for("received", size=len(text), timeout=network.receive_timeout)
            assert sink.received() == text

    def test_commands_are_data_too(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(b"AT+CFUN=0\r\n")

            assert sink.wait_for("received", size=11, timeout=network.receive_timeout)
            assert sink.received() == b"AT+CFUN=0\r\n"


@pytest.mark.spec("DATAMODE.exit")
class TestLeave:
    """The terminator."""

    @pytest.mark.spec("DATAMODE.exit.split")
    @pytest.mark.parametrize("pieces", SPLITS.values(), ids=SPLITS.keys())
    def test_in_every_split(self, modem, tcp_echo, network, pieces):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            for piece in pieces:
                modem.link.write(piece)

            assert modem.link.data_mode_ended(timeout=network.margin) == 0
            assert modem.link.command("AT").ok

    def test_glued_to_the_data(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()
            modem.link.write(b"glued+++")

            assert modem.link.data_mode_ended(timeout=network.margin) == 0
            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"glued"

    def test_with_nothing_sent(self, modem, tcp_echo):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.enter_data_mode()

            assert modem.link.leave_data_mode() == 0
        assert tcp_echo.received() == b""


@pytest.mark.spec("DATAMODE.time_limit")
class TestTimeLimit:
    """#XDATACTRL: what is written within the limit goes out together."""

    def test_reads_back(self, modem):
        minimum = modem.data_mode.read_time_limit().minimum
        modem.data_mode.set_time_limit(minimum + 68)

        assert modem.data_mode.read_time_limit().milliseconds == minimum + 68

    def test_out_of_range(self, modem):
        minimum = modem.data_mode.read_time_limit().minimum
        for value in (0, minimum - 1, 65536, -1):
            with pytest.raises(CommandError):
                modem.data_mode.set_time_limit(value)

    def test_data_go_out_when_it_has_passed(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.enter_data_mode()
            modem.link.write(b"sent by the clock")

            assert sink.wait_for("received", size=17, timeout=network.receive_timeout)
            assert modem.link.leave_data_mode() == 0


class TestBorders:
    """Data mode on a datagram socket."""

    def test_one_write_is_one_datagram(self, modem, peers, despite_loss, network):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            for count, text in enumerate((b"one", b"two"), 1):
                despite_loss(
                    lambda text=text: client.send_in_data_mode(text),
                    lambda count=count: sink.wait_for("received", count=count, timeout=network.receive_timeout),
                )

        assert set(sink.datagrams()) == {b"one", b"two"}

    @pytest.mark.spec("DATAMODE.overflow", "DATAMODE.overflow.report")
    def test_more_than_the_buffer_is_dropped_and_said(self, modem, peers):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            with pytest.raises(DataModeError):
                client.send_in_data_mode(numbered(DATA_MODE_BUFFER + 1))
            assert modem.link.command("AT").ok

        assert all(len(datagram) <= DATA_MODE_BUFFER for datagram in sink.datagrams())


@pytest.mark.needs("handle in every command")
def test_a_datagram_that_failed_does_not_name_the_destination(modem, tcp_echo, network):
    """Data of a connection go to its peer, whatever destination an earlier command named."""
    with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client, modem.udp_socket() as datagrams:
        with pytest.raises(CommandError):
            modem.link.command(f'AT#XSENDTO={datagrams.handle},0,0,"no-such-host.invalid","80","x"')
        client.send_in_data_mode(b"to my peer")

        assert client.receive_exactly(10, timeout=network.receive_timeout) == b"to my peer"


@pytest.mark.needs("silent data mode")
@pytest.mark.spec("DATAMODE.nobody")
class TestNobodyListens:
    """Data that can go nowhere are dropped without a word; leaving still works."""

    def test_without_a_socket(self, modem):
        modem.link.enter_data_mode("AT#XSEND")
        modem.link.write(b"to nobody")

        assert modem.link.leave_data_mode() == 0

    def test_peer_gone(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.reset_connection()
            with pytest.raises(CommandError):
                client.receive(network.receive_timeout)
            client.send_in_data_mode(b"too late")

            assert modem.link.command("AT").ok
        assert tcp_echo.received() == b""
