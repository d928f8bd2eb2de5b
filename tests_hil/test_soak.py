"""Soak: the same small thing for hours. A leak or a slow-down shows as a drift. Runs with ``--soak MINUTES``."""

import pytest

from bench.at import CommandError
from bench.clock import NS_PER_S, now_ns
from bench.measure import drift, proportion

# Entries of the transcript that are kept: of what went well for hours the end is enough.
_KEPT = 2000

pytestmark = [pytest.mark.timing, pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.measures("soak: UDP echo, 64 bytes", "soak: lost")
def test_echo_for_hours(modem, peers, measure, network, progress, pytestconfig):
    """One datagram out and back, again and again; a new socket every hundred."""
    minutes = pytestconfig.getoption("--soak")
    echo = peers.udp_echo(keep_data=False)
    began_ns, length_ns = now_ns(), minutes * 60 * NS_PER_S
    tried = lost = late = 0
    with measure.series("soak: UDP echo, 64 bytes") as series:
        while now_ns() - began_ns < length_ns:
            with modem.udp_client(echo.host, echo.port) as client:
                for _ in range(100):
                    tried += 1
                    data = b"%09d " % tried + b"." * 54
                    sent = client.send_string(data).response
                    try:
                        received = client.receive(network.receive_timeout)
                        while received.data != data:  # an echo that came after it was given up
                            late += 1
                            received = client.receive(network.receive_timeout)
                    except CommandError:
                        lost += 1
                    else:
                        series.add(received.response.final_ns - sent.sent_ns, sent.sent_ns)
                    if now_ns() - began_ns >= length_ns:
                        break
            progress(f"soak of {minutes} min", (now_ns() - began_ns) / length_ns)
            modem.link.transcript.shorten(_KEPT)

    share = proportion(lost, tried)
    measure("soak: lost", share.value, unit="fraction", estimate=share, count=tried)
    measure("soak: late", late, unit="datagrams", doc="Echoes that came after they had been given up.")
    moved = drift(series.t_ns, series.values)
    if moved is not None:
        measure("soak: drift an hour", moved.value, unit="ns", estimate=moved, count=len(series.values))
