"""Latency: how long each thing takes, as a distribution, and where the time goes.

Every series stands beside the host's own noise. On a live network a lost datagram is counted, not timed.
"""

import contextlib
from typing import Any

import pytest

from bench.at import CommandError
from bench.clock import duration_text
from bench.errors import LabError
from bench.measure import PARTS, Exchange, proportion, reordered, take_apart
from bench.modem import Family, PollEvent, Reception
from bench.security import Verify
from bench.security.credentials import ServerCertificate

pytestmark = pytest.mark.timing

PROTOCOLS = ["TCP", "UDP", "TLS", "DTLS"]
CREDENTIALS: dict[str, tuple[dict[str, Any], tuple[ServerCertificate, ...], str]] = {
    "PSK": ({"psk": True}, (), "psk"),
    "ECDSA": ({}, (ServerCertificate.ECDSA,), "ecdsa"),
    "RSA": ({}, (ServerCertificate.RSA,), "rsa"),
    "ECDSA, both": ({"verify": Verify.REQUIRED}, (ServerCertificate.ECDSA,), "device_ecdsa"),
}
# The peer answers so much later, in ms, that the board is certain to be waiting for it.
HEAD_START_MS = 30


def _numbered(number, size):
    """A message of its own: its number, then as much as is missing."""
    return b"%07d " % number + b"." * (size - 8)


def _whole(client, data, timeout):
    """The answer to the command that fetched the last of a stream's echo, which a network may cut in pieces."""
    came = b""
    while len(came) < len(data):
        received = client.receive(timeout)
        assert not received.ended, f"the peer closed after {len(came)} bytes"
        came += received.data
    assert came == data
    return received.response


def _own(client, data, timeout):
    """The answer to the command that fetched a datagram's own echo; one that came late or twice is left aside."""
    while True:
        received = client.receive(timeout)
        if received.data == data:
            return received.response
        assert received.data[:7] < data[:7], f"{received.data[:16]!r} was never sent"


@pytest.fixture
def echo_clients(modem, peers, request):
    """Connects a socket to an echo peer over a protocol, for as long as it is entered."""

    @contextlib.contextmanager
    def connected(protocol):
        if protocol in ("TLS", "DTLS"):
            secure = request.getfixturevalue("secure_transports")[protocol]
            peer = secure.peer(psk=True)
            client = secure.client(peer)
        elif protocol == "TCP":
            peer = peers.tcp_echo()
            client = modem.tcp_client(peer.host, peer.port)
        else:
            peer = peers.udp_echo()
            client = modem.udp_client(peer.host, peer.port)
        with client:
            yield client, peer

    return connected


def _told(measure, peers, name, exchanges, journal, *, stream):
    """The round trips as a series, and each of their parts, where the clocks agree well enough to tell them apart."""
    trips = take_apart(exchanges, journal, stream=stream)
    uplinks = sorted(trip.parts["uplink"] for trip in trips)
    bound = peers.offset.uncertainty_ns
    if bound * 10 > uplinks[len(uplinks) // 2]:
        return  # the peers' clock is too uncertain: the parts would be guesses
    beside = (f"peers' clock within {duration_text(bound)}",) if bound else ()
    for part in PARTS:
        samples = [(trip.sent_ns, trip.parts[part]) for trip in trips]
        measure.samples(f"{name}: {part}", samples, beside=beside, part_of=name)


class TestCommands:
    """The time of a command that does not touch the network."""

    @pytest.mark.measures("{command}")
    @pytest.mark.parametrize(
        "command",
        [
            *("AT", "AT+CFUN?"),
            pytest.param("AT#XSLMVER", marks=pytest.mark.needs("#XSLMVER")),
            pytest.param("AT#XSMVER", marks=pytest.mark.needs("#XSMVER")),
            "AT#XSOCKET?",
        ],
    )
    def test_answer(self, modem, measure, network, command):
        with measure.series(command, doc="From the command's first byte to the end of its final result.") as series:
            for _ in range(network.samples):
                response = modem.link.command(command)
                series.add(response.duration_ns, response.sent_ns)


class TestConnect:
    """The time until a connection stands."""

    @pytest.mark.measures("TCP connect")
    def test_tcp(self, modem, tcp_echo, measure, network):
        with measure.series("TCP connect") as series:
            for _ in range(network.samples):
                with modem.tcp_socket() as client:
                    connected = client.connect(tcp_echo.host, tcp_echo.port)
                series.add(connected.duration_ns, connected.sent_ns)

        assert tcp_echo.wait_for("accepted", count=network.samples, timeout=network.receive_timeout)

    @pytest.mark.measures("{protocol} connect, {credential}")
    @pytest.mark.parametrize("credential", CREDENTIALS)
    @pytest.mark.parametrize("protocol", ["TLS", "DTLS"])
    def test_secure(self, secure_transports, measure, network, protocol, credential):
        secure = secure_transports[protocol]
        settings, certificates, tag = CREDENTIALS[credential]
        peer = secure.peer(*certificates, session_cache=False, **settings)
        rounds = max(5, network.samples // 5)
        with measure.series(f"{protocol} connect, {credential}", doc="Handshake included, nothing resumed.") as series:
            for _ in range(rounds):
                with secure.socket(tag) as socket:
                    connected = socket.connect(peer.host, peer.port)
                series.add(connected.duration_ns, connected.sent_ns)

        assert peer.wait_for("handshake", count=rounds, timeout=network.receive_timeout)
        assert [handshake["resumed"] for handshake in peer.handshakes()] == [False] * rounds

    @pytest.mark.measures("{protocol} connect, resumed")
    @pytest.mark.parametrize("protocol", ["TLS", "DTLS"])
    def test_resumed(self, secure_transports, measure, network, protocol):
        secure = secure_transports[protocol]
        peer = secure.peer(psk=True)
        secure.client(peer).close()
        rounds = max(5, network.samples // 5)
        with measure.series(f"{protocol} connect, resumed") as series:
            for _ in range(rounds):
                with secure.socket("psk") as socket:
                    connected = socket.connect(peer.host, peer.port)
                series.add(connected.duration_ns, connected.sent_ns)

        assert peer.wait_for("handshake", count=rounds + 1, timeout=network.receive_timeout)
        assert [handshake["resumed"] for handshake in peer.handshakes()] == [False] + [True] * rounds


class TestEcho:
    """Out and back: the whole way, and each part of it."""

    @pytest.mark.measures("{protocol} echo, {size} bytes")
    @pytest.mark.parametrize("size", [16, 256, 1024])
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_round_trip(self, echo_clients, peers, measure, network, protocol, size):
        """The board asks for the answer as soon as it may; where that is there already, the parts say so (unasked)."""
        name = f"{protocol} echo, {size} bytes"
        exchanges, lost = [], 0
        doc = "From the sending command's first byte to the end of the answer."
        with echo_clients(protocol) as (client, peer), measure.series(name, doc=doc) as series:
            for number in range(network.samples):
                data = _numbered(number, size)
                sent = client.send_string(data).response
                try:
                    fetch = _own if protocol in ("UDP", "DTLS") else _whole
                    received = fetch(client, data, network.receive_timeout)
                except CommandError:
                    assert protocol in ("UDP", "DTLS"), "a stream must not lose anything"
                    lost += 1
                    continue
                series.add(received.final_ns - sent.sent_ns, sent.sent_ns)
                exchanges.append(Exchange(sent, received, data))

        _told(measure, peers, name, exchanges, peer.journal(), stream=protocol in ("TCP", "TLS"))
        if lost:
            share = proportion(lost, network.samples)
            measure(f"{name}: lost", share.value, unit="fraction", estimate=share, count=network.samples)


class TestDatagrams:
    """A burst of datagrams: which are lost, which overtake each other, how unevenly they come."""

    @pytest.mark.measures("UDP uplink loss", "UDP uplink reordered", "UDP uplink jitter")
    def test_uplink(self, modem, peers, measure, network):
        sink = peers.udp_echo(echo=False)
        sent = []
        with modem.udp_client(sink.host, sink.port) as client:
            for number in range(network.samples):
                sent.append(client.send_string(_numbered(number, 64)).response.sent_ns)
            sink.wait_for("received", count=network.samples, timeout=network.receive_timeout)

        came = [(int(entry.data[:7]), entry.t_ns) for entry in sink.journal() if entry.event == "received"]
        numbers = [number for number, _ in came]
        if len(numbers) < 3:
            raise LabError(f"{len(numbers)} of {network.samples} datagrams arrived: too few to tell anything")
        loss = proportion(network.samples - len(set(numbers)), network.samples)
        measure("UDP uplink loss", loss.value, unit="fraction", estimate=loss, count=network.samples)
        late = proportion(reordered(numbers), len(numbers))
        measure("UDP uplink reordered", late.value, unit="fraction", estimate=late, count=len(numbers))
        delays = [stamp - sent[number] for number, stamp in came]
        differences = [(sent[came[i][0]], abs(delays[i] - delays[i - 1])) for i in range(1, len(delays))]
        measure.samples("UDP uplink jitter", differences, doc="Change of delay from datagram to datagram (RFC 3393).")


class TestWaiting:
    """The time until a board that waits is woken."""

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.measures("accept latency, waiting")
    def test_accept(self, board, modem, dialer, measure, network):
        address = board.address()
        with measure.series("accept latency, waiting", doc="A server each: one leaks what it accepted.") as series:
            for number in range(1, max(5, network.samples // 5) + 1):
                port = board.free_port()
                with modem.tcp_server(port) as server:
                    dialer.connect_later(address, port, after=HEAD_START_MS / 1000)
                    accepted = server.accept(network.receive_timeout).response
                series.add(accepted.final_ns - dialer.wait_connected(number), accepted.sent_ns)

    @pytest.mark.measures("poll wake-up")
    def test_poll(self, modem, peers, measure, network):
        echo = peers.tcp_echo(delay_ms=HEAD_START_MS)
        with modem.tcp_client(echo.host, echo.port) as client:
            polls = []
            for _ in range(max(5, network.samples // 5)):
                client.send_string(b"wake up")
                polled = modem.poll(1000 * network.receive_timeout, client)
                assert polled.of(client.handle) & PollEvent.IN
                polls.append(polled.response)
                client.receive_exactly(7, timeout=network.receive_timeout)

        went = [entry.t_ns for entry in echo.journal() if entry.event == "sent"]
        waits = [(poll.sent_ns, poll.final_ns - stamp) for poll, stamp in zip(polls, went, strict=True)]
        measure.samples("poll wake-up", waits, doc="From the peer's write to the end of #XPOLL's answer.")


class TestReception:
    """The time from the peer's write until the host has the data, by each way that a firmware has to fetch them."""

    @pytest.mark.measures("receive latency, {way}")
    @pytest.mark.parametrize(
        "way", ["blocking", "polled", pytest.param("automatic", marks=pytest.mark.needs("#XRECVCFG"))]
    )
    def test_of_a_board_that_waits(self, modem, peers, measure, network, way):
        echo = peers.tcp_echo(delay_ms=HEAD_START_MS)
        with modem.tcp_client(echo.host, echo.port) as client:
            if way == "automatic":
                modem.serial_modem.reception.set(Reception.AT_MODE, client.handle)
            fetched = []
            for number in range(max(5, network.samples // 5)):
                data = _numbered(number, 16)
                client.send_string(data)
                fetched.append(self._fetch(modem, client, data, way, network.receive_timeout))

        went = [entry.t_ns for entry in echo.journal() if entry.event == "sent"]
        waits = [(stamp, done - stamp) for done, stamp in zip(fetched, went, strict=True)]
        doc = "From the peer's write until the last byte of the data is on the host."
        measure.samples(f"receive latency, {way}", waits, doc=doc)

    @staticmethod
    def _fetch(modem, client, data, way, timeout):
        """The moment at which the data were on the host."""
        if way == "automatic":
            arrived = modem.serial_modem.reception.wait(client.handle, timeout)
            assert arrived.data == data
            return arrived.urc.received_ns
        if way == "polled":
            assert modem.poll(1000 * timeout, client).of(client.handle) & PollEvent.IN
        return _whole(client, data, timeout).final_ns


class TestNames:
    """The time that a name takes."""

    @pytest.mark.measures("DNS, {family}")
    @pytest.mark.parametrize("family", ["IPv4", "IPv6"])
    def test_resolve(self, modem, peer_name, measure, network, request, family):
        if family == "IPv6":
            request.getfixturevalue("ipv6")
        with measure.series(f"DNS, {family}") as series:
            for _ in range(network.samples):
                wanted = Family.IPV6 if family == "IPv6" else Family.IPV4
                resolved = modem.names.resolve(peer_name, wanted).response
                series.add(resolved.duration_ns, resolved.sent_ns)
