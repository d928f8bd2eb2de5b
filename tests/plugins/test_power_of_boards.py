"""Power and coverage: the radio's model, power saving on the wire, lost coverage, meters."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.at import AtLink, CommandError
from bench.boards import BoardSpec, SimulatedBoards, ask_simulator, coverage_of
from bench.clock import now_ns
from bench.config.lab import CoverageConfig, load
from bench.config.toml_file import ConfigError
from bench.errors import LabError
from bench.measure import Current, ProfilerKit, SimulatedMeter
from bench.modem import Modem, PsmGrant, SystemMode
from bench.peers import Peers
from bench.session.keeper import Keeper
from tests.support.lab import COMMAND, Lab
from tests.support.profiler_kit import FakeProfilerKit
from tests.support.programs import simulator

MS = 1_000_000
S = 1000 * MS


@pytest.fixture
def spec() -> Iterator[BoardSpec]:
    with SimulatedBoards(1) as boards:
        yield boards.specs[0]


@pytest.fixture
def board(spec: BoardSpec) -> Iterator[Modem]:
    with AtLink.open(spec.port) as at:
        yield Modem(at)


class TestPowerSaving:
    """On the wire of a simulated board."""

    def answers(self, board: Modem) -> list[tuple[str, ...]]:
        return [board.link.command(command).lines for command in ("AT+CPSMS?", "AT+CEDRXS?", "AT%XSYSTEMMODE?")]

    def test_what_is_changed_is_put_back(self, board: Modem) -> None:
        board.link.command('AT+CPSMS=0,"","","00100001","00000101"')
        board.link.command('AT+CEDRXS=1,5,"1001"')
        board.registration.wait(5)
        before = self.answers(board)
        saving = board.power_saving
        with saving.psm(active=2, periodic=600, timeout=5) as granted, saving.edrx("LTE-M", 5.12, timeout=5) as cycle:
            assert granted == PsmGrant(2, 600)
            assert cycle == 5.12
            assert self.answers(board) != before
        with board.system_modes.use(SystemMode(nb_iot=True), 5):
            cell = board.radio.cell()
            assert cell is not None
            assert cell.access == "NB-IoT"
        assert self.answers(board) == before
        assert saving.granted_psm() is None

    def test_a_network_that_grants_nothing(self) -> None:
        with simulator("--cell", "psm=0,edrx=0") as boards, AtLink.open(boards[0]["port"]) as at:
            saving = Modem(at).power_saving
            with saving.psm(active=2, periodic=600, timeout=0.2) as granted:
                assert granted is None
            with saving.edrx("LTE-M", 5.12, timeout=0.2) as cycle:
                assert cycle is None

    def test_the_system_mode_is_refused_while_the_radio_is_on(self, board: Modem) -> None:
        with pytest.raises(CommandError):
            board.link.command("AT%XSYSTEMMODE=0,1,0,0")

    def test_sleep_is_told_and_waking_too(self, board: Modem, peers: Peers) -> None:
        echo = peers.udp_echo()
        with (
            board.udp_client(echo.host, echo.port) as client,
            board.power_saving.psm(active=2, periodic=600, timeout=5),
            board.power_saving.sleep_notices() as watch,
        ):
            assert watch.wait_asleep(10, since_ns=now_ns()) is not None
            assert watch.wait_asleep(0.1, since_ns=now_ns()) is None
            client.send_string(b"hello")
            assert client.receive(5).data == b"hello"
            assert board.link.wait_for_urc("%XMODEMSLEEP: 1,0", timeout=1).line


class TestCoverage:
    def test_streams_wait_and_datagrams_are_lost(self, spec: BoardSpec, board: Modem, peers: Peers) -> None:
        coverage = coverage_of(spec, CoverageConfig())
        assert coverage is not None
        board.link.command("AT+CEREG=1")
        tcp, udp = peers.tcp_echo(), peers.udp_echo()
        with board.tcp_client(tcp.host, tcp.port) as stream, board.udp_client(udp.host, udp.port) as datagrams:
            with coverage.lost():
                assert board.link.wait_for_urc("+CEREG: 2", timeout=5).line
                assert board.radio.cell() is None
                datagrams.send_string(b"lost")
                stream.send_string(b"kept")
                tcp.push(b"pushed")
                time.sleep(0.2)
                assert tcp.received() == b""
                with pytest.raises(CommandError):
                    stream.receive(1)
            assert board.link.wait_for_urc("+CEREG: 1", timeout=5).line
            assert sorted(stream.receive_exactly(10, timeout=5)) == sorted(b"keptpushed")
            assert tcp.received() == b"kept"
            datagrams.send_string(b"after")
            assert datagrams.receive(5).data == b"after"
        assert [entry.size for entry in udp.journal() if entry.event == "received"] == [5]

    def test_a_stream_keeps_its_order_while_the_board_connects(self, board: Modem, peers: Peers) -> None:
        """The second piece comes at the very moment at which the first may pass."""
        echo = peers.tcp_echo(echo=False)
        with board.tcp_client(echo.host, echo.port) as client:
            for number in range(12):
                with board.radio.signalling() as watch:
                    assert watch.settle(5)
                first, second = b"A%03d" % number, b"Z%03d" % number
                echo.push(first)
                time.sleep(0.0185 + number * 0.0003)
                echo.push(second)
                time.sleep(0.05)
                assert client.receive_exactly(8, timeout=5) == first + second

    def test_what_waits_for_the_connection_is_lost_with_it(self, peers: Peers, tmp_path: Path) -> None:
        control = tmp_path / "control"
        cell = ("--cell", "setup=600", "--control", str(control))
        with simulator(*cell) as boards, AtLink.open(boards[0]["port"]) as at:
            coverage = coverage_of(BoardSpec("simulated-1", boards[0]["port"], control=str(control)), CoverageConfig())
            assert coverage is not None
            udp, board = peers.udp_echo(), Modem(at)
            with board.udp_client(udp.host, udp.port) as client:
                client.send_string(b"lost")
                with coverage.lost():
                    time.sleep(0.9)
                    assert udp.journal() == []
                client.send_string(b"after")
                assert client.receive(5).data == b"after"

    def test_nobody_dials_a_board_without_coverage(self, spec: BoardSpec, board: Modem, peers: Peers) -> None:
        coverage = coverage_of(spec, CoverageConfig())
        assert coverage is not None
        dialer = peers.tcp_dialer()
        with board.tcp_server(23456) as server:
            address = board.packet_data.addresses()[0]
            with coverage.lost():
                dialer.connect(address, 23456)
                with pytest.raises(CommandError):
                    server.accept(1)
            assert server.accept(5).handle >= 0

    def test_more_than_a_board_takes_while_it_listens_now_and_then(
        self, spec: BoardSpec, board: Modem, peers: Peers
    ) -> None:
        """What was kept for it and lost with the coverage leaves room for what comes later."""
        coverage, udp = coverage_of(spec, CoverageConfig()), peers.udp_echo()
        assert coverage is not None
        with board.udp_client(udp.host, udp.port) as client:
            client.send_string(b"hello")
            assert client.receive(5).data == b"hello"
            with board.power_saving.edrx("LTE-M", 81.92, timeout=5), board.radio.signalling() as watch:
                assert watch.settle(5)
                for _ in range(150):
                    udp.push(b"x" * 1000)
                with coverage.lost():
                    time.sleep(0.3)
            client.send_string(b"again")
            assert client.receive(5).data == b"again"

    def test_a_closed_socket_says_goodbye_when_the_network_is_back(
        self, spec: BoardSpec, board: Modem, peers: Peers
    ) -> None:
        coverage = coverage_of(spec, CoverageConfig())
        assert coverage is not None
        echo = peers.tcp_echo()
        with coverage.lost():
            pass
        with board.tcp_client(echo.host, echo.port) as client, coverage.lost():
            client.close()
            time.sleep(0.1)
            assert "closed" not in {entry.event for entry in echo.journal()}
        assert echo.wait_for("closed", timeout=5) or "ended" in {entry.event for entry in echo.journal()}

    def test_a_laboratory_takes_it_away_with_its_own_commands(self, tmp_path: Path) -> None:
        notes = tmp_path / "notes"
        script = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.argv[2])", str(notes)]
        config = CoverageConfig(lose=(*script, "lose {name}\n"), restore=(*script, "restore {port}\n"))
        coverage = coverage_of(BoardSpec("dk-1", "/dev/ttyX"), config)
        assert coverage is not None
        with pytest.raises(ZeroDivisionError), coverage.lost():
            raise ZeroDivisionError
        assert notes.read_text() == "lose dk-1\nrestore /dev/ttyX\n"
        assert coverage_of(BoardSpec("dk-1", "/dev/ttyX"), CoverageConfig()) is None

    def test_a_command_that_fails_is_the_labs_fault_and_the_network_is_given_back(self, tmp_path: Path) -> None:
        back = tmp_path / "back"
        touch = (sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", str(back))
        coverage = coverage_of(BoardSpec("dk-1", "/dev/ttyX"), CoverageConfig(lose=("false",), restore=touch))
        assert coverage is not None
        with pytest.raises(LabError, match=r"\[coverage\] lose: false ended with 1"), coverage.lost():
            pass
        assert back.exists()

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ('lose = ["a"]', "give both lose and restore"),
            ('lose = ["{x}"]\nrestore = ["b"]', r"\{x\} stands for nothing"),
            ('lose = []\nrestore = ["b"]', "is empty"),
        ],
    )
    def test_half_a_configuration(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "bench.toml"
        path.write_text(f"[coverage]\n{text}\n")
        with pytest.raises(ConfigError, match=told):
            load(path)

    def test_the_simulator_refuses_what_it_does_not_know(self, spec: BoardSpec) -> None:
        with pytest.raises(LabError, match="refuses dance: unknown operation"):
            ask_simulator(spec, {"op": "dance"})
        with pytest.raises(LabError, match="covered must be true or false"):
            ask_simulator(spec, {"op": "coverage", "covered": "no"})


class TestCurrent:
    @given(
        st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 500)), min_size=1, max_size=20),
        st.data(),
    )
    def test_charge_adds_up_wherever_it_is_divided(self, rows: list[tuple[int, float]], data: st.DataObject) -> None:
        moment, steps = 0, []
        for length, milliamperes in rows:
            steps.append((moment, milliamperes))
            moment += length
        current = Current(steps, moment)
        middle = data.draw(st.integers(0, moment))
        whole = sum(length * milliamperes for length, milliamperes in rows) / 1e6
        assert current.charge_uc(0, moment) == pytest.approx(whole)
        assert current.charge_uc(0, middle) + current.charge_uc(middle, moment) == pytest.approx(whole)

    def test_what_is_not_known_is_not_guessed(self) -> None:
        for begin, end in ((0, 10), (5, 30)):
            with pytest.raises(ValueError, match="not known"):
                Current([(5, 1.0)], 20).charge_uc(begin, end)

    def test_the_simulated_figure_is_that_of_the_model(self, spec: BoardSpec, board: Modem, peers: Peers) -> None:
        sink = peers.udp_echo(echo=False)
        meter = SimulatedMeter(spec)
        with board.udp_client(sink.host, sink.port) as client, board.radio.signalling() as watch:
            assert watch.settle(5)
            sent = client.send_string(b"x").response
            idle = watch.wait_idle(5, since_ns=sent.sent_ns)
            assert idle is not None
        current = meter.current(sent.sent_ns, idle)
        shown = {milliamperes for _, _, milliamperes in current.between(sent.sent_ns, idle)}
        assert {45.0, 32.0} <= shown
        assert current.charge_uc(sent.sent_ns, idle) > 32 * 700


@pytest.mark.long
@pytest.mark.parametrize(("vouched", "outcomes"), [(True, {"failed"}), (False, {"skipped"})])
def test_a_network_that_does_not_let_boards_sleep(lab: Lab, vouched: bool, outcomes: set[str]) -> None:
    """Nobody's fault, unless the lab says that it does: then the modem has not asked."""
    (lab.folder / "bench.toml").write_text('[network]\npsm = "granted"\nedrx = "granted"\n' if vouched else "")
    with simulator("--cell", "psm=0,edrx=0") as boards:
        finished = subprocess.run(
            [*COMMAND, "run", "--suite", "power_saving", "--port", boards[0]["port"], "--out", str(lab.out),
             "--config", str(lab.folder / "bench.toml"), "--", "-k", "TestPsm or TestEdrx"],
            capture_output=True, text=True, timeout=120, check=False, env=lab.environment,
        )  # fmt: skip
    rows = [json.loads(line) for line in (lab.out / "results.jsonl").read_text().splitlines()]
    assert {row["outcome"] for row in rows if row["type"] == "finish"} == outcomes, finished.stdout


class TestProfilerKit:
    """The real ppk2-api against a pty that answers as the kit does."""

    def test_measures_charge_on_the_benchs_clock(self) -> None:
        with FakeProfilerKit(50.0) as kit, ProfilerKit(kit.port) as meter:
            begin = now_ns()
            end = begin + 300 * MS
            time.sleep(0.3)
            current = meter.current(begin, end)
        assert current.charge_uc(begin, end) == pytest.approx(50 * 300, rel=0.02)
        assert not meter.simulated

    def test_a_kit_that_falls_silent(self) -> None:
        with FakeProfilerKit(50.0) as kit, ProfilerKit(kit.port) as meter:
            kit.silent = True
            with pytest.raises(LabError, match="it sends no samples: check that it is still plugged in"):
                meter.current(now_ns(), now_ns() + 5 * S)

    def test_one_that_failed_a_test_is_started_anew_by_the_next(self) -> None:
        with FakeProfilerKit(50.0) as kit:
            keeper = Keeper(lambda: ProfilerKit(kit.port), ProfilerKit.check, lambda _: None)
            with contextlib.closing(keeper):
                first = keeper.get()
                assert keeper.get() is first
                kit.silent = True
                with pytest.raises(LabError):
                    first.current(now_ns(), now_ns() + 5 * S)
                kit.silent = False
                again = keeper.get()
                begin = now_ns()
                assert again.current(begin, begin + 100 * MS).charge_uc(begin, begin + 100 * MS) > 0

    @pytest.mark.parametrize(
        ("kit", "told"),
        [
            (FakeProfilerKit(50.0, calibrated=False), "sends no calibration"),
            (FakeProfilerKit(50.0, rate=20_000), "lost samples"),
        ],
        ids=["mute", "lossy"],
    )
    def test_one_that_cannot_be_trusted(self, kit: FakeProfilerKit, told: str) -> None:
        with kit, pytest.raises(LabError, match=told):
            self.watch(kit.port)

    @staticmethod
    def watch(port: str) -> None:
        with ProfilerKit(port) as meter:
            for _ in range(30):
                meter.current(now_ns() - 1, now_ns())
                time.sleep(0.1)

    def test_no_kit_at_all(self) -> None:
        with pytest.raises(LabError, match=r"PPK2 at /dev/nowhere: .*No such file"), ProfilerKit("/dev/nowhere"):
            pass


def test_journal_tells_of_coverage(tmp_path: Path) -> None:
    journal, control = tmp_path / "journal", tmp_path / "control"
    with simulator("--journal", str(journal), "--control", str(control)) as boards:
        spec = BoardSpec("simulated-1", boards[0]["port"], control=str(control))
        coverage = coverage_of(spec, CoverageConfig())
        assert coverage is not None
        with coverage.lost():
            pass
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [row["covered"] for row in rows if row["event"] == "coverage"] == [False, True]
    assert [row["state"] for row in rows if row["event"] == "rrc"][-2:] == ["lost", "idle"]
