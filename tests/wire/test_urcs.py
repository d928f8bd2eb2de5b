"""Every URC that the bench can meet, in the middle of every command that it sends: each line is read as what it is.

Lines are written out from the AT commands reference guides (nRF91x1, nRF9160) and from recordings of real boards, not
from the code.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench
from bench.at import SERIAL_MODEM, SLM, Dialect
from bench.at.events import FinalResult, Information, Malformed, Payload, Unsolicited
from bench.at.parser import Parser

URCS = [
    # Registration (3GPP TS 27.007 section 10.1.22), at each level, and as it comes for want of a SIM.
    b"+CEREG: 0",
    b"+CEREG: 2",
    b"+CEREG: 4",
    b"+CEREG: 90",
    b'+CEREG: 2,"B4AA","000A0020",9',
    b'+CEREG: 2,"41AA","03390010",7,0,11',
    b'+CEREG: 3,"124A","02ED0202",7,0,0',
    b"+CEREG: 3,,,,0,15",
    b'+CEREG: 90,,"FFFFFFFF",,,,,',
    b'+CEREG: 1,"002F","0012BEEF",7,,,"11100000","11100000"',
    b'+CEREG: 5,"B4AA","000A0020",9,0,18,"00000000","00111000"',
    b'+CEREG: 5,"76C1","0102DA04",14,,,"11100000","00111000"',
    # Signalling connection (section 10.1.30), levels 1 to 3.
    b"+CSCON: 0",
    b"+CSCON: 1",
    b"+CSCON: 1,7",
    b"+CSCON: 0,7",
    b"+CSCON: 1,7,4",
    b"+CSCON: 0,7,4",
    # Causes, packet domain, indicators.
    b"+CNEC_EMM: 11",
    b"+CNEC_EMM: 19,0",
    b"+CNEC_ESM: 50,0",
    b"+CNEC_ESM: 36,1",
    b"+CGEV: EXCE STATUS 0",
    b"+CGEV: ME PDN ACT 0,0",
    b"+CGEV: ME PDN DEACT 0",
    b"+CGEV: ME DETACH",
    b"+CGEV: NW DETACH",
    b"+CGEV: IPV6 0",
    b"+CGEV: RESTR 0,1",
    b'+CIND: "service",1',
    b'+CIND: "roam",0',
    b'+CRTDCP: 0,4,"ABCD"',
    b"+CCIOTOPTI: 3",
    b'+CEDRXP: 4,"1001","1001","0001"',
    b"+CEDRXP: 4",
    b'+ODISNTF: "HDID01","HDMAN01","HDMOD01","HDSW01"',
    b'+CMT: "",24',
    b"+CDS: 24",
    # Nordic's own.
    b"%MDMEV: SEARCH STATUS 1",
    b"%MDMEV: SEARCH STATUS 2",
    b"%MDMEV: PRACH CE-LEVEL 0",
    b"%MDMEV: RESET LOOP",
    b"%MDMEV: ME BATTERY LOW",
    b"%MDMEV: ME OVERHEATED",
    b"%XMODEMSLEEP: 4",
    b"%XMODEMSLEEP: 4,0",
    b"%XMODEMSLEEP: 1,89999999",
    b"%XMODEMSLEEP: 1,0",
    b"%XSIM: 0",
    b"%XSIM: 1",
    b"%XSIM: 0,9",
    b"%CESQ: 42,2,3,0",
    b'%RAI: "0102DA04","24201",1,0',
    b"%XT3412: 4320000",
    b'%XTIME: ,"42400192548000","00"',
    b"%XTEMP: 65",
    b"%XTEMP: -41",
    b"%XVBATLOWLVL: 3100",
    b'%NCELLMEAS: 0,"01186F0B","20408","878F",65535,0,6400,14,42,12,6898,0,0',
    b"%NCELLMEAS: 1",
    b"%APNRATECTRL: 0,1,35",
    b'%ENVEVAL: 0,5,8,"12345678","26201",-97',
    # Serial LTE Modem's own.
    b"#XMODEM: FAULT,0x10,0x119f0a",
    b"#XMODEM: SHUTDOWN,0",
    b"#XMODEM: INIT,0",
    b"#XAPOLL: 0,1",
    b"#XDATAMODE: 0",
    b"Ready",
]

ANSWERS: dict[bytes, tuple[bytes, ...]] = {
    # Commands that the bench sends, one of each form, and the information lines of their answers.
    b"AT": (),
    b"ATE0": (),
    b'AT+CEDRXS=2,4,"1001"': (),
    b"AT+CEDRXS?": (b'+CEDRXS: 4,"1001"', b'+CEDRXS: 5,"0101"'),
    b"AT+CEER": (b"+CEER: 0,NONE",),
    b"AT+CEREG=5": (),
    b"AT+CEREG?": (b'+CEREG: 5,2,"76C1","0102DA04",7,0,11',),
    b"AT+CESQ": (b"+CESQ: 99,99,255,255,31,62",),
    b"AT+CFUN=1": (),
    b"AT+CFUN?": (b"+CFUN: 1",),
    b'AT+CGAUTH=0,2,"user","word"': (),
    b'AT+CGDCONT=0,"IP","apn"': (),
    b"AT+CGDCONT?": (b'+CGDCONT: 0,"IP","apn.example","10.169.167.18",0,0',),
    b"AT+CGMI": (b"Nordic Semiconductor ASA",),
    b"AT+CGMM": (b"nRF9151-LACA",),
    b"AT+CGMR": (b"mfw_nrf91x1_2.0.3",),
    b"AT+CGPADDR=0": (b'+CGPADDR: 0,"10.169.167.18"',),
    b"AT+CGSN": (b"359404000000017",),
    b"AT+CIMI": (b"901280000000017",),
    b"AT+CMEE=1": (),
    b"AT+CMEE?": (b"+CMEE: 0",),
    b"AT+CNEC=24": (),
    b"AT+COPS?": (b'+COPS: 1,2,"24201",7',),
    b'AT+CPIN="1234"': (),
    b"AT+CPIN?": (b"+CPIN: SIM PIN",),
    b'AT+CPINR="SIM PIN"': (b'+CPINR: "SIM PIN",3',),
    b'AT+CPSMS=1,"","","00000110","00100001"': (),
    b"AT+CPSMS?": (b'+CPSMS: 0,,,"00000110","00100001"',),
    b"AT+CSCON=1": (),
    b"AT+CSCON?": (b"+CSCON: 3,1,7,4",),
    b"AT%CMNG=1": (b'%CMNG: 42,0,"2C43952EE9E000FF2ACC4E2ED0897C0A72AD5FA72C3D934E81741CBD54F05BD1"',),
    b"AT%HWVERSION": (b"%HWVERSION: nRF9151 LACA A0A",),
    b"AT%MDMEV=1": (),
    b"AT%RAI=2": (),
    b"AT%RAI?": (b"%RAI: 0",),
    b"AT%SHORTSWVER": (b"%SHORTSWVER: nrf91x1_2.0.3",),
    b"AT%XBANDLOCK?": (b'%XBANDLOCK: 2,"1000"',),
    b"AT%XCBAND": (b"%XCBAND: 20",),
    b"AT%XICCID": (b"%XICCID: 89882390000000000017",),
    b"AT%XMODEMSLEEP=1,0,10240": (),
    b"AT%XMONITOR": (b'%XMONITOR: 5,"","","00101","76C1",7,20,"0102DA04",42,6400,54,35,"","11100000","11100000"',),
    b"AT%XSIM=1": (),
    b"AT%XSIM?": (b"%XSIM: 0,9",),
    b"AT%XSYSTEMMODE=1,0,0,0": (),
    b"AT%XSYSTEMMODE?": (b"%XSYSTEMMODE: 1,1,1,0",),
    b"AT%XTEMP?": (b"%XTEMP: 25",),
    b"AT%XVBAT": (b"%XVBAT: 5042",),
    b"AT#XACCEPT": (),
    b"AT#XACCEPT=10": (b'#XACCEPT: 1,"10.1.2.3"',),
    b"AT#XACCEPT?": (b"#XTCPACCEPT: 1",),
    b"AT#XBIND=80": (),
    b'AT#XCONNECT="host",80': (b"#XCONNECT: 1",),
    b"AT#XDATACTRL=100": (),
    b"AT#XDATACTRL?": (b"#XDATACTRL: 100,32",),
    b"AT#XDATACTRL=?": (b"#XDATACTRL=<time_limit>",),
    b'AT#XGETADDRINFO="host"': (b'#XGETADDRINFO: "10.1.2.3"',),
    b"AT#XLISTEN": (),
    b"AT#XNOISEFLOOR": (),
    b"AT#XPOLL": (),
    b"AT#XPOLL=1000": (b'#XPOLL: 0,"0x0001"',),
    b"AT#XRECV": (),
    b"AT#XRECV=5": (b"#XRECV: 0",),
    b"AT#XRECVFROM": (),
    b"AT#XRECVFROM=5": (b'#XRECVFROM: 0,"10.1.2.3",80',),
    b"AT#XRESET": (),
    b"AT#XSEND": (),
    b'AT#XSEND="x"': (b"#XSEND: 1",),
    b'AT#XSENDTO="host",80,"x"': (b"#XSENDTO: 1",),
    b"AT#XSLMVER": (b'#XSLMVER: "2.9.0","2.9.0"',),
    b"AT#XSMVER": (b'#XSMVER: "1.0.0","3.2.0"',),
    b"AT#XSOCKET=1,1,0": (b"#XSOCKET: 0,1,6",),
    b"AT#XSOCKET=0": (b'#XSOCKET: 0,"closed"',),
    b"AT#XSOCKET?": (b"#XSOCKET: 0,1,0,1,0",),
    b"AT#XSOCKET=?": (b"#XSOCKET: (0,1,2),(1,2,3),(0,1),<cid>",),
    b"AT#XSOCKETOPT=0,20": (b"#XSOCKETOPT: 30",),
    b"AT#XSOCKETOPT=?": (b"#XSOCKETOPT: (0,1),<name>,<value>",),
    b"AT#XSOCKETSELECT=0": (b"#XSOCKETSELECT: 0",),
    b"AT#XSOCKETSELECT?": (b"#XSOCKETSELECT: 0,1,0,1,0", b"#XSOCKETSELECT: 0"),
    b"AT#XSOCKETSELECT=?": (b"#XSOCKETSELECT: <handle>",),
    b"AT#XSSOCKET=1,1,0,42": (b"#XSSOCKET: 0,1,258",),
    b"AT#XSSOCKET?": (b"#XSSOCKET: 0,1,0,1,0",),
    b"AT#XSSOCKET=?": (b"#XSSOCKET: (0,1,2)",),
    b"AT#XSSOCKETOPT=1,2,0": (),
    b"AT#XSSOCKETOPT=?": (b"#XSSOCKETOPT: (0,1),<name>,<value>",),
    b"AT#XUUID": (b"#XUUID: 50503041-3633-4261-803d-1e2b8f70111a",),
}
OTHERS: dict[bytes, tuple[bytes, ...]] = {
    # What a person or a suite may ask beside: names that a URC has too.
    b"AT+CSCON=?": (b"+CSCON: (0-3)",),
    b"AT+CEREG=?": (b"+CEREG: (0-5)",),
    b"AT+CIND?": (b"+CIND: 1,0,1",),
    b"AT+CIND=1,1,1": (),
    b"AT%CESQ=1": (),
    b"AT%XTEMP=1": (),
    b"AT%XTIME=1": (),
    b"AT%XT3412=1,2000,10000": (),
    b"AT%NCELLMEAS": (),
    b"AT%NCELLMEAS=2": (),
    b"AT%XVBATLOWLVL=3200": (),
    b"AT%XVBATLOWLVL?": (b"%XVBATLOWLVL: 3200",),
    b"AT+ODISNTF=1": (),
    b"AT+CRTDCP=1": (),
    b"AT#XAPOLL=1,1,0": (),
    b"AT#XAPOLL?": (b"#XAPOLL: 1,1,0",),
    b"AT%XMODEMSLEEP=?": (b"%XMODEMSLEEP: (0,1)",),
    b"AT%CONEVAL": (b'%CONEVAL: 0,1,7,66,14,27,"00011B07","26295",7,1300,3,0,0,16,32,130',),
    b"AT+CFUN?;+CEREG?": (b"+CFUN: 1", b"+CEREG: 0,1"),
    b"AT+CEREG=5;+CSCON=3": (),
}
OF_SERIAL_MODEM: dict[bytes, tuple[bytes, ...]] = {
    # Commands that the bench sends to Serial Modem, beside those of the modem; payloads have a test of their own.
    b"ATE1": (),
    b"AT+IPR?": (b"+IPR: 115200",),
    b"AT+IPR=?": (b"+IPR: (),(115200,230400,460800,921600,1000000)",),
    b"AT+IPR=230400": (),
    b"AT#XACCEPT=0": (b'#XACCEPT: 1,0,"198.51.100.7",40001',),
    b"AT#XACCEPT=?": (b"#XACCEPT: <handle>",),
    b"AT#XAPOLL=,1,1": (),
    b"AT#XAPOLL?": (b"#XAPOLL: 0,5", b"#XAPOLL: 3,0"),
    b"AT#XAPOLL=?": (b"#XAPOLL: <handle>,(0,1),(0,1,4,5)",),
    b"AT#XBIND=0,1234": (),
    b"AT#XBOOTINFO=0": (b"#XBOOTINFO: 2",),
    b"AT#XBOOTINFO=?": (b"#XBOOTINFO: (0,1)",),
    b"AT#XCLOSE": (b"#XCLOSE: 0,0", b"#XCLOSE: 1,0"),
    b"AT#XCLOSE=0": (b"#XCLOSE: 0,0",),
    b'AT#XCONNECT=0,"host",80': (b"#XCONNECT: 0,1",),
    b"AT#XDATACTRL=100": (),
    b"AT#XDATACTRL?": (b"#XDATACTRL: 100,32",),
    b"AT#XDATACTRL=?": (b"#XDATACTRL=<time_limit>",),
    b'AT#XGETADDRINFO="host"': (b'#XGETADDRINFO: "10.1.2.3"',),
    b"AT#XLISTEN=0": (),
    b"AT#XLISTEN?": (b"#XLISTEN: 0,0,1234",),
    b"AT#XLISTEN=?": (b"#XLISTEN: <handle>",),
    b"AT#XRECV=0,0,0,5": (b"#XRECV: 0,0,0",),
    b"AT#XRECVFROM=0,1,0,5": (b'#XRECVFROM: 0,1,0,"10.1.2.3",80',),
    b"AT#XRECVCFG=,1": (),
    b"AT#XRECVCFG?": (b"#XRECVCFG: 0,1,0", b"#XRECVCFG: 3,2,0"),
    b"AT#XRECVCFG=?": (b"#XRECVCFG: <handle>,(0,1,2,3),(0,1)",),
    b"AT#XRESET": (),
    b"AT#XSEND=0,2,0": (),
    b'AT#XSEND=0,0,0,"x"': (b"#XSEND: 0,0,1",),
    b'AT#XSENDTO=0,0,0,"host",80,"x"': (b"#XSENDTO: 0,0,1",),
    b"AT#XSLEEP=2": (),
    b"AT#XSLEEP=?": (b"#XSLEEP: (1,2)",),
    b"AT#XSMVER": (b'#XSMVER: "v1.99.0-67-ga9e396bc3d58","3.3.99"',),
    b"AT#XSOCKET=1,1,0": (b"#XSOCKET: 0,1,6",),
    b"AT#XSOCKET?": (b"#XSOCKET: 0,1,0,1,0", b"#XSOCKET: 1,2,1,2,0"),
    b"AT#XSOCKET=?": (b"#XSOCKET: <handle>,(1,2,3),(1,2,3),(0,1),<cid>",),
    b"AT#XSOCKETOPT=0,0,20": (b"#XSOCKETOPT: 0,30",),
    b"AT#XSOCKETOPT=?": (b"#XSOCKETOPT: <handle>,(0,1),<name>,<value>",),
    b"AT#XSSOCKET=1,1,0,42": (b"#XSSOCKET: 0,1,258",),
    b"AT#XSSOCKET?": (b"#XSSOCKET: 0,1,0,1,42,0",),
    b"AT#XSSOCKET=?": (b"#XSSOCKET: <handle>,(1,2),(1,2),(0,1),<sec_tag>,<peer_verify>,<cid>",),
    b"AT#XSSOCKETOPT=0,1,5,2": (),
    b"AT#XSSOCKETOPT=?": (b"#XSSOCKETOPT: <handle>,(0,1),<name>,<value>",),
    b"AT#XUUID": (b"#XUUID: 50503041-3633-4261-803d-1e2b8f70111a",),
}
URCS_OF_SERIAL_MODEM = [
    *URCS,
    b"#XAPOLL: 0,17",
    b"#XAPOLL: 12,4",
    b"#XSENDNTF: 0,0,5",
    b"#XSENDNTF: 0,-1,0",
    b"#XDATAMODE: -1",
    b"INIT ERROR",
    b"Bootloader mode ready",
]
# The modem behind it is the same.
ANSWERS_OF_SERIAL_MODEM = {
    **{command: answer for command, answer in (ANSWERS | OTHERS).items() if not command.startswith(b"AT#")},
    **OF_SERIAL_MODEM,
}
_FORM = re.compile(rb"(AT(?:[+%#][A-Z0-9]+)?)(=\?|=|\?)?")


def framed(*lines: bytes) -> bytes:
    return b"".join(b"\r\n%b\r\n" % line for line in lines)


def situations() -> Iterator[tuple[bytes, tuple[bytes, ...], bytes]]:
    for command, answer in (ANSWERS | OTHERS).items():
        for urc in URCS:
            yield command, answer, urc


def read(command: bytes, received: bytes, dialect: Dialect = SLM) -> tuple[list[bytes], list[bytes]]:
    """Returns the information lines and the URCs."""
    parser = Parser(dialect)
    parser.command_sent(command)
    events = parser.feed(received)
    assert not [event for event in events if isinstance(event, Malformed | Payload)]
    assert [event for event in events if isinstance(event, FinalResult)] == [FinalResult(b"OK")]
    information = [event.line for event in events if isinstance(event, Information)]
    return information, [event.line for event in events if isinstance(event, Unsolicited)]


@pytest.mark.parametrize("command", (ANSWERS | OTHERS).keys(), ids=lambda command: command.decode())
def test_every_urc_in_front_of_an_answer(command: bytes) -> None:
    answer = (ANSWERS | OTHERS)[command]
    wrong = [urc for urc in URCS if read(command, framed(urc, *answer, b"OK")) != (list(answer), [urc])]
    assert wrong == []


@pytest.mark.parametrize("command", (ANSWERS | OTHERS).keys(), ids=lambda command: command.decode())
def test_every_urc_behind_an_answers_line(command: bytes) -> None:
    """But those that look like the answer itself: there the last one is it, for the modem gives it with its OK."""
    answer = (ANSWERS | OTHERS)[command]
    alike = (b"%XSIM?", b"%XTEMP?", b"%XVBATLOWLVL?", b"#XAPOLL?")
    wrong = [
        urc
        for urc in URCS
        if not (command[2:] in alike and urc.startswith(command[2:-1]))
        and read(command, framed(*answer, urc, b"OK")) != (list(answer), [urc])
    ]
    assert wrong == []


@pytest.mark.parametrize("command", ANSWERS_OF_SERIAL_MODEM.keys(), ids=lambda command: command.decode())
def test_every_urc_of_serial_modem_in_front_of_an_answer(command: bytes) -> None:
    """But an event on its way when its command is asked, of a socket that the answer does not name."""
    answer = ANSWERS_OF_SERIAL_MODEM[command]
    taken = {b"AT#XAPOLL?": (b"#XAPOLL: 12,4",), b"AT#XAPOLL=?": (b"#XAPOLL: 0,1", b"#XAPOLL: 12,4")}.get(command, ())
    wrong = [
        urc
        for urc in URCS_OF_SERIAL_MODEM
        if urc not in taken and read(command, framed(urc, *answer, b"OK"), SERIAL_MODEM) != (list(answer), [urc])
    ]
    assert wrong == []


@pytest.mark.parametrize("urc", URCS_OF_SERIAL_MODEM, ids=lambda urc: urc.decode())
def test_every_urc_of_serial_modem_while_nothing_is_asked(urc: bytes) -> None:
    assert Parser(SERIAL_MODEM).feed(framed(urc)) == [Unsolicited(urc)]


@pytest.mark.parametrize("urc", URCS, ids=lambda urc: urc.decode())
def test_every_urc_while_nothing_is_asked(urc: bytes) -> None:
    assert Parser(SLM).feed(framed(urc)) == [Unsolicited(urc)]


def test_the_table_has_every_command_of_the_bench() -> None:
    """By name and form, as the source has them."""
    root = Path(bench.__file__).parent
    folders = [root / name for name in ("at", "modem", "boards", "session", "measure")]
    found = set()
    for folder in folders:
        for path in folder.rglob("*.py"):
            code = "".join(line for line in path.read_text().splitlines(True) if not line.lstrip().startswith("#"))
            for text in re.findall(r"""(?<!`)["'](AT[+%#][A-Z0-9]+(?:=\?|=|\?)?)""", code):
                found.add(text.encode())
    matches = [match for match in map(_FORM.match, (*ANSWERS, *OF_SERIAL_MODEM)) if match is not None]
    known = {match[1] for match in matches} | {match[1] + (match[2] or b"") for match in matches}
    assert found - known == set()
