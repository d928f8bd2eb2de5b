"""Polling: which sockets are ready, and when a board says so. Specification: #XPOLL, #XAPOLL."""

import pytest

from bench.at import CommandError
from bench.clock import NS_PER_MS
from bench.measure import within
from bench.modem import PollEvent


class TestReadiness:
    """Each event."""

    @pytest.mark.spec("XPOLL.event.in", "XPOLL.response", "XPOLL.set.handles")
    def test_data_are_there(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.push(b"news")

            assert client.poll(network.receive_timeout * 1000) == PollEvent.IN
            assert client.receive(network.receive_timeout).data == b"news"
            assert modem.poll(0, client).events == ()

    def test_a_datagram_is_there(self, modem, udp_echo, despite_loss, network):
        with modem.udp_client(udp_echo.host, udp_echo.port) as client:
            polled = despite_loss(
                lambda: client.send(b"x"),
                lambda: modem.poll(network.receive_timeout * 1000, client).events,
            )

            assert polled == ((client.handle, PollEvent.IN),)

    @pytest.mark.stack
    @pytest.mark.needs("#XPOLL")  # Serial Modem reports an end once, when it comes: see test_events.py
    @pytest.mark.spec("XPOLL.event.err_hup")
    def test_the_peer_has_closed(self, modem, tcp_echo, network):
        """That a stream's end can be read is what polling must show; whether HUP comes with it rests on the stack."""
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.close_connection()

            events = client.poll(network.receive_timeout * 1000)
            assert events & (PollEvent.IN | PollEvent.HUP)
            assert client.receive(network.receive_timeout).ended

    @pytest.mark.stack
    @pytest.mark.needs("#XPOLL")
    @pytest.mark.spec("XPOLL.event.err_hup")
    def test_the_peer_has_reset(self, modem, tcp_echo, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client:
            tcp_echo.reset_connection()

            events = client.poll(network.receive_timeout * 1000)
            assert events & (PollEvent.ERR | PollEvent.HUP)

    @pytest.mark.needs("#XLISTEN")
    @pytest.mark.spec("XPOLL.event.in")
    def test_a_client_has_dialled(self, board, modem, dialer, network):
        port = board.free_port()
        with modem.tcp_server(port) as server:
            assert modem.poll(0, server).events == ()
            dialer.connect(board.address(), port)

            assert server.poll(network.receive_timeout * 1000) == PollEvent.IN
            server.accept(network.receive_timeout)


class TestWhich:
    """All, some and unknown handles."""

    @pytest.mark.spec("XPOLL.set.all")
    def test_all_without_a_name(self, modem, tcp_echo, network):
        with (
            modem.tcp_client(tcp_echo.host, tcp_echo.port) as one,
            modem.tcp_client(tcp_echo.host, tcp_echo.port) as two,
        ):
            tcp_echo.push(b"x")

            assert modem.poll(network.receive_timeout * 1000).events == ((two.handle, PollEvent.IN),)
            assert modem.poll(0, one).events == ()

    @pytest.mark.spec("XPOLL.response")
    def test_many_ready_at_once(self, modem, peers, network):
        echoes = [peers.tcp_echo() for _ in range(3)]
        clients = [modem.tcp_client(echo.host, echo.port) for echo in echoes]
        for echo in echoes:
            echo.push(b"x")
        for client in clients:
            assert client.poll(network.receive_timeout * 1000)

        polled = modem.poll(network.receive_timeout * 1000)

        assert {handle for handle, _ in polled.events} == {client.handle for client in clients}

    @pytest.mark.needs("#XPOLL")
    @pytest.mark.spec("XPOLL.set.handles")
    def test_the_order_of_the_handles_given(self, modem, peers, network):
        echoes = [peers.tcp_echo() for _ in range(2)]
        one, two = (modem.tcp_client(echo.host, echo.port) for echo in echoes)
        for echo, client in zip(echoes, (one, two), strict=True):
            echo.push(b"x")
            assert client.poll(network.receive_timeout * 1000)

        assert [handle for handle, _ in modem.poll(0, two, one).events] == [two.handle, one.handle]

    @pytest.mark.spec("XPOLL.error")
    def test_an_unknown_handle(self, modem, tcp_echo):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as client, pytest.raises(CommandError):
            modem.polling.poll(0, client.handle + 5)

    @pytest.mark.needs("selected socket")
    def test_polling_does_not_change_the_active_socket(self, modem, tcp_echo):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port) as one, modem.tcp_client(tcp_echo.host, tcp_echo.port):
            active = modem.slm.list().active
            modem.poll(0, one)

            assert modem.slm.list().active == active


class TestWhen:
    """The time that it takes."""

    @pytest.mark.spec("XPOLL.set.at_once")
    def test_returns_at_once_with_0(self, modem, tcp_echo, measure, network):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port):
            polled = modem.poll(0)

            assert polled.events == ()
            limit = within(seconds=(0, network.margin))
            measure("poll without waiting", polled.response.duration_ns, unit="ns", limit=limit)

    @pytest.mark.spec("XPOLL.set.timeout")
    @pytest.mark.parametrize("timeout_ms", [200, 1500])
    def test_gives_up_in_time(self, modem, tcp_echo, measure, network, timeout_ms):
        with modem.tcp_client(tcp_echo.host, tcp_echo.port):
            polled = modem.poll(timeout_ms)

            assert polled.events == ()
            limit = within((0.95 * timeout_ms * NS_PER_MS, timeout_ms * NS_PER_MS + network.margin * 1000 * NS_PER_MS))
            measure(f"poll for {timeout_ms} ms", polled.response.duration_ns, unit="ns", limit=limit)

    def test_wakes_when_data_come(self, modem, peers, network):
        echo = peers.tcp_echo(delay_ms=600.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            client.send(b"wake up")

            assert client.poll(network.receive_timeout * 1000) == PollEvent.IN

    @pytest.mark.spec("XPOLL.set.forever")
    def test_for_ever_until_data_come(self, modem, peers, network):
        echo = peers.tcp_echo(delay_ms=300.0)
        with modem.tcp_client(echo.host, echo.port) as client:
            client.send(b"wake up")

            assert client.poll(-1, at_most=network.receive_timeout) == PollEvent.IN
