"""Serial Modem's typed commands on the wire: the bytes of each form, the value of its answer and broken answers.

Answers are written out from the documentation and from what the firmware prints, not from the code.
"""

from collections.abc import Callable

import pytest

from bench.at import CommandError, MalformedAnswer
from bench.errors import UsageError
from bench.modem import (
    SERIAL_MODEM,
    Closed,
    Family,
    Listener,
    Modem,
    OpenSocket,
    PeerVerify,
    PollEvent,
    ReceiveFlag,
    Reception,
    Role,
    SecureOption,
    SendFlag,
    SleepMode,
    SocketOption,
    SocketType,
)
from tests.support.expected_protocol import Exchange, expected_protocol

Call = Callable[[Modem], object]

STREAM, DATAGRAM, RAW = SocketType
IPV6 = Family.IPV6
PEEK, QUIET, ALL = ReceiveFlag.PEEK, ReceiveFlag.DONT_WAIT, ReceiveFlag.WAIT_ALL
IN, OUT, HUP = PollEvent.IN, PollEvent.OUT, PollEvent.HUP


OPENING: list[tuple[bytes, bytes, Call, tuple[int, SocketType, int]]] = [
    (b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,1,6", lambda m: m.sockets.open(STREAM), (0, STREAM, 6)),
    (b"AT#XSOCKET=2,2,0", b"#XSOCKET: 1,2,17", lambda m: m.sockets.open(DATAGRAM, family=IPV6), (1, DATAGRAM, 17)),
    (b"AT#XSOCKET=1,1,1", b"#XSOCKET: 2,1,6", lambda m: m.sockets.open(STREAM, role=Role.SERVER), (2, STREAM, 6)),
    (b"AT#XSOCKET=3,3,0", b"#XSOCKET: 3,3,0", lambda m: m.sockets.open(RAW), (3, RAW, 0)),
    (b"AT#XSOCKET=1,3,0", b"#XSOCKET: 3,3,0", lambda m: m.sockets.open(RAW, family=Family.IPV4), (3, RAW, 0)),
    (b"AT#XSOCKET=1,2,0,1", b"#XSOCKET: 4,2,17", lambda m: m.sockets.open(DATAGRAM, cid=1), (4, DATAGRAM, 17)),
    (b"AT#XSSOCKET=1,1,0,42", b"#XSSOCKET: 0,1,258", lambda m: m.sockets.open_secure(STREAM, 42), (0, STREAM, 258)),
    (
        b"AT#XSSOCKET=2,2,1,42,2,1",
        b"#XSSOCKET: 5,2,273",
        lambda m: m.sockets.open_secure(
            DATAGRAM, 42, family=IPV6, role=Role.SERVER, peer_verify=PeerVerify.REQUIRED, cid=1
        ),
        (5, DATAGRAM, 273),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("command", "answer", "call", "value"), OPENING, ids=[row[0].decode() for row in OPENING])
def test_opening(command: bytes, answer: bytes, call: Call, value: tuple[int, SocketType, int]) -> None:
    with expected_protocol([(command, answer)], SERIAL_MODEM) as modem:
        opened = call(modem)
    assert (opened.handle, opened.type, opened.protocol) == value  # type: ignore[attr-defined]


FIELDS: list[tuple[bytes, bytes, Call, object]] = [
    # command, its answer, the call, the value
    (b"AT#XCLOSE=3", b"#XCLOSE: 3,0", lambda m: m.sockets.close(3).ok, True),
    (b"AT#XCLOSE", b"#XCLOSE: 0,0\n#XCLOSE: 3,0", lambda m: m.close_sockets(), 2),
    (b"AT#XCLOSE", b"OK", lambda m: m.close_sockets(), 0),
    (
        b"AT#XCLOSE",
        b"#XCLOSE: 0,0\n#XCLOSE: 3,-9",
        lambda m: m.serial_modem.sockets.close_every().sockets,
        (Closed(0, 0), Closed(3, -9)),
    ),
    (b"AT#XSOCKET?", b"OK", lambda m: m.serial_modem.sockets.list(), ()),
    (
        b"AT#XSOCKET?",
        b"#XSOCKET: 0,1,0,1,0\n#XSOCKET: 3,3,7,3,1",
        lambda m: m.serial_modem.sockets.list(),
        (OpenSocket(0, 1, 0, 1, -1, 0), OpenSocket(3, 3, 7, 3, -1, 1)),
    ),
    (
        b"AT#XSSOCKET?",
        b"#XSSOCKET: 4,1,0,2,16842753,0",
        lambda m: m.serial_modem.sockets.list_secure(),
        (OpenSocket(4, 1, 0, 2, 16842753, 0),),
    ),
    (
        b"AT#XSOCKET=?",
        b"#XSOCKET: <handle>,(1,2,3),(1,2,3),(0,1),<cid>",
        lambda m: m.serial_modem.sockets.test().lines,
        ("#XSOCKET: <handle>,(1,2,3),(1,2,3),(0,1),<cid>",),
    ),
    (b"AT#XSSOCKET=?", b"OK", lambda m: m.serial_modem.sockets.test_secure().ok, True),
    (b'AT#XCONNECT=3,"a.example",7', b"#XCONNECT: 3,1", lambda m: m.sockets.connect(3, "a.example", 7).ok, True),
    # Sending: text, hexadecimal digits, flags.
    (b'AT#XSEND=3,0,0,"hello"', b"#XSEND: 3,0,5", lambda m: m.sockets.send(3, b"hello").size, 5),
    (b'AT#XSEND=3,0,0,""', b"#XSEND: 3,0,0", lambda m: m.sockets.send(3, b"").size, 0),
    (b'AT#XSEND=3,0,512,"a,b\r\n"', b"#XSEND: 3,0,5", lambda m: m.sockets.send(3, b"a,b\r\n", 512).size, 5),
    (
        b'AT#XSEND=3,0,8192,"hello"',
        b"#XSEND: 3,1,5",
        lambda m: m.sockets.send(3, b"hello", SendFlag.NOTIFY).notified,
        True,
    ),
    (b'AT#XSEND=3,0,0,"x"', b"#XSEND: 3,0,1", lambda m: m.sockets.send(3, b"x").notified, False),
    (b'AT#XSENDTO=3,0,0,"::1",7,"hi"', b"#XSENDTO: 3,0,2", lambda m: m.sockets.send_to(3, "::1", 7, b"hi").size, 2),
    (
        b'AT#XSENDTO=3,0,64,"::1",7,"hi"',
        b"#XSENDTO: 3,0,2",
        lambda m: m.sockets.send_to(3, "::1", 7, b"hi", SendFlag.DONT_WAIT).size,
        2,
    ),
    (
        b'AT#XSEND=3,1,0,"00ff22"',
        b"#XSEND: 3,0,3",
        lambda m: m.serial_modem.sockets.send_hex(3, b'\x00\xff"').size,
        3,
    ),
    (
        b'AT#XSENDTO=3,1,512,"::1",7,"0d"',
        b"#XSENDTO: 3,0,1",
        lambda m: m.serial_modem.sockets.send_hex_to(3, "::1", 7, b"\r", SendFlag.WAIT_ACK).size,
        1,
    ),
    # Receiving: flags, length, hexadecimal digits, the peer's close.
    (
        b"AT#XRECV=3,0,0,5",
        b"\r\n#XRECV: 3,0,4\r\nOK\r\n\r\nOK\r\n",
        lambda m: m.sockets.receive(3, 5).data,
        b"OK\r\n",
    ),
    (
        b"AT#XRECV=3,0,66,5",
        b"\r\n#XRECV: 3,0,2\r\nhi\r\nOK\r\n",
        lambda m: m.sockets.receive(3, 5, PEEK | QUIET).data,
        b"hi",
    ),
    (b"AT#XRECV=3,0,0,0", b"OK", lambda m: m.sockets.receive(3, 0, at_most=1).ended, True),
    (
        b"AT#XRECV=3,0,256,5,7",
        b"\r\n#XRECV: 3,0,7\r\nexactly\r\nOK\r\n",
        lambda m: m.serial_modem.sockets.receive(3, 5, ALL, length=7).data,
        b"exactly",
    ),
    (
        b"AT#XRECV=3,1,0,5",
        b"\r\n#XRECV: 3,1,5\r\n48656c6c6f\r\nOK\r\n",
        lambda m: m.serial_modem.sockets.receive(3, 5, in_hex=True).data,
        b"Hello",
    ),
    (
        b"AT#XRECVFROM=3,0,0,5",
        b'\r\n#XRECVFROM: 3,0,2,"192.0.2.1",5005\r\nhi\r\nOK\r\n',
        lambda m: m.sockets.receive_from(3, 5).source,
        ("192.0.2.1", 5005),
    ),
    (
        b"AT#XRECVFROM=3,1,0,5,2048",
        b'\r\n#XRECVFROM: 3,1,2,"::1",5005\r\n0d0a\r\nOK\r\n',
        lambda m: m.serial_modem.sockets.receive_from(3, 5, length=2048, in_hex=True).data,
        b"\r\n",
    ),
    (b"AT#XRECVFROM=3,0,2,5", b"OK", lambda m: m.sockets.receive_from(3, 5, PEEK).source, None),
    # Servers.
    (b"AT#XBIND=3,80", b"OK", lambda m: m.server.bind(3, 80).ok, True),
    (b"AT#XLISTEN=3", b"OK", lambda m: m.server.listen(3).ok, True),
    (
        b"AT#XLISTEN?",
        b"#XLISTEN: 0,0,1234\n#XLISTEN: 2,1,80",
        lambda m: m.serial_modem.server.listeners(),
        (Listener(0, 0, 1234), Listener(2, 1, 80)),
    ),
    (b"AT#XLISTEN=?", b"#XLISTEN: <handle>", lambda m: m.serial_modem.server.test_listen().ok, True),
    (b"AT#XACCEPT=?", b"#XACCEPT: <handle>", lambda m: m.serial_modem.server.test_accept().ok, True),
    (
        b"AT#XACCEPT=3",
        b'#XACCEPT: 4,1,"192.0.2.1",40001',
        lambda m: _accepted(m.server.accept(3, 9)),
        (4, "192.0.2.1", 40001, 1, 4, None),
    ),
    # Options.
    (b"AT#XSOCKETOPT=3,0,20", b"#XSOCKETOPT: 3,30", lambda m: m.options.get(3, SocketOption.RCVTIMEO).number, 30),
    (b"AT#XSOCKETOPT=3,1,20,30", b"OK", lambda m: m.options.set(3, SocketOption.RCVTIMEO, 30).ok, True),
    (b"AT#XSOCKETOPT=3,1,34", b"OK", lambda m: m.options.set(3, SocketOption.KEEPOPEN).ok, True),
    (b"AT#XSOCKETOPT=?", b"OK", lambda m: m.options.test().ok, True),
    (b"AT#XSSOCKETOPT=3,0,4", b"#XSSOCKETOPT: 3,0xc02b", lambda m: m.options.get_secure(3, 4).number, 0xC02B),
    (b"AT#XSSOCKETOPT=3,0,2", b"#XSSOCKETOPT: 3,a.example", lambda m: m.options.get_secure(3, 2).text, "a.example"),
    (b"AT#XSSOCKETOPT=3,1,22,2", b"OK", lambda m: m.options.set_secure(3, SecureOption.DTLS_FRAG_EXT, 2).ok, True),
    (b'AT#XSSOCKETOPT=3,1,2,"a.example"', b"OK", lambda m: m.options.set_secure(3, 2, "a.example").ok, True),
    (b"AT#XSSOCKETOPT=?", b"OK", lambda m: m.options.test_secure().ok, True),
    # Names and data mode.
    (
        b'AT#XGETADDRINFO="a.example"',
        b'#XGETADDRINFO: "192.0.2.1 2001:db8::1"',
        lambda m: m.names.resolve("a.example").addresses,
        ("192.0.2.1", "2001:db8::1"),
    ),
    (b'AT#XGETADDRINFO="a",2', b'#XGETADDRINFO: "::1"', lambda m: m.names.resolve("a", 2).addresses, ("::1",)),
    (b"AT#XDATACTRL=200", b"OK", lambda m: m.data_mode.set_time_limit(200).ok, True),
    (b"AT#XDATACTRL?", b"#XDATACTRL: 0,32", lambda m: m.data_mode.read_time_limit().minimum, 32),
    (b"AT#XDATACTRL=?", b"#XDATACTRL=<time_limit>", lambda m: m.data_mode.test().lines, ("#XDATACTRL=<time_limit>",)),
    # Events and automatic reception.
    (b"AT#XAPOLL=3,1,5", b"OK", lambda m: m.serial_modem.events.start(IN | OUT, 3).ok, True),
    (b"AT#XAPOLL=,1,4", b"OK", lambda m: m.serial_modem.events.start(OUT).ok, True),
    (b"AT#XAPOLL=3,0", b"OK", lambda m: m.serial_modem.events.stop(3).ok, True),
    (b"AT#XAPOLL=,0", b"OK", lambda m: m.serial_modem.events.stop().ok, True),
    (
        b"AT#XAPOLL?",
        b"#XAPOLL: 0,5\n#XAPOLL: 3,0",
        lambda m: [(row.handle, row.events) for row in m.serial_modem.events.read()],
        [(0, IN | OUT), (3, PollEvent.NONE)],
    ),
    (
        b"AT#XAPOLL=?",
        b"#XAPOLL: <handle>,(0,1),(0,1,4,5)",
        lambda m: m.serial_modem.events.test().lines,
        ("#XAPOLL: <handle>,(0,1),(0,1,4,5)",),
    ),
    (b"AT#XRECVCFG=3,1", b"OK", lambda m: m.serial_modem.reception.set(Reception.AT_MODE, 3).ok, True),
    (b"AT#XRECVCFG=,0", b"OK", lambda m: m.serial_modem.reception.set(Reception.OFF).ok, True),
    (b"AT#XRECVCFG=3,1,1", b"OK", lambda m: m.serial_modem.reception.set(1, 3, in_hex=True).ok, True),
    (
        b"AT#XRECVCFG=,3,0",
        b"OK",
        lambda m: m.serial_modem.reception.set(Reception.AT_MODE | Reception.DATA_MODE, in_hex=False).ok,
        True,
    ),
    (
        b"AT#XRECVCFG?",
        b"#XRECVCFG: 0,1,1\n#XRECVCFG: 3,2,0",
        lambda m: [(row.handle, row.reception, row.in_hex) for row in m.serial_modem.reception.read()],
        [(0, Reception.AT_MODE, True), (3, Reception.DATA_MODE, False)],
    ),
    (b"AT#XRECVCFG=?", b"#XRECVCFG: <handle>,(0,1,2,3),(0,1)", lambda m: m.serial_modem.reception.test().ok, True),
    # The application itself.
    (
        b"AT#XSMVER",
        b'#XSMVER: "v1.99.0-67-ga9e396bc3d58","3.3.99"',
        lambda m: _versions(m),
        ("v1.99.0-67-ga9e396bc3d58", "3.3.99", ""),
    ),
    (b"AT#XSMVER", b'#XSMVER: "v1.0.1","3.2.4","mine 7"', lambda m: _versions(m), ("v1.0.1", "3.2.4", "mine 7")),
    (
        b"AT#XUUID",
        b"#XUUID: 50503041-3633-4261-803d-1e2b8f70111a",
        lambda m: m.serial_modem.device.uuid(),
        "50503041-3633-4261-803d-1e2b8f70111a",
    ),
    (b"AT#XSLEEP=2", b"OK", lambda m: m.serial_modem.device.sleep(SleepMode.IDLE).ok, True),
    (b"AT#XSLEEP=?", b"#XSLEEP: (1,2)", lambda m: m.serial_modem.device.test_sleep().lines, ("#XSLEEP: (1,2)",)),
    (b"AT#XBOOTINFO=0", b"#XBOOTINFO: 2", lambda m: m.serial_modem.device.boot_loader_version(), 2),
    (b"AT#XBOOTINFO=1", b"#XBOOTINFO: 0", lambda m: m.serial_modem.device.boot_slot(), 0),
    (b"AT#XBOOTINFO=?", b"#XBOOTINFO: (0,1)", lambda m: m.serial_modem.device.test_boot_info().ok, True),
    (b"ATE1", b"OK", lambda m: m.serial_modem.device.echo(True).ok, True),
    (b"ATE0", b"\r\nOK\r\n", lambda m: m.serial_modem.device.echo(False).ok, True),
    (b"AT+IPR?", b"+IPR: 115200", lambda m: m.serial_modem.device.baud_rate(), 115200),
    (b"AT+IPR=921600", b"OK", lambda m: m.serial_modem.device.set_baud_rate(921600).ok, True),
    (b"AT+IPR=?", b"+IPR: (),(115200,230400)", lambda m: m.serial_modem.device.test_baud_rate().ok, True),
]  # fmt: skip


def _accepted(accepted: object) -> tuple[object, ...]:
    names = ("handle", "peer_address", "peer_port", "cid", "carrier", "announced_ns")
    return tuple(getattr(accepted, name) for name in names)


def _in_hex(modem: Modem) -> bytes:
    return modem.serial_modem.sockets.receive(3, 5, in_hex=True).data


def _versions(modem: Modem) -> tuple[str, str, str]:
    versions = modem.serial_modem.device.versions()
    return versions.application, versions.ncs, versions.customer


@pytest.mark.parametrize(("command", "answer", "call", "value"), FIELDS, ids=[row[0].decode() for row in FIELDS])
def test_values(command: bytes, answer: bytes, call: Call, value: object) -> None:
    with expected_protocol([(command, answer)], SERIAL_MODEM) as modem:
        assert call(modem) == value


MALFORMED: list[tuple[bytes, bytes, Call]] = [
    (b"AT#XSOCKET=1,1,0", b"OK", lambda m: m.sockets.open(STREAM)),
    (b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,1", lambda m: m.sockets.open(STREAM)),
    (b"AT#XSOCKET=1,1,0", b"#XSOCKET: -1,1,6", lambda m: m.sockets.open(STREAM)),
    (b"AT#XSOCKET=1,1,0", b"#XSOCKET: 0,9,6", lambda m: m.sockets.open(STREAM)),
    (b"AT#XSOCKET?", b"#XSOCKET: 3,2,1", lambda m: m.serial_modem.sockets.list()),
    (b"AT#XSSOCKET?", b"#XSSOCKET: 3,2,1,1,0", lambda m: m.serial_modem.sockets.list_secure()),
    (b"AT#XCLOSE=3", b'#XSOCKET: 0,"closed"', lambda m: m.sockets.close(3)),
    (b"AT#XCLOSE=3", b"#XCLOSE: 4,0", lambda m: m.sockets.close(3)),
    (b"AT#XCLOSE=3", b"#XCLOSE: 3,-5", lambda m: m.sockets.close(3)),
    (b"AT#XCLOSE", b"#XCLOSE: 3", lambda m: m.sockets.close_all()),
    (b'AT#XCONNECT=3,"h",7', b"#XCONNECT: 3,0", lambda m: m.sockets.connect(3, "h", 7)),
    (b'AT#XCONNECT=3,"h",7', b"#XCONNECT: 1", lambda m: m.sockets.connect(3, "h", 7)),
    (b'AT#XSEND=3,0,0,"x"', b"#XSEND: 3,1", lambda m: m.sockets.send(3, b"x")),
    (b'AT#XSEND=3,0,0,"x"', b"#XSEND: 4,0,1", lambda m: m.sockets.send(3, b"x")),
    (b'AT#XSENDTO=3,0,0,"h",7,"x"', b"#XSENDTO: 3,0,many", lambda m: m.sockets.send_to(3, "h", 7, b"x")),
    (b"AT#XRECV=3,0,0,5", b"\r\n#XRECV: 2\r\nhi\r\nOK\r\n", lambda m: m.sockets.receive(3, 5)),
    (b"AT#XRECV=3,0,0,5", b"\r\n#XRECV: 4,0,2\r\nhi\r\nOK\r\n", lambda m: m.sockets.receive(3, 5)),
    (b"AT#XRECV=3,0,0,5", b"\r\n#XRECV: 3,1,1\r\n0d\r\nOK\r\n", lambda m: m.sockets.receive(3, 5)),
    (b"AT#XRECV=3,1,0,5", b"\r\n#XRECV: 3,1,1\r\n0D\r\nOK\r\n", lambda m: _in_hex(m)),
    (b"AT#XRECV=3,1,0,5", b"\r\n#XRECV: 3,1,1\r\nxy\r\nOK\r\n", lambda m: _in_hex(m)),
    (b"AT#XRECVFROM=3,0,0,5", b"\r\n#XRECVFROM: 3,0,2\r\nhi\r\nOK\r\n", lambda m: m.sockets.receive_from(3, 5)),
    (b"AT#XACCEPT=3", b'#XACCEPT: 4,"192.0.2.1"', lambda m: m.server.accept(3, 9)),
    (b"AT#XACCEPT=3", b'#XACCEPT: 4,0,"192.0.2.1",high', lambda m: m.server.accept(3, 9)),
    (b"AT#XACCEPT=3", b'#XACCEPT: 3,0,"192.0.2.1",40001', lambda m: m.server.accept(3, 9)),
    (b"AT#XLISTEN?", b"#XLISTEN: 0,0", lambda m: m.serial_modem.server.listeners()),
    (b"AT#XSOCKETOPT=3,0,20", b"#XSOCKETOPT: 30", lambda m: m.options.get(3, 20)),
    # What the firmware answers for a plain socket.
    (b"AT#XSSOCKETOPT=3,0,5", b"OK", lambda m: m.options.get_secure(3, 5)),
    (b"AT#XDATACTRL?", b"#XDATACTRL: 0", lambda m: m.data_mode.read_time_limit()),
    (b'AT#XGETADDRINFO="a"', b"OK", lambda m: m.names.resolve("a")),
    (b"AT#XRECVCFG?", b"#XRECVCFG: 0,1", lambda m: m.serial_modem.reception.read()),
    (b"AT#XSMVER", b'#XSMVER: "v1.0.1"', lambda m: m.serial_modem.device.versions()),
    (b"AT+IPR?", b"+IPR: fast", lambda m: m.serial_modem.device.baud_rate()),
]  # fmt: skip


@pytest.mark.parametrize(("command", "answer", "call"), MALFORMED, ids=[str(row[1]) for row in MALFORMED])
def test_an_answer_against_the_rules(command: bytes, answer: bytes, call: Call) -> None:
    with expected_protocol([(command, answer)], SERIAL_MODEM) as modem, pytest.raises(MalformedAnswer):
        call(modem)


NOT_SENT: list[tuple[Call, str]] = [
    (lambda m: m.sockets.receive(3, 0), "blocks for ever"),
    (lambda m: m.sockets.receive_from(3, 0), "blocks for ever"),
    (lambda m: m.server.accept(3, 0), "waits for ever"),
    (lambda m: m.polling.poll(-1), "waits for ever"),
    (lambda m: m.sockets.send(3, b'"'), "use send_hex"),
    (lambda m: m.sockets.send(3, b"x" * 8190), "takes 8189"),
    (lambda m: m.serial_modem.sockets.send_hex(3, b"x" * 1401), "at most 1400"),
    (lambda m: m.sockets.open_secure(STREAM, 42, cid=1), "give both"),
    (lambda m: m.serial_modem.sockets.send_in_data_mode(3, b"a+", by_length=False), "by length"),
    (lambda m: m.serial_modem.sockets.send_in_data_mode(3, b"", by_length=True), "a length of 0 means none"),
    (lambda m: m.server.read_accepted(3), r"no AT#XACCEPT\?"),
    (lambda m: m.slm, "Serial Modem, which has no selected socket"),
]


@pytest.mark.parametrize(("call", "why"), NOT_SENT)
def test_a_call_that_cannot_go_well_sends_nothing(call: Call, why: str) -> None:
    with expected_protocol([], SERIAL_MODEM) as modem, pytest.raises(UsageError, match=why):
        call(modem)


def test_what_serial_modem_alone_has_is_refused_on_another_firmware() -> None:
    with expected_protocol([]) as modem, pytest.raises(UsageError, match="Serial LTE Modem, which has no automatic"):
        _ = modem.serial_modem


def test_the_longest_line() -> None:
    command = b'AT#XSEND=3,0,0,"%b"' % (b"x" * (8189 - 17))
    assert len(command) == 8189 + 1 - 1
    with expected_protocol([(command, b"#XSEND: 3,0,8172")], SERIAL_MODEM, patience=1) as modem:
        assert modem.sockets.send(3, b"x" * 8172).size == 8172
        assert modem.sockets.fits_string(b"x" * 3900)
        assert not modem.sockets.fits_string(b"x" * 3901)
        assert not modem.sockets.fits_string(b"\x7f")


def test_a_failed_send_tells_what_went_before() -> None:
    exchange: Exchange = (b'AT#XSEND=3,0,0,"hello"', b"#XSEND: 3,0,2\nERROR")
    with expected_protocol([exchange], SERIAL_MODEM) as modem, pytest.raises(CommandError) as refused:
        modem.sockets.send(3, b"hello")
    assert refused.value.response.lines == ("#XSEND: 3,0,2",)


def test_data_that_come_by_themselves_before_an_answer_are_not_the_answer() -> None:
    answer = b"\r\n#XRECV: 1,0,2\r\nno\r\n\r\n#XRECV: 3,0,3\r\nyes\r\nOK\r\n"
    with expected_protocol([(b"AT#XRECV=3,0,0,5", answer)], SERIAL_MODEM) as modem:
        assert modem.sockets.receive(3, 5).data == b"yes"
        assert modem.serial_modem.reception.wait(1, timeout=0.1).data == b"no"
