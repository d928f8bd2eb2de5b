"""Throughput: how much moves in a given time, each way and by each means; ramp and steady rate apart, at both ends.

Each transfer ends after ``--seconds`` or ``--volume`` bytes, whichever comes first.
"""

import pytest

from bench.clock import NS_PER_S, now_ns
from bench.measure import proportion, rate_of, uart_ceiling
from bench.modem import PollEvent, Reception

pytestmark = pytest.mark.timing

MESSAGE = 1024
RECEIVED_AT_ONCE = 2048
# The peer has sent so many bytes more than the board has fetched, twice that at most.
AHEAD = 65536


def _send_overhead(modem, sent):
    """Bytes that stand beside the payload on the UART: the command's; its answer back is not in the way."""
    return len(sent.response.command) + len(modem.link.dialect.terminator) - sent.size


def _receive_overhead(modem, response):
    """Bytes that stand beside the payload on the UART: the command's, and those of the lines around it."""
    lines = sum(len(f"\r\n{line}\r\n") for line in (*response.lines, response.final))
    return len(response.command) + len(modem.link.dialect.terminator) + lines


def _message(number, size):
    return (b"%07d " % number + b"." * size)[:size]


class Transfer:
    """Counts a transfer and says when it is over."""

    def __init__(self, network, progress, name):
        self.events = []
        self.moved = 0
        self._network = network
        self._progress = progress
        self._name = name
        self._began_ns = now_ns()

    @property
    def over(self):
        """Return True when time or volume is used up."""
        passed = (now_ns() - self._began_ns) / (self._network.seconds * NS_PER_S)
        done = max(passed, self.moved / self._network.volume)
        self._progress(self._name, done)
        return done >= 1

    def add(self, t_ns, size):
        """Some bytes moved."""
        self.events.append((t_ns, size))
        self.moved += size


def _tell(measure, name, events, beside=()):
    """One end's rates: over all, and what it settled at."""
    rate = rate_of(events)
    measure(name, rate.overall, unit="B/s", count=len(events), beside=beside, over_time=rate.over_time)
    if rate.steady is not None:
        steady = rate.steady
        measure(f"{name}: steady", steady.value, unit="B/s", estimate=steady, count=len(events), part_of=name)
        measure(f"{name}: ramp", rate.ramp_ns, unit="ns", part_of=name)


def _received(peer):
    return [(entry.t_ns, entry.size) for entry in peer.journal() if entry.event == "received"]


def _pushing_ahead(source, transfer, volume):
    """Yield until the transfer is over; keep so much under way that the board never waits for the peer."""
    pushed = 0
    while not transfer.over:
        piece = min(AHEAD, volume - pushed)
        if piece and pushed - transfer.moved < AHEAD:
            source.push(_message(pushed, piece))
            pushed += piece
        yield


def _sent(peer):
    return [(entry.t_ns, entry.size) for entry in peer.journal() if entry.event == "sent"]


@pytest.fixture
def uart(lab):
    """Return the most that the UART lets through, to stand beside a rate; nothing where a pty has no rate."""

    def ceiling(useful, overhead):
        if lab.baudrate is None:
            return ("a pty has no UART ceiling",)
        rate = uart_ceiling(lab.baudrate, useful, overhead)
        return (f"UART ceiling {rate / 1000:.3g} kB/s at {lab.baudrate} baud",)

    return ceiling


class TestUart:
    """The serial port itself: what it carries, and that it carries all of it. Run it once for each rate of the lab."""

    @pytest.mark.measures("UART rate")
    def test_rate(self, modem, peers, measure, network, uart):
        """Long commands, their answers included: what is far below the ceiling is held up by something else."""
        sink = peers.udp_echo(echo=False)
        with (
            modem.udp_client(sink.host, sink.port) as client,
            measure.series("UART rate", unit="B/s", beside=uart(1, 0)) as series,
        ):
            for number in range(network.samples):
                sent = client.send_string(_message(number, MESSAGE))
                took = sent.response.duration_ns
                series.add((MESSAGE + _send_overhead(modem, sent)) / took * NS_PER_S, sent.response.sent_ns)

    @pytest.mark.usefixtures("flow_control")
    def test_nothing_is_lost_at_full_speed(self, modem, peers, network):
        """Data mode as fast as the port takes it."""
        sink = peers.tcp_echo(echo=False)
        data = b"".join(_message(number, 64) for number in range(network.bulk // 64))
        with modem.tcp_client(sink.host, sink.port) as client:
            client.send_in_data_mode(data)
            sink.wait_for("received", size=len(data), timeout=4 * network.receive_timeout)

        assert sink.received() == data


class TestUplink:
    """From the board to the peer."""

    @pytest.mark.measures("TCP uplink by command, sender", "TCP uplink by command, receiver")
    def test_by_command(self, modem, peers, measure, network, progress, uart):
        sink = peers.tcp_echo(echo=False, keep_data=False)
        transfer = Transfer(network, progress, "TCP uplink by command")
        with modem.tcp_client(sink.host, sink.port) as client:
            while not transfer.over:
                sent = client.send_string(_message(len(transfer.events), MESSAGE))
                assert sent.size == MESSAGE
                transfer.add(sent.response.final_ns, sent.size)
            assert sink.wait_for("received", size=transfer.moved, timeout=network.receive_timeout)

        beside = uart(MESSAGE, _send_overhead(modem, sent))
        _tell(measure, "TCP uplink by command, sender", transfer.events, beside)
        _tell(measure, "TCP uplink by command, receiver", _received(sink), beside)

    @pytest.mark.usefixtures("flow_control")
    @pytest.mark.measures("TCP uplink in data mode, receiver")
    def test_in_data_mode(self, modem, peers, measure, network, progress, uart):
        """The board takes data at the UART's rate; the peer tells what went out."""
        sink = peers.tcp_echo(echo=False, keep_data=False)
        transfer = Transfer(network, progress, "TCP uplink in data mode")
        with modem.tcp_client(sink.host, sink.port) as client:
            client.enter_data_mode()
            while not transfer.over:
                modem.link.write(_message(len(transfer.events), MESSAGE), timeout=network.receive_timeout)
                transfer.add(now_ns(), MESSAGE)
            assert sink.wait_for("received", size=transfer.moved - MESSAGE, timeout=4 * network.receive_timeout)
            assert modem.link.leave_data_mode(timeout=network.receive_timeout) == 0
            assert sink.wait_for("received", size=transfer.moved, timeout=network.receive_timeout)

        _tell(measure, "TCP uplink in data mode, receiver", _received(sink), uart(1, 0))

    @pytest.mark.measures("UDP uplink by datagram, sender", "UDP uplink by datagram, receiver", "UDP uplink lost")
    def test_by_datagram(self, modem, peers, measure, network, progress, uart):
        sink = peers.udp_echo(echo=False, keep_data=False)
        transfer = Transfer(network, progress, "UDP uplink by datagram")
        with modem.udp_client(sink.host, sink.port) as client:
            while not transfer.over:
                sent = client.send_string(_message(len(transfer.events), MESSAGE))
                transfer.add(sent.response.final_ns, sent.size)
            sink.wait_for("received", size=transfer.moved, timeout=network.receive_timeout)

        beside = uart(MESSAGE, _send_overhead(modem, sent))
        came = _received(sink)
        _tell(measure, "UDP uplink by datagram, sender", transfer.events, beside)
        _tell(measure, "UDP uplink by datagram, receiver", came, beside)
        lost = proportion(max(0, len(transfer.events) - len(came)), len(transfer.events))
        measure("UDP uplink lost", lost.value, unit="fraction", estimate=lost, count=len(transfer.events))


class TestDownlink:
    """From the peer to the board."""

    @pytest.mark.measures("TCP downlink by command, receiver")
    def test_by_command(self, modem, peers, measure, network, progress, uart):
        source = peers.tcp_echo(echo=False, keep_data=False)
        transfer = Transfer(network, progress, "TCP downlink by command")
        with modem.tcp_client(source.host, source.port) as client:
            assert source.wait_for("accepted", timeout=network.receive_timeout)
            for _ in _pushing_ahead(source, transfer, network.volume):
                received = client.receive(network.receive_timeout)
                assert not received.ended, "the peer has not closed"
                transfer.add(received.response.final_ns, len(received.data))

        beside = uart(RECEIVED_AT_ONCE, _receive_overhead(modem, received.response))
        if len(_sent(source)) > 1:  # one write has no rate
            _tell(measure, "TCP downlink by command, sender", _sent(source), beside)
        _tell(measure, "TCP downlink by command, receiver", transfer.events, beside)

    @pytest.mark.needs("#XRECVCFG")
    @pytest.mark.measures("TCP downlink by automatic reception, receiver")
    def test_by_automatic_reception(self, modem, peers, measure, network, progress):
        """No command asks for the data: they come as URCs."""
        source = peers.tcp_echo(echo=False, keep_data=False)
        transfer = Transfer(network, progress, "TCP downlink by automatic reception")
        reception = modem.serial_modem.reception
        with modem.tcp_client(source.host, source.port) as client:
            reception.set(Reception.AT_MODE, client.handle)
            for _ in _pushing_ahead(source, transfer, network.volume):
                arrived = reception.wait(client.handle, network.receive_timeout)
                transfer.add(arrived.urc.received_ns, len(arrived.data))

        _tell(measure, "TCP downlink by automatic reception, receiver", transfer.events)

    @pytest.mark.measures("UDP downlink by datagram, receiver", "UDP downlink lost")
    def test_by_datagram(self, modem, peers, measure, network, progress, uart):
        """The peer answers each datagram with several: more is under way than is asked for.

        Silence after a loss is not counted in: it is the bench that waits, not the network that is slow.
        """
        copies = 8
        source = peers.udp_echo(copies=copies, keep_data=False)
        transfer = Transfer(network, progress, "UDP downlink by datagram")
        asked = silent_ns = 0
        quiet_ms = 100 * network.receive_timeout
        with modem.udp_client(source.host, source.port) as client:
            while not transfer.over:
                client.send_string(_message(asked, MESSAGE))
                asked += 1
                for _ in range(copies):
                    waiting = now_ns()
                    if not client.poll(quiet_ms) & PollEvent.IN:
                        silent_ns += now_ns() - waiting
                        break  # the rest of these were lost
                    received = client.receive(network.receive_timeout)
                    transfer.add(received.response.final_ns - silent_ns, len(received.data))

        beside = uart(MESSAGE, _receive_overhead(modem, received.response) if transfer.events else 0)
        _tell(measure, "UDP downlink by datagram, sender", _sent(source), beside)
        _tell(measure, "UDP downlink by datagram, receiver", transfer.events, beside)
        lost = proportion(max(0, copies * asked - len(transfer.events)), copies * asked)
        measure("UDP downlink lost", lost.value, unit="fraction", estimate=lost, count=copies * asked)
