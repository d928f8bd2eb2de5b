"""Clock, configuration, privacy, limits: what everything stands on."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import doctor
from bench.clock import Anchor, estimate_offset
from bench.config.lab import Config, load
from bench.config.toml_file import ConfigError
from bench.errors import LabError, UsageError
from bench.privacy import Concealer, lab_key


def test_a_command_loads_no_test_framework() -> None:
    loaded = "import sys, bench.cli.report; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert {"pytest", "_pytest", "allure", "allure_commons", "allure_pytest"}.isdisjoint(modules)


def test_programs_that_open_every_port_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def running(_attributes: object) -> list[SimpleNamespace]:
        names = {7: "brltty", 8: "bash", 9: None}
        return [SimpleNamespace(pid=pid, info={"name": name}) for pid, name in names.items()]

    monkeypatch.setattr("psutil.process_iter", running)
    (found,) = doctor._meddlers()
    assert (found.what.partition(":")[0], found.cure[:13]) == ("brltty runs (pid 7)", "remove brltty")


class TestClock:
    def test_a_stamp_becomes_a_date(self) -> None:
        anchor = Anchor()
        later = anchor.utc(anchor.monotonic_ns + 1_500_000_000)
        assert (later - anchor.wall).total_seconds() == 1.5
        assert anchor.text(anchor.monotonic_ns).endswith("Z")

    @given(
        st.integers(-(10**15), 10**15),
        st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=10),
    )
    def test_an_offset_is_within_its_uncertainty(self, offset: int, legs: list[tuple[int, int]]) -> None:
        samples = []
        now = 10**18
        for out, back in legs:
            samples.append((now, now + out + offset, now + out + back))
            now += out + back + 1000
        estimate = estimate_offset(samples)
        assert abs(estimate.offset_ns - offset) <= estimate.uncertainty_ns
        assert estimate.uncertainty_ns <= min(out + back for out, back in legs) // 2 + 1


class TestConfig:
    def write(self, folder: Path, text: str) -> Path:
        path = folder / "bench.toml"
        path.write_text(text)
        return path

    def test_without_a_file_everything_is_here(self) -> None:
        config = load(None)
        assert config == Config()
        assert str(config.peers.bind) == "127.0.0.1"

    def test_a_whole_lab(self, tmp_path: Path) -> None:
        config = load(
            self.write(
                tmp_path,
                """
                [[boards]]
                name = "dk-1"
                serial = "1051202135"
                flow_control = true

                [[boards]]
                name = "rack-7"
                port = "tcp://rack:4007"
                model = "nrf9160dk"

                [peers]
                ssh = "lab-echo.example"
                bind = "0.0.0.0"
                address = "203.0.113.5"
                name = "lab-echo.example"
                ports = [20000, 20100]

                [network]
                profile = "nb-iot"
                ipv6 = false
                """,
            )
        )
        assert [board.name for board in config.boards] == ["dk-1", "rack-7"]
        assert config.peers.ports == (20000, 20100)
        assert not config.network.ipv6

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ('[network]\nprofile = "wifi"\n', r"line 2, network.profile: .*lte-m"),
            ("[network]\nipv7 = true\n", "line 2, network.ipv7: no such key"),
            ('[[boards]]\nname = "a"\n', r"line 1, boards #1: give serial or place .* or port"),
            (
                '[[boards]]\nname = "a"\nport = "/dev/x"\n[[boards]]\nname = "b"\nserial = "1"\nbaudrate = 7\n',
                "line 7, boards #2.baudrate",
            ),
            ('[[boards]]\nname = "a"\nport = "/x"\n[[boards]]\nname = "a"\nport = "/y"\n', "two boards are called a"),
            ("[peers]\nports = [5, 4]\n", "line 2, peers.ports: the first port, 5, is above the last, 4"),
            ('[peers]\nssh = "-oProxyCommand=x"\n', "cannot begin with a dash"),
            ('[peers]\naddress6 = "203.0.113.5"\n', "line 2, peers.address6: .*must be an IPv6 address"),
            ('[network]\nipv6 = "yes"\n', 'line 2, network.ipv6: give true, false or "measured"'),
            ("[peers\n", "is not TOML"),
        ],
    )
    def test_mistakes_are_named_with_line_and_cure(self, tmp_path: Path, text: str, says: str) -> None:
        with pytest.raises(ConfigError, match=says) as failure:
            load(self.write(tmp_path, text))
        assert isinstance(failure.value, UsageError)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot read"):
            load(tmp_path / "none.toml")


class TestPrivacy:
    def test_a_short_id_is_stable_under_a_key_and_says_nothing(self) -> None:
        ours, theirs = Concealer(b"a" * 32), Concealer(b"b" * 32)
        assert ours.short_id("imei", "359404230000000") == Concealer(b"a" * 32).short_id("imei", "359404230000000")
        assert ours.short_id("imei", "359404230000000") != theirs.short_id("imei", "359404230000000")
        assert "0000000" not in ours.short_id("imei", "359404230000000")

    @given(st.binary())
    def test_nothing_changes_its_length(self, data: bytes) -> None:
        assert len(Concealer(b"k" * 32).conceal(data)) == len(data)

    @pytest.mark.parametrize(
        ("printed", "secret"),
        [
            (b"\r\n359404230000000\r\n\r\nOK\r\n", b"359404230000000"),
            (b"\r\n%XICCID: 8944501234567890123F\r\n", b"8944501234567890123"),
            (b'\r\n+CEREG: 5,1,"76C1","0102DA04",7\r\n', b"0102DA04"),
            (b'\r\n+CEREG: 1,"76C1","0102DA04",7\r\n', b"0102DA04"),
        ],
    )
    def test_identities_are_learnt_from_what_boards_print(self, printed: bytes, secret: bytes) -> None:
        concealer = Concealer(b"k" * 32)
        assert secret not in concealer.conceal(printed)
        assert secret not in concealer.conceal(b"later: " + secret)

    def test_the_key_is_made_once_for_its_owner_only(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "key"
        with ThreadPoolExecutor(8) as many:  # as the processes of several boards do
            keys = set(many.map(lambda _: lab_key(path), range(32)))
        (key,) = keys
        assert lab_key(path) == key
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        assert len(key) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.write_bytes(b"short")
        with pytest.raises(LabError, match="delete it"):
            lab_key(path)
