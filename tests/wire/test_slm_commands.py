"""SLM's typed commands on the wire: the bytes of each form, the value of its answer, answers that break the rules.

Answers are written out from the Socket AT commands page and from what the firmware prints, not from the code.
"""

from collections.abc import Callable

import pytest

from bench.at import CommandError, MalformedAnswer
from bench.errors import UsageError
from bench.modem import (
    SERIAL_LTE_MODEM,
    DataModeError,
    Family,
    Modem,
    PeerVerify,
    PollEvent,
    ReceiveFlag,
    Role,
    SecureOption,
    SocketOption,
    SocketType,
)
from tests.support.expected_protocol import Exchange, UnexpectedCommand, expected_protocol

Call = Callable[[Modem], object]
SELECT: Exchange = (b"AT#XSOCKETSELECT=3", b"#XSOCKETSELECT: 3")

STREAM, DATAGRAM, RAW = SocketType
IPV6 = Family.IPV6
OPENING: list[tuple[bytes, bytes, Call, tuple[int, SocketType, int]]] = [
    (b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,1,6", lambda m: m.sockets.open(STREAM), (0, STREAM, 6)),
    (b"AT#XSOCKET=2,2,0", b"#XSOCKET: 1,2,17", lambda m: m.sockets.open(DATAGRAM, family=IPV6), (1, DATAGRAM, 17)),
    (b"AT#XSOCKET=1,1,1", b"#XSOCKET: 2,1,6", lambda m: m.sockets.open(STREAM, role=Role.SERVER), (2, STREAM, 6)),
    (b"AT#XSOCKET=1,3,0", b"#XSOCKET: 3,3,0", lambda m: m.sockets.open(RAW), (3, RAW, 0)),
    (b"AT#XSOCKET=1,2,0,1", b"#XSOCKET: 4,2,17", lambda m: m.sockets.open(DATAGRAM, cid=1), (4, DATAGRAM, 17)),
    (b"AT#XSSOCKET=1,1,0,42", b"#XSSOCKET: 0,1,258", lambda m: m.sockets.open_secure(STREAM, 42), (0, STREAM, 258)),
    (
        b"AT#XSSOCKET=2,2,1,42,2,1",
        b"#XSSOCKET: 5,2,273",
        lambda m: m.sockets.open_secure(
            DATAGRAM, 42, family=Family.IPV6, role=Role.SERVER, peer_verify=PeerVerify.REQUIRED, cid=1
        ),
        (5, DATAGRAM, 273),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("command", "answer", "call", "value"), OPENING, ids=[row[0].decode() for row in OPENING])
def test_opening(command: bytes, answer: bytes, call: Call, value: tuple[int, SocketType, int]) -> None:
    with expected_protocol([(command, answer)]) as modem:
        opened = call(modem)
    assert (opened.handle, opened.type, opened.protocol) == value  # type: ignore[attr-defined]


FIELDS: list[tuple[bytes, bytes, Call, object]] = [
    # command, its answer, the call, the value
    (b'AT#XCONNECT="a.example",7', b"#XCONNECT: 1", lambda m: m.sockets.connect(3, "a.example", 7).ok, True),
    (b'AT#XSEND="hello"', b"#XSEND: 5", lambda m: m.sockets.send(3, b"hello").size, 5),
    (b'AT#XSEND="a,b\r\n",512', b"#XSEND: 5", lambda m: m.sockets.send(3, b"a,b\r\n", 512).size, 5),
    (b'AT#XSENDTO="::1",7,"hi"', b"#XSENDTO: 2", lambda m: m.sockets.send_to(3, "::1", 7, b"hi").size, 2),
    (b'AT#XSENDTO="::1",7,"hi",512', b"#XSENDTO: 2", lambda m: m.sockets.send_to(3, "::1", 7, b"hi", 512).size, 2),
    (b"AT#XRECV=5", b"\r\n#XRECV: 4\r\nOK\r\n\r\nOK\r\n", lambda m: m.sockets.receive(3, 5).data, b"OK\r\n"),
    (
        b"AT#XRECV=5,66",
        b"\r\n#XRECV: 2\r\nhi\r\nOK\r\n",
        lambda m: m.sockets.receive(3, 5, ReceiveFlag.PEEK | ReceiveFlag.DONT_WAIT).data,
        b"hi",
    ),
    (b"AT#XRECV=0", b"OK", lambda m: m.sockets.receive(3, 0, at_most=1).ended, True),
    (
        b"AT#XRECVFROM=5",
        b'\r\n#XRECVFROM: 2,"192.0.2.1",5005\r\nhi\r\nOK\r\n',
        lambda m: m.sockets.receive_from(3, 5).source,
        ("192.0.2.1", 5005),
    ),
    (b"AT#XRECVFROM=5,2", b"OK", lambda m: m.sockets.receive_from(3, 5, ReceiveFlag.PEEK).source, None),
    (b"AT#XBIND=80", b"OK", lambda m: m.server.bind(3, 80).ok, True),
    (b"AT#XLISTEN", b"OK", lambda m: m.server.listen(3).ok, True),
    (b"AT#XACCEPT=9", b'#XACCEPT: 4,"192.0.2.1"', lambda m: _accepted(m.server.accept(3, 9)), (4, "192.0.2.1", 3)),
    (b"AT#XACCEPT=0", b'#XACCEPT: 4,"::1"', lambda m: m.server.accept(3, 0, at_most=1).peer_address, "::1"),
    (b"AT#XACCEPT?", b"#XTCPACCEPT: 4", lambda m: m.server.read_accepted(3).handle, 4),
    (b"AT#XACCEPT?", b"#XACCEPT: 0", lambda m: m.server.read_accepted(3).handle, 0),
    (b"AT#XSOCKETOPT=0,20", b"#XSOCKETOPT: 30", lambda m: m.options.get(3, SocketOption.RCVTIMEO).number, 30),
    (b"AT#XSOCKETOPT=1,20,30", b"OK", lambda m: m.options.set(3, SocketOption.RCVTIMEO, 30).ok, True),
    (b"AT#XSOCKETOPT=1,61", b"OK", lambda m: m.options.set(3, SocketOption.RAI).ok, True),
    (b"AT#XSSOCKETOPT=0,4", b"#XSSOCKETOPT: 0xC02B", lambda m: m.options.get_secure(3, 4).number, 0xC02B),
    (b"AT#XSSOCKETOPT=1,5,2", b"OK", lambda m: m.options.set_secure(3, SecureOption.PEER_VERIFY, 2).ok, True),
    (b'AT#XSSOCKETOPT=1,2,"a.example"', b"OK", lambda m: m.options.set_secure(3, 2, "a.example").ok, True),
]  # fmt: skip


def _accepted(accepted: object) -> tuple[int, str, int]:
    return accepted.handle, accepted.peer_address, accepted.carrier  # type: ignore[attr-defined]


@pytest.mark.parametrize(("command", "answer", "call", "value"), FIELDS, ids=[row[0].decode() for row in FIELDS])
def test_on_a_socket_that_is_selected_first(command: bytes, answer: bytes, call: Call, value: object) -> None:
    with expected_protocol([SELECT, (command, answer)]) as modem:
        assert call(modem) == value


OF_THE_BOARD: list[tuple[bytes, bytes, Call, object]] = [
    (b"AT#XPOLL=0", b"OK", lambda m: m.polling.poll(0).events, ()),
    (
        b"AT#XPOLL=10,3,1",
        b'#XPOLL: 3,"0x0011"\n#XPOLL: 1,"0x0001"',
        lambda m: m.polling.poll(10, 3, 1).events,
        ((3, PollEvent.IN | PollEvent.HUP), (1, PollEvent.IN)),
    ),
    (b"AT#XPOLL=-1", b'#XPOLL: 1,"0x0008"', lambda m: m.polling.poll(-1, at_most=1).of(1), PollEvent.ERR),
    (b"AT#XDATACTRL=200", b"OK", lambda m: m.data_mode.set_time_limit(200).ok, True),
    (b"AT#XDATACTRL?", b"#XDATACTRL: 0,32", lambda m: m.data_mode.read_time_limit().minimum, 32),
    (b"AT#XDATACTRL=?", b"#XDATACTRL=<time_limit>", lambda m: m.data_mode.test().lines, ("#XDATACTRL=<time_limit>",)),
    (b"AT#XSOCKETOPT=?", b"OK", lambda m: m.options.test().ok, True),
    (b"AT#XSSOCKETOPT=?", b"OK", lambda m: m.options.test_secure().ok, True),
    (
        b'AT#XGETADDRINFO="a.example"',
        b'#XGETADDRINFO: "192.0.2.1 2001:db8::1"',
        lambda m: m.names.resolve("a.example").addresses,
        ("192.0.2.1", "2001:db8::1"),
    ),
    (b'AT#XGETADDRINFO="a",2', b'#XGETADDRINFO: "::1"', lambda m: m.names.resolve("a", 2).addresses, ("::1",)),
    (b"AT#XSOCKET?", b"OK", lambda m: m.slm.read(), None),
    (b"AT#XSOCKET?", b"#XSOCKET: 3,2,1,2,0", lambda m: _row(m.slm.read()), (3, Family.IPV6, 1, DATAGRAM, 0)),
    (b"AT#XSSOCKET?", b"OK", lambda m: m.slm.read_secure(), None),
    (b"AT#XSSOCKET?", b"#XSSOCKET: 3,1,0,1,42,0", lambda m: _row(m.slm.read_secure()), (3, Family.IPV4, 0, STREAM, 0)),
    (b"AT#XSOCKET=?", b"OK", lambda m: m.slm.test().ok, True),
    (b"AT#XSSOCKET=?", b"OK", lambda m: m.slm.test_secure().ok, True),
    (b"AT#XSOCKET=0", b'#XSOCKET: 0,"closed"', lambda m: m.slm.close().ok, True),
    (b"AT#XSSOCKET=0", b'#XSOCKET: 0,"closed"', lambda m: m.slm.close_secure().ok, True),
    (
        b"AT#XSOCKETSELECT?",
        b"#XSOCKETSELECT: 0,1,0,1,-1,1,0\n#XSOCKETSELECT: 1,1,0,2,42,2,0\n#XSOCKETSELECT: 1",
        lambda m: _list(m),
        ([(0, -1, 1), (1, 42, 2)], 1),
    ),
]  # fmt: skip


def _row(active: object) -> tuple[object, ...]:
    return tuple(getattr(active, name) for name in ("handle", "family", "role", "type", "cid"))


def _list(modem: Modem) -> tuple[list[tuple[int, int, int]], int | None]:
    found = modem.slm.list()
    return [(row.handle, row.sec_tag, row.ranking) for row in found.sockets], found.active


@pytest.mark.parametrize(
    ("command", "answer", "call", "value"), OF_THE_BOARD, ids=[row[0].decode() for row in OF_THE_BOARD]
)
def test_without_a_selection(command: bytes, answer: bytes, call: Call, value: object) -> None:
    with expected_protocol([(command, answer)]) as modem:
        assert call(modem) == value


MALFORMED: list[tuple[list[Exchange], Call]] = [
    ([(b"AT#XSOCKET=1,1,0", b"OK")], lambda m: m.sockets.open(STREAM)),
    ([(b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,1")], lambda m: m.sockets.open(STREAM)),
    ([(b"AT#XSOCKET=1,1,0", b"#XSOCKET: -1,1,6")], lambda m: m.sockets.open(STREAM)),
    ([(b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,9,6")], lambda m: m.sockets.open(STREAM)),
    ([(b"AT#XSOCKET=1,1,0", b"#XSOCKET: zero,1,6")], lambda m: m.sockets.open(STREAM)),
    ([(b"AT#XSOCKETSELECT=3", b"#XSOCKETSELECT: 4")], lambda m: m.slm.select(3)),
    ([(b"AT#XSOCKETSELECT?", b"#XSOCKETSELECT: 4,1")], lambda m: m.slm.list()),
    ([(b"AT#XSOCKET=0", b'#XSOCKET: 1,"closed"')], lambda m: m.slm.close()),
    ([(b"AT#XSOCKET?", b"#XSOCKET: 3,2,1")], lambda m: m.slm.read()),
    ([SELECT, (b'AT#XCONNECT="h",7', b"#XCONNECT: 0")], lambda m: m.sockets.connect(3, "h", 7)),
    ([SELECT, (b'AT#XCONNECT="h",7', b"OK")], lambda m: m.sockets.connect(3, "h", 7)),
    ([SELECT, (b'AT#XSEND="x"', b"#XSEND: many")], lambda m: m.sockets.send(3, b"x")),
    ([SELECT, (b"AT#XRECV=5", b"\r\n#XRECV: many\r\n\r\nOK\r\n")], lambda m: m.sockets.receive(3, 5)),
    ([SELECT, (b"AT#XRECVFROM=5", b"\r\n#XRECVFROM: 2\r\nhi\r\nOK\r\n")], lambda m: m.sockets.receive_from(3, 5)),
    ([SELECT, (b"AT#XACCEPT=9", b"#XACCEPT: 4")], lambda m: m.server.accept(3, 9)),
    ([SELECT, (b"AT#XSOCKETOPT=0,20", b"OK")], lambda m: m.options.get(3, 20)),
    ([(b"AT#XPOLL=0", b"#XPOLL: 3")], lambda m: m.polling.poll(0)),
    ([(b"AT#XPOLL=0", b'#XPOLL: 3,"often"')], lambda m: m.polling.poll(0)),
    ([(b"AT#XDATACTRL?", b"#XDATACTRL: 0")], lambda m: m.data_mode.read_time_limit()),
    ([(b'AT#XGETADDRINFO="a"', b"OK")], lambda m: m.names.resolve("a")),
]


@pytest.mark.parametrize(("exchanges", "call"), MALFORMED, ids=[str(row[0][-1][1]) for row in MALFORMED])
def test_an_answer_against_the_rules(exchanges: list[Exchange], call: Call) -> None:
    with expected_protocol(exchanges) as modem, pytest.raises(MalformedAnswer):
        call(modem)


class TestSelection:
    def test_an_opened_socket_is_selected(self) -> None:
        with expected_protocol([(b"AT#XSOCKET=1,1,0", b"#XSOCKET: 3,1,6"), (b"AT#XBIND=80", b"OK")]) as modem:
            modem.tcp_socket().bind(80)

    def test_a_socket_is_selected_once(self) -> None:
        with expected_protocol([SELECT, (b"AT#XBIND=80", b"OK"), (b"AT#XLISTEN", b"OK")]) as modem:
            modem.server.bind(3, 80)
            modem.server.listen(3)

    def test_after_a_close_nothing_is_known_to_be_selected(self) -> None:
        closed = (b"AT#XSOCKET=0", b'#XSOCKET: 0,"closed"')
        with expected_protocol([SELECT, closed, SELECT, (b"AT#XLISTEN", b"OK")]) as modem:
            modem.sockets.close(3)
            modem.server.listen(3)

    def test_nor_after_an_opening_that_failed(self) -> None:
        script = [SELECT, (b"AT#XSOCKET=1,1,0", b"ERROR"), SELECT, (b"AT#XLISTEN", b"OK")]
        with expected_protocol(script) as modem:
            modem.slm.select(3)
            with pytest.raises(CommandError):
                modem.sockets.open(STREAM)
            modem.server.listen(3)

    def test_a_refused_selection_leaves_what_was_selected(self) -> None:
        script = [SELECT, (b"AT#XSOCKETSELECT=8", b"ERROR"), (b"AT#XLISTEN", b"OK")]
        with expected_protocol(script) as modem:
            modem.slm.select(3)
            with pytest.raises(CommandError):
                modem.slm.select(8)
            modem.server.listen(3)

    def test_all_are_closed_one_by_one(self) -> None:
        script = [
            (
                b"AT#XSOCKETSELECT?",
                b"#XSOCKETSELECT: 0,1,0,1,-1,1,0\n#XSOCKETSELECT: 2,1,0,2,-1,2,0\n#XSOCKETSELECT: 2",
            ),
            (b"AT#XSOCKETSELECT=0", b"#XSOCKETSELECT: 0"),
            (b"AT#XSOCKET=0", b'#XSOCKET: 0,"closed"'),
            (b"AT#XSOCKETSELECT=2", b"#XSOCKETSELECT: 2"),
            (b"AT#XSOCKET=0", b'#XSOCKET: 0,"closed"'),
        ]
        with expected_protocol(script) as modem:
            assert modem.close_sockets() == 2


class TestDataMode:
    ENTER: Exchange = (b"AT#XSEND", b"OK")
    LEAVE: Exchange = (b"+++", b"\r\n#XDATAMODE: 0\r\n")

    def test_data_that_no_string_can_carry(self) -> None:
        with expected_protocol([SELECT, self.ENTER, (b'a"b', None), self.LEAVE]) as modem:
            assert modem.sockets.send_in_data_mode(3, b'a"b').size == 3

    def test_to_a_destination(self) -> None:
        script: list[Exchange] = [SELECT, (b'AT#XSENDTO="::1",7', b"OK"), (b"x", None), self.LEAVE]
        with expected_protocol(script) as modem:
            assert modem.sockets.send_in_data_mode(3, b"x", to=("::1", 7)).size == 1

    def test_dropped_data_are_an_error(self) -> None:
        script: list[Exchange] = [SELECT, self.ENTER, (b"x", None), (b"+++", b"\r\n#XDATAMODE: -90\r\n")]
        with expected_protocol(script) as modem, pytest.raises(DataModeError, match="1 bytes were dropped"):
            modem.sockets.send_in_data_mode(3, b"x")

    @pytest.mark.parametrize("data", [b"a+++b", b"a+", b"+"])
    def test_its_terminator_is_not_data(self, data: bytes) -> None:
        with expected_protocol([]) as modem, pytest.raises(UsageError, match="cannot be sent in data mode"):
            modem.sockets.send_in_data_mode(3, data)


BLOCKING: list[Call] = [
    lambda m: m.sockets.receive(3, 0),
    lambda m: m.sockets.receive_from(3, 0),
    lambda m: m.server.accept(3, 0),
    lambda m: m.polling.poll(-1),
    lambda m: m.sockets.send(3, b'"'),
    lambda m: m.sockets.send(3, b"x" * 1025),
    lambda m: m.sockets.open_secure(STREAM, 42, cid=1),
]


@pytest.mark.parametrize("call", BLOCKING)
def test_a_call_that_cannot_go_well_sends_nothing(call: Call) -> None:
    with expected_protocol([]) as modem, pytest.raises(UsageError):
        call(modem)


@pytest.mark.parametrize(
    ("command", "blocks"),
    [
        (b"AT#XRECV=1", True),
        (b"AT#XRECV=0,64", False),
        (b"AT#XRECV=0,66", False),
        (b"AT#XRECV=1,2", True),
        (b"AT#XRECVFROM=1", True),
        (b"AT#XRECVFROM=1,64", False),
        (b"AT#XPOLL=0", False),
        (b"AT#XPOLL=0,1,2", False),
        (b"AT#XPOLL=10", True),
        (b"AT#XPOLL=-1", True),
        (b"AT#XACCEPT=1", True),
        (b"AT#XACCEPT?", False),
        (b'AT#XSEND="x"', False),
        (b"AT+CFUN?", False),
    ],
)
def test_commands_that_hold_urcs_back(command: bytes, blocks: bool) -> None:
    assert SERIAL_LTE_MODEM.blocks(command) is blocks


@pytest.mark.parametrize(
    ("command", "enters"),
    [
        (b"AT#XSEND", True),
        (b" at#xsend", True),
        (b"AT#XSEND=,64", True),
        (b'AT#XSEND="a"', False),
        (b'AT#XSEND="AT#XSEND"', False),
        (b"AT#XSEND=?", False),
        (b"AT#XSEND?", False),
        (b'AT#XSENDTO="h",7', True),
        (b'AT#XSENDTO="h,7,x",7', True),
        (b'AT#XSENDTO="h",7,"x"', False),
        (b"AT#XTCPSEND", True),
        (b"AT#XUDPSEND", True),
        (b'AT#XMQTTPUB="t","",0', True),
        (b'AT#XMQTTPUB="t","m"', False),
        (b'AT#XFTP="put","f"', True),
        (b'AT#XFTP="put","f",1,"x"', False),
        (b'AT#XFTP="uput"', True),
        (b'AT#XFTP="ls"', False),
        (b"AT#XNRFCLOUD=2", True),
        (b"AT#XNRFCLOUD=1", False),
        (b"AT#XRECV=1", False),
        (b"AT", False),
        (b"", False),
    ],
)
def test_commands_that_enter_data_mode(command: bytes, enters: bool) -> None:
    assert SERIAL_LTE_MODEM.enters_data_mode(command) is enters


class TestTheScript:
    """The tool itself: it must notice what it is for."""

    def test_another_command(self) -> None:
        another = pytest.raises(UnexpectedCommand, match=r"AT#XBIND=81.* was sent, expected AT#XBIND=80")
        with another, expected_protocol([SELECT, (b"AT#XBIND=80", b"OK")]) as modem:
            modem.server.bind(3, 81)

    def test_a_command_too_few(self) -> None:
        too_few = pytest.raises(UnexpectedCommand, match="AT was expected, and not sent")
        with too_few, expected_protocol([(b"AT", b"OK")]):
            pass

    def test_a_command_too_many(self) -> None:
        with pytest.raises(UnexpectedCommand, match="expected nothing more"), expected_protocol([]) as modem:
            modem.link.command("AT")
