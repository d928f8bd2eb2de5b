"""Boards: opened from any state a crash can leave, identified, registered, refused with reason."""

from collections.abc import Iterator

import pytest

from bench.boards import (
    named_port,
    select,
)
from bench.boards.catalog import MODELS, Catalog
from bench.boards.discovery import same_serial
from bench.config.lab import BoardEntry, Config
from bench.errors import UsageError
from bench.evidence.rows import BoardRow
from tests.support.programs import simulator

OLD = BoardRow(modem_firmware="mfw_nrf9160_1.3.7", application="slm", application_version="2.9.0")


@pytest.fixture
def simulated() -> Iterator[str]:
    with simulator() as boards:
        yield boards[0]["port"]


class TestSelection:
    def test_a_pty_is_never_hardware(self, simulated: str) -> None:
        config = Config(boards=(BoardEntry(name="mine", port=simulated, hardware=True),))
        assert not named_port(simulated, 1, config).hardware
        assert named_port(simulated, 1, config).slot == "mine"
        assert not named_port(simulated, 1, Config()).hardware

    def test_a_tcp_port_is_hardware_only_if_the_lab_says_so(self) -> None:
        assert not named_port("tcp://rack:4001", 1, Config()).hardware
        config = Config(boards=(BoardEntry(name="rack", port="tcp://rack:4001"),))
        assert named_port("tcp://rack:4001", 1, config).hardware

    def test_by_name_and_not_twice(self, simulated: str) -> None:
        config = Config(boards=(BoardEntry(name="one", port="/dev/a"), BoardEntry(name="two", port="/dev/b")))
        assert [spec.slot for spec in select(config, ["two"], [])] == ["two"]
        assert [spec.slot for spec in select(config, [], [])] == ["one", "two"]
        with pytest.raises(UsageError, match=r"no board is three; known boards: one, two"):
            select(config, ["three"], [])
        with pytest.raises(UsageError, match="chosen twice"):
            select(config, [], [simulated, simulated])

    def test_a_port_that_is_none(self) -> None:
        for port, says in (("/dev/ttyNOSUCH", "there is no port"), ("tcp://127.0.0.1", "tcp://HOST:PORT")):
            with pytest.raises(UsageError, match=says):
                select(Config(), [], [port])

    def test_by_what_a_selector_says_it_means(self, simulated: str) -> None:
        entries = (
            BoardEntry(name="one", port="/dev/a", model="nrf9151dk", labels=("roof",)),
            BoardEntry(name="two", port="/dev/b", model="nrf9160dk", labels=("roof", "old")),
        )
        config = Config(boards=entries)
        for selector, slots in (
            ("model=nrf9151dk", ["one"]),
            ("label=roof", ["one", "two"]),
            ("old", ["two"]),
            ("name=two", ["two"]),
        ):
            assert [spec.slot for spec in select(config, [selector], [])] == slots
        asked = select(config, ["firmware=1.3"], [], lambda spec: OLD if spec.slot == "two" else None)
        assert [spec.slot for spec in asked] == ["two"]
        with pytest.raises(UsageError, match="unknown kind 'colour'; available: name, model"):
            select(config, ["colour=red"], [])
        with pytest.raises(UsageError, match=r"no board is model=nrf9151; did you mean 'nrf9151dk'"):
            select(config, ["model=nrf9151"], [])

    def test_configured_boards_that_are_not_attached(self) -> None:
        entries = BoardEntry(name="dk-1", serial="1051202135"), BoardEntry(name="dk-2", place="1-1.4")
        first, second = select(Config(boards=entries), [], [])
        assert (first.port, first.sought) == ("", "serial 1051202135")
        assert (second.port, second.sought) == ("", "place 1-1.4")
        assert first.key != second.key


class TestCatalog:
    @pytest.mark.parametrize(
        ("vendor", "product", "serial", "model"),
        [
            (0x1366, 0x1069, "001051202135", "nrf9151dk"),
            (0x1366, 0x1059, "001051216197", "nrf9151dk"),
            (0x1366, 0x1069, "001050978819", "nrf9161dk"),
            (0x1366, 0x1055, "000960087317", "nrf9160dk"),
            (0x1915, 0x910A, "THINGY91X_F39CC1B120C", "thingy91x"),
            (0x1915, 0x9100, "THINGY91_0123456789AB", "thingy91"),
            (0x1366, 0x0105, "000821001234", None),
            (0x1366, 0x1051, "001057712345", None),
            (0x1915, 0x910A, "something", None),
        ],
    )
    def test_models_are_told_by_usb_id_and_serial(
        self, vendor: int, product: int, serial: str, model: str | None
    ) -> None:
        found = Catalog().recognise(vendor, product, serial)
        assert (found.name if found else None) == model

    def test_every_model_has_one_at_port(self) -> None:
        assert all(model.ports.count("at") == 1 for model in MODELS)

    def test_serials_are_compared_as_the_tools_print_them(self) -> None:
        assert same_serial("001051202135", "1051202135")
        assert not same_serial("001051202135", "1051202136")
        assert not same_serial("", "")
