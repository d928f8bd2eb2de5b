"""TCP client: a board dials, data flow both ways, and every way to end.

Specification: #XSOCKET, #XSOCKETSELECT, #XCONNECT, #XSEND, #XRECV.
"""

import re

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import Family, ReceiveFlag

from .payloads import numbered

# What a parser that ends an answer at the first OK, or splits at commas and quotes, gets wrong.
TRICKY_TEXT = {
    "plain": b"Test TCP",
    "commas and quotes": b"a,b;c'd e=?",
    "looks like OK": b"\r\nOK\r\n",
    "looks like ERROR": b"\r\nERROR\r\n",
    "looks like an announcement": b"#XRECV: 5\r\n",
    "looks like a terminator": b"+++",
    "backslashes": b"back\\slash \\r\\n",
    "spaces around": b" leading and trailing ",
    "high bytes": b"\xe9\xff\x80",
}
BINARY = bytes(range(256))


class TestConnect:
    """#XCONNECT."""

    @pytest.mark.spec("XCONNECT.set.ipv4", "XCONNECT.set.tcp", "XCONNECT.set.response")
    def test_by_address(self, modem, tcp_echo, network):
        with modem.tcp_socket() as client:
            client.connect(tcp_echo.host, tcp_echo.port)

            assert tcp_echo.wait_for("accepted", timeout=network.receive_timeout)

    @pytest.mark.spec("XCONNECT.set.name")
    def test_by_name(self, modem, tcp_echo, peer_name, network):
        with modem.tcp_client(peer_name, tcp_echo.port) as client:
            client.send(b"by name")

            assert client.receive(network.receive_timeout).data == b"by name"
            assert tcp_echo.received() == b"by name"

    @pytest.mark.spec("XCONNECT.set.ipv6")
    def test_over_ipv6(self, modem, peers, ipv6, network):
        echo = peers.tcp_echo(ipv6=ipv6)
        with modem.tcp_client(echo.host, echo.port, family=Family.IPV6) as client:
            client.send(b"six")

            assert client.receive(network.receive_timeout).data == b"six"
            assert echo.received() == b"six"

    def test_name_over_ipv6(self, modem, peers, ipv6, peer_name, network):
        echo = peers.tcp_echo(ipv6=ipv6)
        with modem.tcp_client(peer_name, echo.port, family=Family.IPV6) as client:
            client.send(b"six by name")

            assert client.receive(network.receive_timeout).data == b"six by name"

    @pytest.mark.spec("XCONNECT.set.error")
    def test_refused(self, modem, peers):
        closed = peers.closed_port()
        with modem.tcp_socket() as client, pytest.raises(CommandError):
            client.connect(closed.host, closed.port)

    @pytest.mark.spec("XCONNECT.set.error")
    def test_unknown_name(self, modem, tcp_echo):
        with modem.tcp_socket() as client, pytest.raises(CommandError):
            client.connect("no-such-host.invalid", tcp_echo.port)

        assert not tcp_echo.journal()

    def test_ipv6_address_on_an_ipv4_socket(self, modem, tcp_echo):
        with modem.tcp_socket(family=Family.IPV4) as client, pytest.raises(CommandError):
            client.connect("::1", tcp_echo.port)

    @pytest.mark.spec("XCONNECT.set.error")
    def test_twice(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError):
                client.connect(tcp_echo.host, tcp_echo.port)

            client.send(b"still connected")
            assert client.receive(network.receive_timeout).data == b"still connected"

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XCONNECT.set.error")
    def test_without_a_socket(self, modem, tcp_echo):
        with pytest.raises(CommandError):
            modem.link.command(f'AT#XCONNECT="{tcp_echo.host}",{tcp_echo.port}')

        assert not tcp_echo.journal()


class TestText:
    """#XSEND with a string, #XRECV."""

    @pytest.mark.spec("XSEND.set.string", "XSEND.set.tcp", "XRECV.set.response")
    @pytest.mark.parametrize("text", TRICKY_TEXT.values(), ids=TRICKY_TEXT.keys())
    def test_comes_back_unchanged(self, modem, tcp_echo, network, text):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            sent = client.send_string(text)

            assert sent.size == len(text)
            assert client.receive_exactly(len(text), timeout=network.receive_timeout) == text
            assert tcp_echo.received() == text

    @pytest.mark.spec("XSEND.set.string")
    @pytest.mark.parametrize("size", [1, 2, 127, 128, 255, 256, 576, 1023, 1024])
    def test_every_size_by_command(self, modem, tcp_echo, network, size):
        payload = numbered(size)
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            assert client.send_string(payload).size == size

            assert client.receive_exactly(size, timeout=network.receive_timeout) == payload
            assert tcp_echo.received() == payload

    @pytest.mark.needs("limit of 1024 bytes a string")
    @pytest.mark.spec("XSEND.set.limit")
    def test_more_than_1024_bytes_is_refused(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as refused:
                modem.link.command(b'AT#XSEND="%b"' % numbered(1025))

            assert refused.value.response.lines == ()
            client.send(b"after")
            assert client.receive(network.receive_timeout).data == b"after"
            assert tcp_echo.received() == b"after"

    def test_empty_string_sends_nothing(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            assert client.send_string(b"").size == 0

            client.send(b"x")
            assert client.receive(network.receive_timeout).data == b"x"
            assert tcp_echo.received() == b"x"

    @pytest.mark.spec("XSEND.set.error")
    def test_unconnected_socket_cannot_send(self, modem):
        with modem.tcp_socket() as client:
            with pytest.raises(CommandError) as refused:
                client.send_string(b"x")

            (line,) = refused.value.response.lines
            assert re.fullmatch(r"#XSEND: (\d+,0,)?0", line)


@pytest.mark.spec("XSEND.set.datamode")
class TestDataMode:
    """#XSEND without data."""

    def test_binary(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_in_data_mode(BINARY)

            assert client.receive_exactly(len(BINARY), timeout=network.receive_timeout) == BINARY
            assert tcp_echo.received() == BINARY

    @pytest.mark.usefixtures("flow_control")
    def test_larger_than_its_buffer(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        payload = numbered(network.bulk)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(payload)

            assert sink.wait_for("received", size=len(payload), timeout=10 * network.receive_timeout)
            assert sink.received() == payload

    def test_plus_signs_that_are_data(self, modem, tcp_echo, network):
        payload = b"1+2=3, ++a, a++b"
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_in_data_mode(payload)

            assert client.receive_exactly(len(payload), timeout=network.receive_timeout) == payload

    def test_commands_work_again_afterwards(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for number in range(3):
                client.send_in_data_mode(b"data %d" % number)
                assert client.receive_exactly(6, timeout=network.receive_timeout) == b"data %d" % number
                client.send_string(b"text %d" % number)
                assert client.receive_exactly(6, timeout=network.receive_timeout) == b"text %d" % number

    def test_nothing_to_send(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_in_data_mode(b"")

            client.send(b"x")
            assert client.receive(network.receive_timeout).data == b"x"
            assert tcp_echo.received() == b"x"


class TestReceive:
    """#XRECV: timeout and flags."""

    @pytest.mark.spec("XRECV.set.timeout")
    def test_nothing_comes(self, modem, tcp_echo, measure, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            with pytest.raises(CommandError) as nothing:
                client.receive(2)

            limit = within(seconds=(1.9, 2 + network.margin))
            measure("TCP time to give up", nothing.value.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.spec("XRECV.set.dont_wait")
    def test_does_not_wait(self, modem, tcp_echo):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client, pytest.raises(CommandError):
            client.receive(0, ReceiveFlag.DONT_WAIT)

    @pytest.mark.spec("XRECV.set.peek")
    def test_peeks(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send(b"peek")

            assert client.receive(network.receive_timeout, ReceiveFlag.PEEK).data == b"peek"
            assert client.receive(network.receive_timeout, ReceiveFlag.PEEK).data == b"peek"
            assert client.receive(network.receive_timeout).data == b"peek"
            with pytest.raises(CommandError):
                client.receive(0, ReceiveFlag.DONT_WAIT)

    @pytest.mark.spec("XRECV.set.wait_all")
    def test_waits_for_all(self, modem, peers, network):
        """The flag waits for a full buffer of 2048 bytes, which here comes in eight pieces."""
        payload = numbered(2048)
        echo = peers.tcp_echo(split=256, split_gap_ms=30.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            echo.push(payload)

            assert client.receive(3 * network.receive_timeout, ReceiveFlag.WAIT_ALL).data == payload

    @pytest.mark.spec("XRECV.set.timeout")
    def test_late_data(self, modem, peers, network):
        echo = peers.tcp_echo(delay_ms=700.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            client.send(b"late")

            assert client.receive(network.receive_timeout).data == b"late"

    def test_answer_in_pieces(self, modem, peers, network):
        echo = peers.tcp_echo(split=3, split_gap_ms=20.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            client.send(b"0123456789")

            assert client.receive_exactly(10, timeout=network.receive_timeout) == b"0123456789"

    def test_more_than_one_receive_gives(self, modem, tcp_echo, network):
        payload = numbered(5000)
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(payload)

            assert client.receive_exactly(len(payload), timeout=2 * network.receive_timeout) == payload

    def test_data_that_nobody_asked_for(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"news")

            assert client.receive(network.receive_timeout).data == b"news"

    def test_held_answer(self, modem, peers, network):
        echo = peers.tcp_echo(hold=True)
        with modem.tcp_client(echo.host, echo.port) as client:
            client.send(b"wait for it")
            assert echo.wait_for("held", timeout=network.receive_timeout)
            with pytest.raises(CommandError):
                client.receive(1)

            echo.release()

            assert client.receive(network.receive_timeout).data == b"wait for it"


class TestPeerEnds:
    """The board's report when the other end goes away."""

    def test_close_after_last_words(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"last words")
            tcp_echo.close_connection()

            assert client.receive_exactly(10, timeout=network.receive_timeout) == b"last words"
            assert client.receive(network.receive_timeout).ended
            assert client.receive(network.receive_timeout).ended

    @pytest.mark.stack
    def test_half_close(self, modem, tcp_echo, network):
        """The peer has nothing more to say, but still listens."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.half_close()
            assert client.receive(network.receive_timeout).ended

            client.send(b"one way")

            assert tcp_echo.wait_for("received", size=7, timeout=network.receive_timeout)
            assert tcp_echo.received() == b"one way"

    @pytest.mark.stack
    def test_reset(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.reset_connection()

            with pytest.raises(CommandError):
                client.receive(network.receive_timeout)

    def test_close_on_connect(self, modem, peers, network):
        echo = peers.tcp_echo(on_connect="close")
        with modem.tcp_client(echo.host, echo.port) as client:
            assert client.receive(network.receive_timeout).ended

    def test_silence(self, modem, peers, network):
        sink = peers.tcp_echo(echo=False)
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send(b"anybody there?")
            with pytest.raises(CommandError):
                client.receive(1)

            assert sink.wait_for("received", size=14, timeout=network.receive_timeout)

    def test_peer_sees_the_board_close(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send(b"bye")
            assert client.receive(network.receive_timeout).data == b"bye"

        assert tcp_echo.wait_for("ended", timeout=network.receive_timeout)


class TestSeveral:
    """More than one socket."""

    def test_two_at_once(self, modem, peers, network):
        first_echo, second_echo = peers.tcp_echo(), peers.tcp_echo()
        with (
            modem.tcp_client(first_echo.host, first_echo.port) as first,
            modem.tcp_client(second_echo.host, second_echo.port) as second,
        ):
            first.send(b"to the first")
            second.send(b"to the second")

            assert first.receive(network.receive_timeout).data == b"to the first"
            assert second.receive(network.receive_timeout).data == b"to the second"
        assert first_echo.received() == b"to the first"
        assert second_echo.received() == b"to the second"

    def test_closing_one_leaves_the_other(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as stays:
            with modem.tcp_client(tcp_echo.host, tcp_echo.port) as goes:
                goes.send(b"goes")
                assert goes.receive(network.receive_timeout).data == b"goes"

            stays.send(b"stays")
            assert stays.receive(network.receive_timeout).data == b"stays"

    def test_tcp_and_udp_side_by_side(self, modem, tcp_echo, udp_echo, despite_loss, network):
        with (
            modem.tcp_client(tcp_echo.host, tcp_echo.port) as stream,
            modem.udp_client(udp_echo.host, udp_echo.port) as datagrams,
        ):
            stream.send(b"stream")
            received = despite_loss(
                lambda: datagrams.send(b"datagram"), lambda: datagrams.receive(network.receive_timeout)
            )

            assert received.data == b"datagram"
            assert stream.receive(network.receive_timeout).data == b"stream"

    def test_reconnects_many_times(self, modem, tcp_echo, network):
        for number in range(10):
            with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
                client.send(b"round %d" % number)
                assert client.receive(network.receive_timeout).data == b"round %d" % number

        assert tcp_echo.wait_for("accepted", count=10, timeout=network.receive_timeout)
