"""A third dialect: its own module and one row of the table are all that it takes."""

import pytest

from bench.at import SLM, AtLink, UrcTimeout
from bench.boards.budget import cost_of_commands
from bench.errors import UsageError
from bench.modem import DIALECTS, DialectUnsupported, PollEvent, TcpClient, identify, recognise
from tests.support.expected_protocol import Exchange, ScriptedTransport, expected_protocol
from tests.support.toy_dialect import TOY

UNKNOWN: Exchange = (b"AT#XSMVER", b"ERROR")
NOT_SLM: Exchange = (b"AT#XSLMVER", b"ERROR")


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.modem.dialects.DIALECTS", (*DIALECTS, TOY))


def test_a_typed_client_works_over_it() -> None:
    script: list[Exchange] = [
        (b'AT+SOCK="tcp"', b"+SOCK: 7"),
        (b'AT+DIAL=7,"peer.example:80"', b"OK"),
        (b'AT+TX=7,"hello"', b"OK"),
        (None, b"\r\n+RX: 7,5\r\nOK\r\nx"),
        (None, b"\r\n+RX: 7,3\r\nend"),
        (b"AT+SOCK=-7", b"OK"),
    ]
    with expected_protocol(script, TOY, patience=1) as modem:
        with modem.tcp_client("peer.example", 80) as client:
            assert isinstance(client, TcpClient)
            assert client.handle == 7
            client.send(b"hello")
            assert client.receive_exactly(8, timeout=2) == b"OK\r\nxend"
        with pytest.raises(UsageError, match="Toy Modem, which has no selected socket"):
            modem.slm.select(7)


def test_polling_waits_on_the_host() -> None:
    script: list[Exchange] = [
        (b'AT+SOCK="udp"', b"+SOCK: 2"),
        (b"AT+READY=1", b"OK"),
        (None, b"\r\n+READY: 2\r\n"),
        (b"AT+READY=1", b"OK"),
    ]
    with expected_protocol(script, TOY, patience=1) as modem:
        client = modem.udp_socket()
        assert client.poll(500) is PollEvent.IN
        assert modem.poll(20, client).events == ()


def test_data_that_come_by_themselves_are_kept_with_their_urc() -> None:
    with expected_protocol([(None, b"\r\n+RX: 7,2\r\nhi"), (b"AT", b"OK")], TOY, patience=1) as modem:
        urc = modem.link.wait_for_urc("+RX", timeout=1)
        assert (urc.line, urc.payload) == ("+RX: 7,2", b"hi")
        assert modem.link.command("AT").payload is None
        with pytest.raises(UrcTimeout):
            modem.link.wait_for_urc("+RX", timeout=0.01)


@pytest.mark.usefixtures("with_toy")
def test_a_board_is_recognised_by_the_table() -> None:
    script = [UNKNOWN, NOT_SLM, (b"AT+TOYVER", b'+TOYVER: "0.3"')]
    transport = ScriptedTransport(script, b"\r")
    with AtLink(transport, SLM.ending_in(b"\r")) as link:
        dialect, version = recognise(link)
        assert (dialect, version) == (TOY, ("0.3",))
        assert link.dialect == TOY.wire
    assert transport.left == []


@pytest.mark.usefixtures("with_toy")
def test_its_identity_names_it() -> None:
    facts = ("AT+CGMI", "AT+CGMM", "AT+CGMR", "AT%HWVERSION", "AT+CGSN", "AT+CIMI", "AT%XICCID", "AT#XUUID")
    script = [UNKNOWN, NOT_SLM, (b"AT+TOYVER", b'+TOYVER: "0.3"'), *((fact.encode(), b"ERROR") for fact in facts)]
    with AtLink(ScriptedTransport(script, b"\r"), SLM.ending_in(b"\r")) as link:
        identity = identify(link)
    assert (identity.application, identity.application_version) == ("toy", "0.3")
    assert identity.application_text == "toy 0.3"


@pytest.mark.usefixtures("with_toy")
def test_a_firmware_of_no_row_is_refused() -> None:
    script = [UNKNOWN, NOT_SLM, (b"AT+TOYVER", b"ERROR")]
    expected = r"not AT#XSMVER, AT#XSLMVER or AT\+TOYVER: it does not run Serial Modem, Serial LTE Modem or Toy Modem"
    with AtLink(ScriptedTransport(script, b"\r\n")) as link, pytest.raises(DialectUnsupported, match=expected):
        recognise(link)


@pytest.mark.usefixtures("with_toy")
def test_its_reset_costs_as_any() -> None:
    assert cost_of_commands(["AT+AGAIN", "AT#XRESET", "AT#XRESETS"]).resets == 2
