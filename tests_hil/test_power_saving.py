"""Power saving: what PSM and eDRX do to open sockets. 3GPP TS 27.007 sections 7.38 and 7.40, TS 23.682 section 4.5.4.

The network decides what it grants; where it grants nothing, that is a skip with the reason. Settings are put back.
"""

import pytest

from bench.clock import NS_PER_S, now_ns
from bench.errors import LabError
from bench.session.rai_rounds import to_idle

pytestmark = pytest.mark.timers

ROUNDS = 3
PERIODIC = 3600  # seconds that a sleeping board may sleep; no scenario waits that long


def not_granted(key, name, lab, network):
    """Skip, or fail where the lab vouches for its network."""
    text = f"the network did not grant {name} within {network.idle:g} s"
    if lab.vouches_for(key):
        pytest.fail(f"{text}, although bench.toml says that it does (network.{key}): did the modem ask?")
    pytest.skip(f"{text} (a lab whose network does says so: network.{key} in bench.toml)")


@pytest.fixture
def asleep(modem, network, lab):
    """Waits until the board sleeps; PSM was granted, or the scenario is skipped."""
    saving = modem.power_saving
    with saving.psm(active=network.psm_active, periodic=PERIODIC, timeout=network.idle) as granted:
        if granted is None:
            not_granted("psm", "power saving mode", lab, network)
        with saving.sleep_notices() as watch:
            since = now_ns()

            def wait():
                nonlocal since
                moment = watch.wait_asleep(network.idle + granted.active, since_ns=since)
                if moment is None:
                    patience = network.idle + granted.active
                    raise LabError(f"granted {granted.active} s of active time, but not asleep within {patience:g} s")
                since = now_ns()
                return moment

            yield wait


class TestPsm:
    """The modem sleeps, the network keeps what comes for it, and sockets stay open."""

    @pytest.mark.measures("UDP echo from power saving mode")
    def test_a_datagram_socket(self, modem, udp_echo, despite_loss, asleep, measure, network):
        samples = []
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            for number in range(ROUNDS):
                asleep()
                text = b"awake %d" % number
                began = now_ns()
                received = despite_loss(
                    lambda text=text: client.send_string(text), lambda: client.receive(network.receive_timeout)
                )
                assert received.data == text
                samples.append((began, received.response.final_ns - began))

        measure.samples("UDP echo from power saving mode", samples, doc="Waking up and connecting included.")

    def test_a_tcp_connection(self, modem, tcp_echo, asleep, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            for text in (b"before", b"after sleep"):
                client.send_string(text)
                assert client.receive_exactly(len(text), timeout=network.receive_timeout) == text
                asleep()

        assert [entry.event for entry in tcp_echo.journal()].count("accepted") == 1

    def test_what_comes_meanwhile_is_there_after_waking(self, modem, tcp_echo, asleep, network):
        """Nobody can page a sleeping board: the peer's data waits, or is sent again, until the board is up."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            asleep()
            tcp_echo.push(b"while you slept")
            client.send_string(b"up")
            received = client.receive_exactly(17, timeout=4 * network.receive_timeout)

        assert received in (b"while you sleptup", b"upwhile you slept")


class TestEdrx:
    """An idle board listens only now and then."""

    @pytest.mark.measures("downlink to a board in eDRX")
    def test_a_push_waits_for_the_next_time_that_the_board_listens(self, modem, tcp_echo, measure, network, lab):
        cell = modem.radio.cell()
        access = cell.access if cell else "LTE-M"
        samples = []
        with modem.power_saving.edrx(access, network.edrx_cycle, timeout=network.idle) as granted:
            if granted is None:
                not_granted("edrx", "eDRX", lab, network)
            longest = granted + network.receive_timeout
            with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
                for number in range(ROUNDS):
                    with modem.radio.signalling() as watch:
                        to_idle(watch, network)
                    pushed = now_ns()
                    tcp_echo.push(b"push %d" % number)
                    polled = modem.poll(round(1000 * longest), client)
                    assert client.receive_exactly(6, timeout=network.receive_timeout) == b"push %d" % number
                    samples.append((pushed, polled.response.final_ns - pushed))

        measure.samples("downlink to a board in eDRX", samples, doc=f"Cycle granted: {granted:g} s.")
        assert max(took for _, took in samples) <= longest * NS_PER_S
