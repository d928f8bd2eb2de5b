"""Servers with several connections, each with a handle of its own. Specification: Serial Modem, #XLISTEN, #XACCEPT."""

import contextlib

import pytest

from bench.at import CommandError
from bench.measure import within
from bench.modem import PollEvent, SocketOption, SocketType

from .socket_reports import UNKNOWN_HANDLES, Reports

pytestmark = pytest.mark.needs("#XLISTEN", "several connections of a server")

# Sockets that can be open at a time.
PLACES = 8


@pytest.fixture
def reports(modem, network):
    """#XAPOLL."""
    return Reports(modem, network)


@pytest.fixture
def dial(board, dialer):
    """Dials a port of the board."""
    address = board.address()
    return lambda port: dialer.connect(address, port)


@pytest.fixture
def port(board):
    """The port of ``server``."""
    return board.free_port()


@pytest.fixture
def server(modem, port):
    """A socket that listens."""
    return modem.tcp_server(port)


@pytest.fixture
def accepted(server, port, dial, network):
    """Accepts a client that dials in, and returns the peer's end and the board's."""

    def accept():
        client = dial(port)
        return client, server.accept_client(network.receive_timeout)

    return accept


def talk(client, connection, network, text):
    """Send both ways. The board sends first: so a connection that it has ended counts as the board's failure."""
    before = len(client.received())
    connection.send_string(text)
    assert client.wait_for(before + len(text), timeout=network.receive_timeout)
    assert client.received()[before:] == text
    client.send(text[::-1])
    assert connection.receive_exactly(len(text), timeout=network.receive_timeout) == text[::-1]


class TestSeveral:
    """Connections beside each other."""

    @pytest.mark.spec("XACCEPT.set.several", "XACCEPT.response.handle")
    def test_each_has_its_handle_and_its_data(self, server, accepted, network):
        pairs = [accepted() for _ in range(3)]
        assert len({server.handle, *(connection.handle for _, connection in pairs)}) == 4

        for number, (client, connection) in reversed(list(enumerate(pairs))):
            talk(client, connection, network, b"to number %d" % number)

    @pytest.mark.stack
    @pytest.mark.spec("XACCEPT.set.several")
    def test_two_that_wait(self, server, port, dial, network):
        clients = [dial(port), dial(port)]
        connections = [server.accept_client(network.receive_timeout) for _ in clients]
        for client, connection in zip(clients, connections, strict=True):
            talk(client, connection, network, b"hello")

    @pytest.mark.spec("XACCEPT.set.several")
    def test_each_is_closed_alone(self, accepted, network):
        (goes, closed), (stays, other), (leaves, left) = (accepted() for _ in range(3))
        closed.close()
        assert goes.wait_for_end(timeout=network.receive_timeout)
        leaves.close()
        assert left.receive(network.receive_timeout).ended

        talk(stays, other, network, b"still here")

    @pytest.mark.spec("XACCEPT.set.several")
    def test_they_outlive_their_listener(self, modem, server, accepted, network):
        pairs = [accepted(), accepted()]
        server.close()
        assert modem.serial_modem.server.listeners() == ()

        for client, connection in pairs:
            talk(client, connection, network, b"without a listener")

    def test_they_are_listed(self, modem, server, accepted):
        _, connection = accepted()
        rows = {row.handle: (row.role, row.type) for row in modem.sockets.list()}

        assert rows == {server.handle: (1, SocketType.STREAM), connection.handle: (0, SocketType.STREAM)}

    def test_each_has_its_options(self, accepted):
        (_, one), (_, two) = accepted(), accepted()
        one.set_option(SocketOption.RCVTIMEO, 7)
        two.set_option(SocketOption.RCVTIMEO, 9)

        assert [socket.get_option(SocketOption.RCVTIMEO).number for socket in (one, two)] == [7, 9]

    def test_receiving_gives_up_in_time(self, accepted, measure, network):
        (_, silent), (client, other) = accepted(), accepted()
        with pytest.raises(CommandError) as nothing:
            silent.receive(2)

        limit = within(seconds=(1.9, 2 + network.margin))
        measure("accepted: time to give up", nothing.value.response.duration_ns, unit="ns", limit=limit)
        talk(client, other, network, b"not silent")

    def test_data_mode(self, accepted, network):
        (client, connection), (other, beside) = accepted(), accepted()
        payload = bytes(range(256)) * 8
        connection.send_in_data_mode(payload)

        assert client.wait_for(len(payload), timeout=network.receive_timeout)
        assert client.received() == payload
        assert other.received() == b""
        talk(other, beside, network, b"after it")

    def test_two_listeners(self, board, modem, server, port, dial, reports, network):
        second_port = board.free_port()
        second = modem.tcp_server(second_port)
        reports.start(PollEvent.IN)
        clients = []
        for listener, other, number in ((second, server, second_port), (server, second, port)):
            clients.append(dial(number))
            assert reports.of(listener) == PollEvent.IN
            reports.none_of(other)

        for client, listener in zip(clients, (second, server), strict=True):
            talk(client, listener.accept_client(network.receive_timeout), network, b"hello")


class TestLimit:
    """Accepted connections take places, and give them back."""

    @pytest.mark.spec("XSOCKET.limit.eight", "XACCEPT.set.several")
    def test_the_table_is_full(self, modem, server, port, dial, reports, accepted, network):
        """The client is turned away; the firmware reports no further one until it is asked again."""
        accepted()
        fillers = [modem.udp_socket() for _ in range(PLACES - 2)]
        with pytest.raises(CommandError):
            modem.udp_socket()
        reports.start(PollEvent.IN, server)
        refused = dial(port)
        assert reports.of(server) == PollEvent.IN
        with pytest.raises(CommandError):
            modem.serial_modem.server.accept_now(server.handle)
        assert refused.wait_for_end(timeout=network.receive_timeout)
        fillers.pop().close()
        reports.start(PollEvent.IN, server)
        client = dial(port)

        assert reports.of(server) == PollEvent.IN
        talk(client, server.accept_client(network.receive_timeout), network, b"there is room")

    @pytest.mark.spec("XACCEPT.set.several")
    def test_places_are_given_back(self, accepted, network):
        for number in range(2 * PLACES):
            client, connection = accepted()
            talk(client, connection, network, b"round %d" % number)
            connection.close()


class TestAccept:
    """#XACCEPT."""

    @pytest.mark.spec("XACCEPT.set.at_once")
    def test_nobody_is_there(self, modem, server, measure, network):
        with pytest.raises(CommandError) as nobody:
            modem.serial_modem.server.accept_now(server.handle)

        limit = within(seconds=(0, network.margin))
        measure("accept without a client", nobody.value.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.spec("XACCEPT.set.poll")
    def test_a_client_is_reported(self, board, modem, server, port, dialer, reports, network):
        reports.start(PollEvent.IN, server)
        reports.none_of(server)
        for count in (1, 2):
            dialer.connect_later(board.address(), port, after=0.3)
            assert reports.of(server) == PollEvent.IN
            dialer.wait_connected(count, timeout=network.receive_timeout)

            modem.serial_modem.server.accept_now(server.handle)

    @pytest.mark.spec("XACCEPT.response.handle", "XACCEPT.response.address", "XACCEPT.response.port")
    def test_what_it_tells(self, modem, server, port, dial, network, lab):
        client = dial(port)
        connection = server.accept(network.receive_timeout)

        assert connection.handle in {row.handle for row in modem.sockets.list()} - {server.handle}
        assert connection.cid == 0
        assert connection.peer_address in client.addresses
        if lab.keeps_ports:
            assert connection.peer_port == client.local_port

    @pytest.mark.spec("XACCEPT.read")
    def test_read(self, modem, server):
        with pytest.raises(CommandError):
            modem.link.command("AT#XACCEPT?")

    @pytest.mark.spec("XACCEPT.test.handles")
    def test_test(self, modem):
        assert modem.serial_modem.server.test_accept().lines == ("#XACCEPT: <handle>",)

    @pytest.mark.spec("XACCEPT.error.listening")
    def test_only_listeners_accept(self, modem, server, accepted, tcp_echo):
        _, connection = accepted()
        others = (modem.tcp_socket(), modem.udp_socket(), modem.tcp_client(tcp_echo.host, tcp_echo.port), connection)
        for handle in (*(socket.handle for socket in others), *UNKNOWN_HANDLES):
            with pytest.raises(CommandError):
                modem.serial_modem.server.accept_now(handle)


class TestListen:
    """#XLISTEN."""

    @pytest.mark.spec("XLISTEN.set", "XLISTEN.read.all")
    def test_read(self, board, modem, server, port):
        second_port = board.free_port()
        second = modem.tcp_server(second_port)
        modem.server_socket().bind(board.free_port())
        rows = [(row.handle, row.cid, row.port) for row in modem.serial_modem.server.listeners()]

        assert sorted(rows) == sorted([(server.handle, 0, port), (second.handle, 0, second_port)])

    @pytest.mark.spec("XLISTEN.test.handles")
    def test_test(self, modem):
        assert modem.serial_modem.server.test_listen().lines == ("#XLISTEN: <handle>",)

    @pytest.mark.spec("XLISTEN.set.bound")
    def test_only_bound_ones_listen(self, modem):
        unbound, any_port = modem.server_socket(), modem.server_socket()
        any_port.bind(0)
        for handle in (unbound.handle, any_port.handle, *UNKNOWN_HANDLES):
            with pytest.raises(CommandError):
                modem.server.listen(handle)

        assert modem.serial_modem.server.listeners() == ()

    @pytest.mark.spec("XLISTEN.set.bound")
    def test_only_plain_streams_listen(self, board, modem):
        datagrams = modem.udp_socket()
        secure = modem.secure_socket(SocketType.STREAM, 1)
        for socket in (datagrams, secure):
            socket.bind(board.free_port())
            with pytest.raises(CommandError):
                modem.server.listen(socket.handle)

    @pytest.mark.needs("unchecked roles")
    @pytest.mark.spec("XLISTEN.set", "XLISTEN.set.bound")
    def test_whatever_its_role(self, modem, port, dial, network):
        client_role = modem.tcp_socket()
        client_role.bind(port)
        modem.server.listen(client_role.handle)
        client = dial(port)
        connection = modem.server.accept(client_role.handle, network.receive_timeout)

        assert connection.peer_address in client.addresses


class TestClientsThatVanish:
    """Serial Modem once crashed when a client went at the wrong time (pull request 385)."""

    @pytest.mark.parametrize("leave", ["close", "reset"])
    def test_before_they_are_accepted(self, modem, server, port, dial, accepted, network, leave):
        getattr(dial(port), leave)()
        with contextlib.suppress(CommandError):  # whether it can still be accepted rests on the network stack
            server.accept_client(network.receive_timeout)
        assert modem.link.command("AT").ok

        client, connection = accepted()
        talk(client, connection, network, b"the next one")

    @pytest.mark.stack
    @pytest.mark.needs("data mode that reports")
    @pytest.mark.parametrize("leave", ["close", "reset"])
    def test_in_data_mode(self, modem, accepted, network, leave):
        client, connection = accepted()
        connection.enter_data_mode()
        getattr(client, leave)()
        assert modem.link.data_mode_ended(timeout=network.receive_timeout) < 0
        assert modem.link.command("AT").ok

        client, connection = accepted()
        talk(client, connection, network, b"the next one")

    def test_while_another_one_is_in_data_mode(self, modem, server, port, dial, accepted, network):
        client, connection = accepted()
        connection.enter_data_mode()
        modem.link.write(b"in data mode")
        dial(port).close()
        assert client.wait_for(12, timeout=network.receive_timeout)

        assert modem.link.leave_data_mode() == 0
        talk(client, connection, network, b"still here")
