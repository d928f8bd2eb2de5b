"""Serial Modem before and behind its commands: versions, recognition, the commands that hold URCs back."""

import pytest

from bench.at import SERIAL_MODEM as WIRE
from bench.at import SLM, AtLink
from bench.config.patterns import in_range
from bench.modem import SERIAL_MODEM, DialectUnsupported, recognise
from bench.modem.serial_modem.version import comparable_version
from tests.support.expected_protocol import Exchange, ScriptedTransport, expected_protocol, script


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
