"""Serial Modem's typed commands on the wire: the bytes of each form, the value of its answer, broken answers, waits.

Answers are written out from the documentation and from what the firmware prints, not from the code.
"""

from collections.abc import Callable

import pytest

from bench.at import SERIAL_MODEM as WIRE
from bench.at import SLM, AtLink, CommandError, DeviceRestarted, MalformedAnswer, UrcTimeout
from bench.config.patterns import in_range
from bench.errors import UsageError
from bench.modem import (
    SERIAL_MODEM,
    Closed,
    DataModeError,
    DialectUnsupported,
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
    recognise,
)
from bench.modem.serial_modem.version import comparable_version
from tests.support.expected_protocol import Exchange, ScriptedTransport, expected_protocol

Call = Callable[[Modem], object]

STREAM, DATAGRAM, RAW = SocketType
IPV6 = Family.IPV6
PEEK, QUIET, ALL = ReceiveFlag.PEEK, ReceiveFlag.DONT_WAIT, ReceiveFlag.WAIT_ALL
IN, OUT, HUP = PollEvent.IN, PollEvent.OUT, PollEvent.HUP


def script(*exchanges: Exchange) -> list[Exchange]:
    return list(exchanges)


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


@pytest.mark.parametrize(
    ("command", "blocks"),
    [
        (b"AT#XRECV=3,0,0,1", True),
        (b"AT#XRECV=3,0,64,0", False),
        (b"AT#XRECV=3,1,66,1,7", False),
        (b"AT#XRECVFROM=3,0,2,1", True),
        (b"AT#XRECVFROM=3,0,64,1", False),
        (b"AT#XACCEPT=3", False),
        (b"AT#XAPOLL=3,1,1", False),
        (b'AT#XSEND=3,0,0,"x"', False),
        (b'AT#XSEND=3,0,512,"x"', True),
        (b'AT#XSENDTO=3,0,512,"h",7,"x"', True),
        (b"AT+CFUN?", False),
    ],
)
def test_commands_that_hold_urcs_back(command: bytes, blocks: bool) -> None:
    assert SERIAL_MODEM.blocks(command) is blocks


@pytest.mark.parametrize(
    ("command", "enters"),
    [
        (b"AT#XSEND=3,2,0", True),
        (b" at#xsend=3, 2,512", True),
        (b"AT#XSEND=3,2,0,100", True),
        (b'AT#XSEND=3,0,0,"a"', False),
        (b'AT#XSEND=3,1,0,"2"', False),
        (b'AT#XSEND=3,0,0,",2,"', False),
        (b"AT#XSEND=?", False),
        (b"AT#XSEND?", False),
        (b"AT#XSEND", False),
        (b'AT#XSENDTO=3,2,0,"h",7', True),
        (b'AT#XSENDTO=3,2,0,"h",7,100', True),
        (b'AT#XSENDTO=3,0,0,"h",7,"x"', False),
        (b"AT#XRECV=3,2,0,1", False),
        (b"AT", False),
        (b"", False),
    ],
)
def test_commands_that_enter_data_mode(command: bytes, enters: bool) -> None:
    assert SERIAL_MODEM.enters_data_mode(command) is enters


VERSIONS = [
    # as printed, as it is compared, ranges with it, ranges without it
    ("v1.0.1", "1.0.1", (">=1.0,<2", "==1.0.1", "<1.99"), (">=1.99",)),
    (
        "v1.99.0-67-ga9e396bc3d58",
        "1.99.0.post67+ga9e396bc3d58",
        (">=1.99", ">=1.99,<2", "==1.99.*", ">=1.99.0.post67", "<2.0"),
        ("==1.99.0", ">=1.99.0.post68", ">=2"),
    ),
    ("v1.99.0-67-ga9e396bc3d58-dirty", "1.99.0.post67+ga9e396bc3d58.dirty", (">=1.99.0",), ()),
    ("v1.99.0-dirty", "1.99.0+dirty", ("==1.99.0",), ()),
    ("v2.0.0", "2.0.0", (">=2",), ("<2",)),
    ("v2.0.0-preview1", "2.0.0rc1", (">=1.99", ">=2.0.0rc1"), (">=2.0.0", "<2.0.0")),
    ("v2.0.0-preview1-5-g0123456", "2.0.0rc1.post5+g0123456", (">=2.0.0rc1",), (">=2.0.0",)),
    ("my build", "my build", ("",), (">=1",)),
]


@pytest.mark.parametrize(("printed", "compared", "within", "without"), VERSIONS)
def test_versions(printed: str, compared: str, within: tuple[str, ...], without: tuple[str, ...]) -> None:
    assert comparable_version(printed) == compared
    assert [text for text in within if not in_range(compared, text)] == []
    assert [text for text in without if in_range(compared, text)] == []


class TestRecognition:
    """The question of each dialect, by CR LF at first, as any board is met."""

    @pytest.mark.parametrize("terminator", [b"\r", b"\r\n", b"\n"])
    def test_serial_modem_keeps_the_terminator_that_was_found(self, terminator: bytes) -> None:
        exchange: Exchange = (b"AT#XSMVER", b'#XSMVER: "v2.0.0","3.4.1"')
        with AtLink(ScriptedTransport([exchange], terminator), SLM.ending_in(terminator)) as link:
            assert recognise(link) == (SERIAL_MODEM, ("2.0.0", "3.4.1"))
            assert link.dialect == WIRE.ending_in(terminator)

    @pytest.mark.parametrize("version", ["v0.1.0", "v0.3.0", "v0.3.0-12-g0123456"])
    def test_an_older_one_is_refused(self, version: str) -> None:
        exchange: Exchange = (b"AT#XSMVER", b'#XSMVER: "%b","3.2.0"' % version.encode())
        refused = pytest.raises(DialectUnsupported, match=r"Serial Modem v0.* speaks 1\.0 and later")
        with AtLink(ScriptedTransport([exchange], b"\r\n")) as link, refused:
            recognise(link)

    def test_neither(self) -> None:
        exchanges = script((b"AT#XSMVER", b"ERROR"), (b"AT#XSLMVER", b"ERROR"))
        refused = pytest.raises(DialectUnsupported, match="does not run Serial Modem or Serial LTE Modem")
        with AtLink(ScriptedTransport(exchanges, b"\r\n")) as link, refused:
            recognise(link)

    def test_commands_end_in_cr(self) -> None:
        with expected_protocol([(b"AT", b"OK")], SERIAL_MODEM) as modem:
            modem.link.command("AT")
            assert modem.link.transcript.entries[1].data == b"AT\r"
