"""RAI options: each value of SO_RAI is taken where it makes sense. Specification: #XSOCKETOPT, SO_RAI.

What release assistance does to the radio is another suite's matter.
"""

import pytest

from bench.at import CommandError
from bench.modem import Rai, SocketOption, SocketType


@pytest.mark.spec(
    "XSOCKETOPT.rai.last",
    "XSOCKETOPT.rai.one_resp",
    "XSOCKETOPT.rai.ongoing",
    "XSOCKETOPT.rai.wait_more",
)
@pytest.mark.parametrize("value", [value for value in Rai if value is not Rai.NO_DATA])
def test_each_value_before_a_send(modem, udp_echo, despite_loss, network, value):
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        modem.options.set(SocketOption.RAI, value)
        received = despite_loss(lambda: client.send(b"assisted"), lambda: client.receive(network.receive_timeout))

        assert received.data == b"assisted"


@pytest.mark.spec("XSOCKETOPT.rai.no_data")
def test_no_data_after_a_send(modem, udp_echo, despite_loss, network):
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        despite_loss(lambda: client.send(b"the last"), lambda: client.receive(network.receive_timeout))

        assert modem.options.set(SocketOption.RAI, Rai.NO_DATA).ok


@pytest.mark.spec("XSOCKETOPT.error")
@pytest.mark.parametrize("value", [0, 6, -1])
def test_wrong_values(modem, value):
    modem.sockets.open(SocketType.DATAGRAM)
    with pytest.raises(CommandError):
        modem.options.set(SocketOption.RAI, value)


@pytest.mark.spec("XSOCKETOPT.rai.set_only")
def test_cannot_be_read(modem):
    modem.sockets.open(SocketType.DATAGRAM)
    with pytest.raises(CommandError):
        modem.options.get(SocketOption.RAI)


def test_without_a_socket(modem):
    with pytest.raises(CommandError):
        modem.options.set(SocketOption.RAI, Rai.LAST)
