"""Tables of facts, row by row, against rows written out by hand from their sources: never computed from the code."""

from collections.abc import Mapping

import pytest

from bench.boards.catalog import MODELS, Catalog
from bench.config.network_profile import PROFILES
from bench.modem.causes import EMM, ESM, Cause, describe, is_permanent, is_refusal
from bench.modem.cures import Cures
from bench.modem.socket_values import (
    CidSetting,
    CidStatus,
    Family,
    PeerVerify,
    PollEvent,
    Rai,
    ReceiveFlag,
    Role,
    SecureOption,
    SocketOption,
    SocketType,
)
from bench.simulator.dialects import FIRMWARES
from bench.simulator.models import MODELS as SIMULATED
from bench.simulator.models import capabilities_of
from bench.simulator.serial_modem import quirks as serial_modem
from bench.simulator.slm.quirks import DOCUMENTED, Quirks

JLINK, NORDIC = 0x1366, 0x1915

# Nordic's board documentation, the serial numbers of Nordic's own tools (nrfcredstore), and what was seen in the field:
# name, USB ids, serial numbers that fit, ports by rank, flow control, baud rates, whether the identity was confirmed.
BOARDS = [
    ("nrf9160dk", JLINK, 0x1055, ("000960087317", "960012345"), ("at", "nrf52840", "log"), True, (), True),
    ("nrf9161dk", JLINK, 0x1069, ("001050978819", "1050965037"), ("at", "log"), True, (), True),
    ("nrf9151dk", JLINK, 0x1059, ("001051216197", "001052000001"), ("at", "log"), True, (115200, 1000000), True),
    ("nrf9131ek", JLINK, 0x1069, ("001051012345",), ("at", "log"), True, (), False),
    ("thingy91", NORDIC, 0x9100, ("THINGY91_0123456789AB", "PCA20035_0123456789AB"), ("at", "trace"), False, (), True),
    (
        "thingy91x", NORDIC, 0x910A, ("THINGY91X_F39CC1B120C", "THINGY91X_0ABA4D24A1A"), ("at", "log"), False,
        (115200, 1000000), True,
    ),
]  # fmt: skip
# Boards behind the bridge of a third party: nobody of us has seen their identity, so each must be asked.
BRIDGES = [
    ("icarus", 0x0403, 0x6015, ("at",)),
    ("nrf9160feather", 0x10C4, 0xEA60, ("at",)),
    ("nrf9151feather", 0x2E8A, 0x000C, ("at",)),
    ("thingplus9160", 0x10C4, 0xEA60, ("at",)),
    ("connectkit", 0x2FE3, 0x0204, ("at", "shell")),
]


class TestCatalog:
    @pytest.mark.parametrize(
        ("name", "vendor", "product", "serials", "ports", "flow_control", "rates", "confirmed"), BOARDS
    )
    def test_a_board_of_nordics(
        self,
        name: str,
        vendor: int,
        product: int,
        serials: tuple[str, ...],
        ports: tuple[str, ...],
        flow_control: bool,
        rates: tuple[int, ...],
        confirmed: bool,
    ) -> None:
        for serial in serials:
            model = Catalog().recognise(vendor, product, serial)
            assert model is not None
            assert (model.name, model.ports, model.flow_control) == (name, ports, flow_control)
            assert (model.dtr, model.confirmed, model.baudrates, model.baudrate) == (True, confirmed, rates, 115200)
            for near in (f"{serial}0", serial[:-5], f"X{serial}"):
                other = Catalog().recognise(vendor, product, near)
                # The Thingy:91 X's numbers vary in length; all others have one.
                assert other is None or (name == "thingy91x" and near == f"{serial}0")

    @pytest.mark.parametrize(("name", "vendor", "product", "ports"), BRIDGES)
    def test_a_board_behind_a_bridge(self, name: str, vendor: int, product: int, ports: tuple[str, ...]) -> None:
        assert Catalog().recognise(vendor, product, "whatever") is None, "it must be asked"
        assert name in [model.name for model in Catalog().candidates(vendor, product, "whatever")]
        assert Catalog().candidates(vendor, product ^ 1, "whatever") == []
        model = Catalog().named(name)
        assert model is not None
        assert (model.ports, model.flow_control, model.confirmed, model.generic) == (ports, False, False, True)

    def test_there_are_no_others(self) -> None:
        assert {model.name for model in MODELS} == {row[0] for row in BOARDS} | {row[0] for row in BRIDGES}

    @pytest.mark.parametrize(
        ("vendor", "product", "serial"),
        [
            (JLINK, 0x0105, "000821001234"),  # a bare debug probe
            (JLINK, 0x1051, "001057712345"),  # an nRF54 kit
            (JLINK, 0x1055, "000960112345"),  # an nRF5340 kit
            (JLINK, 0x1055, "001050012345"),
            (NORDIC, 0x9100, "001051202135"),
            (NORDIC, 0x910B, "THINGY91X_F39CC1B120C"),
            (NORDIC, 0x9101, "THINGY91_0123456789AB"),
            (NORDIC, 0x9100, "THINGY91_0123456789A"),
        ],
    )
    def test_what_only_looks_like_one_is_asked(self, vendor: int, product: int, serial: str) -> None:
        assert Catalog().recognise(vendor, product, serial) is None
        assert Catalog().may_be_a_board(vendor, product, serial)

    def test_others_are_left_alone(self) -> None:
        assert not Catalog().may_be_a_board(0x1D6B, 0x0002, "")
        assert not Catalog().may_be_a_board(0x10C4, 0xEA61, "")


# 3GPP TS 24.301 section 9.9.3.9 and annex A: 2 to 8 invalidate the SIM, 11 to 15 and 35 forbid a network or a tracking
# area. Recorded: after 11 at one network a board was registered at the next 8 s later.
SIM, PLACE, MOMENT, NOTHING = "permanent", "of this network or tracking area", "worth another try", "not a refusal"
EMM_CAUSES = [
    (2, "IMSI unknown in HSS", SIM),
    (3, "illegal UE", SIM),
    (5, "IMEI not accepted", SIM),
    (6, "illegal ME", SIM),
    (7, "EPS services not allowed", SIM),
    (8, "EPS and non-EPS services not allowed", SIM),
    (11, "PLMN not allowed", PLACE),
    (12, "tracking area not allowed", PLACE),
    (13, "roaming not allowed in this tracking area", PLACE),
    (14, "EPS services not allowed in this PLMN", PLACE),
    (15, "no suitable cells in tracking area", PLACE),
    (17, "network failure", MOMENT),
    (18, "CS domain not available", NOTHING),
    (19, "ESM failure", MOMENT),
    (22, "congestion", MOMENT),
    (35, "requested service option not authorized in this PLMN", PLACE),
    (42, "severe network failure", MOMENT),
]
# Section 9.9.4.4 and annex B.
ESM_CAUSES = [
    (8, "operator determined barring", SIM),
    (26, "insufficient resources", MOMENT),
    (27, "missing or unknown APN", SIM),
    (28, "unknown PDN type", SIM),
    (29, "user authentication failed", SIM),
    (30, "request rejected by the gateway", MOMENT),
    (31, "request rejected, unspecified", MOMENT),
    (32, "service option not supported", SIM),
    (33, "requested service option not subscribed", SIM),
    (34, "service option temporarily out of order", MOMENT),
    (38, "network failure", MOMENT),
    (50, "only IPv4 is allowed", NOTHING),
    (51, "only IPv6 is allowed", NOTHING),
]


class TestCauses:
    @pytest.mark.parametrize(("number", "text", "scope"), EMM_CAUSES)
    def test_emm(self, number: int, text: str, scope: str) -> None:
        self.check("EMM", EMM, number, text, scope)

    @pytest.mark.parametrize(("number", "text", "scope"), ESM_CAUSES)
    def test_esm(self, number: int, text: str, scope: str) -> None:
        self.check("ESM", ESM, number, text, scope)

    @staticmethod
    def check(kind: str, known: Mapping[int, Cause], number: int, text: str, scope: str) -> None:
        told = describe(kind, number, known, Cures())
        assert told.startswith(f"{kind} cause {number} ({text}")
        assert told.partition("), ")[2].startswith(scope)
        assert is_permanent(number, known) is (scope == SIM)
        assert is_refusal(number, known) is (scope != NOTHING)

    def test_there_are_no_others(self) -> None:
        assert sorted(EMM) == [number for number, *_ in EMM_CAUSES]
        assert sorted(ESM) == [number for number, *_ in ESM_CAUSES]
        assert describe("EMM", 99, EMM, Cures()) == "EMM cause 99"
        assert not is_permanent(99, EMM)
        assert is_refusal(99, EMM)
        assert not is_permanent(None, EMM)

    @pytest.mark.parametrize("number", [0, None])
    def test_zero_is_no_cause(self, number: int | None) -> None:
        assert not is_refusal(number, EMM)


# What a network needs. Registration: LTE-M some 3 min, NB-IoT up to 15 min on a first scan; NB-IoT carries 20 to
# 60 kbit/s; a lost datagram of a live network is sent again; 1,200 bytes pass unfragmented on every one.
NETWORKS = {
    "simulated": (5, 5.0, 10.0, 1200, 1, 65536, 50, 2, 524288, 10, 300, 2, 5.12),
    "lte-m": (20, 10.0, 60.0, 1200, 3, 65536, 40, 20, 524288, 60, 300, 6, 20.48),
    "nb-iot": (60, 30.0, 120.0, 1200, 3, 8192, 10, 60, 16384, 90, 900, 10, 20.48),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_scenarios_need_on_a_network(name: str) -> None:
    profile = PROFILES[name]
    sizes = (
        profile.receive_timeout, profile.margin, profile.connect_timeout, profile.datagram, profile.datagram_attempts,
        profile.bulk, profile.samples, profile.seconds, profile.volume, profile.idle, profile.registration,
        profile.psm_active, profile.edrx_cycle,
    )  # fmt: skip
    assert (profile.name, sizes) == (name, NETWORKS[name])


def test_there_is_no_other_network() -> None:
    assert set(PROFILES) == set(NETWORKS)


class TestSimulator:
    # The recorded AT layer of nRF Connect SDK v3.1; SLM_MAX_SOCKET_COUNT of v2.x; the reference page to the letter.
    @pytest.mark.parametrize(
        ("name", "version", "sockets", "handles"),
        [
            ("slm-3.1", '"3.1.0","3.1.0-host"', 7, 8),
            ("slm-2.9", '"2.9.0","2.9.0"', 8, 8),
            ("page", '"0.0.0","0.0.0"', 8, 16),
        ],
    )
    def test_a_firmware(self, name: str, version: str, sockets: int, handles: int) -> None:
        row = FIRMWARES[name].profile
        assert (row.version, row.sockets, row.handles) == (version, sockets, handles)
        assert (row.command_limit, row.string_limit, row.receive_limit) == (4096, 1024, 2048)
        assert (row.data_mode_buffer, row.minimum_time_limit, row.terminator) == (4096, 32, b"\r\n")
        assert row.blank_line is (name != "page")

    # Serial Modem's repository: NRF_MODEM_MAX_SOCKET_COUNT, of v1 CONFIG_POSIX_OPEN_MAX - 1; buffers of sm_at_host.c.
    @pytest.mark.parametrize(
        ("name", "version", "sockets", "longest"),
        [
            ("serial-modem", '"v1.99.0-67-ga9e396bc3d58","3.3.99"', 8, 8189),
            ("serial-modem-1.0", '"v1.0.1","3.2.4"', 7, 4096),
        ],
    )
    def test_a_serial_modem(self, name: str, version: str, sockets: int, longest: int) -> None:
        row = FIRMWARES[name].profile
        assert (row.version, row.sockets, row.handles) == (version, sockets, 8)
        assert (row.command_limit, row.receive_limit, row.data_mode_buffer) == (longest, 2048, 4096)
        assert (row.minimum_time_limit, row.terminator, row.blank_line) == (32, b"\r", True)

    def test_habits_of_serial_modem(self) -> None:
        head, v1 = serial_modem.Quirks(), serial_modem.V1
        assert (head.listens, head.boot_info, head.role_rules) == (True, True, False)
        assert (v1.listens, v1.boot_info, v1.role_rules) == (False, False, True)
        assert (head.overflow_at_once, head.quiet_ms, head.repeats_first_address) == (True, 100, False)
        assert (v1.overflow_at_once, v1.quiet_ms, v1.repeats_first_address) == (False, 0, True)
        assert (sorted(head.missing_options), sorted(v1.missing_options)) == ([], [34, 55])
        for each in (head, v1):
            assert (each.plain_secure_option, each.keeps_destination, each.free_slots_found) == (True, True, True)
            assert each.keeps_length is False

    @pytest.mark.parametrize(("quirks", "accepts"), [(Quirks(), "#XTCPACCEPT"), (DOCUMENTED, "#XACCEPT")])
    def test_habits(self, quirks: Quirks, accepts: str) -> None:
        assert quirks.accept_read_prefix == accepts
        habits = (quirks.socket_test_glued, quirks.select_test, quirks.accepted_has_no_timeout)
        assert {*habits, quirks.repeats_first_address} == {quirks is not DOCUMENTED}

    # The page: "only supported with modem firmware 2.0.0 and newer", "1.3.5 and newer"; AT%RAI=2 from 2.0.2.
    @pytest.mark.parametrize(
        ("firmware", "suite_used", "gcm", "connection_id", "rai_urc"),
        [
            ("mfw_nrf9160_1.3.4", False, False, False, False),
            ("mfw_nrf9160_1.3.5", False, False, True, False),
            ("mfw_nrf9160_1.3.7", False, False, True, False),
            ("mfw_nrf91x1_2.0.0", True, True, True, False),
            ("mfw_nrf91x1_2.0.1", True, True, True, False),
            ("mfw_nrf91x1_2.0.2", True, True, True, True),
        ],
    )
    def test_a_modem_firmware(
        self, firmware: str, suite_used: bool, gcm: bool, connection_id: bool, rai_urc: bool
    ) -> None:
        can = capabilities_of(firmware)
        assert (can.suite_used, can.gcm, can.connection_id, can.rai_urc) == (suite_used, gcm, connection_id, rai_urc)

    @pytest.mark.parametrize(
        ("name", "part", "modem_firmware"),
        [
            ("nrf9151dk", "nRF9151-LACA", "mfw_nrf91x1_2.0.2"),
            ("nrf9161dk", "nRF9161-LACA", "mfw_nrf91x1_2.0.2"),
            ("nrf9160dk", "nRF9160-SICA", "mfw_nrf9160_1.3.7"),
            ("thingy91", "nRF9160-SICA", "mfw_nrf9160_1.3.7"),
            ("thingy91x", "nRF9151-LACA", "mfw_nrf91x1_2.0.2"),
        ],
    )
    def test_a_model(self, name: str, part: str, modem_firmware: str) -> None:
        assert (SIMULATED[name].part, SIMULATED[name].modem_firmware) == (part, modem_firmware)


class TestSocketValues:
    """The numbers of the Socket AT commands page."""

    @pytest.mark.parametrize(
        ("values", "page"),
        [
            (Family, {"IPV4": 1, "IPV6": 2, "PACKET": 3}),
            (SocketType, {"STREAM": 1, "DATAGRAM": 2, "RAW": 3}),
            (Role, {"CLIENT": 0, "SERVER": 1}),
            (PeerVerify, {"NONE": 0, "OPTIONAL": 1, "REQUIRED": 2}),
            (
                SocketOption,
                {
                    "REUSEADDR": 2, "RCVTIMEO": 20, "SNDTIMEO": 21, "SILENCE_ALL": 30, "IP_ECHO_REPLY": 31,
                    "IPV6_ECHO_REPLY": 32, "BINDTOPDN": 40, "TCP_SRV_SESSTIMEO": 55, "RAI": 61,
                    # Serial Modem's alone.
                    "KEEPOPEN": 34, "IPV6_DELAYED_ADDR_REFRESH": 62,
                },
            ),
            (Rai, {"NO_DATA": 1, "LAST": 2, "ONE_RESP": 3, "ONGOING": 4, "WAIT_MORE": 5}),
            (
                SecureOption,
                {
                    "HOSTNAME": 2, "CIPHERSUITE_USED": 4, "PEER_VERIFY": 5, "SESSION_CACHE": 12,
                    "SESSION_CACHE_PURGE": 13, "DTLS_CID": 14, "DTLS_CID_STATUS": 15, "DTLS_HANDSHAKE_TIMEO": 18,
                    "DTLS_CONN_SAVE": 19, "DTLS_CONN_LOAD": 20, "DTLS_FRAG_EXT": 22,
                },
            ),
            (CidSetting, {"DISABLED": 0, "SUPPORTED": 1, "ENABLED": 2}),
            (CidStatus, {"DISABLED": 0, "DOWNLINK": 1, "UPLINK": 2, "BIDIRECTIONAL": 3}),
            (PollEvent, {"NONE": 0, "IN": 1, "OUT": 4, "ERR": 8, "HUP": 16, "NVAL": 32}),
            (ReceiveFlag, {"NONE": 0, "PEEK": 2, "DONT_WAIT": 64, "WAIT_ALL": 256}),
        ],
    )  # fmt: skip
    def test_are_those_of_the_page(self, values: type, page: dict[str, int]) -> None:
        members: Mapping[str, int] = getattr(values, "__members__")  # noqa: B009 - of any enum
        assert {name: int(value) for name, value in members.items()} == page
