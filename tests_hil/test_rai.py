"""RAI: does release assistance end connected mode sooner? Rounds with the option and without it, in turn.

Each round begins and ends in idle mode; the modem's own URC says when. What the network does not grant is no fault of
the board: such a finding is a lab error, with the evidence. Specification: #XSOCKETOPT, SO_RAI; 3GPP TS 36.321, 5.4.5.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bench.at import CommandError
from bench.errors import LabError
from bench.measure import Round, Verdict, judge
from bench.modem import Modem, Rai, ReceiveFlag, SignallingWatch, SocketOption
from bench.peers import Peer
from bench.privacy import Concealer
from bench.report.timeline import TimeLine
from nrf91_bench_fixtures.session import Profile

pytestmark = pytest.mark.timers

MANY, FEW = 10, 3
LAB_VERDICTS = (
    Verdict.NOT_SHORTENED,
    Verdict.AT_RANDOM,
    Verdict.CELL_CHANGED,
    Verdict.TOO_FEW,
)


@dataclass
class Exchanges:
    """Plays rounds between one peer and two sockets: what one announces must not linger in rounds without."""

    modem: Modem
    watch: SignallingWatch
    concealer: Concealer
    network: Profile
    clients: dict[bool, Any]
    peer: Peer
    lines: list[TimeLine] = field(default_factory=list)
    times: dict[bool, list[tuple[int, int]]] = field(default_factory=lambda: {False: [], True: []})

    def play(self, option, *, assisted, answers):
        """One round: to idle, the packet, perhaps its response, to idle again."""
        if not self.watch.settle(self.network.idle):
            raise LabError(
                f"the network keeps the board connected for more than {self.network.idle:g} s without traffic"
            )
        cell = self._cell()
        for client in self.clients.values():
            self._fetched(client)  # what came late belongs to no later round
        before = sum(entry.size for entry in self.peer.journal() if entry.event == "received")
        data = b"%07d " % len(self.lines) + b"." * 24
        client = self.clients[assisted]
        client.select()
        began = self._send(client, option if assisted else None, data)
        idle = self.watch.wait_idle(self.network.idle, since_ns=began.final_ns)
        arrived = before + len(data)
        delivered = self.peer.wait_for("received", size=arrived, timeout=self.network.receive_timeout)
        answered = data in self._fetched(client) if answers else None
        self.lines.append(self._line(option if assisted else None, began, idle))
        if idle is None:
            return Round(assisted, None, (cell, self._cell()), delivered, answered)
        self.times[assisted].append((began.final_ns, idle - began.final_ns))
        return Round(assisted, idle - began.final_ns, (cell, self._cell()), delivered, answered)

    def _send(self, client, option, data):
        options = self.modem.options
        if option is not None and option is not Rai.NO_DATA:
            options.set(SocketOption.RAI, option)
        sent = client.send_string(data).response
        if option is Rai.NO_DATA:
            # What it announces counts from now on: the packet must be out, the connection stand.
            self.watch.wait_connected(self.network.idle, since_ns=sent.sent_ns)
            options.set(SocketOption.RAI, option)
        return sent

    def _fetched(self, client):
        """All that has come, without waiting: a response has been there since before the release."""
        came = b""
        client.select()
        while True:
            try:
                received = client.receive(0, ReceiveFlag.DONT_WAIT)
            except CommandError:
                return came
            if received.ended:
                return came
            came += received.data

    def _cell(self):
        cell = self.modem.radio.cell()
        return self.concealer.short_id("cell", cell.identity) if cell else "none"

    def _line(self, option, sent, idle):
        title = f"round {len(self.lines) + 1}, {option.name if option else 'without'}"
        line = TimeLine(title, ("AT", "uplink", "downlink", "RRC"))
        line.marks += [("AT", sent.sent_ns, "send"), ("AT", sent.final_ns, "OK")]
        lanes = {"received": "uplink", "sent": "downlink"}
        for entry in self.peer.journal():
            if entry.event in lanes and entry.t_ns > sent.sent_ns:
                line.marks.append((lanes[entry.event], entry.t_ns, f"{entry.size} bytes"))
        if idle:
            stood = self.watch.wait_connected(0, since_ns=sent.sent_ns) or sent.sent_ns
            line.bands.append(("RRC", stood, idle, "connected"))
            line.marks.append(("RRC", idle, "idle"))
        return line

    def pictures(self):
        """A time line a round, all of one scale: one look shows which was shorter."""
        longest = max(line.extent_ns for line in self.lines)
        return [replace(line, span_ns=longest).svg() for line in self.lines]


@pytest.fixture
def support(modem):
    """Release assistance switched on in the modem; what the cell says about it."""
    with modem.radio.release_assistance() as told:
        if told is not None and not told.any:
            pytest.skip("this cell says that it knows no release assistance")
        yield told


@pytest.fixture
def rounds(modem, support, bench_session, network, picture, measure, pytestconfig):
    """Plays and judges: ``rounds(name, option, connect, peer, count)``, where ``connect`` gives a connected socket."""

    def play(name, option, connect, peer, count, *, answers=False):
        count = pytestconfig.getoption("--rounds") or count
        played = []
        with connect() as usual, connect() as assisting, modem.radio.signalling() as watch:
            clients = {False: usual, True: assisting}
            exchanges = Exchanges(modem, watch, bench_session.concealer, network, clients, peer)
            for number in range(2 * count):
                assisted = number % 4 in (1, 2)  # without, with, with, without
                played.append(exchanges.play(option, assisted=assisted, answers=answers))
                if number == 0 and played[0].idle_ns is None:
                    raise LabError(f"without the option too the board is not idle within {network.idle:g} s")
        for drawn in exchanges.pictures():
            picture(drawn)
        for kind, told in ((False, "without"), (True, "with")):
            if exchanges.times[kind]:
                measure.samples(f"time to idle, {name}, {told}", exchanges.times[kind])
        knows = None if support is None else support.any
        finding = judge(played, cell_knows=knows, known_good=bench_session.config.network.rai == "granted")
        bench_session.stream.add("finding", name=name, verdict=str(finding.verdict), text=finding.sentence)
        return finding

    return play


def shortened(finding):
    """The option must shorten; what is the network's, or too little, is for the lab to know."""
    if finding.verdict in LAB_VERDICTS:
        raise LabError(f"RAI {finding.verdict}: {finding.sentence}")
    assert finding.verdict is Verdict.SHORTENED, finding.sentence


def kept(finding):
    """The option must not shorten: the board has said that more is to come."""
    if finding.verdict in (Verdict.CELL_CHANGED, Verdict.TOO_FEW):
        raise LabError(f"RAI {finding.verdict}: {finding.sentence}")
    assert finding.verdict in (Verdict.NOT_SHORTENED, Verdict.NOT_INDICATED), finding.sentence


class TestUdp:
    """Datagrams: what the option is for."""

    @pytest.mark.spec("XSOCKETOPT.rai.last")
    def test_last(self, modem, peers, rounds):
        sink = peers.udp_echo(echo=False)

        shortened(rounds("UDP LAST", Rai.LAST, lambda: modem.udp_client(sink.host, sink.port), sink, MANY))

    @pytest.mark.spec("XSOCKETOPT.rai.one_resp")
    def test_one_response(self, modem, peers, rounds):
        echo = peers.udp_echo()

        def connect():
            return modem.udp_client(echo.host, echo.port)

        shortened(rounds("UDP ONE_RESP", Rai.ONE_RESP, connect, echo, MANY, answers=True))

    @pytest.mark.spec("XSOCKETOPT.rai.no_data")
    def test_no_more_data(self, modem, peers, rounds):
        sink = peers.udp_echo(echo=False)

        shortened(rounds("UDP NO_DATA", Rai.NO_DATA, lambda: modem.udp_client(sink.host, sink.port), sink, FEW))

    @pytest.mark.spec("XSOCKETOPT.rai.ongoing", "XSOCKETOPT.rai.wait_more")
    @pytest.mark.parametrize("option", [Rai.ONGOING, Rai.WAIT_MORE], ids=lambda option: option.name)
    def test_more_to_come_does_not_shorten(self, modem, peers, rounds, option):
        """The page's text for ONGOING is a copy of ONE_RESP's; the vendor's header says that it keeps the modem up."""
        sink = peers.udp_echo(echo=False)

        kept(rounds(f"UDP {option.name}", option, lambda: modem.udp_client(sink.host, sink.port), sink, FEW))


class TestDtls:
    """The same under encryption."""

    def test_last(self, dtls, rounds):
        sink = dtls.peer(psk=True, echo=False)

        shortened(rounds("DTLS LAST", Rai.LAST, lambda: dtls.client(sink), sink, FEW))

    def test_one_response(self, dtls, rounds):
        echo = dtls.peer(psk=True)

        shortened(rounds("DTLS ONE_RESP", Rai.ONE_RESP, lambda: dtls.client(echo), echo, FEW, answers=True))


class TestTcp:
    """For information: the peer's acknowledgement after the release connects the board again."""

    def test_last(self, modem, peers, rounds):
        sink = peers.tcp_echo(echo=False)
        finding = rounds("TCP LAST", Rai.LAST, lambda: modem.tcp_client(sink.host, sink.port), sink, FEW)

        assert finding.verdict is not Verdict.BROKE_DELIVERY, finding.sentence


class TestPromotion:
    """What the first packet from idle mode costs over one from connected mode."""

    @pytest.mark.measures("UDP echo from idle", "UDP echo from connected")
    def test_first_packet(self, modem, peers, network, measure):
        echo = peers.udp_echo()
        idle: list[tuple[int, int]] = []
        connected: list[tuple[int, int]] = []
        with modem.udp_client(echo.host, echo.port) as client:
            for number in range(FEW):
                with modem.radio.signalling() as watch:
                    if not watch.settle(network.idle):
                        raise LabError(f"the network keeps the board connected for more than {network.idle:g} s")
                for times in (idle, connected):
                    sent = client.send_string(b"%d" % number).response
                    received = client.receive(network.receive_timeout).response
                    times.append((sent.sent_ns, received.final_ns - sent.sent_ns))

        measure.samples("UDP echo from idle", idle, doc="The way to a connection included.")
        measure.samples("UDP echo from connected", connected)


def test_no_command_may_hold_the_urc_back(modem, udp_echo):
    """A receive that waits would delay what is timed, so it is not even sent."""
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        with modem.radio.signalling():
            for blocking in (
                lambda: client.receive(5),
                lambda: client.receive_from(5),
                lambda: modem.polling.poll(1000),
            ):
                with pytest.raises(Exception, match="hold back the URC"):
                    blocking()
            with pytest.raises(CommandError):
                client.receive(5, ReceiveFlag.DONT_WAIT)
        assert modem.radio.connected() in (True, False)
