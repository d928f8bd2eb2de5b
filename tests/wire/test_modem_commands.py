"""The modem's own commands on the wire, and its tables of facts row by row, written out from their sources."""

from collections.abc import Callable

import pytest

from bench.at import CommandError, MalformedAnswer
from bench.modem import (
    AttachSettings,
    CredentialStoreFull,
    CredentialType,
    Cures,
    Modem,
    PacketContext,
    SimLocked,
    SystemMode,
    identify,
)
from bench.modem.causes import ESM, describe
from bench.modem.changes import Changes, NoJournal
from bench.modem.dialects import DialectUnsupported
from bench.modem.modem_firmware import CIPHER_SUITE_USED, CONNECTION_ID, SEND_NOTICE, ModemFirmware
from bench.modem.sim_card import SimCard
from tests.support.expected_protocol import Exchange, expected_protocol

Call = Callable[[Modem], object]


@pytest.mark.parametrize(("number", "has"), [(27, True), (29, True), (28, False), (33, False)])
def test_the_cure_stands_with_causes_of_the_access_point(number: int, has: bool) -> None:
    assert (": see there" in describe("ESM", number, ESM, Cures(access_point=": see there"))) is has


VALUES: list[tuple[list[Exchange], Call, object]] = [
    (
        [(b"AT+CGPADDR=0", b'+CGPADDR: 0,"10.1.2.3","2001:db8::1"')],
        lambda m: m.packet_data.addresses(),
        ("10.1.2.3", "2001:db8::1"),
    ),
    ([(b"AT+CGPADDR=1", b"+CGPADDR: 1")], lambda m: m.packet_data.addresses(1), ()),
    (
        [(b"AT+CGDCONT?", b'+CGDCONT: 0,"IPV4V6","lab.example","10.1.2.3",0,0')],
        lambda m: m.packet_data.attach_context(),
        PacketContext("IPV4V6", "lab.example"),
    ),
    ([(b"AT+CGDCONT?", b"OK")], lambda m: m.packet_data.attach_context(), PacketContext("", "")),
    ([(b"AT+CEREG?", b"+CEREG: 5,2")], lambda m: m.registration.status(), "2"),
    ([(b"AT+CFUN?", b"+CFUN: 4")], lambda m: m.registration.functional_mode(), "4"),
    ([(b"AT+CSCON?", b"+CSCON: 0,1")], lambda m: m.radio.connected(), True),
    ([(b"AT+CSCON?", b"+CSCON: 0,0")], lambda m: m.radio.connected(), False),
    ([(b"AT%XMONITOR", b"%XMONITOR: 2")], lambda m: m.radio.cell(), None),
    (
        [(b"AT%XSYSTEMMODE?", b"%XSYSTEMMODE: 1,0,1,2")],
        lambda m: m.system_modes.read(),
        SystemMode(lte_m=True, gnss=True, preference=2),
    ),
    (
        [(b"AT%CMNG=1", b'%CMNG: 42,0,"ab12"\n%CMNG: 42,3,"CD34"')],
        lambda m: [(row.sec_tag, row.type, row.digest) for row in m.credentials.list()],
        [(42, 0, "AB12"), (42, 3, "CD34")],
    ),
    (
        [(b'AT%CMNG=0,42,3,"0011"', b"OK")],
        lambda m: m.credentials.write(42, CredentialType.PSK, b"0011").command,
        'AT%CMNG=0,42,3,"****"',
    ),
    ([(b"AT%CMNG=3,42,3", b"OK")], lambda m: m.credentials.delete(42, CredentialType.PSK).ok, True),
]


@pytest.mark.parametrize(("exchanges", "call", "value"), VALUES, ids=[str(row[0][0][0]) for row in VALUES])
def test_values(exchanges: list[Exchange], call: Call, value: object) -> None:
    with expected_protocol(exchanges) as modem:
        assert call(modem) == value


def test_the_serving_cell() -> None:
    answer = b'%XMONITOR: 5,"Operator","OP","00101","76C1",7,20,"0102DA04",42,6400,54,35,"","11100000","11100000"'
    with expected_protocol([(b"AT%XMONITOR", answer)]) as modem:
        cell = modem.radio.cell()
    assert cell is not None
    assert (cell.operator, cell.plmn, cell.tac, cell.access, cell.band) == ("Operator", "00101", "76C1", "LTE-M", 20)
    # RSRP index 54: -141 + 54 dBm; SNR index 35: -24 + 35 dB.
    assert (cell.identity, cell.channel, cell.rsrp_dbm, cell.snr_db) == ("0102DA04", 6400, -87, 11)


def test_a_full_store_has_an_error_of_its_own() -> None:
    full = expected_protocol([(b'AT%CMNG=0,42,3,"0011"', b"+CME ERROR: 515")])
    with full as modem, pytest.raises(CredentialStoreFull):
        modem.credentials.write(42, CredentialType.PSK, b"0011")
    with expected_protocol([(b'AT%CMNG=0,42,3,"0011"', b"+CME ERROR: 514")]) as modem:
        with pytest.raises(CommandError) as refused:
            modem.credentials.write(42, CredentialType.PSK, b"0011")
        assert not isinstance(refused.value, CredentialStoreFull)


def test_attaching_undoes_what_it_changes_the_last_first() -> None:
    script: list[Exchange] = [
        (b"AT+CFUN?", b"+CFUN: 1"),
        (b"AT+CFUN=4", b"OK"),
        (b"AT+CGDCONT?", b'+CGDCONT: 0,"IP","before"'),
        (b'AT+CGDCONT=0,"IPV6","lab"', b"OK"),
        (b'AT+CGAUTH=0,1,"me","word"', b"OK"),
        (b"AT+CFUN=4", b"OK"),
        (b"AT+CGAUTH=0,0", b"OK"),
        (b"AT+CFUN=4", b"OK"),
        (b'AT+CGDCONT=0,"IP","before"', b"OK"),
        (b"AT+CFUN=1", b"OK"),
    ]
    with expected_protocol(script) as modem:
        modem.packet_data.attach_by(AttachSettings(PacketContext("IPV6", "lab"), "me", lambda: "word", "pap"))
        modem.packet_data.restore()


@pytest.mark.parametrize(
    ("script", "pin", "message"),
    [
        ([(b"AT+CPIN?", b"+CPIN: SIM PUK")], "1234", "the SIM wants SIM PUK, which the bench never gives"),
        ([(b"AT+CPIN?", b"+CPIN: SIM PIN")], None, "the SIM wants its PIN, none is known"),
        (
            [(b"AT+CPIN?", b"+CPIN: SIM PIN"), (b'AT+CPINR="SIM PIN"', b'+CPINR: "SIM PIN",2')],
            "1234",
            "2 of 3 tries for the PIN are left",
        ),
        (
            [
                (b"AT+CPIN?", b"+CPIN: SIM PIN"),
                (b'AT+CPINR="SIM PIN"', b'+CPINR: "SIM PIN",3'),
                (b'AT+CPIN="1234"', b"+CME ERROR: 16"),
            ],
            "1234",
            "the SIM refused the PIN; it is not tried again",
        ),
    ],
)
def test_a_pin_is_given_once(script: list[Exchange], pin: str | None, message: str) -> None:
    with expected_protocol(script) as modem:
        source = None if pin is None else lambda: pin
        card = SimCard(modem.link, Changes(modem.link, NoJournal()), source, Cures(no_pin=", none is known"))
        with pytest.raises(SimLocked, match=message):
            card.unlock()


def test_an_identity() -> None:
    script: list[Exchange] = [
        (b"AT#XSMVER", b"ERROR"),
        (b"AT#XSLMVER", b'#XSLMVER: "3.1.0","3.1.1"'),
        (b"AT+CGMI", b"Nordic Semiconductor ASA"),
        (b"AT+CGMM", b"nRF9151-LACA"),
        (b"AT+CGMR", b"mfw_nrf91x1_2.0.2"),
        (b"AT%HWVERSION", b"%HWVERSION: nRF9151 LACA A0A"),
        (b"AT+CGSN", b"350000000000001"),
        (b"AT+CIMI", b"ERROR"),
        (b"AT%XICCID", b"ERROR"),
        (b"AT#XUUID", b"ERROR"),
    ]
    with expected_protocol(script) as modem:
        identity = identify(modem.link)
    assert (identity.application, identity.application_version, identity.ncs_version) == ("slm", "3.1.0", "3.1.1")
    assert identity.application_text == "SLM 3.1.0"
    assert (identity.imsi, identity.iccid, identity.uuid) == ("", "", "")


@pytest.mark.parametrize("version", ['"1.9.1"', "1.9.1", '"2.5.3","2.5.3"'])
def test_a_serial_lte_modem_of_another_age_is_refused(version: str) -> None:
    script: list[Exchange] = [(b"AT#XSMVER", b"ERROR"), (b"AT#XSLMVER", b"#XSLMVER: " + version.encode())]
    with expected_protocol(script) as modem, pytest.raises(DialectUnsupported, match=r"speaks 2\.6 and later"):
        identify(modem.link)


FIRMWARES = [
    # name, family, version, has Connection ID, tells the suite
    ("mfw_nrf9160_1.3.4", "mfw_nrf9160", (1, 3, 4), False, False),
    ("mfw_nrf9160_1.3.5", "mfw_nrf9160", (1, 3, 5), True, False),
    ("mfw_nrf9160_1.3.7", "mfw_nrf9160", (1, 3, 7), True, False),
    ("mfw_nrf91x1_2.0.2", "mfw_nrf91x1", (2, 0, 2), True, True),
    ("mfw_nrf91x1_2.0.2-FOTA-TEST", "mfw_nrf91x1", (2, 0, 2), True, True),
    # A family with numbers of its own: 1.0.1 is not older than 1.3.5 of another.
    ("mfw_nrf9151-ntn_1.0.1", "mfw_nrf9151-ntn", (1, 0, 1), True, True),
    ("something else", "", (), True, True),
]


@pytest.mark.parametrize(("name", "family", "version", "cid", "suite"), FIRMWARES)
def test_versions_are_compared_within_a_family(
    name: str, family: str, version: tuple[int, ...], cid: bool, suite: bool
) -> None:
    assert ModemFirmware.parse(name) == ModemFirmware(family, version)
    assert (not CONNECTION_ID.missing_in(name)) is cid
    assert (not CIPHER_SUITE_USED.missing_in(name)) is suite


def test_a_missing_feature_is_told_with_both_versions() -> None:
    told = CONNECTION_ID.missing_in("mfw_nrf9160_1.3.4")
    assert told == "DTLS Connection ID needs modem firmware 1.3.5; this board has mfw_nrf9160_1.3.4"


def test_a_feature_of_one_family_only() -> None:
    told = SEND_NOTICE.missing_in("mfw_nrf91x1_2.0.4")
    assert told.endswith("needs modem firmware of another family; this board has mfw_nrf91x1_2.0.4")
    assert SEND_NOTICE.missing_in("mfw_nrf9151-ntn_1.0.0") == ""


@pytest.mark.parametrize(
    ("answer", "mode", "text"),
    [
        (b"%XSYSTEMMODE: 1,1,0,2", SystemMode(lte_m=True, nb_iot=True, preference=2), "LTE-M, NB-IoT"),
        (b"%XSYSTEMMODE: 0,0,0,0,1", SystemMode(ntn=True), "NB-IoT NTN"),
        (b"%XSYSTEMMODE: 1,0,1,0,0", SystemMode(lte_m=True, gnss=True, ntn=False), "LTE-M, GNSS"),
    ],
)
def test_every_field_of_a_system_mode_is_put_back(answer: bytes, mode: SystemMode, text: str) -> None:
    with expected_protocol([(b"AT%XSYSTEMMODE?", answer)]) as modem:
        assert modem.system_modes.read() == mode
    assert mode.fields == answer.decode().partition(": ")[2]
    assert mode.text == text


def test_a_broken_answer_names_the_command() -> None:
    with expected_protocol([(b"AT+CFUN?", b"OK")]) as modem, pytest.raises(MalformedAnswer, match=r"AT\+CFUN\?"):
        modem.registration.functional_mode()
