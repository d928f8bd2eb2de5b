"""Coverage: the network is out of reach for a while under open sockets. Needs the lab's ``[coverage]`` commands.

Whatever becomes of what was under way, the board must not hang, must not deliver what nobody sent, and must work again.
"""

import contextlib
import time

import pytest

from bench.at import CommandError
from bench.clock import now_ns
from bench.modem import DataModeError, ShortRead

pytestmark = [pytest.mark.detaches, pytest.mark.timers]

AWAY = 3.0  # seconds; a modem looks for its cell for longer before it gives up
TEXT = b"sent without coverage"


@pytest.fixture
def coverage(lab):
    """The lab's means to take coverage away."""
    if lab.coverage is None:
        pytest.skip("the lab has no attenuator: [coverage] lose and restore in bench.toml name its commands")
    return lab.coverage


@pytest.fixture
def recovers(modem, tcp_echo, measure, network):
    """Asserts that the board is registered again and a new connection works; measures how long that took."""

    def check(back_ns: int) -> None:
        modem.registration.wait(network.registration)
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            client.send_string(b"again")
            assert client.receive_exactly(5, timeout=network.receive_timeout) == b"again"
        measure("recovery after coverage loss", now_ns() - back_ns, unit="ns")

    return check


@pytest.mark.measures("recovery after coverage loss")
def test_a_tcp_connection(modem, peers, coverage, recovers, network):
    """Data sent meanwhile arrive once and in order, or the socket reports that it failed."""
    echo = peers.tcp_echo()
    with modem.tcp_client(echo.host, echo.port) as client:
        client.send_string(b"before ")
        assert client.receive_exactly(7, timeout=network.receive_timeout) == b"before "
        with coverage.lost():
            try:
                client.send_string(TEXT)
            except CommandError:
                sent = b""
            else:
                sent = TEXT
            time.sleep(AWAY)
            assert echo.received() == b"before ", "arrived without coverage: does the lab's command work?"
        back = now_ns()
        if sent:
            try:
                came = client.receive_exactly(len(sent), timeout=4 * network.receive_timeout)
            except (CommandError, ShortRead):
                came = b""
            assert came in (b"", sent)
            assert echo.received() in (b"before ", b"before " + sent)
    recovers(back)


@pytest.mark.measures("recovery after coverage loss")
def test_a_datagram_socket(modem, udp_echo, despite_loss, coverage, recovers, network):
    """Datagrams may be lost meanwhile; the same socket works afterwards."""
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        with coverage.lost():
            with contextlib.suppress(CommandError):  # it may say that it cannot
                client.send_string(TEXT)
            time.sleep(AWAY)
        back = now_ns()
        recovers(back)
        received = despite_loss(lambda: client.send_string(b"after"), lambda: client.receive(network.receive_timeout))
        while received.data == TEXT:  # it was kept, and came late
            received = client.receive(network.receive_timeout)
        assert received.data == b"after"


@pytest.mark.measures("recovery after coverage loss")
def test_data_mode(modem, peers, coverage, recovers, network):
    """Data mode can be left although nothing goes out, and what arrives is what was written."""
    sink = peers.tcp_echo(echo=False)
    with modem.tcp_client(sink.host, sink.port) as client:
        with coverage.lost():
            with contextlib.suppress(CommandError, DataModeError):  # it may refuse without a network
                client.send_in_data_mode(TEXT)
            time.sleep(AWAY)
        back = now_ns()
        sink.wait_for("received", size=len(TEXT), timeout=network.receive_timeout)
        assert sink.received() in (b"", TEXT)
    recovers(back)
