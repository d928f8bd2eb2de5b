"""UDP client: datagrams out and back, their borders kept.

Specification: #XSOCKET, #XCONNECT, #XSEND, #XRECV, #XSENDTO, #XRECVFROM.
"""

import re

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import Family, ReceiveFlag

from .payloads import numbered

TRICKY_TEXT = {
    "plain": b"Test UDP",
    "commas and quotes": b"a,b;c'd e=?",
    "looks like OK": b"\r\nOK\r\n",
    "looks like a terminator": b"+++",
    "high bytes": b"\xe9\xff\x80",
}


class TestSendTo:
    """#XSENDTO and #XRECVFROM on a socket without a destination."""

    @pytest.mark.spec("XSENDTO.set.ipv4", "XRECVFROM.set.response")
    def test_by_address(self, modem, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"Test UDP"),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert (received.data, received.source) == (b"Test UDP", (udp_echo.host, udp_echo.port))
            assert set(udp_echo.datagrams()) == {b"Test UDP"}

    @pytest.mark.spec("XSENDTO.set.name")
    def test_by_name(self, modem, udp_echo, peer_name, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(peer_name, udp_echo.port, b"by name"),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == b"by name"

    @pytest.mark.spec("XSENDTO.set.ipv6")
    def test_over_ipv6(self, modem, peers, ipv6, despite_loss, network):
        echo = peers.udp_echo(ipv6=ipv6)
        with modem.udp_socket(family=Family.IPV6) as client:
            received = despite_loss(
                lambda: client.send_to(echo.host, echo.port, b"six"),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert (received.data, received.source) == (b"six", (echo.host, echo.port))

    @pytest.mark.parametrize("text", TRICKY_TEXT.values(), ids=TRICKY_TEXT.keys())
    def test_text_comes_back_unchanged(self, modem, udp_echo, despite_loss, network, text):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, text),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == text
            assert set(udp_echo.datagrams()) == {text}

    @pytest.mark.spec("XSENDTO.set.limit")
    @pytest.mark.parametrize("size", [1, 255, 256, 512, 1023, 1024])
    def test_every_size_by_command(self, modem, udp_echo, despite_loss, network, size):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, numbered(size)),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == numbered(size)
            assert set(udp_echo.datagrams()) == {numbered(size)}

    def test_empty_datagram(self, modem, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b""),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.ended
            assert set(udp_echo.datagrams()) == {b""}

    @pytest.mark.spec("XSENDTO.set.error")
    def test_unknown_name(self, modem, udp_echo):
        with modem.udp_socket() as client, pytest.raises(CommandError):
            client.send_to("no-such-host.invalid", udp_echo.port, b"x")

        assert udp_echo.datagrams() == []

    def test_two_destinations(self, modem, peers, despite_loss, network):
        with modem.udp_socket() as client:
            for echo in (peers.udp_echo(), peers.udp_echo()):
                received = despite_loss(
                    lambda echo=echo: client.send_to(echo.host, echo.port, b"to one of two"),
                    lambda: client.receive_from(network.receive_timeout),
                )
                assert received.source == (echo.host, echo.port)

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XSENDTO.set.error")
    def test_without_a_socket(self, modem, udp_echo):
        with pytest.raises(CommandError) as refused:
            modem.link.command(f'AT#XSENDTO="{udp_echo.host}",{udp_echo.port},"x"')

        assert refused.value.response.lines == ("#XSENDTO: 0",)


class TestConnected:
    """#XCONNECT, #XSEND and #XRECV on a datagram socket."""

    @pytest.mark.spec("XCONNECT.set.udp", "XSEND.set.udp", "XRECV.set.udp")
    def test_round_trip(self, modem, udp_echo, despite_loss, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            received = despite_loss(
                lambda: client.send_string(b"Test UDP"), lambda: client.receive(network.receive_timeout)
            )

            assert received.data == b"Test UDP"
            assert set(udp_echo.datagrams()) == {b"Test UDP"}

    def test_by_name(self, modem, udp_echo, peer_name, despite_loss, network):
        with modem.udp_client(peer_name, udp_echo.port) as client:
            received = despite_loss(lambda: client.send(b"by name"), lambda: client.receive(network.receive_timeout))

            assert received.data == b"by name"

    def test_over_ipv6(self, modem, peers, ipv6, despite_loss, network):
        echo = peers.udp_echo(ipv6=ipv6)
        with modem.udp_client(echo.host, echo.port) as client:
            received = despite_loss(lambda: client.send(b"six"), lambda: client.receive(network.receive_timeout))

            assert received.data == b"six"

    @pytest.mark.spec("XSEND.set.error")
    def test_send_without_a_destination(self, modem):
        with modem.udp_socket() as client:
            with pytest.raises(CommandError) as refused:
                client.send_string(b"x")

            (line,) = refused.value.response.lines
            assert re.fullmatch(r"#XSEND: (\d+,0,)?0", line)


class TestBorders:
    """One send is one datagram, one receive is one datagram."""

    def test_queued_datagrams_stay_apart(self, modem, udp_echo, despite_loss, network):
        texts = [b"one", b"two", b"three"]

        def push_all() -> None:
            for text in texts:
                udp_echo.push(text)

        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            despite_loss(
                lambda: client.send(b"hello"), lambda: client.receive(network.receive_timeout).data == b"hello"
            )

            received = despite_loss(push_all, lambda: [client.receive(network.receive_timeout).data for _ in texts])

            assert sorted(received) == sorted(texts)

    def test_sends_stay_apart(self, modem, peers, despite_loss, network):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            for count, text in enumerate((b"a", b"bb", b"ccc"), 1):
                despite_loss(
                    lambda text=text: client.send(text),
                    lambda count=count: sink.wait_for("received", count=count, timeout=network.receive_timeout),
                )

            assert set(sink.datagrams()) == {b"a", b"bb", b"ccc"}

    def test_data_mode_sends_one_datagram(self, modem, peers, despite_loss, network):
        sink = peers.udp_echo(echo=False)
        payload = bytes(range(256)) * (network.datagram // 256)
        with modem.udp_client(sink.host, sink.port) as client:
            despite_loss(
                lambda: client.send_in_data_mode(payload),
                lambda: sink.wait_for("received", timeout=network.receive_timeout),
            )

            assert set(sink.datagrams()) == {payload}

    @pytest.mark.spec("XSENDTO.set.datamode")
    def test_data_mode_to_a_named_destination(self, modem, udp_echo, despite_loss, network):
        payload = bytes(range(256))
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, payload),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == payload
            assert set(udp_echo.datagrams()) == {payload}


class TestReceive:
    """#XRECVFROM: timeout and flags."""

    @pytest.mark.spec("XRECVFROM.set.timeout")
    def test_nothing_comes(self, modem, peers, measure, network):
        sink = peers.udp_echo(echo=False)
        with modem.udp_socket() as client:
            client.send_to(sink.host, sink.port, b"anybody there?")
            with pytest.raises(CommandError) as nothing:
                client.receive_from(2)

            limit = within(seconds=(1.9, 2 + network.margin))
            measure("UDP time to give up", nothing.value.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.spec("XRECVFROM.set.peek")
    def test_peeks(self, modem, udp_echo, despite_loss, network):
        with modem.udp_socket() as client:
            peeked = despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"peek"),
                lambda: client.receive_from(network.receive_timeout, ReceiveFlag.PEEK),
            )

            assert peeked.data == b"peek"
            assert client.receive_from(network.receive_timeout).data == b"peek"

    @pytest.mark.spec("XRECV.set.wait_all")
    def test_wait_all_is_for_streams(self, modem, udp_echo):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client, pytest.raises(CommandError):
            client.receive(1, ReceiveFlag.WAIT_ALL)

    @pytest.mark.spec("XRECV.set.dont_wait", "XRECVFROM.set.dont_wait")
    def test_does_not_wait(self, modem, udp_echo):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            for receive in (client.receive, client.receive_from):
                with pytest.raises(CommandError):
                    receive(0, ReceiveFlag.DONT_WAIT)

    def test_late_answer(self, modem, peers, despite_loss, network):
        echo = peers.udp_echo(delay_ms=700.0)
        with modem.udp_socket() as client:
            received = despite_loss(
                lambda: client.send_to(echo.host, echo.port, b"late"),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == b"late"

    def test_unanswered_datagram(self, modem, peers, despite_loss, network):
        """The peer drops the first one that reaches it; the socket is none the worse for it."""
        echo = peers.udp_echo(drop=1)
        with modem.udp_socket() as client:
            despite_loss(
                lambda: client.send_to(echo.host, echo.port, b"unanswered"),
                lambda: echo.wait_for("dropped", timeout=network.receive_timeout),
            )
            received = despite_loss(
                lambda: client.send_to(echo.host, echo.port, b"answered"),
                lambda: client.receive_from(network.receive_timeout),
            )

            assert received.data == b"answered"

    def test_duplicate(self, modem, peers, despite_loss, network):
        echo = peers.udp_echo(copies=2)
        with modem.udp_socket() as client:
            twice = despite_loss(
                lambda: client.send_to(echo.host, echo.port, b"twice"),
                lambda: [client.receive_from(network.receive_timeout).data for _ in range(2)],
            )

            assert twice == [b"twice", b"twice"]


class TestBadNetwork:
    """Through a relay that makes the network worse than it is."""

    def test_reordered(self, modem, peers, despite_loss, network):
        sink = peers.udp_echo(echo=False)
        relay = peers.udp_relay(sink, reorder=1.0)

        def send_two() -> None:
            client.send(b"first")
            client.send(b"second")

        with modem.udp_client(relay.host, relay.port) as client:
            despite_loss(send_two, lambda: sink.wait_for("received", count=2, timeout=network.receive_timeout))

            assert set(sink.datagrams()) == {b"first", b"second"}

    def test_source_port_changes(self, modem, udp_echo, peers, despite_loss, network):
        """A NAT on the way forgot its binding: the peer sees another port, the board's socket does not notice."""
        relay = peers.udp_relay(udp_echo)
        with modem.udp_client(relay.host, relay.port) as client:
            before = despite_loss(lambda: client.send(b"before"), lambda: client.receive(network.receive_timeout))
            relay.rebind()
            after = despite_loss(lambda: client.send(b"after"), lambda: client.receive(network.receive_timeout))

        assert (before.data, after.data) == (b"before", b"after")
        assert len({entry.address for entry in udp_echo.journal() if entry.event == "received"}) == 2

    def test_all_lost(self, modem, udp_echo, peers):
        relay = peers.udp_relay(udp_echo, loss=1.0)
        with modem.udp_client(relay.host, relay.port) as client:
            client.send(b"gone")
            with pytest.raises(CommandError):
                client.receive(1)

        assert udp_echo.datagrams() == []
