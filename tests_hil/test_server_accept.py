"""Server accept: a board listens, a client dials it, data flow both ways. Specification: #XBIND, #XLISTEN, #XACCEPT."""

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import Family, SocketType, TcpServer
from bench.peers import PeerError


@pytest.mark.needs("#XLISTEN")
class TestAccept:
    """#XACCEPT."""

    @pytest.mark.spec(
        "XBIND.set",
        "XBIND.set.server",
        "XLISTEN.set",
        "XACCEPT.response.handle",
        "XACCEPT.response.address",
    )
    def test_a_client_that_dials_in(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            accepted = server.accept(network.receive_timeout)

            assert accepted.peer_address in client.addresses
            assert accepted.handle != server.handle

    @pytest.mark.needs("waiting #XACCEPT")
    @pytest.mark.spec("XACCEPT.read.handle")
    def test_the_accepted_handle_is_told_again(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            dialer.connect(board.address(), port)

            assert server.accept(network.receive_timeout).handle == server.accepted_handle()

    def test_a_client_over_ipv6(self, board, modem, peers, ipv6, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port, family=Family.IPV6) as server:
            client = peers.tcp_dialer(ipv6=ipv6).connect(board.address(Family.IPV6), port)

            assert server.accept(network.receive_timeout).peer_address in client.addresses

    @pytest.mark.spec("XACCEPT.set.timeout")
    def test_gives_up_when_nobody_dials(self, board, modem, measure, network):
        with modem.tcp_server(board.free_port()) as server:
            with pytest.raises(CommandError) as nobody:
                server.accept(2)

            limit = within(seconds=(1.9, 2 + network.margin))
            measure("accept time to give up", nobody.value.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.spec("XACCEPT.set.forever")
    def test_without_a_limit_when_a_client_waits_already(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)

            accepted = server.accept(0, at_most=network.receive_timeout)

            assert accepted.peer_address in client.addresses

    @pytest.mark.needs("waiting #XACCEPT")
    @pytest.mark.spec("XACCEPT.read.none")
    def test_nothing_is_accepted_at_first(self, board, modem):
        with modem.tcp_server(board.free_port()) as server:
            assert server.accepted_handle() == 0

    @pytest.mark.abuse  # the firmware forgets the first connection's handle, which is lost until the board is reset
    def test_two_clients_in_a_row(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            for text in (b"first", b"second"):
                client = dialer.connect(board.address(), port)
                server.accept(network.receive_timeout)
                client.send(text)
                assert server.receive(network.receive_timeout, at_most=network.receive_timeout).data == text
                client.close()


@pytest.mark.needs("#XLISTEN")
class TestData:
    """Data through the accepted connection."""

    def test_both_ways(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)

            client.send(b"from the client")
            assert server.receive(network.receive_timeout).data == b"from the client"
            server.send_string(b"from the server")
            assert client.wait_for(15, timeout=network.receive_timeout)
            assert client.received() == b"from the server"

    def test_data_mode(self, board, modem, dialer, network):
        port = board.free_port()
        payload = bytes(range(256)) * 8
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)
            server.send_in_data_mode(payload)

            assert client.wait_for(len(payload), timeout=network.receive_timeout)
            assert client.received() == payload

    def test_without_a_client(self, board, modem):
        with modem.tcp_server(board.free_port()) as server:
            with pytest.raises(CommandError):
                server.send_string(b"nobody")
            with pytest.raises(CommandError):
                server.receive(1)

    def test_a_client_that_closes(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)
            client.close()

            assert server.receive(network.receive_timeout).ended

    @pytest.mark.stack
    def test_a_client_that_vanishes(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)
            client.reset()

            with pytest.raises(CommandError):
                server.receive(network.receive_timeout)

    @pytest.mark.needs("single connection of a server")
    def test_closing_the_server_closes_the_connection(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)

        assert client.wait_for_end(timeout=network.receive_timeout)

    def test_receiving_gives_up_in_time(self, board, modem, dialer, network):
        """Data come only after the timeout: they end the call on a firmware whose timeout has no effect."""
        port = board.free_port()
        with modem.tcp_server(port) as server:
            client = dialer.connect(board.address(), port)
            server.accept(network.receive_timeout)
            client.answer_late(2500.0)
            server.send_string(b"answer me late")
            with pytest.raises(CommandError):
                server.receive(1, at_most=network.receive_timeout)


@pytest.mark.needs("#XLISTEN")
class TestRefusals:
    """Calls that a server refuses, and sockets that cannot be one."""

    @pytest.mark.needs("roles")
    @pytest.mark.spec("XLISTEN.set.error", "XACCEPT.error")
    def test_a_client_cannot_listen_or_accept(self, modem):
        client = TcpServer.open(modem.commands, SocketType.STREAM)
        for call in (client.listen, lambda: client.accept(1), client.accepted_handle):
            with pytest.raises(CommandError):
                call()

    @pytest.mark.needs("roles")
    def test_a_server_cannot_connect(self, modem, tcp_echo):
        server = modem.server_socket()
        with pytest.raises(CommandError):
            server.connect(tcp_echo.host, tcp_echo.port)

        assert not tcp_echo.journal()

    @pytest.mark.needs("selected socket")
    @pytest.mark.spec("XACCEPT.error", "XLISTEN.set.error")
    def test_without_a_socket(self, modem):
        for command in ("AT#XBIND=50000", "AT#XLISTEN", "AT#XACCEPT=1"):
            with pytest.raises(CommandError):
                modem.link.command(command)

    def test_binding_twice(self, board, modem):
        with modem.tcp_server(board.free_port()) as server, pytest.raises(CommandError):
            server.bind(board.free_port())

    def test_a_port_that_is_taken(self, board, modem):
        port = board.free_port()
        with modem.tcp_server(port):
            second = modem.server_socket()
            with pytest.raises(CommandError):
                second.bind(port)

    def test_nobody_gets_in_after_the_close(self, board, modem, dialer):
        port = board.free_port()
        with modem.tcp_server(port):
            pass
        with pytest.raises(PeerError):
            dialer.connect(board.address(), port, timeout=5)

    @pytest.mark.needs("selected socket")
    def test_an_accepted_connection_cannot_be_selected(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            dialer.connect(board.address(), port)
            accepted = server.accept(network.receive_timeout)
            with pytest.raises(CommandError):
                modem.slm.select(accepted.handle)


class TestBind:
    """#XBIND for datagrams."""

    @pytest.mark.spec("XBIND.set.datagram", "XBIND.set.attached")
    def test_datagrams_come_from_the_bound_port(self, board, modem, udp_echo, despite_loss, network, lab):
        port = board.free_port()
        with modem.udp_socket() as client:
            client.bind(port)
            despite_loss(
                lambda: client.send_to(udp_echo.host, udp_echo.port, b"bound"),
                lambda: client.receive_from(network.receive_timeout),
            )

        sources = {entry.address.split()[1] for entry in udp_echo.journal() if entry.event == "received"}
        if not lab.keeps_ports:
            pytest.skip("a NAT on the way may change the port, and no survey says that there is none")
        assert sources == {str(port)}

    @pytest.mark.spec("XBIND.set.range")
    def test_any_free_port(self, modem):
        assert modem.udp_socket().bind(0).ok
