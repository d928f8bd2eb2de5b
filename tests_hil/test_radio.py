"""Radio: what idle mode, paging and a detach do to open sockets. 3GPP TS 36.331 (RRC), TS 27.007 (+CFUN, +CSCON)."""

import pytest

from bench.at import CommandError
from bench.clock import now_ns
from bench.modem import SystemMode
from bench.session.rai_rounds import to_idle

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

    def test_an_association(self, dtls, board, despite_loss, network):
        peer = dtls.peer(psk=True)
        with dtls.client(peer) as client:
            for text in (b"before", b"after idle"):
                received = despite_loss(
                    lambda text=text: client.send(text), lambda: client.receive(network.receive_timeout)
                )
                assert received.data == text
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
                polled = modem.poll(1000 * network.receive_timeout, client)
                assert client.receive_exactly(7, timeout=network.receive_timeout) == b"wake up"
                samples.append((pushed, polled.response.final_ns - pushed))

        measure.samples("downlink to an idle board", samples, doc="Paging, connection and delivery.")


@pytest.mark.detaches
class TestDetach:
    """The radio is switched off under open sockets (AT+CFUN=4): whatever becomes of them, the board must recover."""

    @pytest.mark.measures("attach again")
    def test_sockets_work_again(self, modem, tcp_echo, measure, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"before")
            assert client.receive_exactly(6, timeout=network.receive_timeout) == b"before"
            with modem.registration.offline(network.registration):
                assert modem.radio.cell() is None
                with pytest.raises(CommandError), modem.tcp_socket() as another:
                    another.connect(tcp_echo.host, tcp_echo.port)
                back = now_ns()
            measure("attach again", now_ns() - back, unit="ns")

        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"after")
            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"after"

    @pytest.mark.parametrize("access", ["lte-m", "nb-iot"])
    def test_sockets_work_on_each_access_technology(self, modem, peers, despite_loss, network, lab, access):
        """One system at a time, with a socket left open under the change; the mode that was is put back."""
        if access not in lab.access:
            pytest.skip(f"[network] access in bench.toml does not say that {access} is offered")
        echo = peers.udp_echo()
        mode = SystemMode(lte_m=access == "lte-m", nb_iot=access == "nb-iot")
        before = modem.system_modes.read()
        with modem.udp_client(echo.host, echo.port), modem.system_modes.use(mode, network.registration):
            cell = modem.radio.cell()
            assert cell is not None
            assert cell.access.lower() == access
            with modem.udp_client(echo.host, echo.port) as client:
                received = despite_loss(
                    lambda: client.send_string(b"here"), lambda: client.receive(network.receive_timeout)
                )
            assert received.data == b"here"
        assert modem.system_modes.read() == before
