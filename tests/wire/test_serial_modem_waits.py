"""Serial Modem's typed calls that wait: polls, accepts, data mode, data and reports that come by themselves."""

import pytest

from bench.at import CommandError, DeviceRestarted, MalformedAnswer, UrcTimeout
from bench.modem import SERIAL_MODEM, DataModeError, PollEvent, SendFlag
from tests.support.expected_protocol import Exchange, expected_protocol, script

IN, OUT, HUP = PollEvent.IN, PollEvent.OUT, PollEvent.HUP


class TestPoll:
    """A wait on the host: what is asked, what counts, how long."""

    START: Exchange = (b"AT#XAPOLL=3,1,1", b"OK")
    STOP: Exchange = (b"AT#XAPOLL=3,0", b"OK")

    def test_an_event_has_the_stamp_of_its_urc(self) -> None:
        with expected_protocol(script(self.START, (None, b"\r\n#XAPOLL: 3,1\r\n"), self.STOP), SERIAL_MODEM) as modem:
            polled = modem.polling.poll(5000, 3)
            assert polled.events == ((3, IN),)
            assert polled.response.lines == ("#XAPOLL: 3,1",)
            (urc,) = polled.response.urcs
            assert polled.response.sent_ns < urc.received_ns == polled.response.final_ns
            assert modem.link.urcs() == ()

    @pytest.mark.parametrize("timeout_ms", [0, 300])
    def test_time_is_up(self, timeout_ms: int) -> None:
        with expected_protocol(script(self.START, self.STOP), SERIAL_MODEM) as modem:
            polled = modem.polling.poll(timeout_ms, 3)
        assert polled.events == ()
        assert timeout_ms <= polled.response.duration_ns / 1e6 < timeout_ms + 500

    def test_an_event_from_before_does_not_count(self) -> None:
        stale: Exchange = (None, b"\r\n#XAPOLL: 3,1\r\n\r\n#XAPOLL: 4,1\r\n")
        with expected_protocol(script(stale, self.START, self.STOP), SERIAL_MODEM) as modem:
            assert modem.polling.poll(0, 3).events == ()
            assert [urc.line for urc in modem.link.urcs()] == ["#XAPOLL: 4,1"]

    def test_all_sockets_and_what_comes_together(self) -> None:
        came: Exchange = (None, b"\r\n#XAPOLL: 4,1\r\n\r\n#XAPOLL: 3,17\r\n")
        with expected_protocol(
            script((b"AT#XAPOLL=,1,1", b"OK"), came, (b"AT#XAPOLL=,0", b"OK")), SERIAL_MODEM
        ) as modem:
            polled = modem.poll(5000)
        assert polled.events == ((4, IN), (3, IN | HUP))
        assert polled.of(3) == IN | HUP

    def test_some_sockets(self) -> None:
        exchanges = script(
            self.START,
            (None, b"\r\n#XAPOLL: 3,1\r\n"),
            (b"AT#XAPOLL=4,1,1", b"OK"),
            (None, b"\r\n#XAPOLL: 4,1\r\n"),
            self.STOP,
            (b"AT#XAPOLL=4,0", b"OK"),
        )
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            assert modem.polling.poll(5000, 3, 4).events == ((3, IN), (4, IN))

    def test_an_unknown_handle_is_an_error_and_leaves_nothing_asked(self) -> None:
        exchanges = script(self.START, (b"AT#XAPOLL=9,1,1", b"ERROR"), self.STOP)
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, pytest.raises(CommandError):
            modem.polling.poll(0, 3, 9)

    def test_the_end_of_a_socket_is_told_once_and_remembered_until_its_close(self) -> None:
        exchanges = script(
            (None, b"\r\n#XAPOLL: 3,17\r\n"),
            self.START,
            self.STOP,
            self.START,
            self.STOP,
            (b"AT#XCLOSE=3", b"#XCLOSE: 3,0"),
            self.START,
            self.STOP,
        )
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            assert modem.polling.poll(0, 3).events == ((3, IN | HUP),)
            assert modem.polling.poll(5000, 3).events == ((3, IN | HUP),)
            modem.sockets.close(3)
            assert modem.polling.poll(0, 3).events == ()

    @pytest.mark.parametrize("timeout_ms", [-1, 60_000])
    def test_an_event_that_was_certain(self, timeout_ms: int) -> None:
        refused = pytest.raises(UrcTimeout, match="no #XAPOLL came within")
        with expected_protocol(script(self.START, self.STOP), SERIAL_MODEM) as modem, refused:
            modem.polling.poll(timeout_ms, 3, at_most=0.2)

    def test_a_wait_for_ever_ends_with_an_event(self) -> None:
        with expected_protocol(script(self.START, (None, b"\r\n#XAPOLL: 3,1\r\n"), self.STOP), SERIAL_MODEM) as modem:
            assert modem.polling.poll(-1, 3, at_most=5).of(3) is IN

    def test_a_restart_ends_it(self) -> None:
        refused = pytest.raises(DeviceRestarted)
        with expected_protocol(script(self.START, (None, b"Ready\r\n")), SERIAL_MODEM) as modem, refused:
            modem.polling.poll(60_000, 3)

    def test_a_broken_event(self) -> None:
        refused = pytest.raises(MalformedAnswer)
        with expected_protocol(script(self.START, (None, b"\r\n#XAPOLL: 3,often\r\n")), SERIAL_MODEM) as modem, refused:
            modem.polling.poll(5000, 3)


class TestAccept:
    NOBODY: Exchange = (b"AT#XACCEPT=3", b"ERROR")
    LISTENS: Exchange = (b"AT#XLISTEN?", b"#XLISTEN: 3,0,80")
    START: Exchange = (b"AT#XAPOLL=3,1,1", b"OK")
    STOP: Exchange = (b"AT#XAPOLL=3,0", b"OK")
    SOMEBODY: Exchange = (b"AT#XACCEPT=3", b'#XACCEPT: 4,0,"192.0.2.1",40001')

    def test_a_peer_that_dials_later(self) -> None:
        dials: Exchange = (None, b"\r\n#XAPOLL: 3,1\r\n")
        exchanges = script(self.NOBODY, self.LISTENS, self.START, dials, self.SOMEBODY, self.STOP)
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            accepted = modem.server.accept(3, 30)
        assert (accepted.handle, accepted.carrier) == (4, 4)
        assert accepted.announced_ns is not None
        assert accepted.response.sent_ns < accepted.announced_ns < accepted.response.final_ns

    def test_nobody_within_the_time(self) -> None:
        exchanges = script(self.NOBODY, self.LISTENS, self.START, self.NOBODY, self.STOP)
        refused = pytest.raises(CommandError, match="nobody dialled within 1 s")
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, refused as nobody:
            modem.server.accept(3, 1)
        assert 1 <= nobody.value.response.duration_ns / 1e9 < 1.5

    @pytest.mark.parametrize("answer", [b"OK", b"#XLISTEN: 4,0,80", b"ERROR"])
    def test_a_socket_that_does_not_listen_is_an_error_at_once(self, answer: bytes) -> None:
        refused = pytest.raises(CommandError)
        with expected_protocol(script(self.NOBODY, (b"AT#XLISTEN?", answer)), SERIAL_MODEM) as modem, refused:
            modem.server.accept(3, 600)

    def test_each_connection_is_a_socket_of_its_own(self) -> None:
        exchanges = script(
            (b"AT#XSOCKET=1,1,1", b"#XSOCKET: 3,1,6"),
            (b"AT#XBIND=3,80", b"OK"),
            (b"AT#XLISTEN=3", b"OK"),
            self.SOMEBODY,
            (b'AT#XSEND=4,0,0,"hi"', b"#XSEND: 4,0,2"),
            (b"AT#XACCEPT=3", b'#XACCEPT: 5,0,"192.0.2.1",40002'),
            (b'AT#XSEND=5,0,0,"ho"', b"#XSEND: 5,0,2"),
            (b"AT#XCLOSE=4", b"#XCLOSE: 4,0"),
            (b"AT#XCLOSE=5", b"#XCLOSE: 5,0"),
            (b"AT#XCLOSE=3", b"#XCLOSE: 3,0"),
        )
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, modem.tcp_server(80) as server:
            server.accept()
            server.send(b"hi")
            server.accept()
            server.send(b"ho")

    def test_a_connection_as_a_client(self) -> None:
        exchanges = script(
            (b"AT#XSOCKET=1,1,1", b"#XSOCKET: 3,1,6"),
            self.SOMEBODY,
            (b"AT#XRECV=4,0,0,10", b"\r\n#XRECV: 4,0,2\r\nhi\r\nOK\r\n"),
            (b"AT#XCLOSE=4", b"#XCLOSE: 4,0"),
            (b"AT#XCLOSE=3", b"#XCLOSE: 3,0"),
        )
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, modem.server_socket() as server:
            with server.accept_client() as client:
                assert client.receive().data == b"hi"
            assert server.carrier == server.handle


class TestDataMode:
    ENTER: Exchange = (b"AT#XSEND=3,2,0", b"OK")
    LEAVE: Exchange = (b"+++", b"\r\n#XDATAMODE: 0\r\n")
    FAILED: Exchange = (b"+++", b"\r\n#XDATAMODE: -1\r\n")

    def test_data_that_no_string_can_carry(self) -> None:
        with expected_protocol(script(self.ENTER, (b'a"b', None), self.LEAVE), SERIAL_MODEM) as modem:
            assert modem.sockets.send_in_data_mode(3, b'a"b').size == 3

    def test_to_a_destination_with_flags(self) -> None:
        exchanges = script((b'AT#XSENDTO=3,2,512,"::1",7', b"OK"), (b"x", None), self.LEAVE)
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            modem.serial_modem.sockets.send_in_data_mode(3, b"x", to=("::1", 7), flags=SendFlag.WAIT_ACK)

    @pytest.mark.parametrize("data", [b"a+++b", b"a+", b"+"])
    def test_data_with_its_terminator_go_by_length(self, data: bytes) -> None:
        exchanges = script((b"AT#XSEND=3,2,0,%d" % len(data), b"OK"), (data, b"\r\n#XDATAMODE: 0\r\n"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            assert modem.sockets.send_in_data_mode(3, data).size == len(data)
            assert not modem.link.in_data_mode

    def test_by_length_to_a_destination(self) -> None:
        exchanges = script((b'AT#XSENDTO=3,2,0,"::1",7,2', b"OK"), (b"hi", b"\r\n#XDATAMODE: 0\r\n"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            modem.serial_modem.sockets.send_in_data_mode(3, b"hi", to=("::1", 7), by_length=True)

    def test_a_destination_is_forgotten_on_a_socket_of_its_own(self) -> None:
        opened: Exchange = (b"AT#XSOCKET=1,2,0", b"#XSOCKET: 3,2,17")
        exchanges = script(opened, self.ENTER, self.LEAVE, (b"AT#XCLOSE=3", b"#XCLOSE: 3,0"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            modem.serial_modem.sockets.forget_destination()

    def test_a_board_that_fails_waits_for_the_terminator(self) -> None:
        exchanges = script(self.ENTER, (None, b"+++"), (b"lost", None), self.FAILED, (b"AT", b"OK"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            with pytest.raises(DataModeError, match="ended with -1"):
                modem.sockets.send_in_data_mode(3, b"lost")
            assert modem.link.command("AT").ok

    def test_one_that_fails_while_it_idles_is_noticed_at_once(self) -> None:
        exchanges = script(self.ENTER, (None, b"+++"), self.FAILED)
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            modem.sockets.enter_data_mode(3)
            assert modem.serial_modem.data_mode.wait_failed(0.2).line == "+++"
            assert modem.link.in_data_mode
            assert modem.link.leave_data_mode() == -1

    def test_the_last_data_fail(self) -> None:
        exchanges = script(self.ENTER, (b"lost", None), (b"+++", b"\r\n+++\r\n#XDATAMODE: -1\r\n"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, pytest.raises(DataModeError):
            modem.sockets.send_in_data_mode(3, b"lost")

    def test_one_that_forgets_the_length_gets_the_terminator(self) -> None:
        exchanges = script((b"AT#XSEND=3,2,0,4", b"OK"), (b"lost", None), (None, b"+++"), self.FAILED)
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, pytest.raises(DataModeError):
            modem.serial_modem.sockets.send_in_data_mode(3, b"lost", by_length=True)

    def test_a_failure_from_before_does_not_count(self) -> None:
        again = script((b"AT#XSEND=3,2,0,2", b"OK"), (b"hi", b"\r\n#XDATAMODE: 0\r\n"))
        with expected_protocol(script(self.ENTER, (None, b"+++"), self.FAILED, *again), SERIAL_MODEM) as modem:
            modem.sockets.enter_data_mode(3)
            assert modem.link.leave_data_mode() == -1
            modem.serial_modem.sockets.send_in_data_mode(3, b"hi", by_length=True)

    @pytest.mark.parametrize("report", [b"\r\n#XDATAMODE: -1\r\n", b"\r\n+++\r\n#XDATAMODE: -1\r\n"])
    def test_one_that_counts_the_length_does_not(self, report: bytes) -> None:
        exchanges = script((b"AT#XSEND=3,2,0,4", b"OK"), (b"lost", report))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem, pytest.raises(DataModeError):
            modem.serial_modem.sockets.send_in_data_mode(3, b"lost", by_length=True)


class TestUrcs:
    def test_the_notice_of_a_send(self) -> None:
        exchanges = script(
            (b'AT#XSEND=3,0,8192,"x"', b"#XSEND: 3,1,1"),
            (None, b"\r\n#XSENDNTF: 4,0,9\r\n\r\n#XSENDNTF: 3,-1,1\r\n"),
        )
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            assert modem.sockets.send(3, b"x", SendFlag.NOTIFY).notified
            notice = modem.serial_modem.sockets.wait_notice(3, timeout=1)
        assert (notice.handle, notice.status, notice.size, notice.urc.line) == (3, -1, 1, "#XSENDNTF: 3,-1,1")

    def test_automatic_reception(self) -> None:
        came = (
            b"\r\n#XRECV: 3,0,5\r\nOK\r\n.\r\n"
            b"\r\n#XRECV: 3,1,2\r\n0d0a\r\n"
            b'\r\n#XRECVFROM: 4,1,1,"192.0.2.1",5005\r\n22\r\n'
            b"\r\n\r\n#XAPOLL: 3,16\r\n"
        )
        with expected_protocol(script((None, came), (b"AT", b"OK")), SERIAL_MODEM) as modem:
            reception = modem.serial_modem.reception
            assert reception.wait(3, timeout=1).data == b"OK\r\n."
            assert reception.wait(3, timeout=1).data == b"\r\n"
            arrived = reception.wait(4, timeout=1)
            assert (arrived.data, arrived.source) == (b'"', ("192.0.2.1", 5005))
            assert modem.serial_modem.events.wait(3, timeout=1).events is HUP
            with pytest.raises(UrcTimeout):
                reception.wait(3, timeout=0)
            assert modem.link.command("AT").lines == ()

    @pytest.mark.parametrize(
        "came", [b"\r\n#XRECV: 3,1,1\r\nxy\r\n", b"\r\n#XRECVFROM: 3,0,1\r\nx\r\n", b"\r\n#XRECV: 3,x,1\r\nx\r\n"]
    )
    def test_broken_data(self, came: bytes) -> None:
        with expected_protocol(script((None, came)), SERIAL_MODEM) as modem, pytest.raises(MalformedAnswer):
            modem.serial_modem.reception.wait(3, timeout=1)

    def test_with_echo_answers_are_read_all_the_same(self) -> None:
        exchanges = script((b"ATE1", b"OK"), (b"AT#XCLOSE", b"\r\nAT#XCLOSE\r\r\n#XCLOSE: 3,0\r\n\r\nOK\r\n"))
        with expected_protocol(exchanges, SERIAL_MODEM) as modem:
            modem.serial_modem.device.echo(True)
            assert modem.close_sockets() == 1
            assert modem.link.echoes
