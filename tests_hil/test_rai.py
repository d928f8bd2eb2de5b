"""RAI: does it end connected mode sooner? Rounds with the option and without it, in turn.

Each round begins and ends in idle mode; the modem's own URC says when. What the network does not grant is no fault of
the board: such a finding is a lab error, with the evidence. Specification: #XSOCKETOPT, SO_RAI; 3GPP TS 36.321, 5.4.5.
"""

import pytest

from bench.at import CommandError
from bench.errors import LabError
from bench.measure import Verdict
from bench.modem import Rai
from bench.session.rai_rounds import MANY, to_idle

pytestmark = pytest.mark.timers

FEW = 3
LAB_VERDICTS = (
    Verdict.NOT_SHORTENED,
    Verdict.AT_RANDOM,
    Verdict.AT_TIMES,
    Verdict.CELL_CHANGED,
    Verdict.CELLS_DIFFER,
    Verdict.TOO_FEW,
)


def shortened(finding):
    """The option must shorten; what is the network's, or too little, is for the lab to know."""
    if finding.verdict in LAB_VERDICTS:
        raise LabError(f"RAI {finding.verdict}: {finding.sentence}")
    assert finding.verdict is Verdict.SHORTENED, finding.sentence


def kept(finding):
    """The option must not shorten: the board has said that more is to come."""
    if finding.verdict in (Verdict.CELL_CHANGED, Verdict.CELLS_DIFFER, Verdict.TOO_FEW):
        raise LabError(f"RAI {finding.verdict}: {finding.sentence}")
    assert finding.verdict in (Verdict.NOT_SHORTENED, Verdict.NOT_INDICATED), finding.sentence


def timed_echo(client, data, network):
    """When a datagram was sent, and how long its echo took, in ns."""
    sent = client.send_string(data).response
    received = client.receive(network.receive_timeout).response
    return sent.sent_ns, received.final_ns - sent.sent_ns


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
    """The extra cost of the first packet from idle mode over one from connected mode."""

    @pytest.mark.measures("UDP echo from idle", "UDP echo from connected")
    def test_first_packet(self, modem, peers, network, measure):
        echo = peers.udp_echo()
        idle: list[tuple[int, int]] = []
        connected: list[tuple[int, int]] = []
        with modem.udp_client(echo.host, echo.port) as client:
            for number in range(FEW * network.datagram_attempts):
                with modem.radio.signalling() as watch:
                    to_idle(watch, network)
                try:
                    pair = [timed_echo(client, b"%d" % number, network) for _ in ("from idle", "from connected")]
                except CommandError:
                    continue  # a live network may lose a datagram; the next round begins from idle again
                for times, told in zip((idle, connected), pair, strict=True):
                    times.append(told)
                if len(idle) == FEW:
                    break
        assert len(idle) == FEW, f"{len(idle)} of {FEW * network.datagram_attempts} echoes from idle came back"

        measure.samples("UDP echo from idle", idle, doc="The way to a connection included.")
        measure.samples("UDP echo from connected", connected)
