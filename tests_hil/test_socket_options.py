"""Socket options: set, read back, range, direction, and their effect where it can be seen.

Specification: #XSOCKETOPT.
"""

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import SocketOption

READABLE = {
    SocketOption.RCVTIMEO: (0, 30),
    SocketOption.SNDTIMEO: (0, 60),
    SocketOption.SILENCE_ALL: (0, 1),
    SocketOption.IP_ECHO_REPLY: (0, 1),
    SocketOption.IPV6_ECHO_REPLY: (0, 1),
    SocketOption.TCP_SRV_SESSTIMEO: (0, 135),
}
NEEDS = {SocketOption.TCP_SRV_SESSTIMEO: (pytest.mark.needs("socket option 55"),)}
SET_ONLY = {SocketOption.REUSEADDR: 1, SocketOption.BINDTOPDN: 0, SocketOption.RAI: 5}
OUT_OF_RANGE = {
    SocketOption.REUSEADDR: 2,
    SocketOption.RCVTIMEO: -1,
    SocketOption.SILENCE_ALL: 2,
    SocketOption.IP_ECHO_REPLY: 2,
    SocketOption.IPV6_ECHO_REPLY: 2,
    SocketOption.BINDTOPDN: 11,
    SocketOption.TCP_SRV_SESSTIMEO: 136,
}


def _name(option):
    return option.name if isinstance(option, SocketOption) else str(option)


@pytest.fixture
def stream(modem):
    """A TCP socket that is not connected."""
    return modem.tcp_socket()


class TestValues:
    """Set and get."""

    @pytest.mark.spec(
        "XSOCKETOPT.get",
        "XSOCKETOPT.set",
        "XSOCKETOPT.rcvtimeo",
        "XSOCKETOPT.sndtimeo",
        "XSOCKETOPT.silence_all",
        "XSOCKETOPT.ip_echo_reply",
        "XSOCKETOPT.ipv6_echo_reply",
        "XSOCKETOPT.tcp_srv_sesstimeo",
    )
    @pytest.mark.parametrize(
        ("option", "value"),
        [pytest.param(o, v, marks=NEEDS.get(o, ())) for o, values in READABLE.items() for v in values],
        ids=_name,
    )
    def test_reads_back(self, stream, option, value):
        stream.set_option(option, value)

        assert stream.get_option(option).number == value

    @pytest.mark.spec("XSOCKETOPT.reuseaddr", "XSOCKETOPT.bindtopdn", "XSOCKETOPT.rai.set_only", "XSOCKETOPT.error")
    @pytest.mark.parametrize(("option", "value"), SET_ONLY.items(), ids=_name)
    def test_set_only(self, stream, option, value):
        stream.set_option(option, value)
        with pytest.raises(CommandError):
            stream.get_option(option)

    @pytest.mark.spec("XSOCKETOPT.error")
    @pytest.mark.parametrize(
        ("option", "value"),
        [pytest.param(option, value, marks=NEEDS.get(option, ())) for option, value in OUT_OF_RANGE.items()],
        ids=_name,
    )
    def test_out_of_range(self, stream, option, value):
        with pytest.raises(CommandError):
            stream.set_option(option, value)

    @pytest.mark.spec("XSOCKETOPT.error")
    @pytest.mark.parametrize("option", [0, 1, 99])
    def test_unknown_option(self, stream, option):
        with pytest.raises(CommandError):
            stream.get_option(option)
        with pytest.raises(CommandError):
            stream.set_option(option, 1)

    @pytest.mark.needs("selected socket")
    @pytest.mark.parametrize("value", ['"5"', "5.5", "2147483648", "five"])
    def test_wrong_type_leaves_the_value(self, modem, stream, value):
        self._leaves_the_value(modem, stream, f"AT#XSOCKETOPT=1,20,{value}")

    @pytest.mark.needs("handle in every command")
    @pytest.mark.parametrize("value", ['"5"', "5.5", "2147483648", "five"])
    def test_wrong_type_leaves_the_value_of_a_handle(self, modem, stream, value):
        self._leaves_the_value(modem, stream, f"AT#XSOCKETOPT={stream.handle},1,20,{value}")

    @staticmethod
    def _leaves_the_value(modem, stream, command):
        stream.set_option(SocketOption.RCVTIMEO, 7)
        with pytest.raises(CommandError):
            modem.link.command(command)

        assert stream.get_option(SocketOption.RCVTIMEO).number == 7

    @pytest.mark.needs("handle in every command")
    @pytest.mark.spec("XSOCKETOPT.error.operation")
    @pytest.mark.parametrize("operation", [2, -1, 65536])
    def test_an_unknown_operation(self, modem, stream, operation):
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XSOCKETOPT={stream.handle},{operation},20,5")

    def test_belong_to_their_socket(self, modem, stream):
        stream.set_option(SocketOption.RCVTIMEO, 11)
        modem.udp_socket().set_option(SocketOption.RCVTIMEO, 22)

        assert stream.get_option(SocketOption.RCVTIMEO).number == 11

    @pytest.mark.needs("selected socket")
    def test_without_a_socket(self, modem):
        with pytest.raises(CommandError):
            modem.link.command("AT#XSOCKETOPT=1,20,1")

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XSOCKETOPT.test")
    def test_what_it_knows_of_itself(self, modem):
        assert modem.options.test().lines == ("#XSOCKETOPT: (0,1),<name>,<value>",)


class TestEffects:
    """The effect of an option, where it shows."""

    @pytest.mark.spec("XSOCKETOPT.rcvtimeo")
    def test_receive_timeout(self, modem, udp_echo, measure, network):
        """#XRECV sets the option itself; what it was asked for is what it waits."""
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            with pytest.raises(CommandError) as nothing:
                client.receive(1)

            limit = within(seconds=(0.9, 1 + network.margin))
            measure("receive timeout of 1 s", nothing.value.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.spec("XSOCKETOPT.reuseaddr")
    def test_an_address_can_be_used_again(self, board, modem, dialer, network):
        port = board.free_port()
        for _ in range(2):  # the first server closes its connection itself, which keeps the port busy for a while
            with modem.server_socket() as server:
                server.set_option(SocketOption.REUSEADDR, 1)
                server.bind(port)
                server.listen()
                dialer.connect(board.address(), port)
                assert server.accept(network.receive_timeout).peer_address

    @pytest.mark.slow
    @pytest.mark.needs("#XLISTEN", "socket option 55")
    @pytest.mark.spec("XSOCKETOPT.tcp_srv_sesstimeo")
    def test_an_idle_session_is_ended(self, board, modem, dialer, measure, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            server.set_option(SocketOption.TCP_SRV_SESSTIMEO, 1)
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)

            assert client.wait_for_end(timeout=60 + network.margin + network.receive_timeout)
