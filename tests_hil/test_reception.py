"""Automatic reception: data come without being asked for. Specification: Serial Modem, at_socket, #XRECVCFG."""

import pytest

from bench.at import CommandError
from bench.modem import PollEvent
from bench.modem.serial_modem.values import Reception, ReceptionOf

from .payloads import numbered
from .socket_reports import QUIET_SECONDS, UNKNOWN_HANDLES, Arrivals, Reports, one_round_trip

pytestmark = pytest.mark.needs("#XRECVCFG")

OFF, AT_MODE, DATA_MODE = Reception.OFF, Reception.AT_MODE, Reception.DATA_MODE
# The most that the firmware gives at once.
PIECE = 2048
# What a parser that does not count the bytes takes for an answer.
TRICKY = {
    "OK": b"\r\nOK\r\n",
    "ERROR": b"ERROR\r\n",
    "an announcement": b"\r\n#XRECV: 0,0,5\r\nhello\r\n",
    "a restart": b"Ready\r\n",
    "a report": b"\r\n#XAPOLL: 0,1\r\n",
    "line ends": b"\r\n\r\n\r\r\n\n",
}


@pytest.fixture
def reception(modem):
    """#XRECVCFG."""
    return modem.serial_modem.reception


@pytest.fixture
def arrivals(modem, network):
    """What comes by itself."""
    return Arrivals(modem, network)


@pytest.fixture
def client(modem, tcp_echo):
    """A socket that is connected to ``tcp_echo``."""
    return modem.tcp_client(tcp_echo.host, tcp_echo.port)


class TestStream:
    """Data of a connection."""

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    def test_news(self, reception, arrivals, client, tcp_echo):
        reception.set(AT_MODE, client.handle)
        tcp_echo.push(b"news")
        arrived = arrivals.next(client)

        assert (arrived.data, arrived.source) == (b"news", None)
        assert arrived.urc.line == f"#XRECV: {client.handle},0,4"

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    @pytest.mark.parametrize("size", [1, 255, 1024, PIECE, PIECE + 1, 5000])
    def test_every_size(self, reception, arrivals, client, tcp_echo, size):
        reception.set(AT_MODE, client.handle)
        tcp_echo.push(numbered(size))
        pieces = arrivals.pieces(client, size)

        assert b"".join(pieces) == numbered(size)
        assert max(map(len, pieces)) <= PIECE
        arrivals.none_of(client)

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    @pytest.mark.parametrize("data", TRICKY.values(), ids=TRICKY.keys())
    def test_data_that_look_like_answers(self, modem, reception, arrivals, client, tcp_echo, data):
        reception.set(AT_MODE, client.handle)
        tcp_echo.push(data)

        assert b"".join(arrivals.pieces(client, len(data))) == data
        assert modem.link.command("AT").ok

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    def test_data_that_were_there_before(self, modem, reception, arrivals, client, tcp_echo, peers, network):
        tcp_echo.push(b"early")
        one_round_trip(modem, peers, network)
        reception.set(AT_MODE, client.handle)

        assert arrivals.next(client).data == b"early"

    @pytest.mark.spec("XRECVCFG.set.hex")
    def test_in_hex(self, reception, arrivals, client, tcp_echo):
        data = bytes(range(256))
        reception.set(AT_MODE, client.handle, in_hex=True)
        tcp_echo.push(data)

        assert b"".join(arrivals.pieces(client, len(data))) == data

    def test_answers_to_what_is_sent(self, reception, arrivals, client):
        reception.set(AT_MODE, client.handle)
        for number in range(5):
            client.send(b"round %d" % number)

            assert b"".join(arrivals.pieces(client, 7)) == b"round %d" % number


class TestDatagrams:
    """Data of UDP sockets."""

    @pytest.mark.spec("XRECVCFG.set.at_mode", "XRECVCFG.set.hex")
    @pytest.mark.parametrize("in_hex", [False, True], ids=["raw", "hex"])
    def test_unconnected_ones_come_with_their_source(self, modem, reception, arrivals, udp_echo, despite_loss, in_hex):
        client = modem.udp_socket()
        reception.set(AT_MODE, client.handle, in_hex=in_hex)
        arrived = despite_loss(
            lambda: client.send_to(udp_echo.host, udp_echo.port, b"Test UDP"), lambda: arrivals.next(client)
        )

        assert (arrived.data, arrived.source) == (b"Test UDP", (udp_echo.host, udp_echo.port))
        assert arrived.urc.line.startswith(f"#XRECVFROM: {client.handle},{int(in_hex)},8,")

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    def test_connected_ones_without(self, modem, reception, arrivals, udp_echo, despite_loss):
        client = modem.udp_client(udp_echo.host, udp_echo.port)
        reception.set(AT_MODE, client.handle)
        arrived = despite_loss(lambda: client.send(b"Test UDP"), lambda: arrivals.next(client))

        assert arrived.urc.line == f"#XRECV: {client.handle},0,8"
        assert arrived.data == b"Test UDP"

    def test_they_stay_apart(self, modem, reception, arrivals, udp_echo, despite_loss):
        client = modem.udp_client(udp_echo.host, udp_echo.port)
        reception.set(AT_MODE, client.handle)
        texts = [b"one", b"two", b"three"]

        def next_but(*again):
            data = arrivals.next(client).data
            return data if data not in again else next_but(*again)

        for count, text in enumerate(texts):
            arrived = despite_loss(lambda text=text: client.send(text), lambda count=count: next_but(*texts[:count]))
            assert arrived == text


class TestWhich:
    """One socket, all, those to come, none."""

    @pytest.mark.spec("XRECVCFG.set.all", "XRECVCFG.read")
    def test_all_and_those_to_come(self, modem, reception, arrivals, client, tcp_echo, peers):
        echo = peers.tcp_echo()
        reception.set(AT_MODE)
        later = modem.tcp_client(echo.host, echo.port)
        assert set(reception.read()) == {ReceptionOf(one.handle, AT_MODE, False) for one in (client, later)}
        tcp_echo.push(b"before")
        echo.push(b"later")

        assert arrivals.next(client).data == b"before"
        assert arrivals.next(later).data == b"later"

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.spec("XRECVCFG.set.all")
    def test_accepted_ones(self, board, modem, reception, arrivals, dialer, network):
        port = board.free_port()
        server = modem.tcp_server(port)
        reception.set(AT_MODE)
        dialled = dialer.connect(board.address(), port)
        accepted = server.accept_client(network.receive_timeout)
        dialled.send(b"from the client")

        assert b"".join(arrivals.pieces(accepted, 15)) == b"from the client"

    def test_one_of_two(self, modem, reception, arrivals, client, tcp_echo, peers, network):
        echo = peers.tcp_echo()
        other = modem.tcp_client(echo.host, echo.port)
        reception.set(AT_MODE, client.handle)
        echo.push(b"on request")
        tcp_echo.push(b"unasked")

        assert arrivals.next(client).data == b"unasked"
        arrivals.none_of(other)
        assert other.receive_exactly(10, timeout=network.receive_timeout) == b"on request"

    @pytest.mark.spec("XRECVCFG.set.off")
    @pytest.mark.parametrize("everyone", [False, True], ids=["one", "all"])
    def test_off(self, modem, reception, arrivals, client, tcp_echo, peers, network, everyone):
        which = None if everyone else client.handle
        reception.set(AT_MODE, which)
        tcp_echo.push(b"unasked")
        assert arrivals.next(client).data == b"unasked"
        reception.set(OFF, which)
        assert client.handle not in {row.handle for row in reception.read()}
        tcp_echo.push(b"on request")
        one_round_trip(modem, peers, network)

        arrivals.none_of(client)
        assert client.receive_exactly(10, timeout=network.receive_timeout) == b"on request"

    def test_two_at_once(self, modem, reception, arrivals, peers):
        echoes = [peers.tcp_echo() for _ in range(2)]
        clients = [modem.tcp_client(echo.host, echo.port) for echo in echoes]
        reception.set(AT_MODE)
        texts = [numbered(5000), numbered(5000)[::-1]]
        for echo, text in zip(echoes, texts, strict=True):
            echo.push(text)

        assert [b"".join(arrivals.pieces(client, 5000)) for client in clients] == texts


class TestForms:
    """The command's other forms, and what it refuses."""

    @pytest.mark.spec("XRECVCFG.read")
    def test_read(self, modem, reception):
        assert reception.read() == ()
        one, two, three = (modem.udp_socket().handle for _ in range(3))
        reception.set(AT_MODE, one, in_hex=True)
        reception.set(AT_MODE | DATA_MODE, two)
        reception.set(OFF, three)

        assert set(reception.read()) == {ReceptionOf(one, AT_MODE, True), ReceptionOf(two, AT_MODE | DATA_MODE, False)}

    @pytest.mark.spec("XRECVCFG.test")
    def test_test(self, reception):
        assert reception.test().lines == ("#XRECVCFG: <handle>,(0,1,2,3),(0,1)",)

    @pytest.mark.spec("XRECVCFG.set.error", "XRECVCFG.set.hex")
    @pytest.mark.parametrize("rest", ["4", "-1", "x", "", "2,1", "3,1", "1,2"])
    def test_wrong_flags_and_modes_change_nothing(self, modem, reception, rest):
        client = modem.udp_socket()
        reception.set(DATA_MODE, client.handle)
        with pytest.raises(CommandError):
            modem.link.command(f"AT#XRECVCFG={client.handle},{rest}")

        assert reception.read() == (ReceptionOf(client.handle, DATA_MODE, False),)

    @pytest.mark.spec("XRECVCFG.set.error")
    @pytest.mark.parametrize("handle", UNKNOWN_HANDLES)
    def test_an_unknown_handle(self, modem, reception, handle):
        modem.udp_socket()
        with pytest.raises(CommandError):
            reception.set(AT_MODE, handle)

    @pytest.mark.spec("XRECVCFG.set.all")
    def test_before_any_socket(self, modem, reception, arrivals, tcp_echo):
        """Serial Modem once crashed here (pull request 393)."""
        reception.set(OFF)
        reception.set(AT_MODE)
        assert modem.link.command("AT").ok
        client = modem.tcp_client(tcp_echo.host, tcp_echo.port)
        tcp_echo.push(b"news")

        assert arrivals.next(client).data == b"news"


class TestBesideCommands:
    """Data, reports and answers do not mix."""

    def test_the_report_comes_before_the_data(self, modem, reception, client, tcp_echo, network):
        """One report, as all data come at once. The first preview of Serial Modem 2 reports after the data."""
        modem.serial_modem.events.start(PollEvent.IN, client.handle)
        reception.set(AT_MODE, client.handle)
        tcp_echo.push(b"news")
        either = (f"#XAPOLL: {client.handle},", f"#XRECV: {client.handle},")
        lines = [modem.link.wait_for_urc(either, timeout=network.receive_timeout).line for _ in either]

        assert lines == [f"#XAPOLL: {client.handle},1", f"#XRECV: {client.handle},0,4"]

    def test_data_during_a_receive_of_another_socket(self, modem, reception, arrivals, peers):
        """They come after its answer, never inside."""
        late, silent = peers.tcp_echo(delay_ms=500.0), peers.tcp_echo()
        client, waiting = (modem.tcp_client(echo.host, echo.port) for echo in (late, silent))
        reception.set(AT_MODE, client.handle)
        client.send(numbered(1000))
        with pytest.raises(CommandError) as nothing:
            waiting.receive(2)

        arrived = arrivals.next(client)
        response = nothing.value.response
        assert arrived.data == numbered(1000)[: len(arrived.data)]
        assert not response.sent_ns < arrived.urc.received_ns < response.final_ns

    def test_commands_while_data_come(self, modem, reception, arrivals, client, tcp_echo):
        reception.set(AT_MODE, client.handle)
        tcp_echo.push(numbered(20000))
        answers = [modem.sockets.list() for _ in range(10)]

        assert {row.handle for rows in answers for row in rows} == {client.handle}
        assert b"".join(arrivals.pieces(client, 20000)) == numbered(20000)


class TestSecure:
    """Data of TLS and DTLS sockets."""

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    @pytest.mark.parametrize("kind", ["TLS", "DTLS"])
    def test_secure_ones(self, reception, arrivals, secure_transports, despite_loss, kind):
        transport = secure_transports[kind]
        client = transport.client(transport.peer(psk=True))
        reception.set(AT_MODE, client.handle)

        assert despite_loss(lambda: client.send(b"hello"), lambda: arrivals.next(client)).data == b"hello"


@pytest.mark.spec("DATAMODE.reception")
class TestDataMode:
    """Flag 2: in data mode received data are handed on as they are."""

    @pytest.mark.spec("XRECVCFG.set.data_mode")
    def test_both_ways(self, modem, reception, client, tcp_echo, network):
        data = bytes(range(256))
        reception.set(DATA_MODE, client.handle)
        client.enter_data_mode()
        modem.link.write(data)
        heard = modem.link.listen(lambda heard: len(heard) >= len(data), timeout=network.receive_timeout)
        modem.link.leave_data_mode()

        assert heard == data
        assert tcp_echo.received() == data

    @pytest.mark.spec("XRECVCFG.set.data_mode")
    def test_data_that_were_there_before(self, modem, reception, client, tcp_echo, network):
        reports = Reports(modem, network)
        reception.set(DATA_MODE, client.handle)
        reports.start(PollEvent.IN, client)
        tcp_echo.push(b"early")
        assert reports.of(client) == PollEvent.IN
        client.enter_data_mode()
        heard = modem.link.listen(lambda heard: len(heard) >= 5, timeout=network.receive_timeout)
        modem.link.leave_data_mode()

        assert heard == b"early"

    @pytest.mark.spec("XRECVCFG.set.data_mode")
    def test_nothing_comes_in_at_mode(self, modem, reception, arrivals, client, tcp_echo, peers, network):
        reception.set(DATA_MODE, client.handle)
        tcp_echo.push(b"on request")
        one_round_trip(modem, peers, network)

        arrivals.none_of(client)
        assert client.receive_exactly(10, timeout=network.receive_timeout) == b"on request"

    @pytest.mark.spec("XRECVCFG.set.at_mode")
    def test_reception_in_at_mode_waits_for_its_end(self, modem, reception, arrivals, client, network):
        reception.set(AT_MODE, client.handle)
        client.enter_data_mode()
        modem.link.write(b"echo")
        heard = modem.link.listen(bool, timeout=QUIET_SECONDS)
        modem.link.leave_data_mode()

        assert heard == b""
        assert b"".join(arrivals.pieces(client, 4)) == b"echo"


class TestEnd:
    """The peer goes away."""

    def test_the_board_goes_on(self, modem, reception, arrivals, client, tcp_echo, peers, network):
        """At the end of a connection it prints an empty line, after all data."""
        echo = peers.tcp_echo()
        other = modem.tcp_client(echo.host, echo.port)
        reception.set(AT_MODE)
        tcp_echo.push(b"last words")
        assert arrivals.next(client).data == b"last words"
        tcp_echo.close_connection()
        assert client.receive(network.receive_timeout).ended
        echo.push(b"still here")

        assert arrivals.next(other).data == b"still here"

    @pytest.mark.stack
    @pytest.mark.spec("XAPOLL.event.err_hup")
    def test_much_and_the_close_together(self, modem, reception, arrivals, client, tcp_echo, peers, network):
        """They come while another socket is in data mode. After POLLHUP nothing comes by itself: #XRECV gives it."""
        echo = peers.tcp_echo()
        other = modem.tcp_client(echo.host, echo.port)
        reports = Reports(modem, network)
        reports.start(PollEvent.NONE, client)
        reception.set(AT_MODE, client.handle)
        other.enter_data_mode()
        tcp_echo.push(numbered(5000))
        tcp_echo.close_connection()
        modem.link.write(b"meanwhile")
        assert echo.wait_for("received", size=9, timeout=network.receive_timeout)
        modem.link.leave_data_mode()
        assert reports.of(client) & PollEvent.HUP
        data = arrivals.rest(client)
        while not (received := client.receive(network.receive_timeout)).ended:
            data += received.data

        assert data == numbered(5000)
