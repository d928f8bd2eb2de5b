"""Events of sockets that a board reports by itself, each once. Specification: Serial Modem, at_socket, #XAPOLL."""

import pytest

from bench.at import CommandError
from bench.modem import PollEvent, ReceiveFlag

from .payloads import numbered
from .socket_reports import UNKNOWN_HANDLES, Reports, one_round_trip

pytestmark = pytest.mark.needs("#XAPOLL by handle")

IN, OUT, ERR, HUP, NONE = PollEvent.IN, PollEvent.OUT, PollEvent.ERR, PollEvent.HUP, PollEvent.NONE


@pytest.fixture
def reports(modem, network):
    """#XAPOLL."""
    return Reports(modem, network)


@pytest.fixture
def client(modem, tcp_echo):
    """A socket that is connected to ``tcp_echo``."""
    return modem.tcp_client(tcp_echo.host, tcp_echo.port)


class TestStart:
    """What is reported, and when."""

    @pytest.mark.spec("XAPOLL.set.start", "XAPOLL.event.in")
    def test_data_come(self, reports, client, tcp_echo, network):
        reports.start(IN, client)
        reports.none_of(client)
        tcp_echo.push(b"news")

        assert reports.of(client) == IN
        assert client.receive(network.receive_timeout).data == b"news"

    @pytest.mark.spec("XAPOLL.event.in")
    def test_data_that_were_there_before(self, modem, reports, client, tcp_echo, peers, network):
        tcp_echo.push(b"early")
        one_round_trip(modem, peers, network)
        reports.start(IN, client)

        assert reports.of(client) == IN

    @pytest.mark.spec("XAPOLL.event.in")
    def test_a_datagram_comes(self, modem, reports, udp_echo, despite_loss):
        client = modem.udp_client(udp_echo.host, udp_echo.port)
        reports.start(IN, client)

        assert despite_loss(lambda: client.send(b"x"), lambda: reports.of(client)) == IN

    @pytest.mark.spec("XAPOLL.set.start", "XAPOLL.event.out")
    def test_a_datagram_socket_can_send_at_once(self, modem, reports):
        client = modem.udp_socket()
        reports.start(OUT, client)

        assert reports.of(client) == OUT

    @pytest.mark.spec("XAPOLL.event.out")
    def test_a_stream_can_send_once_it_is_connected(self, modem, reports, tcp_echo):
        client = modem.tcp_socket()
        reports.start(OUT, client)
        reports.none_of(client)
        client.connect(tcp_echo.host, tcp_echo.port)

        assert reports.of(client) == OUT

    @pytest.mark.spec("XAPOLL.set.start", "XAPOLL.event.in", "XAPOLL.event.out")
    def test_both(self, reports, client, tcp_echo):
        reports.start(IN | OUT, client)
        assert reports.of(client) == OUT
        tcp_echo.push(b"news")

        assert reports.of(client) == IN

    @pytest.mark.spec("XAPOLL.set.start")
    def test_only_what_was_asked_for(self, modem, reports, client, tcp_echo, peers, network):
        reports.start(OUT, client)
        assert reports.of(client) == OUT
        tcp_echo.push(b"unasked")
        one_round_trip(modem, peers, network)

        reports.none_of(client)
        assert client.receive_exactly(7, timeout=network.receive_timeout) == b"unasked"


class TestOnce:
    """Each event is reported once; what is done with the socket asks for it anew."""

    @pytest.mark.spec("XAPOLL.set.start", "XAPOLL.event.rearmed")
    def test_data_until_they_are_received(self, modem, reports, client, tcp_echo, peers, network):
        reports.start(IN, client)
        for text in (b"first", b"second"):
            tcp_echo.push(text)
            assert reports.of(client) == IN
            tcp_echo.push(b" and more")
            one_round_trip(modem, peers, network)
            reports.none_of(client)

            assert client.receive_exactly(len(text) + 9, timeout=network.receive_timeout) == text + b" and more"
            modem.serial_modem.events.discard(client.handle)  # they came in two pieces: a report between them is right

    @pytest.mark.spec("XAPOLL.event.rearmed")
    def test_a_receive_that_leaves_data(self, modem, reports, client, tcp_echo, network):
        reports.start(IN, client)
        tcp_echo.push(b"two parts")
        assert reports.of(client) == IN
        part = modem.serial_modem.sockets.receive(client.handle, network.receive_timeout, length=3)

        assert part.data == b"two"
        assert reports.of(client) == IN
        assert client.receive_exactly(6, timeout=network.receive_timeout) == b" parts"

    @pytest.mark.spec("XAPOLL.event.rearmed")
    def test_a_peek_at_data(self, reports, client, tcp_echo, network):
        reports.start(IN, client)
        tcp_echo.push(b"still there")
        for _ in range(2):
            assert reports.of(client) == IN
            client.receive(network.receive_timeout, ReceiveFlag.PEEK)

        assert reports.of(client) == IN

    @pytest.mark.spec("XAPOLL.event.rearmed", "XAPOLL.event.out")
    def test_a_send(self, reports, client):
        reports.start(OUT, client)
        for text in (b"one", b"two"):
            assert reports.of(client) == OUT
            reports.none_of(client)
            client.send_string(text)

        assert reports.of(client) == OUT

    @pytest.mark.spec("XAPOLL.set.start")
    def test_another_start(self, reports, client, tcp_echo):
        tcp_echo.push(b"news")
        for _ in range(2):
            reports.start(IN, client)

            assert reports.of(client) == IN


class TestEnd:
    """The peer goes away."""

    @pytest.mark.stack
    @pytest.mark.spec("XAPOLL.event.err_hup")
    def test_the_peer_closes(self, reports, client, tcp_echo, network):
        """The example of the documentation: 17, POLLIN and POLLHUP together."""
        reports.start(IN, client)
        tcp_echo.close_connection()

        assert reports.of(client) == IN | HUP
        assert client.receive(network.receive_timeout).ended

    @pytest.mark.stack
    @pytest.mark.spec("XAPOLL.event.err_hup")
    def test_the_end_comes_unasked(self, reports, client, tcp_echo):
        reports.start(OUT, client)
        assert reports.of(client) == OUT
        tcp_echo.close_connection()

        assert reports.of(client) & (ERR | HUP)

    @pytest.mark.stack
    @pytest.mark.spec("XAPOLL.event.err_hup")
    def test_the_peer_resets(self, reports, client, tcp_echo):
        reports.start(IN, client)
        tcp_echo.reset_connection()

        assert reports.of(client) & (ERR | HUP)

    @pytest.mark.stack
    @pytest.mark.spec("XAPOLL.event.err_hup")
    def test_nothing_more_behind_the_end(self, reports, client, tcp_echo, network):
        reports.start(NONE, client)
        tcp_echo.push(b"last words")
        tcp_echo.close_connection()
        assert reports.of(client) == HUP
        reports.start(IN | OUT, client)

        reports.none_of(client)
        assert client.receive_exactly(10, timeout=network.receive_timeout) == b"last words"
        assert client.receive(network.receive_timeout).ended


class TestWhich:
    """One socket, several, all, and those to come."""

    @pytest.mark.spec("XAPOLL.set.all", "XAPOLL.event.out")
    def test_all_and_those_to_come(self, modem, reports, tcp_echo):
        before = [modem.udp_socket(), modem.udp_socket()]
        reports.start(OUT)
        assert [reports.of(socket) for socket in before] == [OUT, OUT]
        later = [modem.udp_socket(), modem.tcp_client(tcp_echo.host, tcp_echo.port)]

        assert [reports.of(socket) for socket in later] == [OUT, OUT]
        assert reports.asked() == {socket.handle: OUT for socket in (*before, *later)}

    @pytest.mark.spec("XAPOLL.set.all")
    def test_before_any_socket(self, modem, reports):
        """Serial Modem once crashed here (pull request 393)."""
        reports.stop()
        reports.start(IN | OUT)
        assert modem.link.command("AT").ok

        assert reports.of(modem.udp_socket()) == OUT

    @pytest.mark.spec("XAPOLL.set.start")
    def test_one_of_two(self, modem, reports):
        other, asked = modem.udp_socket(), modem.udp_socket()
        reports.start(OUT, asked)

        assert reports.of(asked) == OUT
        reports.none_of(other)

    @pytest.mark.spec("XAPOLL.event.rearmed")
    def test_a_receive_of_one_asks_for_nothing_of_the_other(self, modem, reports, peers, network):
        echoes = [peers.tcp_echo() for _ in range(2)]
        one, two = clients = [modem.tcp_client(echo.host, echo.port) for echo in echoes]
        reports.start(IN)
        for echo, client in zip(echoes, clients, strict=True):
            echo.push(b"several bytes")
            assert reports.of(client) == IN
        modem.serial_modem.sockets.receive(one.handle, network.receive_timeout, length=1)

        assert reports.of(one) == IN
        reports.none_of(two)

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.spec("XAPOLL.event.in", "XAPOLL.event.out", "XACCEPT.set.poll")
    def test_a_listener_and_what_it_accepts(self, board, modem, reports, dialer, network):
        port = board.free_port()
        server = modem.tcp_server(port)
        reports.start(IN | OUT)
        dialer.connect(board.address(), port)

        assert reports.of(server) == IN
        assert reports.of(server.accept_client(network.receive_timeout)) == OUT


class TestStop:
    """Operation 0. An event that was asked for before, and has not come yet, may still come once."""

    @pytest.mark.spec("XAPOLL.set.stop", "XAPOLL.read")
    def test_of_one(self, modem, reports, client, tcp_echo, peers, network):
        other = modem.udp_socket()
        reports.start(OUT, other)
        reports.start(IN, client)
        tcp_echo.push(b"x")
        assert reports.of(client) == IN
        reports.stop(client)
        assert reports.asked() == {other.handle: OUT}
        assert client.receive(network.receive_timeout).data == b"x"
        tcp_echo.push(b"y")
        one_round_trip(modem, peers, network)

        reports.none_of(client)
        assert client.receive(network.receive_timeout).data == b"y"

    @pytest.mark.spec("XAPOLL.set.stop", "XAPOLL.set.all")
    def test_of_all_and_those_to_come(self, modem, reports, udp_echo):
        before = modem.udp_client(udp_echo.host, udp_echo.port)
        reports.start(OUT)
        assert reports.of(before) == OUT
        reports.stop()
        later = modem.udp_socket()
        before.send(b"x")

        reports.none_of(before)
        reports.none_of(later)
        assert reports.asked() == {}


class TestForms:
    """The command's other forms, and what it refuses."""

    @pytest.mark.spec("XAPOLL.read")
    def test_read(self, modem, reports):
        assert reports.asked() == {}
        sockets = {modem.udp_socket(): asked for asked in (IN, OUT, IN | OUT, NONE)}
        modem.udp_socket()
        for socket, asked in sockets.items():
            reports.start(asked, socket)

        assert reports.asked() == {socket.handle: asked for socket, asked in sockets.items()}

    @pytest.mark.spec("XAPOLL.test")
    def test_test(self, modem):
        assert modem.serial_modem.events.test().lines == ("#XAPOLL: <handle>,(0,1),(0,1,4,5)",)

    @pytest.mark.spec("XAPOLL.set.error")
    @pytest.mark.parametrize("rest", ["1,8", "1,2", "1,16", "1,-1", "1,x", "1", "1,", "2,1", ""])
    def test_wrong_operations_and_events_change_nothing(self, modem, reports, rest):
        client = modem.udp_socket()
        reports.start(IN, client)
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XAPOLL={client.handle},{rest}")

        assert reports.asked() == {client.handle: IN}

    @pytest.mark.spec("XAPOLL.set.error")
    @pytest.mark.parametrize("handle", UNKNOWN_HANDLES)
    def test_an_unknown_handle(self, modem, handle):
        modem.udp_socket()
        events = modem.serial_modem.events
        for call in (lambda: events.start(IN, handle), lambda: events.stop(handle)):
            with pytest.raises(CommandError):
                call()


class TestBesideCommands:
    """Reports and answers do not mix."""

    def test_a_large_receive_while_others_report(self, modem, reports, peers, network):
        """A report once stood between the header of #XRECV and its data (pull request 324)."""
        slow = peers.tcp_echo(split=256, split_gap_ms=60.0)
        echoes = [peers.tcp_echo(delay_ms=delay) for delay in (50.0, 150.0, 250.0)]
        clients = [modem.tcp_client(echo.host, echo.port) for echo in echoes]
        large = modem.tcp_client(slow.host, slow.port)
        reports.start(IN)
        for client in clients:
            client.send(b"answer while it waits")
        slow.push(numbered(2048))
        received = large.receive(3 * network.receive_timeout, ReceiveFlag.WAIT_ALL)

        assert received.data == numbered(2048)
        assert len(received.response.lines) == 1
        for client in clients:
            report = reports.wait(client)
            assert report.events == IN
            assert not received.response.sent_ns < report.urc.received_ns < received.response.final_ns
