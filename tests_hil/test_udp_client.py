"""UDP client: datagrams out and back, their borders kept. Specification: #XSOCKET, #XCONNECT, #XSENDTO, #XRECVFROM."""

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import Family, ReceiveFlag

TRICKY_TEXT = (b"Test UDP", b"a,b;c'd e=?", b"\r\nOK\r\n", b"+++", b"\xe9\xff\x80")


def _numbered(size: int) -> bytes:
    """Bytes in which a lost or moved piece shows."""
    return b"".join(b"%07d " % number for number in range(size // 8 + 1))[:size]


class TestSendTo:
    """#XSENDTO and #XRECVFROM on a socket without a destination."""

    def test_by_address(self, modem, udp_echo, measure, network):
        with modem.udp_socket() as client:
            sent = client.send_to(udp_echo.host, udp_echo.port, b"Test UDP")
            received = client.receive_from(network.receive_timeout)

            assert (received.data, received.source) == (b"Test UDP", (udp_echo.host, udp_echo.port))
            assert udp_echo.datagrams() == [b"Test UDP"]
            measure("UDP round trip, 8 bytes", received.response.final_ns - sent.response.sent_ns, unit="ns")

    def test_by_name(self, modem, udp_echo, peer_name, network):
        with modem.udp_socket() as client:
            client.send_to(peer_name, udp_echo.port, b"by name")

            assert client.receive_from(network.receive_timeout).data == b"by name"

    def test_over_ipv6(self, modem, peers, ipv6, network):
        echo = peers.udp_echo(ipv6=ipv6)
        with modem.udp_socket(family=Family.IPV6) as client:
            client.send_to(echo.host, echo.port, b"six")
            received = client.receive_from(network.receive_timeout)

            assert (received.data, received.source) == (b"six", (echo.host, echo.port))

    @pytest.mark.parametrize("text", TRICKY_TEXT, ids=repr)
    def test_text_comes_back_unchanged(self, modem, udp_echo, network, text):
        with modem.udp_socket() as client:
            client.send_to(udp_echo.host, udp_echo.port, text)

            assert client.receive_from(network.receive_timeout).data == text
            assert udp_echo.datagrams() == [text]

    @pytest.mark.parametrize("size", [1, 255, 256, 512, 1023, 1024])
    def test_every_size_by_command(self, modem, udp_echo, network, size):
        with modem.udp_socket() as client:
            client.send_to(udp_echo.host, udp_echo.port, _numbered(size))

            assert client.receive_from(network.receive_timeout).data == _numbered(size)
            assert udp_echo.datagrams() == [_numbered(size)]

    def test_empty_datagram(self, modem, udp_echo, network):
        with modem.udp_socket() as client:
            assert client.send_to(udp_echo.host, udp_echo.port, b"").size == 0

            assert udp_echo.wait_for("received", timeout=network.receive_timeout)
            assert udp_echo.datagrams() == [b""]
            assert client.receive_from(network.receive_timeout).ended

    def test_unknown_name(self, modem, udp_echo):
        with modem.udp_socket() as client, pytest.raises(CommandError):
            client.send_to("no-such-host.invalid", udp_echo.port, b"x")

        assert udp_echo.datagrams() == []

    def test_two_destinations(self, modem, peers, network):
        one, two = peers.udp_echo(), peers.udp_echo()
        with modem.udp_socket() as client:
            client.send_to(one.host, one.port, b"one")
            assert client.receive_from(network.receive_timeout).source == (one.host, one.port)
            client.send_to(two.host, two.port, b"two")
            assert client.receive_from(network.receive_timeout).source == (two.host, two.port)

    def test_without_a_socket(self, modem, udp_echo):
        with pytest.raises(CommandError) as refused:
            modem.sockets.send_to(udp_echo.host, udp_echo.port, b"x")

        assert refused.value.response.lines == ("#XSENDTO: 0",)


class TestConnected:
    """#XCONNECT, #XSEND and #XRECV on a datagram socket."""

    def test_round_trip(self, modem, udp_echo, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            assert client.send_string(b"Test UDP").size == 8

            assert client.receive(network.receive_timeout).data == b"Test UDP"
            assert udp_echo.datagrams() == [b"Test UDP"]

    def test_by_name(self, modem, udp_echo, peer_name, network):
        with modem.udp_client(peer_name, udp_echo.port) as client:
            client.send(b"by name")

            assert client.receive(network.receive_timeout).data == b"by name"

    def test_over_ipv6(self, modem, peers, ipv6, network):
        echo = peers.udp_echo(ipv6=ipv6)
        with modem.udp_client(echo.host, echo.port) as client:
            client.send(b"six")

            assert client.receive(network.receive_timeout).data == b"six"

    def test_send_without_a_destination(self, modem):
        with modem.udp_socket() as client:
            with pytest.raises(CommandError) as refused:
                client.send_string(b"x")

            assert refused.value.response.lines == ("#XSEND: 0",)


class TestBorders:
    """One send is one datagram, one receive is one datagram."""

    def test_queued_datagrams_stay_apart(self, modem, udp_echo, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            client.send(b"hello")
            assert client.receive(network.receive_timeout).data == b"hello"
            for text in (b"one", b"two", b"three"):
                udp_echo.push(text)

            assert [client.receive(network.receive_timeout).data for _ in range(3)] == [b"one", b"two", b"three"]

    def test_sends_stay_apart(self, modem, peers, network):
        sink = peers.udp_echo(echo=False)
        with modem.udp_client(sink.host, sink.port) as client:
            for text in (b"a", b"bb", b"ccc"):
                client.send(text)

            assert sink.wait_for("received", count=3, timeout=network.receive_timeout)
            assert sink.datagrams() == [b"a", b"bb", b"ccc"]

    def test_data_mode_sends_one_datagram(self, modem, peers, network):
        sink = peers.udp_echo(echo=False)
        payload = bytes(range(256)) * (network.datagram // 256)
        with modem.udp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(payload)

            assert sink.wait_for("received", timeout=network.receive_timeout)
            assert sink.datagrams() == [payload]

    def test_data_mode_to_a_named_destination(self, modem, udp_echo, network):
        payload = bytes(range(256))
        with modem.udp_socket() as client:
            client.send_to(udp_echo.host, udp_echo.port, payload)

            assert client.receive_from(network.receive_timeout).data == payload
            assert udp_echo.datagrams() == [payload]


class TestReceive:
    """#XRECVFROM: timeout and flags."""

    def test_nothing_comes(self, modem, peers, measure, network):
        sink = peers.udp_echo(echo=False)
        with modem.udp_socket() as client:
            client.send_to(sink.host, sink.port, b"anybody there?")
            with pytest.raises(CommandError) as nothing:
                client.receive_from(2)

            limit = within(seconds=(1.9, 2 + network.margin))
            measure("time to give up", nothing.value.response.duration_ns, unit="ns", limit=limit)

    def test_peeks(self, modem, udp_echo, network):
        with modem.udp_socket() as client:
            client.send_to(udp_echo.host, udp_echo.port, b"peek")

            assert client.receive_from(network.receive_timeout, ReceiveFlag.PEEK).data == b"peek"
            assert client.receive_from(network.receive_timeout).data == b"peek"
            with pytest.raises(CommandError):
                client.receive_from(0, ReceiveFlag.DONT_WAIT)

    def test_wait_all_is_for_streams(self, modem, udp_echo):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client, pytest.raises(CommandError):
            client.receive(1, ReceiveFlag.WAIT_ALL)

    def test_late_answer(self, modem, peers, network):
        echo = peers.udp_echo(delay_ms=700.0)
        with modem.udp_socket() as client:
            client.send_to(echo.host, echo.port, b"late")

            assert client.receive_from(network.receive_timeout).data == b"late"

    def test_lost_datagram(self, modem, peers, network):
        echo = peers.udp_echo(drop=1)
        with modem.udp_socket() as client:
            client.send_to(echo.host, echo.port, b"lost")
            with pytest.raises(CommandError):
                client.receive_from(1)
            client.send_to(echo.host, echo.port, b"found")

            assert client.receive_from(network.receive_timeout).data == b"found"
        assert echo.datagrams() == [b"lost", b"found"]

    def test_duplicate(self, modem, peers, network):
        echo = peers.udp_echo(copies=2)
        with modem.udp_socket() as client:
            client.send_to(echo.host, echo.port, b"twice")

            assert client.receive_from(network.receive_timeout).data == b"twice"
            assert client.receive_from(network.receive_timeout).data == b"twice"


class TestBadNetwork:
    """Through a relay that stands for a bad network."""

    def test_reordered(self, modem, peers, network):
        sink = peers.udp_echo(echo=False)
        relay = peers.udp_relay(sink, reorder=1.0)
        with modem.udp_client(relay.host, relay.port) as client:
            client.send(b"first")
            client.send(b"second")

            assert sink.wait_for("received", count=2, timeout=network.receive_timeout)
            assert sink.datagrams() == [b"second", b"first"]

    def test_source_port_changes(self, modem, udp_echo, peers, network):
        """A NAT on the way forgot its binding: the peer sees another port, the board's socket does not notice."""
        relay = peers.udp_relay(udp_echo)
        with modem.udp_client(relay.host, relay.port) as client:
            client.send(b"before")
            assert client.receive(network.receive_timeout).data == b"before"
            relay.rebind()
            client.send(b"after")
            assert client.receive(network.receive_timeout).data == b"after"

        sources = [entry.address for entry in udp_echo.journal() if entry.event == "received"]
        assert len(set(sources)) == 2

    def test_all_lost(self, modem, udp_echo, peers):
        relay = peers.udp_relay(udp_echo, loss=1.0)
        with modem.udp_client(relay.host, relay.port) as client:
            client.send(b"gone")
            with pytest.raises(CommandError):
                client.receive(1)

        assert udp_echo.datagrams() == []
