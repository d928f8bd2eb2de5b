"""RAI options: each value of SO_RAI is taken where it makes sense. Specification: #XSOCKETOPT, SO_RAI.

The effect of RAI on the radio is the matter of another suite.
"""

import pytest

from bench.at import CommandError
from bench.modem import Rai, SocketOption


@pytest.mark.spec(
    "XSOCKETOPT.rai.last",
    "XSOCKETOPT.rai.one_resp",
    "XSOCKETOPT.rai.ongoing",
    "XSOCKETOPT.rai.wait_more",
)
@pytest.mark.parametrize("value", [value for value in Rai if value is not Rai.NO_DATA])
def test_each_value_before_a_send(modem, udp_echo, despite_loss, network, value):
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        client.set_option(SocketOption.RAI, value)
        received = despite_loss(lambda: client.send(b"assisted"), lambda: client.receive(network.receive_timeout))

        assert received.data == b"assisted"


@pytest.mark.spec("XSOCKETOPT.rai.no_data")
def test_no_data_after_a_send(modem, udp_echo, despite_loss, network):
    with modem.udp_client(udp_echo.host, udp_echo.port) as client:
        despite_loss(lambda: client.send(b"the last"), lambda: client.receive(network.receive_timeout))

        assert client.set_option(SocketOption.RAI, Rai.NO_DATA).ok


@pytest.mark.spec("XSOCKETOPT.error")
@pytest.mark.parametrize("value", [0, 6, -1])
def test_wrong_values(modem, value):
    client = modem.udp_socket()
    with pytest.raises(CommandError):
        client.set_option(SocketOption.RAI, value)


@pytest.mark.spec("XSOCKETOPT.rai.set_only")
def test_cannot_be_read(modem):
    client = modem.udp_socket()
    with pytest.raises(CommandError):
        client.get_option(SocketOption.RAI)


@pytest.mark.needs("selected socket")
def test_without_a_socket(modem):
    with pytest.raises(CommandError):
        modem.link.command("AT#XSOCKETOPT=1,61,2")
