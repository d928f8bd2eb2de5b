"""Radio: what idle mode, paging and a detach do to open sockets. 3GPP TS 36.331 (RRC), TS 27.007 (+CFUN, +CSCON)."""

import pytest

from bench.at import CommandError
from bench.clock import now_ns
from nrf91_bench_fixtures.release import to_idle

pytestmark = pytest.mark.timers


def _to_idle(modem, network):
    with modem.radio.signalling() as watch:
        to_idle(watch, network)


class TestIdle:
    """Sockets outlive the signalling connection."""

    def test_a_tcp_connection(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for text in (b"before", b"after idle", b"and once more"):
                client.send_string(text)
                assert client.receive_exactly(len(text), timeout=network.receive_timeout) == text
                _to_idle(modem, network)

        assert [entry.event for entry in tcp_echo.journal()].count("accepted") == 1

    def test_a_datagram_socket(self, modem, udp_echo, despite_loss, network):
        """The same address all along, unless a NAT on the way forgets sooner."""
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            for text in (b"before", b"after idle"):
                received = despite_loss(
                    lambda text=text: client.send_string(text), lambda: client.receive(network.receive_timeout)
                )
                assert received.data == text
                _to_idle(modem, network)

    def test_an_association(self, dtls, board, network):
        peer = dtls.peer(psk=True)
        with dtls.client(peer) as client:
            for text in (b"before", b"after idle"):
                client.send(text)
                assert client.receive(network.receive_timeout).data == text
                _to_idle(board.modem, network)

        assert len(peer.handshakes()) == 1


class TestPaging:
    """Data for a board in idle mode."""

    @pytest.mark.measures("downlink to an idle board")
    def test_an_idle_board_is_reached(self, modem, tcp_echo, measure, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            samples = []
            for _ in range(3):
                _to_idle(modem, network)
                pushed = now_ns()
                tcp_echo.push(b"wake up")
                polled = modem.polling.poll(1000 * network.receive_timeout, client.handle)
                assert client.receive_exactly(7, timeout=network.receive_timeout) == b"wake up"
                samples.append((pushed, polled.response.final_ns - pushed))

        measure.samples("downlink to an idle board", samples, doc="Paging, connection and delivery.")


@pytest.mark.detaches
class TestDetach:
    """The radio is switched off under open sockets (AT+CFUN=4): whatever becomes of them, the board must recover."""

    @pytest.mark.measures("attach again")
    def test_sockets_work_again(self, modem, tcp_echo, measure, network, bench_session):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"before")
            assert client.receive_exactly(6, timeout=network.receive_timeout) == b"before"
            with modem.registration.offline(bench_session.config.network.registration_timeout):
                assert modem.radio.cell() is None
                with pytest.raises(CommandError), modem.tcp_socket() as another:
                    another.connect(tcp_echo.host, tcp_echo.port)
                back = now_ns()
            measure("attach again", now_ns() - back, unit="ns")

        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"after")
            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"after"
